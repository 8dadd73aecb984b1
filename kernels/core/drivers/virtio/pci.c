/* Virtio over PCI (virtio 1.2, 4.1): the modern interface, which vendor capabilities describe (4.1.4). A transitional
   device has it too; its type stands in the subsystem id then (4.1.2.1). Interrupts are INTx (see drivers/pci/host.c). */
#include "io.h"
#include "irq.h"
#include "mm.h"
#include "pci.h"
#include "virtio.h"

enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_STEP = 16 };
enum { TYPE_COMMON = 1, TYPE_NOTIFY = 2, TYPE_ISR = 3, TYPE_DEVICE = 4, TYPES = 5 };
enum { FEATURE_SEL = 0, OFFERED = 4, ACCEPT_SEL = 8, ACCEPT = 12, DEVICE_STATUS = 20, QUEUE_SELECT = 22,
       QUEUE_ENTRIES = 24, QUEUE_ENABLE = 28, QUEUE_NOTIFY_AT = 30, QUEUE_DESCRIPTORS = 32, QUEUE_AVAILABLE = 40,
       QUEUE_USED = 48, COMMON_SIZE = 56 };
enum { MODERN_FIRST = 0x1040 };

struct pci_part {
    uintptr_t base;
    uint32_t size;
};
struct transport {
    struct pci_part part[TYPES];
    uint32_t notify_step;
    uintptr_t doorbell[VIRTIO_QUEUES];
};

static uintptr_t common(struct virtio *virtio) { return virtio->base; }
static uint16_t pci_get16(uintptr_t at) { return *(volatile uint16_t *)at; }
static void pci_put16(uintptr_t at, uint16_t value) { *(volatile uint16_t *)at = value; }

static void pci_put64(uintptr_t at, uint64_t value)
{
    mmio_write32(at, (uint32_t)value);
    mmio_write32(at + 4, (uint32_t)(value >> 32));
}

static uint64_t pci_features(struct virtio *virtio)
{
    mmio_write32(common(virtio) + FEATURE_SEL, 1);
    uint64_t high = mmio_read32(common(virtio) + OFFERED);
    mmio_write32(common(virtio) + FEATURE_SEL, 0);
    return high << 32 | mmio_read32(common(virtio) + OFFERED);
}

static void pci_accept(struct virtio *virtio, uint64_t agreed)
{
    mmio_write32(common(virtio) + ACCEPT_SEL, 1);
    mmio_write32(common(virtio) + ACCEPT, (uint32_t)(agreed >> 32));
    mmio_write32(common(virtio) + ACCEPT_SEL, 0);
    mmio_write32(common(virtio) + ACCEPT, (uint32_t)agreed);
}

static uint8_t pci_status(struct virtio *virtio) { return mmio_read8(common(virtio) + DEVICE_STATUS); }
static void pci_set_status(struct virtio *virtio, uint8_t value) { mmio_write8(common(virtio) + DEVICE_STATUS, value); }

static unsigned pci_queue_size(struct virtio *virtio, unsigned index)
{
    pci_put16(common(virtio) + QUEUE_SELECT, (uint16_t)index);
    return pci_get16(common(virtio) + QUEUE_ENABLE) ? 0 : pci_get16(common(virtio) + QUEUE_ENTRIES);
}

static void pci_queue_enable(struct virtio *virtio, unsigned index, unsigned size, uintptr_t descriptors,
                         uintptr_t available, uintptr_t used)
{
    struct transport *transport = virtio->more;
    const struct pci_part *pci_notify = &transport->part[TYPE_NOTIFY];
    pci_put16(common(virtio) + QUEUE_SELECT, (uint16_t)index);
    uint64_t at = (uint64_t)pci_get16(common(virtio) + QUEUE_NOTIFY_AT) * transport->notify_step;
    if (at + 2 > pci_notify->size) /* without a doorbell the queue stays off, and silent */
        return;
    transport->doorbell[index] = pci_notify->base + at;
    pci_put16(common(virtio) + QUEUE_ENTRIES, (uint16_t)size);
    pci_put64(common(virtio) + QUEUE_DESCRIPTORS, descriptors);
    pci_put64(common(virtio) + QUEUE_AVAILABLE, available);
    pci_put64(common(virtio) + QUEUE_USED, used);
    pci_put16(common(virtio) + QUEUE_ENABLE, 1);
}

static void pci_notify(struct virtio *virtio, unsigned index)
{
    uintptr_t doorbell = ((struct transport *)virtio->more)->doorbell[index];
    if (doorbell)
        pci_put16(doorbell, (uint16_t)index);
}

static void pci_config(struct virtio *virtio, unsigned offset, void *out, size_t size)
{
    const struct pci_part *part = &((struct transport *)virtio->more)->part[TYPE_DEVICE];
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = offset + i < part->size ? mmio_read8(part->base + offset + i) : 0;
}

static const struct virtio_transport pci_transport = {
    pci_features, pci_accept, pci_status, pci_set_status, pci_queue_size, pci_queue_enable, pci_notify, pci_config};

static void pci_interrupt(void *arg)
{
    struct virtio *virtio = arg;
    if (mmio_read8(((struct transport *)virtio->more)->part[TYPE_ISR].base)) /* reading quiets the line */
        virtio_interrupt(virtio);
}

/* The first capability of each type is the one that the device prefers (4.1.4). */
static void read_capabilities(const struct pci_function *function, struct transport *transport)
{
    for (unsigned at = 0; (at = pci_capability(function, PCI_CAPABILITY_VENDOR, at));) {
        unsigned type = pci_read8(function, at + CAP_TYPE), bar = pci_read8(function, at + CAP_BAR);
        uint32_t size = pci_read32(function, at + CAP_LENGTH);
        if (!type || type >= TYPES || transport->part[type].base)
            continue;
        uintptr_t base = pci_map(function, bar, pci_read32(function, at + CAP_OFFSET), size);
        transport->part[type] = (struct pci_part){base, base ? size : 0};
        if (type == TYPE_NOTIFY)
            transport->notify_step = pci_read32(function, at + CAP_NOTIFY_STEP);
    }
}

static const char *pci_probe(struct device *device)
{
    struct pci_function *function = device->bus;
    unsigned id = pci_read16(function, PCI_DEVICE);
    unsigned type = id >= MODERN_FIRST ? id - MODERN_FIRST : pci_read16(function, PCI_SUBSYSTEM);
    if (!device->line_count)
        return "has no pci_interrupt";
    struct virtio *virtio = kzalloc(sizeof *virtio);
    struct transport *transport = kzalloc(sizeof *transport);
    if (!virtio || !transport)
        return "out of memory";
    read_capabilities(function, transport);
    if (transport->part[TYPE_COMMON].size < COMMON_SIZE || !transport->part[TYPE_NOTIFY].base ||
        !transport->part[TYPE_ISR].base)
        return "speaks the legacy interface only";
    struct device *child = device_add(device, "virtio-%u", type);
    if (!child)
        return "out of memory";
    device_add_id(child, "virtio:%u", type);
    *virtio = (struct virtio){.transport = &pci_transport, .device = child, .base = transport->part[TYPE_COMMON].base,
                              .more = transport};
    child->bus = virtio;
    pci_enable(function);
    irq_register(device->lines[0], pci_interrupt, virtio);
    return NULL;
}
DRIVER(virtio_pci, pci_probe, "pci:1af4:1000", "pci:1af4:1001", "pci:1af4:1003", "pci:1af4:1005", "pci:1af4:1041",
       "pci:1af4:1042", "pci:1af4:1043", "pci:1af4:1044");
