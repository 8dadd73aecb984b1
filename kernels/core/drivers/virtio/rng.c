/* Entropy device (virtio 1.2, 5.4): stirs 32 bytes into the generator when it starts. */
#include "random.h"
#include "virtio.h"

static uint8_t bytes[32];

static void rng_done(void *arg)
{
    uint32_t written;
    while (virtqueue_take(arg, &written))
        random_stir(bytes, MIN(written, (uint32_t)sizeof bytes), written >= sizeof bytes);
}

static const char *rng_probe(struct device *device)
{
    struct virtio *virtio = device->bus;
    const char *failure = virtio_begin(virtio, 0);
    if (failure)
        return failure;
    struct virtqueue *queue = virtio_queue(virtio, 0, 4, rng_done, &virtio->queues[0]);
    if (!queue)
        return "has no queue";
    virtio_ready(virtio);
    virtqueue_add(queue, &(struct virtio_buffer){bytes, sizeof bytes}, 0, 1, bytes);
    virtqueue_kick(queue);
    return NULL;
}

static void rng_remove(struct device *device)
{
    virtio_end(device->bus);
}
DRIVER_REMOVABLE(virtio_rng, rng_probe, rng_remove, "virtio:4");
