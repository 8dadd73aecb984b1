/* PCI host bridges with ECAM: from a device tree ("PCI Bus Binding to IEEE 1275" 2.1, and Linux's binding
   pci-host-ecam-generic) or from ACPI's MCFG (PCI Firmware Specification 3.2, 4.1.2).

   Interrupts are INTx, by pin and line: the one way that every machine here has (one has no controller that takes
   messages, and 82540EM sends none). A device tree tells the wiring in `interrupt-map`; where ACPI is the firmware's
   tongue, its Interrupt Line register (PCI 6.2.4) does, since the wiring itself is written in AML. */
#include "acpi.h"
#include "hal.h"
#include "mm.h"
#include "pci.h"
#include "text.h"

enum { RANGE_CELLS = 7, SPACE_SHIFT = 24, SPACE_MASK = 3, SPACE_MEMORY = 2, CELLS_MAX = 4, INTERRUPT_LINE = 0x3c };
enum { BUS_SHIFT = 20, CHILD_CELLS = 4 /* address, then the pin */ };

/* -- Device tree ------------------------------------------------------------------------------------------ */

static uint32_t cell(struct fdt_property p, unsigned index) { return load_be32(p.data + 4 * index); }
static uint64_t cells2(struct fdt_property p, unsigned index)
{
    return (uint64_t)cell(p, index) << 32 | cell(p, index + 1);
}

/* The 32-bit memory window: <space address-high address-low> <cpu address> <size>. */
static void read_window(const struct fdt *fdt, fdt_node node, struct pci_window *window)
{
    struct fdt_property p = fdt_property(fdt, node, "ranges");
    for (unsigned at = 0; 4 * (at + RANGE_CELLS) <= p.size; at += RANGE_CELLS) {
        uint64_t bus = cells2(p, at + 1), base = cells2(p, at + 3), size = cells2(p, at + 5);
        if ((cell(p, at) >> SPACE_SHIFT & SPACE_MASK) == SPACE_MEMORY && size && base + size > base &&
            !((base + size - 1) >> hal_vm_bits) && bus + size - 1 <= UINT32_MAX)
            *window = (struct pci_window){base, size, bus, base};
    }
}

/* `interrupt-map`: rows of <address of 3 cells, pin> <controller> <its address> <its interrupt>, Devicetree 0.4, 2.4.3. */
static bool fdt_line(const struct pci_host *host, const struct pci_function *function, unsigned pin, unsigned *line)
{
    struct fdt fdt;
    if (!fdt_open(&fdt, boot_info()->fdt, 16u << 20))
        return false;
    struct fdt_property map = fdt_property(&fdt, host->device->node, "interrupt-map");
    struct fdt_property mask = fdt_property(&fdt, host->device->node, "interrupt-map-mask");
    uint32_t address = (uint32_t)(function->bus << 16 | function->slot << 11 | function->number << 8);
    if (mask.size < 4 * CHILD_CELLS)
        return false;
    for (unsigned at = 0; 4 * (at + CHILD_CELLS + 1) <= map.size;) {
        fdt_node controller = fdt_find_phandle(&fdt, cell(map, at + CHILD_CELLS));
        uint32_t skip = fdt_u32(&fdt, controller, "#address-cells", 0), count = fdt_u32(&fdt, controller, "#interrupt-cells", 0);
        unsigned parent = at + CHILD_CELLS + 1;
        if (skip > CELLS_MAX || !count || count > CELLS_MAX || 4 * (parent + skip + count) > map.size)
            return false;
        if (!((cell(map, at) ^ address) & cell(mask, 0)) && !((cell(map, at + 3) ^ pin) & cell(mask, 3))) {
            uint32_t cells[CELLS_MAX];
            for (unsigned i = 0; i < count; i++)
                cells[i] = cell(map, parent + skip + i);
            *line = hal_irq_decode(cells, count);
            return true;
        }
        at = parent + skip + count;
    }
    return false;
}

static void from_fdt(struct pci_host *host, fdt_node node)
{
    struct fdt fdt;
    host->line = fdt_line;
    if (!fdt_open(&fdt, boot_info()->fdt, 16u << 20))
        return;
    read_window(&fdt, node, &host->memory);
    struct fdt_property buses = fdt_property(&fdt, node, "bus-range");
    if (buses.size == 8)
        host->first_bus = (uint8_t)cell(buses, 0);
}

/* -- ACPI ------------------------------------------------------------------------------------------------- */

static bool firmware_line(const struct pci_host *host, const struct pci_function *function, unsigned pin, unsigned *line)
{
    (void)host, (void)pin;
    *line = acpi_line(pci_read8(function, INTERRUPT_LINE));
    return *line != ACPI_NO_LINE;
}

static const char *host_probe(struct device *device)
{
    struct device_range *range = device->ranges;
    if (!device->range_count || range->base % PAGE_SIZE || range->size < 1 << BUS_SHIFT)
        return "has no configuration space";
    if ((range->base + range->size - 1) >> hal_vm_bits || range->base + range->size < range->base)
        return "lies outside the address space";
    struct pci_host *host = kzalloc(sizeof *host);
    if (!host)
        return "out of memory";
    host->device = device;
    host->ecam = host->mapped = (uintptr_t)range->base;
    if (device->node)
        from_fdt(host, device->node);
    else
        host->line = firmware_line;
    uint64_t buses = MIN(range->size >> BUS_SHIFT, (uint64_t)(256 - host->first_bus));
    host->last_bus = (uint8_t)(host->first_bus + buses - 1);
    pci_scan(host);
    device->state = host;
    return NULL;
}
DRIVER(pci_host, host_probe, "pci-host-ecam-generic", "acpi:MCFG");
