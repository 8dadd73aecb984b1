/* Device interrupts: a table from line to its handlers (irq.h). */
#include "irq.h"
#include "hal.h"
#include "panic.h"

enum { HANDLERS_MAX = 64 };

static struct handler {
    struct handler *next; /* of the same line */
    void (*run)(void *arg);
    void *arg;
} handlers[HANDLERS_MAX];
static unsigned handler_count;
static struct handler *lines[IRQ_LINES];
static uint64_t spurious;

void irq_register(unsigned line, void (*run)(void *arg), void *arg)
{
    ASSERT(line < IRQ_LINES && handler_count < HANDLERS_MAX);
    bool interrupts = hal_irq_save();
    struct handler *handler = &handlers[handler_count++];
    *handler = (struct handler){lines[line], run, arg};
    lines[line] = handler;
    hal_irq_line(line, true);
    hal_irq_restore(interrupts);
}

void irq_raise(unsigned line)
{
    const struct handler *handler = line < IRQ_LINES ? lines[line] : NULL;
    if (!handler)
        spurious++;
    for (; handler; handler = handler->next)
        handler->run(handler->arg);
}

uint64_t irq_spurious(void)
{
    return spurious;
}
