/* Actions: which bytes may come next while one is decoded. The grammar is a table made from SLM/grammar.toml; an
   argument is one of a closed list of words or quotes the sentence. SLM/actions.py is the reference.
   Nothing is kept between calls: a prefix is walked from its start, which is short work for at most a line. */
#include "slm.h"

#include "grammar_tables.h"

static size_t size_of(const char *text)
{
    size_t n = 0;
    while (text[n]) n++;
    return n;
}

/* How the shorter of two texts fits the front of the other. */
enum fit { APART, FIRST_SHORTER, SAME, FIRST_LONGER };
static enum fit fit(const char *a, size_t an, const char *b, size_t bn)
{
    for (size_t i = 0; i < an && i < bn; i++)
        if (a[i] != b[i]) return APART;
    return an < bn ? FIRST_SHORTER : an == bn ? SAME : FIRST_LONGER;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return c >= 'a' && c <= 'z'; }
static bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f'); }

static size_t digits(const char *t, size_t at, size_t n, size_t most)
{
    size_t count = 0;
    while (at + count < n && count < most && digit(t[at + count])) count++;
    return count;
}

static bool is_ip(const char *t, size_t n)
{
    size_t at = 0;
    for (unsigned part = 0; part < 4; part++) {
        if (part && (at >= n || t[at++] != '.')) return false;
        size_t d = digits(t, at, n, 3);
        if (!d) return false;
        at += d;
    }
    if (at == n) return true;
    if (t[at++] != '/') return false;
    size_t d = digits(t, at, n, 2);
    return d && at + d == n;
}

bool slm_shaped(enum slm_kind kind, const char *t, size_t n)
{
    size_t d;
    bool slash = false;
    switch (kind) {
    case SLM_KIND_NUMBER: return n <= 9 && digits(t, 0, n, 9) == n;
    case SLM_KIND_IP: return is_ip(t, n);
    case SLM_KIND_ID:
        for (size_t i = 0; i < n; i++)
            if (i == 4 ? t[i] != ':' : !hex(t[i])) return false;
        return n == 9;
    case SLM_KIND_SIZE:
        d = digits(t, 0, n, 9);
        if (!d || n - d > 3) return false;
        while (d < n) if (!letter(t[d++])) return false;
        return true;
    default:
        for (size_t i = 0; i < n; i++) {
            if (t[i] == '"' || t[i] == ' ') return false;
            slash |= t[i] == '/';
        }
        return kind == SLM_KIND_WORD || slash;
    }
}

#define MAX_TEXT_WORDS 8

/* The next value of a type at *at (start with 0): its text and, when it quotes, where. False when there are no more. */
static bool value(const struct slm_sentence *s, const struct slm_arg *arg, unsigned *at, const char **text, size_t *n,
                  struct slm_span *span)
{
    if (arg->kind == SLM_KIND_ENUM) {
        const char *word = arg->words[*at];
        if (!word) return false;
        *text = word;
        *n = size_of(word);
        *span = (struct slm_span){0, 0};
        (*at)++;
        return true;
    }
    if (arg->kind == SLM_KIND_TEXT) {
        for (; *at < s->words * MAX_TEXT_WORDS; (*at)++) {
            unsigned first = *at / MAX_TEXT_WORDS, last = first + *at % MAX_TEXT_WORDS;
            if (last >= s->words) continue;
            *span = (struct slm_span){s->word[first].start, s->word[last].end};
            bool quote = false;
            for (size_t i = span->start; i < span->end; i++) quote |= s->text[i] == '"';
            if (quote) continue;
            *text = s->text + span->start;
            *n = (size_t)(span->end - span->start);
            (*at)++;
            return true;
        }
        return false;
    }
    for (; *at < s->pieces; (*at)++) {
        *span = s->piece[*at];
        *text = s->text + span->start;
        *n = (size_t)(span->end - span->start);
        if (slm_shaped(arg->kind, *text, *n)) {
            (*at)++;
            return true;
        }
    }
    return false;
}

bool slm_next_quote(const struct slm_sentence *s, enum slm_kind kind, unsigned *at, struct slm_span *out)
{
    const struct slm_arg arg = {.lead = "", .kind = kind};
    const char *text;
    size_t n;
    return value(s, &arg, at, &text, &n, out);
}

static bool has_value(const struct slm_sentence *s, const struct slm_arg *arg)
{
    unsigned at = 0;
    const char *text;
    size_t n;
    struct slm_span span;
    return value(s, arg, &at, &text, &n, &span);
}

