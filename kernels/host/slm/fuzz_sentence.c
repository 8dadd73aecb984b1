/* libFuzzer over sentences: cleaning, words, the rule engine, and that its action is whole under the grammar. */
#include <stdlib.h>
#include <string.h>

#include "../../core/slm/slm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), cased[SLM_MAX_TEXT + 1], low[SLM_MAX_TEXT + 1], again[SLM_MAX_ACTION + 1];
    struct slm_answer a;
    struct slm_sentence s;
    memcpy(text, data, size);
    text[size] = 0;
    slm_rules(text, &a);
    size_t n = slm_clean(cased, text), length = strlen(a.action);
    slm_lower(low, cased, n);
    slm_sentence_read(&s, low, n);
    again[0] = ' ';
    slm_lower(again + 1, a.action, length);
    if (length && !slm_action_state(&s, a.intent, again, length + 1).end) abort();
    free(text);
    return 0;
}
