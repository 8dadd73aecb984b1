/* Console commands under test: run a line, keep its answer (test.h). */
#include "console.h"
#include "line.h"
#include "test.h"
#include "text.h"

const char *test_console(const char *line)
{
    static char answer[4096];
    char text[LINE_MAX];
    text_copy(text, sizeof text, line);
    console_capture(answer, sizeof answer);
    console_execute(text);
    console_capture(NULL, 0);
    return answer;
}
