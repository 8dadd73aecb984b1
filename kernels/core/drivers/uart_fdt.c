/* The console's serial port from a device tree: /chosen stdout-path (Devicetree Specification 0.4, 3.6), then by
   its `compatible`. */
#include "fdt.h"
#include "string.h"
#include "text.h"
#include "uart.h"

static struct serial *attach_16550(const struct fdt *fdt, fdt_node node, uint64_t base, unsigned line)
{
    uint8_t shift = (uint8_t)fdt_u32(fdt, node, "reg-shift", 0);
    return uart16550_attach((struct io){.base = (uintptr_t)base, .shift = shift}, line);
}

static struct serial *attach_pl011(const struct fdt *fdt, fdt_node node, uint64_t base, unsigned line)
{
    (void)fdt, (void)node;
    return pl011_attach((uintptr_t)base, line);
}

static const struct {
    const char *compatible;
    struct serial *(*attach)(const struct fdt *fdt, fdt_node node, uint64_t base, unsigned line);
} known[] = {
    {"ns16550a", attach_16550},
    {"ns16550", attach_16550},
    {"arm,pl011", attach_pl011},
};

static unsigned interrupt_of(const struct fdt *fdt, fdt_node node)
{
    struct fdt_property p = fdt_property(fdt, node, "interrupts");
    uint32_t cells[4] = {0};
    unsigned count = MIN(p.size / 4, (uint32_t)ARRAY_LEN(cells));
    for (unsigned i = 0; i < count; i++)
        cells[i] = load_be32(p.data + 4 * i);
    return hal_irq_decode(cells, count);
}

struct serial *uart_attach_fdt(const struct fdt *fdt)
{
    const char *path = fdt_string(fdt, fdt_find(fdt, "/chosen"), "stdout-path");
    if (!path)
        return NULL;
    fdt_node parent = FDT_NONE, node = fdt_find_parent(fdt, path, &parent);
    uint64_t base, size;
    if (!node || !fdt_reg(fdt, parent, node, 0, &base, &size))
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if (fdt_compatible(fdt, node, known[i].compatible))
            return known[i].attach(fdt, node, base, interrupt_of(fdt, node));
    return NULL;
}
