/* Interrupt controllers: the local APIC and its timer (SDM vol. 3, chapter 10) and the I/O APIC (Intel 82093AA data
   sheet, 3.2), both where every PC has them. The old PIC is masked. */
#include "io.h"
#include "mm.h"
#include "panic.h"
#include "x86.h"

enum { LAPIC_BASE = 0xfee00000u, LAPIC_EOI = 0xb0, LAPIC_SPURIOUS = 0xf0, LAPIC_TIMER = 0x320,
       LAPIC_TIMER_START = 0x380, LAPIC_TIMER_LEFT = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0 };
enum { LAPIC_ENABLE = 0x100, DIVIDE_BY_1 = 0xb };
enum { IOAPIC_BASE = 0xfec00000u, IOAPIC_VERSION = 1, IOAPIC_ROUTES = 0x10, ROUTE_MASKED = 1 << 16,
       ROUTE_LEVEL = 1 << 15, ROUTE_LOW = 1 << 13, ISA_LINES = 16, LINES_MAX = 192 };

static unsigned lines;              /* inputs of the I/O APIC */
static uint32_t trigger[LINES_MAX]; /* ROUTE_LEVEL and ROUTE_LOW of each */

static void lapic_write(unsigned offset, uint32_t value) { mmio_write32(LAPIC_BASE + offset, value); }

static uint32_t ioapic_read(unsigned index)
{
    mmio_write32(IOAPIC_BASE, index);
    return mmio_read32(IOAPIC_BASE + 0x10);
}

static void ioapic_write(unsigned index, uint32_t value)
{
    mmio_write32(IOAPIC_BASE, index);
    mmio_write32(IOAPIC_BASE + 0x10, value);
}

void hal_irq_init(void)
{
    io_map(LAPIC_BASE, PAGE_SIZE);
    io_map(IOAPIC_BASE, PAGE_SIZE);
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    lapic_write(LAPIC_SPURIOUS, LAPIC_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_TIMER, VECTOR_TIMER);
    lines = MIN((ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1, (unsigned)LINES_MAX);
    for (unsigned line = 0; line < lines; line++) {
        hal_irq_trigger(line, line >= ISA_LINES, line >= ISA_LINES); /* until a table says otherwise */
        hal_irq_line(line, false);
    }
}

void hal_irq_trigger(unsigned line, bool level, bool low)
{
    if (line < lines)
        trigger[line] = (level ? ROUTE_LEVEL : 0) | (low ? ROUTE_LOW : 0);
}

void hal_irq_line(unsigned line, bool enabled)
{
    ASSERT(line < lines && VECTOR_LINES + line < VECTOR_TIMER);
    uint32_t route = (VECTOR_LINES + line) | trigger[line] | (enabled ? 0 : ROUTE_MASKED);
    ioapic_write(IOAPIC_ROUTES + 2 * line + 1, 0); /* to processor 0 */
    ioapic_write(IOAPIC_ROUTES + 2 * line, route);
}

unsigned hal_irq_decode(const uint32_t *cells, unsigned count)
{
    return count ? cells[0] : 0; /* no device tree here; a single cell is the line */
}

void apic_end_of_interrupt(void) { lapic_write(LAPIC_EOI, 0); }
uint32_t apic_timer_left(void) { return mmio_read32(LAPIC_BASE + LAPIC_TIMER_LEFT); }
void apic_timer_start(uint32_t ticks) { lapic_write(LAPIC_TIMER_START, ticks); }
