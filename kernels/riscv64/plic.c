/* The interrupt controller: the platform-level one (RISC-V PLIC specification 1.0.0), found in the device tree.
   Lines are its sources. */
#include "fdt.h"
#include "io.h"
#include "mm.h"
#include "panic.h"
#include "riscv.h"
#include "text.h"

enum { PRIORITY = 0, ENABLE = 0x2000, ENABLE_STRIDE = 0x80, CONTEXT = 0x200000, CONTEXT_STRIDE = 0x1000,
       THRESHOLD = 0, CLAIM = 4, SUPERVISOR_EXTERNAL = 9 };

static uintptr_t base;
static unsigned context, sources;

/* The phandle of a hart's own interrupt controller, which the PLIC's contexts name. */
static uint32_t hart_phandle(const struct fdt *fdt, uint64_t hart)
{
    fdt_node cpus = fdt_find(fdt, "/cpus");
    uint64_t id, size;
    for (fdt_node cpu = fdt_child(fdt, cpus); cpu; cpu = fdt_sibling(fdt, cpu))
        if (fdt_reg(fdt, cpus, cpu, 0, &id, &size) && id == hart)
            for (fdt_node child = fdt_child(fdt, cpu); child; child = fdt_sibling(fdt, child))
                if (fdt_compatible(fdt, child, "riscv,cpu-intc"))
                    return fdt_u32(fdt, child, "phandle", 0);
    return 0;
}

void plic_setup(const struct fdt *fdt, uint64_t hart)
{
    uint64_t address, size;
    fdt_node parent, node = fdt_find_compatible(fdt, "riscv,plic0", &parent);
    if (!node || !fdt_reg(fdt, parent, node, 0, &address, &size))
        panic("boot: expected a PLIC in the device tree, found none");
    base = (uintptr_t)address;
    sources = fdt_u32(fdt, node, "riscv,ndev", 0) + 1;
    struct fdt_property p = fdt_property(fdt, node, "interrupts-extended"); /* context n: <phandle cause> */
    uint32_t phandle = hart_phandle(fdt, hart);
    for (unsigned i = 0; 8 * (i + 1) <= p.size; i++)
        if (load_be32(p.data + 8 * i) == phandle && load_be32(p.data + 8 * i + 4) == SUPERVISOR_EXTERNAL)
            context = i;
}

void hal_irq_init(void)
{
    io_map(base, CONTEXT + (context + 1) * CONTEXT_STRIDE);
    for (unsigned source = 1; source < sources; source++)
        hal_irq_line(source, false);
    mmio_write32(base + CONTEXT + context * CONTEXT_STRIDE + THRESHOLD, 0);
    SET_CSR(sie, SIE_EXTERNAL);
}

void hal_irq_line(unsigned line, bool enabled)
{
    ASSERT(line && line < sources);
    uintptr_t word = base + ENABLE + context * ENABLE_STRIDE + line / 32 * 4;
    uint32_t bit = 1u << line % 32, bits = mmio_read32(word);
    mmio_write32(base + PRIORITY + 4 * line, 1);
    mmio_write32(word, enabled ? bits | bit : bits & ~bit);
}

void hal_irq_trigger(unsigned line, bool level, bool low)
{
    (void)line, (void)level, (void)low; /* the gateway of each source is wired for it */
}

unsigned hal_irq_decode(const uint32_t *cells, unsigned count)
{
    return count ? cells[0] : 0;
}

void plic_take(void)
{
    uintptr_t claim = base + CONTEXT + context * CONTEXT_STRIDE + CLAIM;
    for (uint32_t line; (line = mmio_read32(claim));) {
        irq_raise(line);
        mmio_write32(claim, line);
    }
}
