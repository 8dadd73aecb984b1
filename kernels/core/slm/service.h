/* The kernel's one SLM: a thread of class SLM that holds the model the boot loader brought, and answers questions. While
   there is none, or the model gives no answer in time, the rule engine answers and the reply says why. */
#pragma once

#include "slm.h"

struct slm_reply {
    const char *engine;       /* "model" or "rules" */
    const char *why;          /* why the rules answered; NULL when the model did */
    unsigned intent;          /* index into slm_intents[] */
    unsigned thousandths;     /* of probability */
    int32_t millionths[SLM_MAX_INTENTS]; /* logits, times a million */
    unsigned logits;          /* how many there are */
    uint64_t ns;
    char action[SLM_MAX_ACTION];
};
void slm_service_start(void); /* looks for the module `slm.gguf`, or one that is a GGUF; nothing happens without */
/* Waits for its turn. Not from interrupts. */
void slm_service_ask(const char *text, struct slm_reply *reply);
/* Time of a question of 32 tokens, and of 32 tokens one after the other; false without a model. */
bool slm_service_bench(uint64_t *question_ns, uint64_t *tokens_ns);
void slm_service_print(void);  /* what answers here, a few lines */

/* Floating point stays behind these (neural/). */
int32_t slm_logit_millionths(const struct slm_answer *a, unsigned i);
unsigned slm_thousandths(const struct slm_answer *a);
