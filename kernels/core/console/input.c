/* The console's input (console.h): a ring of characters filled from the serial device's interrupt, and the loop that
   reads a line from it and runs it. */
#include "console.h"
#include "line.h"
#include "print.h"
#include "sync.h"

enum { INPUT_MAX = 256 };
static const char prompt[] = "auton> ";

static struct lock lock;
static struct wait_queue readers;
static char input[INPUT_MAX];
static unsigned written, taken; /* free-running; their difference is what waits */

void console_input(char c)
{
    lock_take(&lock);
    if (written - taken < INPUT_MAX)
        input[written++ % INPUT_MAX] = c;
    wait_wake_one(&readers);
    lock_give(&lock);
}

char console_read(void)
{
    lock_take(&lock);
    while (written == taken)
        wait_sleep(&readers, &lock, UINT64_MAX);
    char c = input[taken++ % INPUT_MAX];
    lock_give(&lock);
    return c;
}

void console_run(void)
{
    static struct line line = {.echo = console_write, .prompt = prompt};
    static struct dialogue dialogue;
    kprintf("console ready\n");
    for (;;) {
        kprintf("%s", prompt);
        line_begin(&line);
        while (!line_feed(&line, console_read()))
            ;
        console_execute_alone(&dialogue, line.text);
    }
}
