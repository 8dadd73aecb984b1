/* The forward pass: RMSNorm, rotary grouped-query attention with its cache, SwiGLU, tied embeddings. Shapes stand beside
   the matrices as W (out, in). Activations are rounded to Q8_0 blocks before each quantized matrix, as llama.cpp does;
   keys and values are integers of 23 bits. A batch of tokens goes through the layers together and gives the same bits as one by one. */
#include "engine.h"
#include "float.h"

/* out (count, rows) = x (count, cols) times W, rows of the vocabulary [first, first + rows) or all. */
static void multiply(const struct slm *s, float *out, size_t stride, const struct slm_tensor *w, uint32_t first, uint32_t rows,
                     const float *x, uint32_t count)
{
    struct slm_input in = {s->blocks, s->units, count, w->cols / 32};
    if (!w->packed) {
        slm_rows(out, stride, w, first, rows, &in, x);
        return;
    }
    uint32_t panel = first / SLM_PANEL, end = (first + rows + SLM_PANEL - 1) / SLM_PANEL;
    const uint8_t *from = w->packed + slm_packed_size(w->type, panel * SLM_PANEL, w->cols);
    (w->type == SLM_Q8_0 ? s->kernel->q8 : s->kernel->q4)(out - first % SLM_PANEL, stride, from, end - panel, &in);
}

static void quantize(const struct slm *s, const float *x, uint32_t n, uint32_t count)
{
    for (uint32_t t = 0; t < count; t++)
        s->kernel->vector->quantize(s->blocks + (size_t)t * (n / 32), s->units + t, x + (size_t)t * n, n);
}

static void norm(const struct slm *s, const struct slm_tensor *weight, uint32_t count)
{
    uint32_t n = s->g.hidden;
    for (uint32_t t = 0; t < count; t++)
        s->kernel->vector->norm(s->xb + (size_t)t * n, s->x + (size_t)t * n, weight->data, n, s->g.norm_eps);
    quantize(s, s->xb, n, count);
}

static void embed(float *out, const struct slm_tensor *w, uint32_t token)
{
    uint32_t size = slm_block_size(w->type);
    const uint8_t *at = w->data + (size_t)token * (w->cols / 32) * size;
    for (uint32_t b = 0; b < w->cols / 32; b++, out += 32, at += size) {
        if (w->type == SLM_F32) { __builtin_memcpy(out, at, 128); continue; }
        float d = slm_half(at);
        if (w->type == SLM_Q8_0) for (unsigned i = 0; i < 32; i++) out[i] = d * (float)(int8_t)at[2 + i];
        else for (unsigned i = 0; i < 16; i++) {
            out[i] = d * (float)((at[2 + i] & 15) - 8);
            out[i + 16] = d * (float)((at[2 + i] >> 4) - 8);
        }
    }
}

/* GGUF's llama turns neighbouring pairs. */
static void rotate(const struct slm *s, float *x, uint32_t heads, uint32_t position)
{
    uint32_t half = s->g.head / 2;
    const float *cos = s->cos + (size_t)position * half, *sin = s->sin + (size_t)position * half;
    for (uint32_t h = 0; h < heads; h++, x += 2 * half)
        for (uint32_t i = 0; i < half; i++) {
            float a = x[2 * i], b = x[2 * i + 1];
            x[2 * i] = a * cos[i] - b * sin[i];
            x[2 * i + 1] = a * sin[i] + b * cos[i];
        }
}

static struct slm_cache cache_of(const struct slm *s, uint32_t layer)
{
    const struct slm_gguf *g = &s->g;
    size_t at = (size_t)layer * g->context, kv = g->kv_heads * g->head, units = at * g->kv_heads;
    return (struct slm_cache){g->heads, g->kv_heads, g->head, (uint32_t)kv, g->context, s->keys + at * kv, s->values + at * kv,
                              s->key_units + units, s->value_units + units};
}

