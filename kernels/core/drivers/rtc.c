/* Clocks that know the time of day, read once:
   - MC146818 in port space ("CMOS"): Motorola MC146818 data sheet, "Registers"; the register D and century as PCs have them
   - PL031: Arm PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224C, 3.3
   - goldfish: QEMU's docs/specs and hw/rtc/goldfish_rtc.c: nanoseconds in two halves, the low one first */
#include "device.h"
#include "hal.h"
#include "io.h"
#include "mm.h"
#include "timer.h"
#include "wall.h"

/* -- MC146818 --------------------------------------------------------------------------------------------- */

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11, CENTURY = 0x32 };
enum { UPDATING = 0x80, HOURS_24 = 2, BINARY = 4, PM = 0x80, TRIES = 100, SPIN_MAX = 100000 };

static uint8_t cmos(uint16_t port, uint8_t index)
{
    hal_port_write8(port, index);
    return hal_port_read8(port + 1);
}

static unsigned number(uint8_t value, bool binary) { return binary ? value : (value >> 4) * 10u + (value & 15); }

static struct calendar read_once(uint16_t port)
{
    for (int spin = 0; (cmos(port, STATUS_A) & UPDATING) && spin < SPIN_MAX; spin++)
        ;
    uint8_t form = cmos(port, STATUS_B), hour = cmos(port, HOURS);
    bool binary = form & BINARY;
    struct calendar at = {
        .year = number(cmos(port, YEAR), binary),
        .month = number(cmos(port, MONTH), binary),
        .day = number(cmos(port, DAY), binary),
        .hour = number(hour & (form & HOURS_24 ? 0xff : 0x7f), binary),
        .minute = number(cmos(port, MINUTES), binary),
        .second = number(cmos(port, SECONDS), binary),
    };
    if (!(form & HOURS_24))
        at.hour = at.hour % 12 + (hour & PM ? 12 : 0);
    unsigned century = number(cmos(port, CENTURY), binary);
    at.year += 100 * (century >= 19 && century <= 99 ? century : 20);
    return at;
}

static const char *probe_mc146818(struct device *device)
{
    if (!device->range_count || !device->ranges[0].port)
        return "has no ports";
    uint16_t port = (uint16_t)device->ranges[0].base;
    uint64_t first, again = 0;
    for (int i = 0; i < TRIES; i++) { /* twice the same: not read in the middle of an update */
        struct calendar a = read_once(port), b = read_once(port);
        if (!wall_from_calendar(&a, &first) || !wall_from_calendar(&b, &again))
            return "tells no date";
        if (first == again)
            break;
    }
    wall_set(again);
    return NULL;
}
DRIVER(rtc_mc146818, probe_mc146818, "motorola,mc146818");

/* -- PL031 and goldfish ----------------------------------------------------------------------------------- */

static const char *probe_pl031(struct device *device)
{
    if (!device->range_count)
        return "has no registers";
    wall_set(mmio_read32(io_map(device->ranges[0].base, 0x1000)));
    return NULL;
}
DRIVER(rtc_pl031, probe_pl031, "arm,pl031");

static const char *probe_goldfish(struct device *device)
{
    if (!device->range_count)
        return "has no registers";
    uintptr_t base = io_map(device->ranges[0].base, 0x1000);
    uint32_t low = mmio_read32(base); /* keeps the high half still */
    wall_set(((uint64_t)mmio_read32(base + 4) << 32 | low) / NS_PER_S);
    return NULL;
}
DRIVER(rtc_goldfish, probe_goldfish, "google,goldfish-rtc");
