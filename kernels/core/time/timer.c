/* One-shot timers in a list ordered by deadline (timer.h). The list is touched with interrupts off only. */
#include "timer.h"
#include "hal.h"

static struct timer *first;
static uint64_t hardware_ns = UINT64_MAX; /* what it is set for: never later than the first deadline */

static void set_hardware(uint64_t deadline_ns)
{
    hardware_ns = deadline_ns;
    hal_timer_set(deadline_ns);
}

void timer_start(struct timer *timer, uint64_t deadline_ns, void (*fire)(void *arg), void *arg)
{
    bool interrupts = hal_irq_save();
    timer_cancel(timer);
    *timer = (struct timer){.deadline_ns = deadline_ns, .fire = fire, .arg = arg, .armed = true};
    struct timer **at = &first;
    while (*at && (*at)->deadline_ns <= deadline_ns)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
    if (deadline_ns < hardware_ns) /* one set too early costs an interrupt, and setting it costs as much */
        set_hardware(deadline_ns);
    hal_irq_restore(interrupts);
}

bool timer_cancel(struct timer *timer)
{
    bool interrupts = hal_irq_save();
    bool was_armed = false;
    for (struct timer **at = &first; *at; at = &(*at)->next) {
        if (*at != timer)
            continue;
        *at = timer->next;
        timer->armed = false;
        was_armed = true;
        break;
    }
    hal_irq_restore(interrupts);
    return was_armed;
}

void timer_raise(void)
{
    while (first && first->deadline_ns <= hal_time_ns()) {
        struct timer *due = first;
        first = due->next;
        due->armed = false;
        due->fire(due->arg);
    }
    set_hardware(first ? first->deadline_ns : UINT64_MAX);
}
