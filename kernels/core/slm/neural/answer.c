/* A sentence's answer: the intent by its token's logit behind the question, then the action, token by token, each the
   best-scored one whose bytes keep the action possible. SLM/decode.py is the reference. */
#include "engine.h"
#include "../service.h"
#include "float.h"

#define MAX_ACTION_TOKENS 64

/* Grow the prefix by a token's bytes (▁ is a space); 0 if there is no room or the token writes nothing. */
static size_t grown(const struct slm *s, uint32_t token, char *prefix, size_t length, size_t room)
{
    size_t n;
    uint8_t byte;
    const uint8_t *text = slm_token(s, token, &n, &byte);
    size_t start = length;
    for (size_t i = 0; i < n; i++) {
        if (length == room) return 0;
        if (i + 2 < n && text[i] == 0xe2 && text[i + 1] == 0x96 && text[i + 2] == 0x81) { prefix[length++] = ' '; i += 2; }
        else prefix[length++] = (char)text[i];
    }
    return length == start ? 0 : length;
}

/* May this token come next? Leaves its bytes behind the prefix and their end in *longer. */
static bool may_come(const struct slm *s, const struct slm_sentence *sentence, unsigned intent, uint32_t token, bool done, char *prefix,
                     size_t length, size_t *longer)
{
    if (token == s->g.eos) {
        *longer = length;
        return done;
    }
    *longer = grown(s, token, prefix, length, SLM_MAX_ACTION - 1);
    if (!*longer) return false;
    struct slm_viable v = slm_action_state(sentence, intent, prefix, *longer);
    return v.more || v.end;
}

/* The token of the greatest logit among those that may come next (the end token if none may); grows the prefix by it. */
static uint32_t best_token(const struct slm *s, const struct slm_sentence *sentence, unsigned intent, const float *logits, char *prefix,
                           size_t *length)
{
    bool done = slm_action_state(sentence, intent, prefix, *length).end;
    uint32_t top = 0, best;
    size_t longer;
    for (uint32_t t = 1; t < s->g.vocab; t++)
        if (logits[t] > logits[top]) top = t;
    best = top;
    if (!may_come(s, sentence, intent, top, done, prefix, *length, &longer)) {
        best = s->g.vocab;
        for (uint32_t t = 0; t < s->g.vocab; t++)
            if ((best == s->g.vocab || logits[t] > logits[best]) && may_come(s, sentence, intent, t, done, prefix, *length, &longer)) best = t;
        if (best == s->g.vocab) return s->g.eos;
    }
    if (may_come(s, sentence, intent, best, done, prefix, *length, &longer)) *length = longer;
    return best;
}

static bool decode(struct slm *s, const struct slm_sentence *sentence, const char *cased, struct slm_answer *out)
{
    char prefix[SLM_MAX_ACTION];
    size_t length = 0, whole = 0; /* whole: the longest prefix that could stand as it is */
    uint32_t token = s->g.first_intent + out->intent;
    const float *logits = slm_forward(s, &token, 1, 0, s->g.vocab);
    for (unsigned i = 0; i < MAX_ACTION_TOKENS && logits; i++) {
        token = best_token(s, sentence, out->intent, logits, prefix, &length);
        struct slm_viable state = slm_action_state(sentence, out->intent, prefix, length);
        if (state.end) whole = length;
        if (token == s->g.eos || !state.more) break;
        logits = slm_forward(s, &token, 1, 0, s->g.vocab);
    }
    if (!logits) return false;
    slm_action_restore(sentence, out->intent, prefix, whole, cased, out->action, sizeof out->action);
    return true;
}

static void choose(const struct slm *s, const float *logits, struct slm_answer *out)
{
    float total = 0;
    out->intent = 0;
    for (unsigned i = 0; i < s->g.intents; i++) {
        out->logits[i] = logits[s->g.first_intent + i];
        if (out->logits[i] > out->logits[out->intent]) out->intent = i;
    }
    for (unsigned i = 0; i < s->g.intents; i++) total += slm_exp((out->logits[i] - out->logits[out->intent]) / s->g.temperature);
    out->probability = 1.0f / total;
}

bool slm_ask(struct slm *s, const char *text, bool want_action, bool (*expired)(void), struct slm_answer *out)
{
    char cased[SLM_MAX_TEXT + 1], low[SLM_MAX_TEXT + 1];
    uint32_t tokens[2 * SLM_MAX_TEXT + 2];
    struct slm_sentence sentence;
    size_t length = slm_clean(cased, text);
    slm_lower(low, cased, length);
    unsigned count = slm_tokenize(s, low, length, tokens + 1, 2 * SLM_MAX_TEXT);
    __builtin_memset(out, 0, sizeof *out);
    out->intent = slm_intent_count - 1;
    if (count + 2 + MAX_ACTION_TOKENS + 1 > s->g.context) count = s->g.context - MAX_ACTION_TOKENS - 3;
    tokens[0] = s->g.bos;
    tokens[count + 1] = s->g.ask;
    s->expired = expired;
    slm_reset(s);
    const float *logits = slm_forward(s, tokens, count + 2, s->g.first_intent, s->g.intents);
    if (!logits) return false;
    choose(s, logits, out);
    if (!(out->probability > 0)) { /* not a number: the weights are damaged, the rule engine is to answer */
        out->intent = slm_intent_count - 1;
        out->probability = 0;
        return false;
    }
    if (!want_action || out->intent == slm_intent_count - 1) return true;
    slm_sentence_read(&sentence, low, length);
    return decode(s, &sentence, cased, out);
}

/* For those who may not touch a floating-point number; no number at all is 0. */
static int32_t rounded(float x)
{
    if (!(x > -2000.0f && x < 2000.0f)) return x > 0 ? 2000000000 : x < 0 ? -2000000000 : 0;
    return (int32_t)((double)x * 1000000.0 + (x < 0 ? -0.5 : 0.5));
}

int32_t slm_logit_millionths(const struct slm_answer *a, unsigned i) { return rounded(a->logits[i]); }
unsigned slm_thousandths(const struct slm_answer *a) { return (unsigned)((rounded(a->probability) + 500) / 1000); }
