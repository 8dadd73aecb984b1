/* The forward pass of one token: RMSNorm, rotary grouped-query attention with its cache, SwiGLU, tied embeddings.
   Shapes stand beside the matrices as W (out, in). Numbers follow llama.cpp's: activations are rounded to Q8_0 blocks
   before each quantized matrix, keys and values stay float. */
#include "slm.h"
#ifdef SLM_FLOAT
#include "float.h"

void slm_tokenizer_open(struct slm *s);

static void quantize(struct slm_block *out, const float *x, uint32_t n)
{
    for (uint32_t b = 0; b < n / 32; b++, x += 32) {
        float most = 0;
        for (unsigned i = 0; i < 32; i++) {
            float a = x[i] < 0 ? -x[i] : x[i];
            if (a > most) most = a;
        }
        float inverse = most > 0 ? 127.0f / most : 0;
        out[b].scale = slm_to_half(most / 127.0f);
        out[b].sum = 0;
        for (unsigned i = 0; i < 32; i++) {
            float v = x[i] * inverse + 12582912.0f; /* 1.5 * 2^23: the sum's last bits are the value, rounded to even */
            union { float f; int32_t i; } bits = {v};
            out[b].q[i] = (int8_t)(bits.i - 0x4b400000);
            out[b].sum += out[b].q[i];
        }
    }
}

/* out = W x, x as floats and as blocks. */
static void multiply(const struct slm *s, float *out, const struct slm_tensor *w, const float *x)
{
    if (w->type != SLM_F32) {
        (w->type == SLM_Q8_0 ? s->kernel->q8 : s->kernel->q4)(out, w->data, w->rows, w->cols / 32, s->blocks);
        return;
    }
    for (uint32_t r = 0; r < w->rows; r++) {
        const uint8_t *at = w->data + 4 * (size_t)r * w->cols;
        float total = 0, v;
        for (uint32_t i = 0; i < w->cols; i++) {
            __builtin_memcpy(&v, at + 4 * i, 4);
            total += v * x[i];
        }
        out[r] = total;
    }
}

static void norm(float *out, const float *x, const struct slm_tensor *weight, float eps)
{
    double squares = 0;
    for (uint32_t i = 0; i < weight->cols; i++) squares += (double)(x[i] * x[i]);
    float scale = 1.0f / slm_sqrt((float)(squares / weight->cols) + eps), w;
    for (uint32_t i = 0; i < weight->cols; i++) {
        __builtin_memcpy(&w, weight->data + 4 * i, 4);
        out[i] = x[i] * scale * w;
    }
}

static void embed(float *out, const struct slm_tensor *w, uint32_t token)
{
    const uint8_t *at = w->data + (size_t)token * (w->cols / 32) * (w->type == SLM_F32 ? 128 : w->type == SLM_Q8_0 ? 34 : 18);
    for (uint32_t b = 0; b < w->cols / 32; b++, out += 32) {
        if (w->type == SLM_F32) { __builtin_memcpy(out, at, 128); at += 128; continue; }
        float d = slm_half(at);
        if (w->type == SLM_Q8_0) for (unsigned i = 0; i < 32; i++) out[i] = d * (float)(int8_t)at[2 + i];
        else for (unsigned i = 0; i < 16; i++) {
            out[i] = d * (float)((at[2 + i] & 15) - 8);
            out[i + 16] = d * (float)((at[2 + i] >> 4) - 8);
        }
        at += w->type == SLM_Q8_0 ? 34 : 18;
    }
}

/* GGUF's llama turns neighbouring pairs. */
static void rotate(float *x, uint32_t heads, uint32_t head, const float *cos, const float *sin)
{
    for (uint32_t h = 0; h < heads; h++, x += head)
        for (uint32_t i = 0; i < head / 2; i++) {
            float a = x[2 * i], b = x[2 * i + 1];
            x[2 * i] = a * cos[i] - b * sin[i];
            x[2 * i + 1] = a * sin[i] + b * cos[i];
        }
}

