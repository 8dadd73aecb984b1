/* lspci: the PCI functions, their ids, addresses and interrupt lines. */
#include "console.h"
#include "device.h"
#include "print.h"
#include "text.h"

static void lspci(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (const struct device *device = device_root(); device; device = device_next((struct device *)(uintptr_t)device)) {
        if (!device->id_count || !text_starts(device->ids[0], "pci:"))
            continue;
        kprintf("%s %s %s", device->name, device->ids[0] + 4, device->id_count > 1 ? device->ids[1] + 4 : "");
        for (unsigned i = 0; i < device->line_count; i++)
            kprintf(" line %u", device->lines[i]);
        for (unsigned i = 0; i < device->range_count; i++)
            kprintf(" %s %#llx+%#llx", device->ranges[i].port ? "port" : "memory",
                    (unsigned long long)device->ranges[i].base, (unsigned long long)device->ranges[i].size);
        kprintf("\n");
    }
}
COMMAND(lspci, "list the PCI functions", lspci);
