/* From a GGUF to a model that answers: the arena, the rotary table, the choice of a kernel, packed matrices. */
#include "engine.h"
#include "vector.h"

const char *slm_tokenizer_open(struct slm *s);

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

static void fill_rotary(struct slm *s)
{
    uint32_t half = s->g.head / 2;
    double step = log_precise((double)s->g.rope_base) * 2 / s->g.head;
    for (uint32_t i = 0; i < half; i++) {
        double frequency = exp_precise(-step * i);
        for (uint32_t p = 0; p < s->g.context; p++)
            turn(p * frequency, s->cos + (size_t)p * half + i, s->sin + (size_t)p * half + i);
    }
}

struct arena { uintptr_t at, left; };

static void *carve(struct arena *a, size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > a->left) {
        a->left = 0;
        return NULL;
    }
    a->at += bytes;
    a->left -= bytes;
    return (void *)(a->at - bytes);
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
    s->x = carve(a, 4 * SLM_BATCH * (size_t)g->hidden);
    s->xb = carve(a, 4 * SLM_BATCH * (size_t)g->hidden);
    s->q = carve(a, 4 * SLM_BATCH * (size_t)g->hidden);
    s->ff = carve(a, 4 * SLM_BATCH * (size_t)g->ffn);
    s->up = carve(a, 4 * SLM_BATCH * (size_t)g->ffn);
    s->attention = carve(a, 8 * ((size_t)g->context + 16));
    s->kv = carve(a, 4 * SLM_BATCH * (size_t)g->kv_heads * g->head);
    s->key_units = carve(a, 4 * (size_t)g->layers * g->context * g->kv_heads);
    s->value_units = carve(a, 4 * (size_t)g->layers * g->context * g->kv_heads);
    s->logits = carve(a, 4 * ((size_t)g->vocab + SLM_PANEL));
    s->blocks = carve(a, sizeof(struct slm_block) * SLM_BATCH * wide / 32);
    s->units = carve(a, 4 * SLM_BATCH);
    return s->units != NULL;
}

