/* Reads a GGUF (version 3, ggml's docs/gguf.md) where it lies. Every length is checked against the bytes that are left
   before it is used, every tensor against the file and against the shape the model's keys imply. Integers only: the
   kernel may call this without its vector registers; what are floats stay bit patterns until slm_open. */
#include "slm.h"

struct reader {
    const uint8_t *at, *end;
    const char *wrong;
};

static bool take(struct reader *r, uint64_t n, const uint8_t **out)
{
    if (r->wrong) return false;
    if (n > (uint64_t)(r->end - r->at)) {
        r->wrong = "gguf: the file ends too early";
        return false;
    }
    *out = r->at;
    r->at += n;
    return true;
}

static uint64_t number(struct reader *r, unsigned bytes)
{
    const uint8_t *from;
    uint64_t value = 0;
    if (take(r, bytes, &from))
        for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)from[i] << 8 * i;
    return value;
}

struct text { const uint8_t *at; uint64_t n; };

static struct text string(struct reader *r)
{
    struct text t = {NULL, number(r, 8)};
    if (!take(r, t.n, &t.at)) t.n = 0;
    return t;
}

static bool is(struct text t, const char *name)
{
    uint64_t i = 0;
    while (i < t.n && name[i] && t.at[i] == (uint8_t)name[i]) i++;
    return i == t.n && !name[i];
}

