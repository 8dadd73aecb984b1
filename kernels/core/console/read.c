/* The console's input (console.h): filled from the serial devices' interrupts, and the loop that reads a line from it and
   runs it. */
#include "console.h"
#include "input.h"
#include "line.h"
#include "print.h"
#include "sync.h"

static const char prompt[] = "auton> ";

static struct lock lock;
static struct wait_queue readers;
static struct input input;

bool console_wants(void)
{
    lock_take(&lock);
    bool wants = input_wants(&input);
    lock_give(&lock);
    return wants;
}

void console_input(char c)
{
    lock_take(&lock);
    input_put(&input, c);
    wait_wake_one(&readers);
    lock_give(&lock);
}

char console_read(void)
{
    bool ask_again;
    lock_take(&lock);
    while (!input_waits(&input))
        wait_sleep(&readers, &lock, UINT64_MAX);
    char c = input_take(&input, &ask_again);
    lock_give(&lock);
    if (ask_again)
        console_resume();
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
