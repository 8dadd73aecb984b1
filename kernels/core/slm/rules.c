/* The rule engine: the same question and answer as the model's, from the table made of SLM/rules/rules.txt. The rule
   with the most groups of words present wins. SLM/rules.py is the reference; no floating point. */
#include "slm.h"

#include "grammar_tables.h"
#include "rule_tables.h"
#include "spoken_tables.h"

static size_t length_of(const char *text)
{
    size_t n = 0;
    while (text[n]) n++;
    return n;
}

static bool same(const char *a, const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && a[i] && a[i] == text[i]) i++;
    return i == n && !a[i];
}

/* Is there a piece of this shape in the sentence? */
static bool shape_in(const struct slm_sentence *s, const char *name)
{
    static const struct { const char *name; enum slm_kind kind; } shapes[] = {
        {"\x01idhex", SLM_KIND_ID}, {"\x01ip", SLM_KIND_IP}, {"\x01number", SLM_KIND_NUMBER},
    };
    struct slm_span span;
    unsigned at = 0;
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (same(shapes[i].name, name, length_of(name))) return slm_next_quote(s, shapes[i].kind, &at, &span);
    return false;
}

static bool said(const struct slm_sentence *s, const char *word)
{
    if (word[0] == 1) return shape_in(s, word) || said(s, word + 1); /* "ip" is the shape, and the word itself */
    for (unsigned w = 0; w < s->words; w++)
        if (same(word, s->text + s->word[w].start, (size_t)(s->word[w].end - s->word[w].start))) return true;
    return false;
}

static bool any_said(const struct slm_sentence *s, const char *const *words)
{
    for (; *words; words++)
        if (said(s, *words)) return true;
    return false;
}

static bool fits(const struct slm_sentence *s, const struct slm_rule *rule)
{
    const char *const *at = rule->words;
    for (unsigned g = 0; g < rule->groups; g++) {
        if (!any_said(s, at)) return false;
        while (*at) at++;
        at++;
    }
    return !any_said(s, rule->never);
}

/* The word of a closed list that the sentence means, longest phrases first. */
static const char *meant(const struct slm_sentence *s, const char *type)
{
    for (unsigned i = 0; i < sizeof slm_spoken_table / sizeof *slm_spoken_table; i++) {
        const struct slm_spoken *row = &slm_spoken_table[i];
        if (!same(row->type, type, length_of(type))) continue;
        for (unsigned w = 0; w < s->words; w++) {
            const char *at = row->said;
            unsigned k = w;
            for (; k < s->words; k++) {
                size_t n = 0;
                while (at[n] && at[n] != ' ') n++;
                size_t length = (size_t)(s->word[k].end - s->word[k].start);
                if (n != length || __builtin_memcmp(at, s->text + s->word[k].start, n)) break;
                at += n;
                if (!*at) return row->meant;
                at++;
            }
        }
    }
    return NULL;
}

struct built { char text[SLM_MAX_ACTION]; size_t length; };

static void add(struct built *l, const char *text, size_t n)
{
    for (size_t i = 0; i < n && l->length < sizeof l->text - 1; i++) l->text[l->length++] = text[i];
    l->text[l->length] = 0;
}

static const char *type_name(const char *const *words)
{
    static const struct { const char *const *words; const char *name; } types[] = {
        {slm_type_class, "class"}, {slm_type_role, "role"}, {slm_type_resource, "resource"}, {slm_type_fs, "fs"},
        {slm_type_verdict, "verdict"}, {slm_type_area, "area"},
    };
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].words == words) return types[i].name;
    return "";
}

static bool listed(const struct slm_sentence *s, const struct slm_span *word, const char *const *words)
{
    for (; *words; words++)
        if (same(*words, s->text + word->start, (size_t)(word->end - word->start))) return true;
    return false;
}

/* What an argument quotes: where, once it is known. */
struct quoted { struct slm_span span[SLM_MAX_ARGS]; bool known[SLM_MAX_ARGS]; };

static bool taken(const struct quoted *q, struct slm_span span)
{
    for (unsigned i = 0; i < SLM_MAX_ARGS; i++)
        if (q->known[i] && span.start < q->span[i].end && q->span[i].start < span.end) return true;
    return false;
}

