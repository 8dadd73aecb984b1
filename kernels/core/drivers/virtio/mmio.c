/* Virtio over MMIO (virtio 1.2, 4.2): version 2 registers. */
#include "io.h"
#include "irq.h"
#include "mm.h"
#include "virtio.h"

enum { MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
       DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034,
       QUEUE_NUM = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064,
       STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0, CONFIG = 0x100 };
enum { MAGIC_VALUE = 0x74726976, MODERN = 2 };

static uint32_t get(struct virtio *virtio, unsigned offset) { return mmio_read32(virtio->base + offset); }
static void put(struct virtio *virtio, unsigned offset, uint32_t value) { mmio_write32(virtio->base + offset, value); }

static void put64(struct virtio *virtio, unsigned offset, uint64_t value)
{
    put(virtio, offset, (uint32_t)value);
    put(virtio, offset + 4, (uint32_t)(value >> 32));
}

static uint64_t features(struct virtio *virtio)
{
    put(virtio, DEVICE_FEATURES_SEL, 1);
    uint64_t high = get(virtio, DEVICE_FEATURES);
    put(virtio, DEVICE_FEATURES_SEL, 0);
    return high << 32 | get(virtio, DEVICE_FEATURES);
}

static void accept(struct virtio *virtio, uint64_t agreed)
{
    put(virtio, DRIVER_FEATURES_SEL, 1);
    put(virtio, DRIVER_FEATURES, (uint32_t)(agreed >> 32));
    put(virtio, DRIVER_FEATURES_SEL, 0);
    put(virtio, DRIVER_FEATURES, (uint32_t)agreed);
}

static uint8_t status(struct virtio *virtio) { return (uint8_t)get(virtio, STATUS); }
static void set_status(struct virtio *virtio, uint8_t value) { put(virtio, STATUS, value); }

static unsigned queue_size(struct virtio *virtio, unsigned index)
{
    put(virtio, QUEUE_SEL, index);
    return get(virtio, QUEUE_READY) ? 0 : get(virtio, QUEUE_NUM_MAX);
}

static void queue_enable(struct virtio *virtio, unsigned index, unsigned size, uintptr_t descriptors,
                         uintptr_t available, uintptr_t used)
{
    put(virtio, QUEUE_SEL, index);
    put(virtio, QUEUE_NUM, size);
    put64(virtio, QUEUE_DESC, descriptors);
    put64(virtio, QUEUE_DRIVER, available);
    put64(virtio, QUEUE_DEVICE, used);
    put(virtio, QUEUE_READY, 1);
}

static void notify(struct virtio *virtio, unsigned index) { put(virtio, QUEUE_NOTIFY, index); }

static void config(struct virtio *virtio, unsigned offset, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = mmio_read8(virtio->base + CONFIG + offset + i);
}

static const struct virtio_transport mmio = {features,   accept,       status, set_status,
                                             queue_size, queue_enable, notify, config};

static void interrupt(void *arg)
{
    struct virtio *virtio = arg;
    put(virtio, INTERRUPT_ACK, get(virtio, INTERRUPT_STATUS));
    virtio_interrupt(virtio);
}

static const char *mmio_probe(struct device *device)
{
    if (!device->range_count || !device->line_count)
        return "has no registers or no interrupt";
    uintptr_t base = io_map(device->ranges[0].base, device->ranges[0].size);
    if (mmio_read32(base + MAGIC) != MAGIC_VALUE)
        return "is no virtio device";
    uint32_t type = mmio_read32(base + DEVICE_ID);
    if (!type)
        return "empty";
    if (mmio_read32(base + VERSION) != MODERN)
        return "speaks the legacy interface only";
    struct virtio *virtio = kzalloc(sizeof *virtio);
    struct device *child = virtio ? device_add(device, "virtio-%u", type) : NULL;
    if (!child)
        return "out of memory";
    device_add_id(child, "virtio:%u", type);
    *virtio = (struct virtio){.transport = &mmio, .device = child, .base = base};
    child->bus = virtio;
    irq_register(device->lines[0], interrupt, virtio);
    return NULL;
}
DRIVER(virtio_mmio, mmio_probe, "virtio,mmio");
