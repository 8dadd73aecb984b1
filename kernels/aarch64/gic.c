/* The interrupt controller: GICv2 (Arm IHI 0048B, chapter 4), found in the device tree. Lines are its INTIDs. */
#include "arm.h"
#include "fdt.h"
#include "io.h"
#include "mm.h"
#include "panic.h"

enum { GICD_CTLR = 0x000, GICD_TYPER = 0x004, GICD_ISENABLER = 0x100, GICD_ICENABLER = 0x180,
       GICD_IPRIORITYR = 0x400, GICD_ITARGETSR = 0x800, GICD_ICFGR = 0xc00 };
enum { GICC_CTLR = 0x00, GICC_PMR = 0x04, GICC_IAR = 0x0c, GICC_EOIR = 0x10 };
enum { FIRST_PRIVATE = 16, FIRST_SHARED = 32, NONE = 1020, PRIORITY = 0x80, LOWEST_PRIORITY = 0xff };
enum { CELL_SHARED = 0 };

static uintptr_t distributor, cpu_interface;
static unsigned lines;

void gic_setup(const struct fdt *fdt)
{
    static const char *const known[] = {"arm,cortex-a15-gic", "arm,gic-400"};
    uint64_t base, size;
    for (unsigned i = 0; i < ARRAY_LEN(known); i++) {
        fdt_node parent, node = fdt_find_compatible(fdt, known[i], &parent);
        if (!node)
            continue;
        if (fdt_reg(fdt, parent, node, 0, &base, &size))
            distributor = (uintptr_t)base;
        if (fdt_reg(fdt, parent, node, 1, &base, &size))
            cpu_interface = (uintptr_t)base;
    }
    if (!distributor || !cpu_interface)
        panic("boot: expected a GICv2 in the device tree, found none");
}

void hal_irq_init(void)
{
    io_map(distributor, 0x1000);
    io_map(cpu_interface, 0x1000);
    lines = ((mmio_read32(distributor + GICD_TYPER) & 0x1f) + 1) * 32;
    for (unsigned line = 0; line < lines; line += 32)
        mmio_write32(distributor + GICD_ICENABLER + line / 8, 0xffffffff);
    mmio_write32(cpu_interface + GICC_PMR, LOWEST_PRIORITY);
    mmio_write32(cpu_interface + GICC_CTLR, 1);
    mmio_write32(distributor + GICD_CTLR, 1);
    hal_irq_line(TIMER_LINE, true);
}

void hal_irq_line(unsigned line, bool enabled)
{
    ASSERT(line < lines);
    mmio_write8(distributor + GICD_IPRIORITYR + line, PRIORITY);
    if (line >= FIRST_SHARED)
        mmio_write8(distributor + GICD_ITARGETSR + line, 1); /* to processor 0 */
    mmio_write32(distributor + (enabled ? GICD_ISENABLER : GICD_ICENABLER) + line / 32 * 4, 1u << line % 32);
}

void hal_irq_trigger(unsigned line, bool level, bool low)
{
    (void)low; /* a GICv2 input is high or rising */
    if (line < FIRST_SHARED || line >= lines)
        return;
    uintptr_t word = distributor + GICD_ICFGR + line / 16 * 4;
    uint32_t edge = 2u << line % 16 * 2, bits = mmio_read32(word);
    mmio_write32(word, level ? bits & ~edge : bits | edge);
}

/* Devicetree binding arm,gic: <type number flags>, type 0 shared, 1 private. */
unsigned hal_irq_decode(const uint32_t *cells, unsigned count)
{
    if (count < 2)
        return 0;
    return cells[1] + (cells[0] == CELL_SHARED ? FIRST_SHARED : FIRST_PRIVATE);
}

void interrupt_entry(void)
{
    uint32_t taken = mmio_read32(cpu_interface + GICC_IAR), line = taken & 0x3ff;
    if (line >= NONE)
        return;
    mmio_write32(cpu_interface + GICC_EOIR, taken);
    if (line == TIMER_LINE)
        timer_raise();
    else
        irq_raise(line);
    interrupt_done();
}