static void attend(struct slm *s, uint32_t layer, float *out)
{
    const struct slm_gguf *g = &s->g;
    uint32_t kv = g->kv_heads * g->head, group = g->heads / g->kv_heads, count = s->position + 1;
    float scale = 1.0f / slm_sqrt((float)g->head);
    for (uint32_t h = 0; h < g->heads; h++) {
        size_t base = (size_t)layer * g->context * kv + h / group * g->head;
        const float *q = s->q + h * g->head;
        float most = -3.0e38f, total = 0;
        for (uint32_t t = 0; t < count; t++) {
            const float *k = s->keys + base + (size_t)t * kv;
            float dot = 0;
            for (uint32_t i = 0; i < g->head; i++) dot += q[i] * k[i];
            s->attention[t] = dot *= scale;
            if (dot > most) most = dot;
        }
        float *o = out + h * g->head;
        for (uint32_t i = 0; i < g->head; i++) o[i] = 0;
        for (uint32_t t = 0; t < count; t++) {
            float p = slm_exp(s->attention[t] - most);
            const float *v = s->values + base + (size_t)t * kv;
            total += p;
            for (uint32_t i = 0; i < g->head; i++) o[i] += p * v[i];
        }
        for (uint32_t i = 0; i < g->head; i++) o[i] /= total;
    }
}

const float *slm_forward(struct slm *s, uint32_t token, bool want_logits)
{
    const struct slm_gguf *g = &s->g;
    uint32_t h = g->hidden, kv = g->kv_heads * g->head;
    const float *cos = s->cos + (size_t)s->position * (g->head / 2), *sin = s->sin + (size_t)s->position * (g->head / 2);
    if (s->position >= g->context || token >= g->vocab) return NULL;
    embed(s->x, &g->embed, token);
    for (uint32_t l = 0; l < g->layers; l++) {
        const struct slm_layer *w = &g->layer[l];
        float *k = s->keys + ((size_t)l * g->context + s->position) * kv, *v = s->values + ((size_t)l * g->context + s->position) * kv;
        norm(s->xb, s->x, &w->attn_norm, g->norm_eps);
        quantize(s->blocks, s->xb, h);
        multiply(s, s->q, &w->q, s->xb);  /* (h, h) */
        multiply(s, k, &w->k, s->xb);     /* (kv, h) */
        multiply(s, v, &w->v, s->xb);     /* (kv, h) */
        rotate(s->q, g->heads, g->head, cos, sin);
        rotate(k, g->kv_heads, g->head, cos, sin);
        attend(s, l, s->xb);
        quantize(s->blocks, s->xb, h);
        multiply(s, s->q, &w->o, s->xb);  /* (h, h) */
        for (uint32_t i = 0; i < h; i++) s->x[i] += s->q[i];
        norm(s->xb, s->x, &w->ffn_norm, g->norm_eps);
        quantize(s->blocks, s->xb, h);
        multiply(s, s->ff, &w->gate, s->xb); /* (ffn, h) */
        multiply(s, s->up, &w->up, s->xb);   /* (ffn, h) */
        for (uint32_t i = 0; i < g->ffn; i++) s->ff[i] = s->ff[i] / (1.0f + slm_exp(-s->ff[i])) * s->up[i];
        quantize(s->blocks, s->ff, g->ffn);
        multiply(s, s->xb, &w->down, s->ff); /* (h, ffn) */
        for (uint32_t i = 0; i < h; i++) s->x[i] += s->xb[i];
    }
    s->position++;
    if (!want_logits) return NULL;
    norm(s->xb, s->x, &g->out_norm, g->norm_eps);
    quantize(s->blocks, s->xb, h);
    multiply(s, s->logits, &g->embed, s->xb);
    return s->logits;
}

void slm_reset(struct slm *s) { s->position = 0; }

/* exp, sine and cosine to full float precision, for tables made once: Taylor in double after range reduction. */
static double exp_precise(double x)
{
    double halvings = 1, term = 1, sum = 1;
    while (x > 0.5 || x < -0.5) { x /= 2; halvings *= 2; }
    for (int i = 1; i < 16; i++) { term *= x / i; sum += term; }
    for (; halvings > 1; halvings /= 2) sum *= sum;
    return sum;
}

static double log_precise(double x) /* Newton on exp */
{
    double y = 0;
    for (double v = x; v > 2; v /= 2) y += 0.693147180559945309;
    for (int i = 0; i < 8; i++) { double e = exp_precise(y); y += 2 * (x - e) / (x + e); }
    return y;
}

static void turn(double angle, float *cos, float *sin)
{
    const double whole = 6.28318530717958647693;
    angle -= whole * (double)(int64_t)(angle / whole);
    double x = angle / 8, square = x * x, s = x, c = 1, st = x, ct = 1;
    for (int i = 1; i < 12; i++) {
        ct *= -square / (2 * i * (2 * i - 1));
        st *= -square / (2 * i * (2 * i + 1));
        c += ct;
        s += st;
    }
    for (int i = 0; i < 3; i++) { double c2 = c * c - s * s; s = 2 * c * s; c = c2; }
    *cos = (float)c;
    *sin = (float)s;
}

