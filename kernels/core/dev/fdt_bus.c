/* Devices from a flattened device tree: every node with a `compatible`, below the root or below a bus whose addresses
   are the processor's (Devicetree Specification 0.4, 2.3 and 4.5). */
#include "device.h"
#include "hal.h"
#include "string.h"
#include "text.h"

enum { BUS_DEPTH_MAX = 8, CELLS_MAX = 4 };

static void add_ids(const struct fdt *fdt, fdt_node node, struct device *device)
{
    struct fdt_property p = fdt_property(fdt, node, "compatible");
    for (uint32_t at = 0; at < p.size;) {
        size_t length = strnlen((const char *)p.data + at, p.size - at);
        if (at + length >= p.size)
            return;
        device_add_id(device, "%s", (const char *)p.data + at);
        at += (uint32_t)length + 1;
    }
}

/* `interrupts` in cells of the controller's #interrupt-cells, which the nearest interrupt-parent names. */
static void add_lines(const struct fdt *fdt, fdt_node node, uint32_t controller, struct device *device)
{
    struct fdt_property p = fdt_property(fdt, node, "interrupts");
    uint32_t per_line = fdt_u32(fdt, fdt_find_phandle(fdt, controller), "#interrupt-cells", 0);
    if (!per_line || per_line > CELLS_MAX)
        return;
    for (uint32_t at = 0; at + 4 * per_line <= p.size; at += 4 * per_line) {
        uint32_t cells[CELLS_MAX];
        for (uint32_t i = 0; i < per_line; i++)
            cells[i] = load_be32(p.data + at + 4 * i);
        device_add_line(device, hal_irq_decode(cells, per_line));
    }
}

static bool is_enabled(const struct fdt *fdt, fdt_node node)
{
    const char *status = fdt_string(fdt, node, "status");
    return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

static void scan(const struct fdt *fdt, fdt_node parent, uint32_t controller, struct device *above, int depth)
{
    controller = fdt_u32(fdt, parent, "interrupt-parent", controller);
    for (fdt_node node = fdt_child(fdt, parent); node; node = fdt_sibling(fdt, node)) {
        if (!fdt_property(fdt, node, "compatible").data || !is_enabled(fdt, node))
            continue;
        struct device *device = device_add(above, "%s", fdt_name(fdt, node));
        if (!device)
            return;
        uint64_t base, size;
        device->node = node;
        add_ids(fdt, node, device);
        for (unsigned i = 0; fdt_reg(fdt, parent, node, i, &base, &size); i++)
            device_add_range(device, base, size, false);
        add_lines(fdt, node, fdt_u32(fdt, node, "interrupt-parent", controller), device);
        if (device_has_id(device, "simple-bus") && depth < BUS_DEPTH_MAX)
            scan(fdt, node, controller, device, depth + 1);
    }
}

void fdt_bus_scan(const void *blob)
{
    struct fdt fdt;
    if (fdt_open(&fdt, blob, 16u << 20))
        scan(&fdt, fdt_root(&fdt), 0, device_root(), 0);
}
