/* libFuzzer: any keys at the console's line editor; then the line through the word splitter and, as a sentence, through the
   rule engine, the grammar and the handlers. Its first byte chooses, for lines that no rule fits, bytes as an engine's own
   action. Nothing is fed that leaves the machine or waits: switching off, pinging, sampling the processor. */
#include "action.h"
#include "console.h"
#include "line.h"
#include "net.h"
#include "string.h"

#include "../core/slm/slm.h"

void host_init(void);

static void drop(const char *data, size_t size) { (void)data, (void)size; }

static bool leaves_or_waits(unsigned which)
{
    return which == ACTION_SYSTEM_MANAGE_poweroff || which == ACTION_TROUBLESHOOT_diagnose || which == ACTION_SYSTEM_MANAGE_usage ||
           which == ACTION_INSTALL_CONFIGURE_dhcp;
}

static char answer[1 << 16];

static void offer(struct dialogue *dialogue, unsigned intent, const char *text, bool must_read)
{
    static struct action action;
    char reason[ACTION_REASON_MAX], what[64];
    bool read = action_read(&action, intent, text, reason);
    if (!read) {
        if (strlen(reason) >= ACTION_REASON_MAX)
            __builtin_trap();
        return;
    }
    if (must_read && !action.entry)
        __builtin_trap(); /* every op of the grammar has its answer */
    action_describe(&action, what, sizeof what);
    if (leaves_or_waits(action.which))
        return;
    console_capture(answer, sizeof answer);
    sentence_offer(dialogue, intent, text, intent % 2);
    if (dialogue->waits) {
        char yes[] = "yes";
        console_execute(dialogue, yes);
    }
    console_capture(NULL, 0);
}

static void sentence(struct dialogue *dialogue, const char *text)
{
    static struct slm_answer rules;
    slm_rules(text, &rules);
    if (rules.intent + 1 < slm_intent_count)
        offer(dialogue, rules.intent, rules.action, true);
    else if (*text)
        offer(dialogue, (unsigned char)*text % slm_intent_count, text + 1, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line line;
    static struct dialogue dialogue;
    static bool begun;
    char *words[8];
    if (!begun) {
        host_init();
        net_init();
        begun = true;
    }
    memset(&line, 0, sizeof line);
    line.echo = drop;
    line.prompt = "> ";
    line_begin(&line);
    for (size_t i = 0; i < size; i++) {
        if (!line_feed(&line, (char)data[i]))
            continue;
        sentence(&dialogue, line.text);
        int count = words_split(line.text, words, 8);
        for (int w = 0; w < count; w++)
            if (strlen(words[w]) >= LINE_MAX)
                __builtin_trap();
        line_begin(&line);
    }
    return 0;
}
