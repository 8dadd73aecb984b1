/* The console (console.h): output to the attached serial devices or a test's buffer, and running a line. */
#include "console.h"
#include "line.h"
#include "print.h"
#include "string.h"
#include "sync.h"

enum { WORDS_MAX = 32 };

static struct serial *first_serial;
static char *captured; /* where the output of one thread goes instead */
static size_t capture_left;
static struct thread *capturer;
static struct mutex executing; /* commands run one at a time, whoever asked for them */

void console_attach(struct serial *device)
{
    struct serial **at = &first_serial;
    while (*at)
        at = &(*at)->next;
    *at = device;
}

void console_start(void)
{
    for (struct serial *serial = first_serial; serial; serial = serial->next)
        serial->start(serial);
}

void console_capture(char *buffer, size_t size)
{
    captured = buffer;
    capturer = thread_current();
    capture_left = size ? size - 1 : 0;
    if (size)
        buffer[0] = 0;
}

static void capture(const char *data, size_t size)
{
    size = MIN(size, capture_left);
    memcpy(captured, data, size);
    captured += size;
    capture_left -= size;
    *captured = 0;
}

void console_write(const char *data, size_t size)
{
    if (captured && capturer == thread_current())
        capture(data, size);
    else
        for (struct serial *serial = first_serial; serial && size; serial = serial->next)
            serial->write(serial, data, size);
}

static const struct command *find(const char *name)
{
    const struct command *const *entry;
    FOR_REGISTERED(entry, commands)
        if (!strcmp((*entry)->name, name))
            return *entry;
    return NULL;
}

void console_execute(char *text)
{
    char *argv[WORDS_MAX + 1];
    int argc = words_split(text, argv, WORDS_MAX);
    if (argc == -1)
        kprintf("expected a closing quote, found the end of the line\n");
    else if (argc == -2)
        kprintf("expected at most %d words, found more\n", WORDS_MAX);
    if (argc <= 0)
        return;
    argv[argc] = NULL;
    const struct command *command = find(argv[0]);
    if (command)
        command->run(argc, argv);
    else
        kprintf("unknown command '%s': 'help' lists the commands there are\n", argv[0]);
}

void console_execute_alone(char *line)
{
    mutex_take(&executing);
    console_execute(line);
    mutex_give(&executing);
}

void console_answer(char *line, char *answer, size_t size)
{
    mutex_take(&executing);
    console_capture(answer, size);
    console_execute(line);
    console_capture(NULL, 0);
    mutex_give(&executing);
}
