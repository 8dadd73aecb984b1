/* The clock is the TSC, the timer the local APIC's; both are calibrated once against the PIT (Intel 8254 data sheet),
   whose frequency alone is fixed by the platform. */
#include "panic.h"
#include "timer.h"
#include "x86.h"

enum { PIT_CHANNEL0 = 0x40, PIT_COMMAND = 0x43, PIT_RATE_GENERATOR = 0x34, PIT_LATCH0 = 0x00 };
enum { PIT_HZ = 1193182, CALIBRATE_TICKS = PIT_HZ / 1000, SPIN_MAX = 1000000, SHIFT = 24 };

static uint64_t tsc_start;
static uint64_t ns_per_tsc;     /* fixed point, SHIFT bits of fraction */
static uint64_t timer_per_ns;   /* likewise */

/* A PIT count and the TSC and APIC timer at that moment. */
struct sample {
    uint16_t pit;
    uint32_t apic;
    uint64_t tsc;
};

static struct sample take_sample(void)
{
    struct sample sample;
    out8(PIT_COMMAND, PIT_LATCH0);
    sample.tsc = read_tsc();
    sample.apic = apic_timer_left();
    sample.pit = in8(PIT_CHANNEL0);
    sample.pit |= (uint16_t)(in8(PIT_CHANNEL0) << 8);
    return sample;
}

void hal_time_init(void)
{
    out8(PIT_COMMAND, PIT_RATE_GENERATOR);
    out8(PIT_CHANNEL0, 0); /* counts 65536 down to 1, again and again */
    out8(PIT_CHANNEL0, 0);
    apic_timer_start(UINT32_MAX);
    struct sample first = take_sample(), last;
    tsc_start = first.tsc;
    int spin = 0;
    do
        last = take_sample();
    while ((uint16_t)(first.pit - last.pit) < CALIBRATE_TICKS && ++spin < SPIN_MAX);
    apic_timer_start(0);
    uint64_t ns = (uint16_t)(first.pit - last.pit) * NS_PER_S / PIT_HZ, tsc = last.tsc - first.tsc;
    if (spin == SPIN_MAX || !tsc || first.apic == last.apic)
        panic("clock: expected the PIT to count %d ticks, found %u", CALIBRATE_TICKS,
              (unsigned)(uint16_t)(first.pit - last.pit));
    ns_per_tsc = (ns << SHIFT) / tsc;
    timer_per_ns = ((uint64_t)(first.apic - last.apic) << SHIFT) / ns;
}

uint64_t hal_time_ns(void)
{
    return (uint64_t)((unsigned __int128)(read_tsc() - tsc_start) * ns_per_tsc >> SHIFT);
}

void hal_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        apic_timer_start(0);
        return;
    }
    uint64_t now = hal_time_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
    unsigned __int128 ticks = ((unsigned __int128)left * timer_per_ns >> SHIFT) + 1;
    apic_timer_start(ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks); /* early is fine: timer_raise sets it again */
}