/* A whole action being rebuilt, in the sentence's own case; NULL while only asking. */
struct rebuilt {
    const char *cased;
    char *out;
    size_t size, length;
};

static bool put(struct rebuilt *r, const char *text, size_t n)
{
    if (r->length + n + 1 > r->size) return false;
    for (size_t i = 0; i < n; i++) r->out[r->length++] = text[i];
    r->out[r->length] = 0;
    return true;
}

static struct slm_viable walk(const struct slm_sentence *s, const struct slm_arg *args, unsigned count, const char *rest, size_t n,
                              struct rebuilt *r);

/* `body` stands where this argument's value begins. */
static struct slm_viable after_lead(const struct slm_sentence *s, const struct slm_arg *args, unsigned count, const char *body, size_t n,
                                    struct rebuilt *r)
{
    struct slm_viable found = {false, false};
    unsigned at = 0;
    const char *text;
    size_t length, quote = args->kind == SLM_KIND_TEXT;
    struct slm_span span;
    while (value(s, args, &at, &text, &length, &span)) {
        size_t whole = length + 2 * quote, same = 0;
        while (same < whole && same < n && body[same] == (quote && (same == 0 || same == whole - 1) ? '"' : text[same - quote])) same++;
        if (same < whole && same < n) continue;
        if (n < whole) {
            found.more = true;
            continue;
        }
        size_t mark = r ? r->length : 0;
        if (r && !(put(r, args->lead, size_of(args->lead)) && (!quote || put(r, "\"", 1)) &&
                   put(r, args->kind == SLM_KIND_ENUM ? text : r->cased + span.start, length) && (!quote || put(r, "\"", 1))))
            return found;
        struct slm_viable then = walk(s, args + 1, count - 1, body + whole, n - whole, r);
        if (r && then.end) return then;
        if (r) r->length = mark;
        found.more |= then.more;
        found.end |= then.end;
    }
    return found;
}

static struct slm_viable walk(const struct slm_sentence *s, const struct slm_arg *args, unsigned count, const char *rest, size_t n,
                              struct rebuilt *r)
{
    struct slm_viable found = {false, false};
    if (n == 0) {
        found.end = true;
        for (unsigned i = 0; i < count; i++) found.end &= args[i].optional;
        if (r && found.end) return found;
    }
    for (unsigned i = 0; i < count; i++) {
        size_t lead = size_of(args[i].lead);
        enum fit f = fit(args[i].lead, lead, rest, n);
        if (f == FIRST_LONGER) found.more |= has_value(s, args + i);
        else if (f == SAME || f == FIRST_SHORTER) {
            struct slm_viable then = after_lead(s, args + i, count - i, rest + lead, n - lead, r);
            if (r && then.end) return then;
            found.more |= then.more;
            found.end |= then.end;
        }
        if (!args[i].optional) break;
    }
    return found;
}

static bool possible(const struct slm_sentence *s, const struct slm_op *op)
{
    for (unsigned i = 0; i < op->count; i++)
        if (!op->args[i].optional && !has_value(s, op->args + i)) return false;
    return true;
}

/* The prefix starts with the space before the op. */
static struct slm_viable over_ops(const struct slm_sentence *s, unsigned intent, const char *prefix, size_t n, struct rebuilt *r)
{
    struct slm_viable found = {false, false};
    if (intent >= slm_intent_count) return found;
    for (const struct slm_op *op = slm_grammar[intent]; op && op->name; op++) {
        if (!possible(s, op)) continue;
        size_t length = size_of(op->name);
        if (n == 0) { found.more = true; continue; }
        if (prefix[0] != ' ') break;
        enum fit f = fit(op->name, length, prefix + 1, n - 1);
        if (f == FIRST_LONGER) found.more = true;
        if (f != SAME && f != FIRST_SHORTER) continue;
        if (r) { r->length = 0; if (!put(r, op->name, length)) continue; }
        struct slm_viable then = walk(s, op->args, op->count, prefix + 1 + length, n - 1 - length, r);
        if (r && then.end) return then;
        found.more |= then.more;
        found.end |= then.end;
    }
    return found;
}

struct slm_viable slm_action_state(const struct slm_sentence *s, unsigned intent, const char *prefix, size_t length)
{
    return over_ops(s, intent, prefix, length, NULL);
}

bool slm_action_restore(const struct slm_sentence *s, unsigned intent, const char *action, size_t length, const char *cased,
                        char *out, size_t size)
{
    struct rebuilt r = {cased, out, size, 0};
    out[0] = 0;
    if (over_ops(s, intent, action, length, &r).end) return true;
    out[0] = 0;
    return false;
}
