/* Clock and timer: the generic timer's virtual counter and its comparator (ARM D11). */
#include "arm.h"
#include "timer.h"

enum { CTL_ENABLE = 1, CTL_OFF = 0 };

static uint64_t start_count, frequency;

void hal_time_init(void)
{
    frequency = READ_SYSREG(cntfrq_el0);
    start_count = READ_SYSREG(cntvct_el0);
    WRITE_SYSREG(cntv_ctl_el0, CTL_OFF);
}

uint64_t hal_time_ns(void)
{
    uint64_t count = READ_SYSREG(cntvct_el0) - start_count;
    return count / frequency * NS_PER_S + count % frequency * NS_PER_S / frequency;
}

void hal_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        WRITE_SYSREG(cntv_ctl_el0, CTL_OFF);
        return;
    }
    uint64_t count = deadline_ns / NS_PER_S * frequency + deadline_ns % NS_PER_S * frequency / NS_PER_S;
    WRITE_SYSREG(cntv_cval_el0, start_count + count + 1); /* rounded up: never early */
    WRITE_SYSREG(cntv_ctl_el0, CTL_ENABLE);
}