/* Keys or values of the batch: x (count, h) times W (kv, h), into the cache. */
static void keep(struct slm *s, const struct slm_tensor *w, uint32_t layer, uint32_t count, bool keys)
{
    struct slm_cache c = cache_of(s, layer);
    multiply(s, s->kv, c.stride, w, 0, c.stride, s->xb, count);
    for (uint32_t t = 0; t < count; t++) {
        float *x = s->kv + (size_t)t * c.stride;
        size_t at = (size_t)layer * c.context * c.stride + (size_t)(s->position + t) * c.stride;
        size_t unit = (size_t)layer * c.context * c.kv_heads + s->position + t;
        if (keys) rotate(s, x, c.kv_heads, s->position + t);
        s->kernel->vector->keep((keys ? s->keys : s->values) + at, (keys ? s->key_units : s->value_units) + unit, x, &c);
    }
}

static void attention(struct slm *s, const struct slm_layer *w, uint32_t layer, uint32_t count)
{
    uint32_t h = s->g.hidden;
    struct slm_cache cache = cache_of(s, layer);
    norm(s, &w->attn_norm, count);
    multiply(s, s->q, h, &w->q, 0, h, s->xb, count);   /* (h, h) */
    keep(s, &w->k, layer, count, true);                /* (kv, h) */
    keep(s, &w->v, layer, count, false);               /* (kv, h) */
    for (uint32_t t = 0; t < count; t++) {
        rotate(s, s->q + (size_t)t * h, cache.heads, s->position + t);
        s->kernel->vector->attend(s->xb + (size_t)t * h, s->q + (size_t)t * h, &cache, s->position + t + 1, s->attention);
    }
    quantize(s, s->xb, h, count);
    multiply(s, s->q, h, &w->o, 0, h, s->xb, count);   /* (h, h) */
    s->kernel->vector->add(s->x, s->q, h * count);
}

static void feed_forward(struct slm *s, const struct slm_layer *w, uint32_t count)
{
    uint32_t h = s->g.hidden, f = s->g.ffn;
    norm(s, &w->ffn_norm, count);
    multiply(s, s->ff, f, &w->gate, 0, f, s->xb, count); /* (ffn, h) */
    multiply(s, s->up, f, &w->up, 0, f, s->xb, count);   /* (ffn, h) */
    s->kernel->vector->swiglu(s->ff, s->up, f * count);
    quantize(s, s->ff, f, count);
    multiply(s, s->xb, h, &w->down, 0, h, s->ff, count); /* (h, ffn) */
    s->kernel->vector->add(s->x, s->xb, h * count);
}

static bool batch(struct slm *s, const uint32_t *tokens, uint32_t count)
{
    for (uint32_t t = 0; t < count; t++) {
        if (tokens[t] >= s->g.vocab) return false;
        embed(s->x + (size_t)t * s->g.hidden, &s->g.embed, tokens[t]);
    }
    for (uint32_t l = 0; l < s->g.layers; l++) {
        if (s->expired && s->expired()) return false;
        attention(s, &s->g.layer[l], l, count);
        feed_forward(s, &s->g.layer[l], count);
    }
    s->position += count;
    return true;
}

const float *slm_forward(struct slm *s, const uint32_t *tokens, uint32_t count, uint32_t first, uint32_t rows)
{
    uint32_t last = 0;
    if (!count || count > s->g.context - s->position) return NULL;
    for (uint32_t done = 0; done < count; done += last) {
        last = count - done < SLM_BATCH ? count - done : SLM_BATCH;
        if (!batch(s, tokens + done, last)) return NULL;
    }
    if (!rows) return s->logits;
    uint32_t h = s->g.hidden;
    __builtin_memmove(s->x, s->x + (size_t)(last - 1) * h, 4 * (size_t)h);
    norm(s, &s->g.out_norm, 1);
    multiply(s, s->logits + first, s->g.vocab, &s->g.embed, first, rows, s->xb, 1);
    return s->logits;
}

void slm_reset(struct slm *s) { s->position = 0; }
