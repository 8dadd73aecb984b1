/* Sentences about the machine as a whole: its logs, its threads, its release, leaving it. */
#include "action.h"
#include "console.h"
#include "hal.h"
#include "log.h"
#include "power.h"
#include "print.h"
#include "sched.h"
#include "server.h"
#include "string.h"
#include "text.h"
#include "version.h"

enum { LINES_SHOWN = 20, THREADS_SHOWN = 100 };

static bool has_text(const char *line, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at + length <= size; at++)
        if (!memcmp(line + at, text, length))
            return true;
    return false;
}

/* The start of the last `lines` lines that hold `about`; a line that does not is passed over. */
static unsigned print_lines(const char *text, size_t size, const char *about, unsigned skip)
{
    unsigned found = 0;
    for (size_t at = 0, end; at < size; at = end) {
        for (end = at; end < size && text[end] != '\n'; end++)
            ;
        end += end < size;
        if (about && !has_text(text + at, end - at, about))
            continue;
        if (found++ >= skip && skip != UINT32_MAX)
            console_write(text + at, end - at);
    }
    return found;
}

static void show_logs(const struct action *action)
{
    static char text[LOG_SIZE];
    uint64_t at = 0;
    size_t size = log_read(&kernel_log, &at, text, sizeof text);
    const struct server *server = action->role.given ? server_find(action->role.text) : NULL;
    const char *about = server ? server->service : action->word.given ? action->word.text : NULL;
    unsigned lines = print_lines(text, size, about, UINT32_MAX);
    if (!lines)
        kprintf(about ? "The log says nothing about '%s'.\n" : "The log is empty%s.\n", about ? about : "");
    else
        print_lines(text, size, about, lines > LINES_SHOWN ? lines - LINES_SHOWN : 0);
}
ACTION(SYSTEM_MANAGE, logs, "show the log", show_logs);

struct thread_line {
    char name[THREAD_NAME_MAX];
    enum thread_class class;
    enum thread_state state;
    uint64_t run_ns;
};

/* All of one moment: a thread may end while a line is printed. */
static unsigned list_threads(struct thread_line *lines, unsigned max)
{
    unsigned count = 0;
    bool interrupts = hal_irq_save();
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next, count++)
        if (count < max) {
            lines[count] = (struct thread_line){.class = thread->class, .state = thread->state, .run_ns = thread->run_ns};
            text_copy(lines[count].name, THREAD_NAME_MAX, thread->name);
        }
    hal_irq_restore(interrupts);
    return count;
}

static void show_processes(const struct action *action)
{
    static const char *const states[] = {"is ready to run", "runs now", "waits", "has finished"};
    static struct thread_line lines[THREADS_SHOWN];
    (void)action;
    unsigned count = list_threads(lines, THREADS_SHOWN);
    for (unsigned i = 0; i < MIN(count, (unsigned)THREADS_SHOWN); i++)
        kprintf("The thread %s (%s) %s; it ran for %llu ms.\n", lines[i].name, thread_class_name(lines[i].class),
                states[lines[i].state], (unsigned long long)(lines[i].run_ns / NS_PER_MS));
    kprintf("There are %u threads.\n", count);
}
ACTION(SYSTEM_MANAGE, processes, "list the threads", show_processes);

static void show_version(const struct action *action)
{
    (void)action;
    kprintf("This is auton %s on %s.\n", AUTON_VERSION, hal_arch);
}
ACTION(SYSTEM_MANAGE, version, "tell the version", show_version);

static void show_users(const struct action *action)
{
    (void)action;
    kprintf("There are no users and no passwords here: whoever sits at this console owns the machine.\n");
}
ACTION(SYSTEM_MANAGE, users, "tell who is here", show_users);

static bool warn_poweroff(const struct action *action)
{
    (void)action;
    kprintf("This stops everything, and switches the machine off.\n");
    return true;
}

static void switch_off(const struct action *action)
{
    (void)action;
    kprintf("Switching off.\n");
    power_off();
}
ACTION(SYSTEM_MANAGE, poweroff, "switch the machine off", switch_off, .changes = true, .warn = warn_poweroff);
