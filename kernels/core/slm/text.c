/* Sentences as the engine sees them: SLM/text.py and the words of SLM/actions.py, byte for byte.
   Cleaning: plain quotes and dashes, single spaces, no control characters, at most SLM_MAX_TEXT bytes. */
#include "slm.h"

static const struct { unsigned char from[3]; uint8_t length; const char *to; } typographic[] = {
    {{0xe2, 0x80, 0x98}, 3, "'"}, {{0xe2, 0x80, 0x99}, 3, "'"}, {{0xe2, 0x80, 0x9c}, 3, "\""}, {{0xe2, 0x80, 0x9d}, 3, "\""},
    {{0xe2, 0x80, 0x93}, 3, "-"}, {{0xe2, 0x80, 0x94}, 3, "-"}, {{0xe2, 0x80, 0xa6}, 3, "..."}, {{0xc2, 0xa0, 0}, 2, " "},
};

/* Bytes of the character at `at`, 0 if it is not UTF-8 (overlong forms and surrogates are not). */
static unsigned character(const unsigned char *at)
{
    unsigned n = at[0] < 0x80 ? 1 : (at[0] & 0xe0) == 0xc0 && at[0] > 0xc1 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3
        : (at[0] & 0xf8) == 0xf0 && at[0] < 0xf5 ? 4 : 0;
    for (unsigned i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if ((n == 3 && ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f))) ||
        (n == 4 && ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)))) return 0;
    return n;
}

static unsigned plain(const unsigned char *at, const char **to)
{
    for (unsigned i = 0; i < sizeof typographic / sizeof *typographic; i++) {
        unsigned n = 0;
        while (n < typographic[i].length && at[n] == typographic[i].from[n]) n++;
        if (n == typographic[i].length) { *to = typographic[i].to; return n; }
    }
    return 0;
}

size_t slm_clean(char *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = 0;
    bool space = false;
    while (*at) {
        const char *to = NULL, *from = (const char *)at;
        unsigned taken = plain(at, &to), n = taken ? 0 : character(at);
        if (!taken && n == 0) { to = "?"; taken = 1; }
        if (to) { from = to; n = 0; while (to[n]) n++; } else taken = n;
        at += taken;
        if (n == 1 && ((unsigned char)*from <= ' ' || *from == 0x7f)) { space = true; continue; }
        if (space && length) { if (length == SLM_MAX_TEXT) break; out[length++] = ' '; }
        space = false;
        if (length + n > SLM_MAX_TEXT) { /* "..." is three characters and may be cut, a UTF-8 character may not */
            for (unsigned i = 0; to && i < n && length < SLM_MAX_TEXT; i++) out[length++] = from[i];
            break;
        }
        for (unsigned i = 0; i < n; i++) out[length++] = from[i];
    }
    while (length && out[length - 1] == ' ') length--;
    out[length] = 0;
    return length;
}

void slm_lower(char *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    out[length] = 0;
}

static bool one_of(char c, const char *set)
{
    while (*set) if (c == *set++) return true;
    return false;
}

static void piece(struct slm_sentence *s, size_t start, size_t end)
{
    if (end > start && s->pieces < SLM_MAX_SPANS) s->piece[s->pieces++] = (struct slm_span){(uint16_t)start, (uint16_t)end};
}

static void pieces(struct slm_sentence *s, size_t start, size_t end)
{
    static const char *const tails[] = {"'s", ".service", ".ko"};
    piece(s, start, end);
    for (unsigned t = 0; t < sizeof tails / sizeof *tails; t++) {
        size_t n = 0;
        while (tails[t][n]) n++;
        if (end - start <= n) continue;
        size_t i = 0;
        while (i < n && s->text[end - n + i] == tails[t][i]) i++;
        if (i == n) piece(s, start, end - n);
    }
    size_t from = start;
    for (size_t i = start; i <= end; i++)
        if (i == end ? from != start : one_of(s->text[i], "=,/:[")) { piece(s, from, i); from = i + 1; }
}

void slm_sentence_read(struct slm_sentence *s, const char *lower, size_t length)
{
    s->length = length > SLM_MAX_TEXT ? SLM_MAX_TEXT : length;
    for (size_t i = 0; i < s->length; i++) s->text[i] = lower[i];
    s->text[s->length] = 0;
    s->words = s->pieces = 0;
    for (size_t at = 0; at <= s->length && s->words < SLM_MAX_WORDS;) {
        size_t start = at;
        while (at < s->length && s->text[at] != ' ') at++;
        size_t end = at++;
        while (start < end && one_of(s->text[start], "\"'([{<`")) start++;
        while (end > start && one_of(s->text[end - 1], "\"')]}>`.,;:?!")) end--;
        if (end == start) continue;
        s->word[s->words++] = (struct slm_span){(uint16_t)start, (uint16_t)end};
        pieces(s, start, end);
    }
}
