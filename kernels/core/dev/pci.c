/* PCI functions (pci.h): scanning a host bridge's buses, giving out addresses where no firmware has, capabilities.
   Bridges are followed to the bus number that firmware gave them; buses are not numbered here. */
#include "pci.h"
#include "io.h"
#include "mm.h"
#include "print.h"

enum { COMMAND_WORD = 0x04, REVISION_CLASS = 0x08, HEADER_TYPE = 0x0e, BAR0 = 0x10, SECONDARY_BUS = 0x19,
       STATUS = 0x06, CAPABILITIES = 0x34, INTERRUPT_PIN = 0x3d };
enum { COMMAND_PORT = 1, COMMAND_MEMORY = 2, COMMAND_MASTER = 4, COMMAND_NO_INTERRUPT = 1 << 10 };
enum { STATUS_CAPABILITIES = 0x10, HEADER_MANY = 0x80, HEADER_NORMAL = 0, HEADER_BRIDGE = 1, NO_FUNCTION = 0xffff };
enum { BAR_PORT = 1, BAR_WIDE = 4, HEADER_END = 0x40, DEPTH_MAX = 8 };
enum { BUS_SIZE = PCI_SLOTS * PCI_FUNCTIONS * PCI_CONFIG_SIZE, MAP_STEP = 2 << 20 };
#define BAR_SIZE_MAX (1ull << 32)

uint8_t pci_read8(const struct pci_function *function, unsigned offset) { return mmio_read8(function->config + offset); }
uint16_t pci_read16(const struct pci_function *function, unsigned offset)
{
    return *(volatile uint16_t *)(function->config + offset);
}
uint32_t pci_read32(const struct pci_function *function, unsigned offset)
{
    return mmio_read32(function->config + offset);
}
static void write16(const struct pci_function *function, unsigned offset, uint16_t value)
{
    *(volatile uint16_t *)(function->config + offset) = value;
}

unsigned pci_capability(const struct pci_function *function, uint8_t kind, unsigned after)
{
    if (!(pci_read16(function, STATUS) & STATUS_CAPABILITIES))
        return 0;
    bool passed = !after;
    uint64_t seen = 0; /* one bit for each place: a list that bites its tail ends there */
    unsigned at = pci_read8(function, CAPABILITIES) & ~3u;
    for (; at >= HEADER_END && !(seen >> at / 4 & 1); seen |= 1ull << at / 4, at = pci_read8(function, at + 1) & ~3u) {
        if (passed && pci_read8(function, at) == kind)
            return at;
        passed = passed || at == after;
    }
    return 0;
}

void pci_enable(const struct pci_function *function)
{
    uint16_t command = pci_read16(function, COMMAND_WORD) & (uint16_t)~COMMAND_NO_INTERRUPT;
    write16(function, COMMAND_WORD, command | COMMAND_MEMORY | COMMAND_MASTER);
}

uintptr_t pci_map(const struct pci_function *function, unsigned bar, uint64_t offset, uint64_t size)
{
    if (bar >= PCI_BARS || !size)
        return 0;
    const struct device_range *range = &function->bars[bar];
    if (range->port || offset > range->size || size > range->size - offset)
        return 0;
    return io_map(range->base + offset, size);
}

/* -- Addresses (PCI 6.2.5.1) ------------------------------------------------------------------------------ */

/* How many address bits the BAR keeps when all ones are written; its size follows. 0: there is no BAR. */
static uint64_t measure(const struct pci_function *function, unsigned offset, bool wide, uint64_t *address)
{
    uintptr_t at = function->config + offset;
    uint32_t low = mmio_read32(at), high = wide ? mmio_read32(at + 4) : 0;
    uint32_t flags = low & BAR_PORT ? 3 : 15;
    mmio_write32(at, UINT32_MAX);
    if (wide)
        mmio_write32(at + 4, UINT32_MAX);
    uint64_t kept = mmio_read32(at) & ~flags;
    kept |= wide ? (uint64_t)mmio_read32(at + 4) << 32 : kept ? 0xffffffff00000000ull : 0;
    mmio_write32(at, low);
    if (wide)
        mmio_write32(at + 4, high);
    *address = ((uint64_t)high << 32 | low) & ~(uint64_t)flags;
    return kept & -kept; /* the lowest bit that can be set */
}

/* A place in the host's window, aligned to its own size; false when none is left. */
static bool give(struct pci_host *host, const struct pci_function *function, unsigned offset, bool wide, uint64_t size,
                 uint64_t *address)
{
    struct pci_window *window = &host->memory;
    uint64_t used = (window->next + size - 1) & ~(size - 1);
    if (used < window->next || used - window->base > window->size || size > window->size - (used - window->base))
        return false;
    uint64_t bus = used - window->base + window->bus;
    if (!wide && bus + size - 1 > UINT32_MAX)
        return false;
    window->next = used + size;
    mmio_write32(function->config + offset, (uint32_t)bus);
    if (wide)
        mmio_write32(function->config + offset + 4, (uint32_t)(bus >> 32));
    *address = used;
    return true;
}