struct arena { uint8_t *at; size_t left; };

static void *carve(struct arena *a, size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > a->left) return NULL;
    a->at += bytes;
    a->left -= bytes;
    return a->at - bytes;
}

static uint32_t hash_size(const struct slm_gguf *g)
{
    uint32_t n = 1024;
    while (n < 2 * g->vocab) n *= 2;
    return n;
}

static bool lay_out(struct slm *s, struct arena *a)
{
    const struct slm_gguf *g = &s->g;
    size_t kv = (size_t)g->layers * g->context * g->kv_heads * g->head, wide = g->ffn > g->hidden ? g->ffn : g->hidden;
    s->hash_size = hash_size(g);
    s->token_at = carve(a, 4 * (size_t)g->vocab);
    s->token_hash = carve(a, 4 * (size_t)s->hash_size);
    s->cos = carve(a, 4 * (size_t)g->context * (g->head / 2));
    s->sin = carve(a, 4 * (size_t)g->context * (g->head / 2));
    s->keys = carve(a, 4 * kv);
    s->values = carve(a, 4 * kv);
    s->x = carve(a, 4 * (size_t)g->hidden);
    s->xb = carve(a, 4 * (size_t)g->hidden);
    s->q = carve(a, 4 * (size_t)g->hidden);
    s->ff = carve(a, 4 * (size_t)g->ffn);
    s->up = carve(a, 4 * (size_t)g->ffn);
    s->attention = carve(a, 4 * (size_t)g->context);
    s->logits = carve(a, 4 * (size_t)g->vocab);
    s->blocks = carve(a, sizeof(struct slm_block) * wide / 32);
    return s->blocks != NULL;
}

size_t slm_arena_size(const struct slm_gguf *g)
{
    struct slm s = {.g = *g};
    struct arena a = {(uint8_t *)64, (size_t)1 << 40}; /* nothing is written: only the sum is wanted */
    lay_out(&s, &a);
    return ((size_t)1 << 40) - a.left + 64;
}

/* The right kernel that is fastest here, by the best of three rounds each over a slice of a real matrix. */
static const struct slm_kernel *fastest(struct slm *s, uint64_t (*now)(void))
{
    const struct slm_tensor *w = &s->g.layer[0].up;
    const struct slm_kernel *best = &slm_kernels[0];
    uint64_t best_time = UINT64_MAX;
    uint32_t rows = w->rows < 64 ? w->rows : 64;
    for (uint32_t i = 0; i < s->g.hidden; i++) s->x[i] = (float)(int)(i % 13) - 6;
    quantize(s->blocks, s->x, s->g.hidden);
    const struct slm_kernel *kernel;
    for (unsigned k = 0; (kernel = slm_kernel_at(k)); k++) {
        if (!slm_kernel_right(kernel)) continue;
        if (!now || w->type == SLM_F32) { best = kernel; continue; }
        for (int round = 0; round < 3; round++) {
            uint64_t began = now();
            (w->type == SLM_Q8_0 ? kernel->q8 : kernel->q4)(s->ff, w->data, rows, w->cols / 32, s->blocks);
            uint64_t took = now() - began;
            if (took < best_time) { best_time = took; best = kernel; }
        }
    }
    return best;
}

const char *slm_open(struct slm *s, const void *gguf, size_t size, void *arena, size_t arena_size, uint64_t (*now)(void))
{
    const char *wrong = slm_gguf_read(&s->g, gguf, size);
    size_t skew = -(uintptr_t)arena & 63;
    struct arena a = {(uint8_t *)arena + skew, arena_size > skew ? arena_size - skew : 0};
    if (wrong) return wrong;
    if (!lay_out(s, &a)) return "slm: the model needs a larger arena";
    __builtin_memset(s->token_hash, 0, 4 * (size_t)s->hash_size);
    slm_tokenizer_open(s);
    double step = log_precise((double)s->g.rope_base) * 2 / s->g.head;
    for (uint32_t i = 0; i < s->g.head / 2; i++) {
        double frequency = exp_precise(-step * i);
        for (uint32_t p = 0; p < s->g.context; p++)
            turn(p * frequency, s->cos + (size_t)p * (s->g.head / 2) + i, s->sin + (size_t)p * (s->g.head / 2) + i);
    }
    s->position = 0;
    s->kernel = fastest(s, now);
    return NULL;
}
#endif
