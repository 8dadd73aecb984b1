/* libFuzzer: any bytes as the configuration spaces of a bus's first functions, scanned and searched for capabilities. */
#include "pci.h"
#include "mm.h"
#include "string.h"

void host_init(void);

enum { BUS_SIZE = 1 << 20, SLOTS = 4, HEADER = 256 };

static _Alignas(4096) uint8_t buses[2 * BUS_SIZE];

static bool any_line(const struct pci_host *host, const struct pci_function *function, unsigned pin, unsigned *line)
{
    (void)host;
    *line = pci_read8(function, 0x3c) + pin;
    return true;
}

static void look(struct device *above)
{
    for (struct device *device = above->child; device; device = device->sibling) {
        for (unsigned at = 0; (at = pci_capability(device->bus, PCI_CAPABILITY_VENDOR, at));)
            pci_map(device->bus, pci_read8(device->bus, at + 4), pci_read32(device->bus, at + 8),
                    pci_read32(device->bus, at + 12));
        look(device);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    if (!begun) {
        host_init();
        begun = true;
    }
    for (unsigned bus = 0; bus < 2; bus++)
        for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
            for (unsigned number = 0; number < PCI_FUNCTIONS; number++)
                memset(buses + bus * BUS_SIZE + (slot << 15) + (number << 12), 0xff, 4);
    for (unsigned i = 0; i < 2 * SLOTS && size; i++) {
        size_t part = size < HEADER ? size : HEADER;
        memcpy(buses + i / SLOTS * BUS_SIZE + (i % SLOTS << 15), data, part);
        data += part;
        size -= part;
    }
    struct pci_host host = {.ecam = (uintptr_t)buses, .mapped = UINTPTR_MAX, .last_bus = 1, .line = any_line,
                            .memory = {.base = 1 << 20, .size = 1 << 20, .bus = 1 << 16}};
    host.device = device_add(device_root(), "bus");
    pci_scan(&host);
    look(host.device);
    device_remove(host.device);
    return 0;
}
