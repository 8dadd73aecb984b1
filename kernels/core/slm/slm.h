/* The SLM engine: a sentence in, an intent and an action out. Freestanding C11; the GGUF is used where it lies; all
   memory comes from one arena at slm_open, none after. A model that cannot be used leaves the rule engine in charge.
   The same files build for the host (kernels/host/slm) and for every architecture; SLM/ in Python is the reference. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLM_MAX_TEXT 240   /* bytes of a cleaned sentence, as in SLM/text.py */
#define SLM_MAX_ACTION 512 /* bytes of an action with its ending zero */
#define SLM_MAX_LAYERS 64
#define SLM_MAX_CONTEXT 320 /* the longest sentence in byte tokens, and the longest action */
#define SLM_MAX_INTENTS 16

/* Types of GGUF tensors that the engine multiplies. */
enum slm_type { SLM_F32 = 0, SLM_Q4_0 = 2, SLM_Q8_0 = 8 };

/* A matrix (rows, cols) or vector (1, cols) inside the GGUF. */
struct slm_tensor {
    const uint8_t *data;
    enum slm_type type;
    uint32_t rows, cols;
    uint8_t *packed; /* in the arena, laid out for the kernel in use; NULL: read where it lies */
};

struct slm_layer {
    struct slm_tensor attn_norm, q, k, v, o, ffn_norm, gate, up, down;
};

/* What the file says, checked: every tensor lies inside it and has the shape that the others imply. */
struct slm_gguf {
    uint32_t layers, hidden, heads, kv_heads, head, ffn, vocab, context;
    uint32_t ask, first_intent, intents, bos, eos, unk;
    float norm_eps, rope_base, temperature;
    const uint8_t *tokens, *token_types, *scores; /* the arrays' first bytes; strings are length-prefixed */
    struct slm_tensor embed, out_norm;
    struct slm_layer layer[SLM_MAX_LAYERS];
};

/* NULL, or one clear line that says what is wrong. Reads only inside [data, data + size). */
const char *slm_gguf_read(struct slm_gguf *out, const void *data, size_t size);

struct slm {
    struct slm_gguf g;
    const struct slm_kernel *kernel; /* what multiplies; neural/engine.h */
    uint32_t *token_at;   /* offset of each token's length in the file, from g.tokens */
    uint32_t *token_hash; /* open addressing: token + 1, or 0 */
    uint32_t hash_size;
    float *cos, *sin;     /* (context, head / 2) */
    int32_t *keys, *values;         /* (layers, context, kv_heads * head) */
    float *key_units, *value_units; /* (layers, kv_heads, context) */
    float *x, *xb, *q, *kv, *ff, *up; /* (batch, …) */
    float *attention, *logits;
    struct slm_block *blocks;
    float *units;
    uint32_t position;
    bool (*expired)(void); /* asked before each layer; NULL: there is no limit */
};

struct slm_answer {
    unsigned intent; /* index into slm_intents[] */
    float probability;
    float logits[SLM_MAX_INTENTS];
    char action[SLM_MAX_ACTION];
};
extern const char *const slm_intents[];
extern const unsigned slm_intent_count;

/* Bytes of arena that a model needs, after slm_gguf_read; `packed`: also to lay its matrices out for speed, without which
   they are read where they lie, by the scalar kernel. */
size_t slm_arena_size(const struct slm_gguf *g, bool packed);
/* Read the GGUF, lay out the arena, check every kernel against scalar and pick the fastest with `now` (any steady clock;
   NULL: the last right one) or the one named `only` (NULL: any). The file stays in use. NULL on success, else one line. */
const char *slm_open(struct slm *s, const void *gguf, size_t size, void *arena, size_t arena_size, uint64_t (*now)(void),
                     const char *only);
const char *slm_kernel_name(const struct slm *s);
/* `expired` may be NULL; when it says true the answer ends there with what it has and returns false. */
bool slm_ask(struct slm *s, const char *text, bool want_action, bool (*expired)(void), struct slm_answer *out);

/* The parts, for tests and for the answer. */
unsigned slm_tokenize(const struct slm *s, const char *text, size_t length, uint32_t *out, unsigned max);
const uint8_t *slm_token(const struct slm *s, uint32_t token, size_t *length, uint8_t *byte); /* what it writes, ▁ as is */
/* Appends tokens (at most the context's rest), then gives the logits of the vocabulary's rows [first, first + rows)
   behind the last of them, at their own places; NULL when the time is over or there is no room. rows may be 0. */
const float *slm_forward(struct slm *s, const uint32_t *tokens, uint32_t count, uint32_t first, uint32_t rows);
void slm_reset(struct slm *s);

size_t slm_clean(char *out, const char *text);         /* out has SLM_MAX_TEXT + 1 bytes; returns the length */
void slm_lower(char *out, const char *text, size_t length);

/* Actions under the grammar (grammar_tables.h, made from SLM/grammar.toml). */
struct slm_span { uint16_t start, end; };
#define SLM_MAX_WORDS 64
#define SLM_MAX_SPANS 512
struct slm_sentence { /* a cleaned sentence in lower case, with all that an action may quote of it */
    char text[SLM_MAX_TEXT + 1];
    size_t length;
    unsigned words;
    struct slm_span word[SLM_MAX_WORDS];
    unsigned pieces;
    struct slm_span piece[SLM_MAX_SPANS];
};
void slm_sentence_read(struct slm_sentence *s, const char *lower, size_t length);
struct slm_viable { bool more, end; };
struct slm_viable slm_action_state(const struct slm_sentence *s, unsigned intent, const char *prefix, size_t length);
/* The action with what it quotes in the sentence's own case; false if it is not a whole action. */
bool slm_action_restore(const struct slm_sentence *s, unsigned intent, const char *action, size_t length, const char *cased,
                        char *out, size_t size);

/* The rule engine (rule_tables.h, made from SLM/rules/rules.txt): same sentence, same kind of answer, no model. */
void slm_rules(const char *text, struct slm_answer *out);
