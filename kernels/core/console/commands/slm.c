/* slm: what a sentence asks for, as the SLM's interface answers it: "<engine> <thousandths> <INTENT> [action]".
   The rule engine answers here; `kernel:ARCH` of SLM/ reads these lines. */
#include "../../slm/slm.h"

#include "console.h"
#include "print.h"

static void slm(int argc, char **argv)
{
    static char text[256];
    static struct slm_answer answer;
    size_t length = 0;
    for (int i = 1; i < argc; i++) {
        if (i > 1 && length < sizeof text - 1) text[length++] = ' ';
        for (const char *at = argv[i]; *at && length < sizeof text - 1; at++) text[length++] = *at;
    }
    text[length] = 0;
    slm_rules(text, &answer);
    kprintf("rules 1000 %s%s%s\n", slm_intents[answer.intent], answer.action[0] ? " " : "", answer.action);
}
COMMAND(slm, "what a sentence asks for: intent and action", slm);
