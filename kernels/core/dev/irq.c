/* Device interrupts: a table from line to handler (irq.h). */
#include "irq.h"
#include "hal.h"
#include "panic.h"

static struct handler {
    void (*run)(void *arg);
    void *arg;
} handlers[IRQ_LINES];
static uint64_t spurious;

void irq_register(unsigned line, void (*run)(void *arg), void *arg)
{
    ASSERT(line < IRQ_LINES && !handlers[line].run);
    handlers[line] = (struct handler){run, arg};
    hal_irq_line(line, true);
}

void irq_raise(unsigned line)
{
    if (line < IRQ_LINES && handlers[line].run)
        handlers[line].run(handlers[line].arg);
    else
        spurious++;
}

uint64_t irq_spurious(void)
{
    return spurious;
}