/* The word behind word w that can be an argument; articles are skipped. */
static bool behind(const struct slm_sentence *s, const struct slm_rule *rule, unsigned w, struct slm_span *out)
{
    do w++; while (w < s->words && listed(s, &s->word[w], slm_articles));
    if (w >= s->words || listed(s, &s->word[w], rule->after)) return false;
    *out = s->word[w];
    for (size_t i = out->start; i < out->end; i++)
        if (s->text[i] == '"') return false;
    return true;
}

/* What stands behind the argument's own name, if that is said. */
static bool named(const struct slm_sentence *s, const struct slm_rule *rule, const struct slm_arg *arg, struct slm_span *out)
{
    size_t length = length_of(arg->lead);
    if (arg->kind == SLM_KIND_ENUM || arg->kind == SLM_KIND_TEXT || length < 2) return false;
    for (unsigned w = 0, at = 0; w < s->words; w++) {
        const struct slm_span *word = &s->word[w];
        if ((size_t)(word->end - word->start) != length - 2 || __builtin_memcmp(arg->lead + 1, s->text + word->start, length - 2)) continue;
        if (arg->kind == SLM_KIND_WORD) return behind(s, rule, w, out);
        while (slm_next_quote(s, arg->kind, &at, out))
            if (out->start >= word->end) return true;
        return false;
    }
    return false;
}

static bool unnamed(const struct slm_sentence *s, const struct slm_rule *rule, const struct slm_arg *arg, const struct quoted *q,
                    struct slm_span *out)
{
    if (arg->kind != SLM_KIND_WORD) {
        for (unsigned at = 0; arg->kind != SLM_KIND_TEXT && slm_next_quote(s, arg->kind, &at, out);)
            if (!taken(q, *out)) return true;
        return false;
    }
    for (unsigned w = 0; w + 1 < s->words; w++)
        if (listed(s, &s->word[w], rule->after) && behind(s, rule, w, out)) return !taken(q, *out);
    return false;
}

/* The action with the arguments that are there. What the sentence says once is quoted once: by the argument that it names
   ("gateway 10.0.0.1"), else by the first that can take it. */
static void fill(const struct slm_sentence *s, const struct slm_rule *rule, const char *cased, struct slm_answer *out)
{
    struct built l = {{0}, 0};
    struct quoted q = {0};
    struct slm_span span;
    const struct slm_op *op = slm_grammar[rule->intent];
    while (op->name && !same(op->name, rule->op, length_of(rule->op))) op++;
    for (unsigned i = 0; i < op->count; i++)
        if (named(s, rule, &op->args[i], &span) && !taken(&q, span)) q.known[i] = true, q.span[i] = span;
    add(&l, " ", 1);
    add(&l, rule->op, length_of(rule->op));
    for (unsigned i = 0; i < op->count; i++) {
        const struct slm_arg *a = &op->args[i];
        const char *word = a->kind == SLM_KIND_ENUM ? meant(s, type_name(a->words)) : NULL;
        if (a->kind != SLM_KIND_ENUM && !q.known[i] && unnamed(s, rule, a, &q, &span)) q.known[i] = true, q.span[i] = span;
        if (!word && !q.known[i]) continue;
        add(&l, a->lead, length_of(a->lead));
        if (word) add(&l, word, length_of(word));
        else add(&l, s->text + q.span[i].start, (size_t)(q.span[i].end - q.span[i].start));
    }
    slm_action_restore(s, rule->intent, l.text, l.length, cased, out->action, sizeof out->action);
}

void slm_rules(const char *text, struct slm_answer *out)
{
    char cased[SLM_MAX_TEXT + 1], low[SLM_MAX_TEXT + 1];
    struct slm_sentence s;
    const struct slm_rule *best = NULL;
    size_t length = slm_clean(cased, text);
    slm_lower(low, cased, length);
    slm_sentence_read(&s, low, length);
    __builtin_memset(out, 0, sizeof *out);
    out->intent = slm_intent_count - 1;
    for (unsigned i = 0; i < sizeof slm_rule_table / sizeof *slm_rule_table; i++)
        if ((!best || slm_rule_table[i].groups > best->groups) && fits(&s, &slm_rule_table[i])) best = &slm_rule_table[i];
    if (!best) return;
    out->intent = best->intent;
    fill(&s, best, cased, out);
}
