/* SentencePiece BPE: characters, then the pair with the best score is joined, until none can be. A space is the three
   bytes of ▁, one stands in front; a character that is no token becomes its byte tokens <0x00> … <0xFF>.
   The tables are slm_open's; sentences are short, so the pair is simply looked for again each time. */
#include "slm.h"

static uint64_t load64(const uint8_t *b)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) v |= (uint64_t)b[i] << 8 * i;
    return v;
}

static const uint8_t *spelling(const struct slm *s, uint32_t token, size_t *n)
{
    const uint8_t *at = s->g.tokens + s->token_at[token];
    *n = (size_t)load64(at);
    return at + 8;
}

static uint32_t hash_of(const uint8_t *text, size_t n)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) h = (h ^ text[i]) * 16777619u;
    return h;
}

/* Places that are looked at for a token, which a file whose tokens were chosen for their hashes would otherwise make as many as it
   has tokens. At half the places taken, a hundred are hardly ever needed. */
enum { PLACES = 1024 };

/* The place of the token spelt so, or the free one for it; hash_size when there is neither. */
static uint32_t place_of(const struct slm *s, const uint8_t *text, size_t n)
{
    uint32_t at = hash_of(text, n) & (s->hash_size - 1);
    for (unsigned i = 0; i < PLACES; i++, at = (at + 1) & (s->hash_size - 1)) {
        uint32_t entry = s->token_hash[at];
        if (!entry) return at;
        size_t length;
        const uint8_t *spelt = spelling(s, entry - 1, &length);
        if (length == n && !__builtin_memcmp(spelt, text, n)) return at;
    }
    return s->hash_size;
}

/* The token spelt so, or -1. Control tokens are not found: text can't name them. */
static int32_t find(const struct slm *s, const uint8_t *text, size_t n)
{
    uint32_t at = place_of(s, text, n);
    return at == s->hash_size ? -1 : (int32_t)s->token_hash[at] - 1;
}

/* Fills the arena's tables; called by slm_open with both allocated and the hash zeroed. What is wrong with the tokens, or NULL. */
const char *slm_tokenizer_open(struct slm *s);
const char *slm_tokenizer_open(struct slm *s)
{
    uint32_t at = 0;
    for (uint32_t t = 0; t < s->g.vocab; t++) {
        s->token_at[t] = at;
        size_t n;
        const uint8_t *text = spelling(s, t, &n);
        at += 8 + (uint32_t)n;
        if (s->g.token_types[4 * t] != 1) continue; /* NORMAL */
        uint32_t h = place_of(s, text, n);
        if (h == s->hash_size) return "gguf: too many tokens have one hash";
        if (s->token_hash[h]) return "gguf: a token is there twice";
        s->token_hash[h] = t + 1;
    }
    return NULL;
}

/* A score's bits, ordered as integers order: IEEE floats compare as sign and magnitude. */
static int32_t score(const struct slm *s, int32_t token)
{
    const uint8_t *b = s->g.scores + 4 * (size_t)token;
    uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return bits & 0x80000000u ? -(int32_t)(bits & 0x7fffffffu) : (int32_t)bits;
}

struct symbol { uint16_t at, n; };
#define MAX_BYTES (3 * (SLM_MAX_TEXT + 1))

static uint32_t byte_token(const struct slm *s, uint8_t byte)
{
    uint32_t first = s->g.first_intent + s->g.intents; /* byte tokens follow the special ones, in order */
    return s->g.token_types[4 * (first + byte)] == 6 ? first + byte : s->g.unk;
}

unsigned slm_tokenize(const struct slm *s, const char *text, size_t length, uint32_t *out, unsigned max)
{
    uint8_t buffer[MAX_BYTES + 3];
    struct symbol symbols[MAX_BYTES];
    size_t n = 0;
    unsigned count = 0, made = 0;
    if (!length) return 0;
    for (size_t i = 0; i <= length && n + 4 < sizeof buffer && i <= SLM_MAX_TEXT; i++) {
        char c = i ? text[i - 1] : ' ';
        if (c == ' ') { buffer[n++] = 0xe2; buffer[n++] = 0x96; buffer[n++] = 0x81; } else buffer[n++] = (uint8_t)c;
    }
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && (buffer[end] & 0xc0) == 0x80) end++;
        symbols[count++] = (struct symbol){(uint16_t)i, (uint16_t)(end - i)};
        i = end;
    }
    for (;;) {
        int32_t best = 0;
        unsigned where = count;
        for (unsigned i = 0; i + 1 < count; i++) {
            int32_t token = find(s, buffer + symbols[i].at, (size_t)symbols[i].n + symbols[i + 1].n);
            if (token >= 0 && (where == count || score(s, token) > best)) { best = score(s, token); where = i; }
        }
        if (where == count) break;
        symbols[where].n = (uint16_t)(symbols[where].n + symbols[where + 1].n);
        for (unsigned i = where + 1; i + 1 < count; i++) symbols[i] = symbols[i + 1];
        count--;
    }
    for (unsigned i = 0; i < count; i++) {
        int32_t token = find(s, buffer + symbols[i].at, symbols[i].n);
        if (token >= 0) { if (made < max) out[made++] = (uint32_t)token; }
        else for (unsigned j = 0; j < symbols[i].n; j++) if (made < max) out[made++] = byte_token(s, buffer[symbols[i].at + j]);
    }
    return made;
}

const uint8_t *slm_token(const struct slm *s, uint32_t token, size_t *n, uint8_t *byte)
{
    uint8_t type = s->g.token_types[4 * (size_t)token];
    if (type == 6) {
        *byte = (uint8_t)(token - (s->g.first_intent + s->g.intents));
        *n = 1;
        return byte;
    }
    const uint8_t *text = spelling(s, token, n);
    if (type != 1) *n = 0;
    return text;
}
