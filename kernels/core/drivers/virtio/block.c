/* Block device (virtio 1.2, 5.2): one request at a time. */
#include "block.h"
#include "mm.h"
#include "sync.h"
#include "virtio.h"

#define F_RO (1ull << 5)
#define F_FLUSH (1ull << 9)
enum { IN = 0, OUT = 1, FLUSH = 4, STATUS_OK = 0, STATUS_NONE = 0xff, CONFIG_CAPACITY = 0 };

struct disk {
    struct block_device block;
    struct virtio *virtio;
    struct virtqueue *queue;
    struct mutex busy;
    struct lock lock;
    struct wait_queue waiter;
    bool answered;
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    uint8_t status;
};

static void block_done(void *arg)
{
    struct disk *disk = arg;
    uint32_t written;
    lock_take(&disk->lock);
    while (virtqueue_take(disk->queue, &written)) {
        disk->answered = true;
        wait_wake_one(&disk->waiter);
    }
    lock_give(&disk->lock);
}

/* Header, data and status as one chain; the data is written by the device when reading. */
static bool request(struct disk *disk, uint32_t type, uint64_t sector, void *data, uint32_t size)
{
    mutex_take(&disk->busy);
    disk->header.type = type;
    disk->header.sector = sector;
    disk->status = STATUS_NONE;
    disk->answered = false;
    struct virtio_buffer chain[3] = {{&disk->header, sizeof disk->header}, {data, size}};
    unsigned count = size ? 2 : 1;
    chain[count] = (struct virtio_buffer){&disk->status, 1};
    unsigned readable = type == IN ? 1 : count;
    bool queued = virtqueue_add(disk->queue, chain, readable, count + 1 - readable, disk);
    if (queued) {
        virtqueue_kick(disk->queue);
        lock_take(&disk->lock);
        while (!disk->answered)
            wait_sleep(&disk->waiter, &disk->lock, UINT64_MAX);
        lock_give(&disk->lock);
    }
    bool ok = queued && disk->status == STATUS_OK;
    mutex_give(&disk->busy);
    return ok;
}

static bool transfer(struct block_device *device, bool write, uint64_t sector, void *data, uint32_t count)
{
    return request(CONTAINER_OF(device, struct disk, block), write ? OUT : IN, sector, data, count * SECTOR_SIZE);
}

static bool flush(struct block_device *device)
{
    struct disk *disk = CONTAINER_OF(device, struct disk, block);
    return !(disk->virtio->features & F_FLUSH) || request(disk, FLUSH, 0, NULL, 0);
}

static const char *block_probe(struct device *device)
{
    struct virtio *virtio = device->bus;
    const char *failure = virtio_begin(virtio, F_RO | F_FLUSH);
    if (failure)
        return failure;
    struct disk *disk = kzalloc(sizeof *disk);
    if (!disk)
        return "out of memory";
    disk->virtio = virtio;
    disk->queue = virtio_queue(virtio, 0, 16, block_done, disk);
    if (!disk->queue)
        return "has no queue";
    virtio_config(virtio, CONFIG_CAPACITY, &disk->block.sectors, sizeof disk->block.sectors);
    disk->block.read_only = virtio->features & F_RO;
    disk->block.transfer = transfer;
    disk->block.flush = flush;
    virtio_ready(virtio);
    block_register(&disk->block);
    device->state = disk;
    return NULL;
}
DRIVER(virtio_block, block_probe, "virtio:2");
