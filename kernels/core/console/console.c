/* The console (console.h): output to the attached serial devices or a test's buffer, and running a line. */
#include "console.h"
#include "line.h"
#include "print.h"
#include "string.h"
#include "sync.h"
#include "text.h"

enum { WORDS_MAX = 32, COMMAND_NAME_MAX = 32 };

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

void console_resume(void)
{
    bool interrupts = hal_irq_save();
    for (struct serial *serial = first_serial; serial; serial = serial->next)
        serial->resume(serial);
    hal_irq_restore(interrupts);
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

bool command_alone(int argc, char **argv)
{
    (void)argv;
    return argc == 1;
}

/* The command that a line begins with: its first word up to a blank, exactly. */
static const struct command *command_of(const char *text)
{
    char name[COMMAND_NAME_MAX];
    size_t length = 0;
    while (text_is_space(*text))
        text++;
    while (text[length] && !text_is_space(text[length]))
        length++;
    if (length >= sizeof name)
        return NULL;
    memcpy(name, text, length);
    name[length] = 0;
    return find(name);
}

/* False when the words are not such a line of the command's. */
static bool run_command(const struct command *command, char *text)
{
    char *argv[WORDS_MAX + 1];
    int argc = words_split(text, argv, WORDS_MAX);
    if (argc < 0 && command->fits)
        return false;
    if (argc == -1)
        kprintf("expected a closing quote, found the end of the line\n");
    else if (argc == -2)
        kprintf("expected at most %d words, found more\n", WORDS_MAX);
    if (argc <= 0)
        return true;
    argv[argc] = NULL;
    if (command->fits && !command->fits(argc, argv))
        return false;
    command->run(argc, argv);
    return true;
}

void console_execute(struct dialogue *dialogue, char *text)
{
    char sentence[LINE_MAX];
    const struct command *command = command_of(text);
    text_copy(sentence, sizeof sentence, text);
    if (command && run_command(command, text))
        dialogue->waits = DIALOGUE_NOTHING;
    else
        sentence_take(dialogue, sentence);
}

void console_execute_alone(struct dialogue *dialogue, char *line)
{
    mutex_take(&executing);
    console_execute(dialogue, line);
    mutex_give(&executing);
}

void console_answer(struct dialogue *dialogue, char *line, char *answer, size_t size)
{
    mutex_take(&executing);
    console_capture(answer, size);
    console_execute(dialogue, line);
    console_capture(NULL, 0);
    mutex_give(&executing);
}