/* The index-th matrix of the model; NULL behind the last. */
static struct slm_tensor *matrix(struct slm_gguf *g, uint32_t index)
{
    if (!index) return &g->embed;
    struct slm_layer *l = &g->layer[(index - 1) / 7];
    struct slm_tensor *all[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
    return (index - 1) / 7 < g->layers ? all[(index - 1) % 7] : NULL;
}

static size_t packed_size(const struct slm_tensor *w)
{
    return w->type == SLM_F32 ? 0 : slm_packed_size(w->type, w->rows, w->cols);
}

size_t slm_arena_size(const struct slm_gguf *g, bool packed)
{
    struct slm s = {.g = *g};
    struct arena a = {64, (size_t)1 << 40}; /* nothing is written: only the sum is wanted */
    lay_out(&s, &a);
    struct slm_tensor *w;
    for (uint32_t i = 0; packed && (w = matrix(&s.g, i)); i++) carve(&a, packed_size(w));
    return ((size_t)1 << 40) - a.left + SLM_SCRATCH + 64;
}

enum { ROUNDS = 8, TOGETHER = 8, ALONE = 2 };

static void product(struct slm *s, const struct slm_kernel *kernel, const uint8_t *packed, const struct slm_tensor *w,
                    const struct slm_input *x)
{
    if (!kernel->q8) slm_rows(s->ff, w->rows, w, 0, w->rows, x, NULL);
    else (w->type == SLM_Q8_0 ? kernel->q8 : kernel->q4)(s->ff, w->rows, packed, w->rows / SLM_PANEL, x);
}

/* Best time of a question in small: tokens that go through together, as those of its words do, and some alone, as those of the
   answer. With the model's own rows, as many as fit the scratch: on a few alone, what a call costs hides what a row does.
   Other rows in every round: a processor learns the signs of those that it has seen, and an emulator that branches on
   them seems faster than it will ever be again. One that needs twice the best time of those before it is not tried again. */
static uint64_t measure(struct slm *s, const struct slm_kernel *kernel, uint8_t *scratch, uint64_t (*now)(void), uint64_t before)
{
    struct slm_tensor w = s->g.layer[0].up;
    uint64_t best = UINT64_MAX;
    uint32_t rows = w.rows;
    while (w.rows > SLM_PANEL && slm_packed_size(w.type, w.rows, w.cols) > SLM_SCRATCH) w.rows -= SLM_PANEL;
    if (slm_packed_size(w.type, w.rows, w.cols) > SLM_SCRATCH) return best;
    size_t slice = (size_t)w.rows * (w.cols / 32) * slm_block_size(w.type);
    for (unsigned round = 0; round < ROUNDS && (!round || best / 2 <= before); round++) {
        w.data = s->g.layer[0].up.data + round % (rows / w.rows) * slice;
        if (!slm_pack(scratch, &w, kernel->flip)) return UINT64_MAX;
        uint64_t began = now();
        product(s, kernel, scratch, &w, &(struct slm_input){s->blocks, s->units, TOGETHER, w.cols / 32});
        for (unsigned i = 0; i < ALONE; i++) product(s, kernel, scratch, &w, &(struct slm_input){s->blocks, s->units, 1, w.cols / 32});
        uint64_t took = now() - began;
        if (took < best) best = took;
    }
    return best;
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

/* The right kernel that is fastest here; NULL when `only` names none. */
static const struct slm_kernel *fastest(struct slm *s, void *scratch, uint64_t (*now)(void), const char *only)
{
    const struct slm_kernel *best = NULL;
    uint64_t best_time = UINT64_MAX;
    unsigned count = 0;
    for (uint32_t i = 0; i < TOGETHER * s->g.hidden; i++) s->x[i] = (float)(int)(i % 13) - 6;
    for (unsigned v = 0; v < TOGETHER; v++)
        slm_quantize(s->blocks + v * (s->g.hidden / 32), s->units + v, s->x + v * s->g.hidden, s->g.hidden);
    while (slm_kernel_at(count)) count++;
    while (count) { /* the slowest is the first of the list: it is measured last, and shortly */
        const struct slm_kernel *kernel = slm_kernel_at(--count);
        if ((only && !same(only, kernel->name)) || !slm_kernel_right(kernel, scratch)) continue;
        uint64_t time = now && !only && s->g.layer[0].up.type != SLM_F32 ? measure(s, kernel, scratch, now, best_time) : 0;
        if (!best || time < best_time) { best_time = time; best = kernel; }
    }
    return best;
}

const char *slm_kernel_name(const struct slm *s) { return s->kernel->name; }

const char *slm_open(struct slm *s, const void *gguf, size_t size, void *arena, size_t arena_size, uint64_t (*now)(void),
                     const char *only)
{
    const char *wrong = slm_gguf_read(&s->g, gguf, size);
    size_t skew = -(uintptr_t)arena & 63;
    struct arena a = {(uintptr_t)arena + skew, arena_size > skew ? arena_size - skew : 0};
    if (wrong) return wrong;
    s->expired = NULL;
    void *scratch = carve(&a, SLM_SCRATCH);
    if (!scratch || !lay_out(s, &a)) return "slm: the model needs a larger arena";
    __builtin_memset(s->token_hash, 0, 4 * (size_t)s->hash_size);
    if ((wrong = slm_tokenizer_open(s))) return wrong;
    fill_rotary(s);
    s->position = 0;
    bool in_place = arena_size < slm_arena_size(&s->g, true);
    s->kernel = in_place ? slm_kernel_at(0) : fastest(s, scratch, now, only);
    if (!s->kernel) return "slm: expected a kernel that this machine has and that agrees with scalar";
    struct slm_tensor *w;
    for (uint32_t i = 0; s->kernel->q8 && (w = matrix(&s->g, i)); i++) {
        if (w->type == SLM_F32) continue;
        w->packed = carve(&a, packed_size(w));
        if (!w->packed || !slm_pack(w->packed, w, s->kernel->flip)) return "slm: a scale of the weights is not a finite number";
    }
    return NULL;
}