/* Firmware's own assignment, on machines where bus and processor see the same: anywhere but in RAM. */
static bool is_placed(uint64_t address, uint64_t size)
{
    unsigned flags;
    return address && address + size > address && !((address + size - 1) >> hal_vm_bits) &&
           (!vm_lookup((uintptr_t)address, &flags) || (flags & VM_DEVICE));
}

static void read_bars(struct pci_host *host, struct pci_function *function, unsigned count)
{
    uint16_t command = pci_read16(function, COMMAND_WORD);
    write16(function, COMMAND_WORD, command & (uint16_t)~(COMMAND_MEMORY | COMMAND_PORT)); /* deaf while it is measured */
    for (unsigned i = 0; i < count; i++) {
        unsigned offset = BAR0 + 4 * i;
        uint32_t kind = pci_read32(function, offset) & 15;
        bool port = kind & BAR_PORT, wide = !port && (kind & 6) == BAR_WIDE && i + 1 < count;
        uint64_t address, size = measure(function, offset, wide, &address);
        bool placed = size && size <= BAR_SIZE_MAX;
        if (placed && !port)
            placed = host->memory.size ? give(host, function, offset, wide, size, &address) : is_placed(address, size);
        if (placed && address) {
            function->bars[i] = (struct device_range){address, size, port};
            device_add_range(function->device, address, size, port);
        }
        i += wide;
    }
    write16(function, COMMAND_WORD, command);
}

/* -- Scanning --------------------------------------------------------------------------------------------- */

/* Configuration space is mapped a block at a time: a bridge may stand for 256 MiB of it. */
static uintptr_t config_of(struct pci_host *host, unsigned bus, unsigned slot, unsigned number)
{
    uintptr_t at = host->ecam + (uintptr_t)(bus - host->first_bus) * BUS_SIZE + (slot << 15) + (number << 12);
    uintptr_t end = host->ecam + (uintptr_t)(host->last_bus - host->first_bus + 1) * BUS_SIZE;
    while (host->mapped <= at) {
        uintptr_t step = MIN((uintptr_t)MAP_STEP, end - host->mapped);
        io_map(host->mapped, step);
        host->mapped += step;
    }
    return at;
}

static void add_line(struct pci_host *host, struct pci_function *function)
{
    unsigned line, pin = pci_read8(function, INTERRUPT_PIN);
    if (pin >= 1 && pin <= 4 && host->line && host->line(host, function, pin, &line) && line < 256)
        device_add_line(function->device, line);
}

static struct pci_function *add_function(struct pci_host *host, struct device *above, unsigned bus, unsigned slot,
                                         unsigned number)
{
    struct pci_function *function = kzalloc(sizeof *function);
    struct device *device = function ? device_add(above, "%02x:%02x.%u", bus, slot, number) : NULL;
    if (!device)
        return NULL;
    *function = (struct pci_function){.device = device, .host = host, .bus = (uint8_t)bus, .slot = (uint8_t)slot,
                                      .number = (uint8_t)number, .config = config_of(host, bus, slot, number)};
    uint32_t class = pci_read32(function, REVISION_CLASS);
    device_add_id(device, "pci:%04x:%04x", pci_read16(function, PCI_VENDOR), pci_read16(function, PCI_DEVICE));
    device_add_id(device, "pci-class:%02x:%02x", class >> 24, class >> 16 & 0xff);
    device->bus = function;
    add_line(host, function);
    return function;
}

static void scan_bus(struct pci_host *host, struct device *above, unsigned bus, int depth);

static void scan_function(struct pci_host *host, struct device *above, unsigned bus, unsigned slot, unsigned number,
                          int depth)
{
    struct pci_function *function = add_function(host, above, bus, slot, number);
    if (!function)
        return;
    unsigned header = pci_read8(function, HEADER_TYPE) & ~HEADER_MANY;
    if (header == HEADER_NORMAL)
        read_bars(host, function, PCI_BARS);
    if (header != HEADER_BRIDGE)
        return;
    unsigned below = pci_read8(function, SECONDARY_BUS);
    if (below > bus && below <= host->last_bus && depth < DEPTH_MAX)
        scan_bus(host, function->device, below, depth + 1);
    else
        function->device->failure = "has no bus number";
}

static void scan_bus(struct pci_host *host, struct device *above, unsigned bus, int depth)
{
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
        struct pci_function first = {.config = config_of(host, bus, slot, 0)};
        if (pci_read16(&first, PCI_VENDOR) == NO_FUNCTION)
            continue;
        unsigned count = pci_read8(&first, HEADER_TYPE) & HEADER_MANY ? PCI_FUNCTIONS : 1;
        for (unsigned number = 0; number < count; number++) {
            struct pci_function each = {.config = config_of(host, bus, slot, number)};
            if (pci_read16(&each, PCI_VENDOR) != NO_FUNCTION)
                scan_function(host, above, bus, slot, number, depth);
        }
    }
}

void pci_scan(struct pci_host *host)
{
    host->memory.next = MAX(host->memory.next, host->memory.base);
    if (!host->memory.next)
        host->memory.next = PAGE_SIZE; /* an address of 0 means none */
    scan_bus(host, host->device, host->first_bus, 0);
}
