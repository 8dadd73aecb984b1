/* Clock and timer: the `time` counter (PRIV 3.2.1 through rdtime) and SBI's set_timer (SBI chapter 6). */
#include "fdt.h"
#include "panic.h"
#include "riscv.h"
#include "timer.h"

enum { SBI_EXT_TIME = 0x54494d45 };

static uint64_t frequency, start_count;

void clock_setup(const struct fdt *fdt)
{
    frequency = fdt_u32(fdt, fdt_find(fdt, "/cpus"), "timebase-frequency", 0);
    if (!frequency)
        panic("boot: expected /cpus timebase-frequency in the device tree, found none");
}

void hal_time_init(void)
{
    start_count = READ_CSR(time);
}

uint64_t hal_time_ns(void)
{
    uint64_t count = READ_CSR(time) - start_count;
    return count / frequency * NS_PER_S + count % frequency * NS_PER_S / frequency;
}

void hal_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        CLEAR_CSR(sie, SIE_TIMER);
        return;
    }
    uint64_t count = deadline_ns / NS_PER_S * frequency + deadline_ns % NS_PER_S * frequency / NS_PER_S;
    sbi_call(SBI_EXT_TIME, 0, (long)(start_count + count + 1), 0); /* rounded up: never early */
    SET_CSR(sie, SIE_TIMER);
}
