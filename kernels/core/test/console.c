/* Console lines and actions under test: run one, keep its answer (test.h). */
#include "action.h"
#include "console.h"
#include "line.h"
#include "print.h"
#include "test.h"
#include "text.h"

static char answer[4096];
static struct dialogue dialogue = {.by_rules = true}; /* a test passes with any model, and without */

const char *test_console(const char *line)
{
    char text[LINE_MAX];
    text_copy(text, sizeof text, line);
    console_capture(answer, sizeof answer);
    console_execute(&dialogue, text);
    console_capture(NULL, 0);
    return answer;
}

const char *test_action(enum action_which op, const char *arguments)
{
    static struct action action; /* handlers run one at a time */
    char text[LINE_MAX], reason[ACTION_REASON_MAX];
    ksnprintf(text, sizeof text, "%s%s%s", action_op(op), *arguments ? " " : "", arguments);
    console_capture(answer, sizeof answer);
    if (!action_read(&action, op >> 8, text, reason))
        kprintf("%s\n", reason);
    else if (action.entry && action.entry->perform && (!action.entry->warn || action.entry->warn(&action)))
        action.entry->perform(&action);
    console_capture(NULL, 0);
    return answer;
}