enum { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

static unsigned scalar_size(uint32_t type)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* A value's place; for an array its elements' type and count. */
struct value { uint32_t type, inner; uint64_t count; const uint8_t *at; struct text text; };

static struct value read_value(struct reader *r, uint32_t type)
{
    struct value v = {type, 0, 0, r->at, {NULL, 0}};
    const uint8_t *skipped;
    if (type == STRING) v.text = string(r);
    else if (type == ARRAY) {
        v.inner = (uint32_t)number(r, 4);
        v.count = number(r, 8);
        v.at = r->at;
        if (v.count > 1u << 20) r->wrong = "gguf: an array is too long";
        else if (v.inner == STRING) for (uint64_t i = 0; i < v.count && !r->wrong; i++) string(r);
        else if (scalar_size(v.inner)) take(r, v.count * scalar_size(v.inner), &skipped);
        else r->wrong = "gguf: an array of an unknown type";
    } else if (scalar_size(type)) take(r, scalar_size(type), &skipped);
    else r->wrong = "gguf: a key of an unknown type";
    return v;
}

static uint32_t load32(const uint8_t *b) { return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

struct seen { /* which keys were there; floats as bits */
    uint32_t context, hidden, layers, ffn, heads, kv_heads, rope, eps_bits, base_bits, temperature_bits, ask, first, bos, eos, unk, align;
    uint64_t tokens, scores, types, intents;
    bool architecture, model, have_temperature, have_first;
};

static void set32(const struct value *v, uint32_t type, uint32_t *out)
{
    if (v->type == type || (type == U32 && v->type == I32)) *out = load32(v->at);
}

static void key(struct slm_gguf *g, struct seen *k, struct text name, const struct value *v)
{
    static const struct { const char *name; size_t at; uint32_t type; } plain[] = {
        {"llama.context_length", offsetof(struct seen, context), U32}, {"llama.embedding_length", offsetof(struct seen, hidden), U32},
        {"llama.block_count", offsetof(struct seen, layers), U32}, {"llama.feed_forward_length", offsetof(struct seen, ffn), U32},
        {"llama.attention.head_count", offsetof(struct seen, heads), U32},
        {"llama.attention.head_count_kv", offsetof(struct seen, kv_heads), U32},
        {"llama.rope.dimension_count", offsetof(struct seen, rope), U32}, {"llama.rope.freq_base", offsetof(struct seen, base_bits), F32},
        {"llama.attention.layer_norm_rms_epsilon", offsetof(struct seen, eps_bits), F32},
        {"tokenizer.ggml.bos_token_id", offsetof(struct seen, bos), U32}, {"tokenizer.ggml.eos_token_id", offsetof(struct seen, eos), U32},
        {"tokenizer.ggml.unknown_token_id", offsetof(struct seen, unk), U32}, {"general.alignment", offsetof(struct seen, align), U32},
        {"auton.slm.ask_token_id", offsetof(struct seen, ask), U32}, {"auton.slm.first_intent_token_id", offsetof(struct seen, first), U32},
        {"auton.slm.temperature", offsetof(struct seen, temperature_bits), F32},
    };
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
        if (is(name, plain[i].name)) set32(v, plain[i].type, (uint32_t *)(void *)((char *)k + plain[i].at));
    if (is(name, "general.architecture")) k->architecture = v->type == STRING && is(v->text, "llama");
    if (is(name, "tokenizer.ggml.model")) k->model = v->type == STRING && is(v->text, "llama");
    if (v->type != ARRAY) return;
    if (is(name, "tokenizer.ggml.tokens") && v->inner == STRING) { g->tokens = v->at; k->tokens = v->count; }
    if (is(name, "tokenizer.ggml.scores") && v->inner == F32) { g->scores = v->at; k->scores = v->count; }
    if (is(name, "tokenizer.ggml.token_type") && v->inner == I32) { g->token_types = v->at; k->types = v->count; }
    if (is(name, "auton.slm.intents") && v->inner == STRING) k->intents = v->count;
}

static const char *shape(struct slm_gguf *g, const struct seen *k)
{
    if (!k->architecture) return "gguf: expected general.architecture llama";
    if (!k->model || !k->tokens || k->scores != k->tokens || k->types != k->tokens)
        return "gguf: expected a tokenizer of model llama with tokens, scores and types";
    if (k->tokens < 268 || k->tokens > 65536) return "gguf: expected a vocabulary of 268 to 65536 tokens";
    if (!k->layers || k->layers > SLM_MAX_LAYERS) return "gguf: expected 1 to 64 layers";
    if (!k->hidden || k->hidden > 4096 || k->hidden % 32 || !k->ffn || k->ffn > 16384 || k->ffn % 32)
        return "gguf: expected hidden and feed-forward sizes in multiples of 32, at most 4096 and 16384";
    if (!k->heads || k->hidden % k->heads || !k->kv_heads || k->heads % k->kv_heads) return "gguf: the head counts do not fit";
    g->head = k->hidden / k->heads;
    if (g->head % 2 || g->head > 256 || k->rope != g->head || k->kv_heads * g->head % 32) return "gguf: the head size does not fit";
    if (k->context < 288) return "gguf: expected a context of at least 288";
    if (!k->intents || k->intents > SLM_MAX_INTENTS || k->intents != slm_intent_count) return "gguf: expected this kernel's intents";
    if (k->first > k->tokens - k->intents - 256 || k->ask >= k->tokens || k->bos >= k->tokens || k->eos >= k->tokens || k->unk >= k->tokens)
        return "gguf: a special token lies outside the vocabulary";
    /* positive, finite, of a sane size: exponents of 2^-20 to 2^20 */
    uint32_t eps = k->eps_bits >> 23, t = k->temperature_bits >> 23, base = k->base_bits >> 23;
    if (eps < 127 - 40 || eps > 127 || t < 127 - 7 || t > 127 + 7 || base < 127 || base > 127 + 30) return "gguf: a scale is out of range";
    g->layers = k->layers; g->hidden = k->hidden; g->heads = k->heads; g->kv_heads = k->kv_heads; g->ffn = k->ffn;
    g->vocab = (uint32_t)k->tokens;
    g->context = k->context < SLM_MAX_CONTEXT ? k->context : SLM_MAX_CONTEXT;
    g->ask = k->ask; g->first_intent = k->first; g->intents = (uint32_t)k->intents; g->bos = k->bos; g->eos = k->eos; g->unk = k->unk;
    __builtin_memcpy(&g->norm_eps, &k->eps_bits, 4);
    __builtin_memcpy(&g->rope_base, &k->base_bits, 4);
    __builtin_memcpy(&g->temperature, &k->temperature_bits, 4);
    return NULL;
}

/* Where a tensor of this name belongs and what shape it must have. */
static struct slm_tensor *slot(struct slm_gguf *g, struct text name, uint32_t *rows, uint32_t *cols)
{
    uint32_t kv = g->kv_heads * g->head, h = g->hidden, f = g->ffn;
    *rows = 1; *cols = h;
    if (is(name, "output_norm.weight")) return &g->out_norm;
    if (is(name, "token_embd.weight")) { *rows = g->vocab; return &g->embed; }
    if (name.n < 6 || name.at[0] != 'b' || name.at[1] != 'l' || name.at[2] != 'k' || name.at[3] != '.') return NULL;
    uint64_t i = 4;
    uint32_t layer = 0;
    while (i < name.n && i < 7 && name.at[i] >= '0' && name.at[i] <= '9') layer = layer * 10 + (name.at[i++] - '0');
    if (i == 4 || layer >= g->layers || i >= name.n || name.at[i] != '.') return NULL;
    struct text rest = {name.at + i + 1, name.n - i - 1};
    struct slm_layer *l = &g->layer[layer];
    if (is(rest, "attn_norm.weight")) return &l->attn_norm;
    if (is(rest, "ffn_norm.weight")) return &l->ffn_norm;
    if (is(rest, "attn_q.weight")) { *rows = h; return &l->q; }
    if (is(rest, "attn_k.weight")) { *rows = kv; return &l->k; }
    if (is(rest, "attn_v.weight")) { *rows = kv; return &l->v; }
    if (is(rest, "attn_output.weight")) { *rows = h; return &l->o; }
    if (is(rest, "ffn_gate.weight")) { *rows = f; return &l->gate; }
    if (is(rest, "ffn_up.weight")) { *rows = f; return &l->up; }
    if (is(rest, "ffn_down.weight")) { *rows = h; *cols = f; return &l->down; }
    return NULL;
}

static const char *tensors(struct slm_gguf *g, struct reader *r, uint64_t count, const uint8_t *data, uint32_t align)
{
    const uint8_t *table = r->at;
    uint64_t base = 0;
    for (int pass = 0; pass < 2; pass++) { /* the data begin behind the table, whose length the first pass finds */
        r->at = table;
        for (uint64_t i = 0; i < count; i++) {
            struct text name = string(r);
            uint32_t rank = (uint32_t)number(r, 4);
            uint64_t dim[2] = {1, 1};
            if (rank < 1 || rank > 2) return r->wrong ? r->wrong : "gguf: expected tensors of one or two dimensions";
            for (uint32_t d = 0; d < rank; d++) dim[d] = number(r, 8);
            uint32_t type = (uint32_t)number(r, 4), rows, cols;
            uint64_t offset = number(r, 8);
            if (r->wrong) return r->wrong;
            if (!pass) continue;
            struct slm_tensor *t = slot(g, name, &rows, &cols);
            if (!t) return "gguf: a tensor that this model does not have";
            if (t->data) return "gguf: a tensor is there twice";
            if (dim[0] != cols || dim[1] != rows) return "gguf: a tensor has the wrong shape";
            uint64_t block = type == SLM_F32 ? 128 : type == SLM_Q8_0 ? 34 : type == SLM_Q4_0 ? 18 : 0; /* bytes of 32 */
            if (!block || (rows == 1 && type != SLM_F32)) return "gguf: expected matrices of F32, Q8_0 or Q4_0 and vectors of F32";
            uint64_t bytes = (uint64_t)rows * (cols / 32) * block, left = (uint64_t)(r->end - data) - base;
            if (offset % align || offset > left || bytes > left - offset) return "gguf: a tensor lies outside the file";
            *t = (struct slm_tensor){data + base + offset, (enum slm_type)type, rows, cols, NULL};
        }
        base = ((uint64_t)(r->at - data) + align - 1) / align * align;
        if (base > (uint64_t)(r->end - data)) return "gguf: the file ends before its tensors";
    }
    return NULL;
}

static bool whole(const struct slm_gguf *g)
{
    bool all = g->embed.data && g->out_norm.data;
    for (uint32_t i = 0; i < g->layers; i++) {
        const struct slm_layer *l = &g->layer[i];
        all &= l->attn_norm.data && l->q.data && l->k.data && l->v.data && l->o.data && l->ffn_norm.data && l->gate.data && l->up.data
            && l->down.data;
    }
    return all;
}

/* Are all of a vector's values numbers? By their bits: this file uses no floating point. */
static bool finite(const struct slm_tensor *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if ((w->data[4 * (size_t)i + 3] & 0x7f) == 0x7f && w->data[4 * (size_t)i + 2] & 0x80) return false;
    return true;
}

static bool vectors_are_finite(const struct slm_gguf *g)
{
    bool all = finite(&g->out_norm, g->hidden);
    for (uint32_t i = 0; i < g->layers; i++) all &= finite(&g->layer[i].attn_norm, g->hidden) && finite(&g->layer[i].ffn_norm, g->hidden);
    return all;
}

const char *slm_gguf_read(struct slm_gguf *g, const void *data, size_t size)
{
    struct reader r = {data, (const uint8_t *)data + size, NULL};
    struct seen k = {.align = 32};
    __builtin_memset(g, 0, sizeof *g);
    if (number(&r, 4) != 0x46554747 || number(&r, 4) != 3) return "gguf: expected the magic GGUF and version 3";
    uint64_t count = number(&r, 8), keys = number(&r, 8);
    if (count > 4096 || keys > 4096) return "gguf: expected at most 4096 tensors and keys";
    for (uint64_t i = 0; i < keys && !r.wrong; i++) {
        struct text name = string(&r);
        struct value v = read_value(&r, (uint32_t)number(&r, 4));
        if (!r.wrong) key(g, &k, name, &v);
    }
    if (r.wrong) return r.wrong;
    if (k.align < 8 || k.align > 4096 || k.align & (k.align - 1)) return "gguf: expected an alignment that is a power of two";
    const char *wrong = shape(g, &k);
    if (!wrong) wrong = tensors(g, &r, count, data, k.align);
    if (!wrong && !whole(g)) wrong = "gguf: a tensor is missing";
    if (!wrong && !vectors_are_finite(g)) wrong = "gguf: a norm's weight is not a finite number";
    return wrong;
}
