/* What all virtio devices have in common: the handshake (virtio 1.2, 3.1.1), their configuration, their interrupt. */
#include "virtio.h"
#include "hal.h"
#include "mm.h"

enum { ACKNOWLEDGE = 1, DRIVER_FOUND = 2, DRIVER_OK = 4, FEATURES_OK = 8, RESET_SPIN = 100000 };

const char *virtio_begin(struct virtio *virtio, uint64_t wanted)
{
    const struct virtio_transport *transport = virtio->transport;
    transport->set_status(virtio, 0);
    for (int spin = 0; transport->status(virtio); spin++)
        if (spin == RESET_SPIN)
            return "does not come out of reset";
    transport->set_status(virtio, ACKNOWLEDGE | DRIVER_FOUND);
    uint64_t offered = transport->features(virtio);
    if (!(offered & VIRTIO_F_VERSION_1))
        return "speaks the legacy interface only";
    virtio->features = offered & (wanted | VIRTIO_F_VERSION_1);
    transport->accept(virtio, virtio->features);
    transport->set_status(virtio, ACKNOWLEDGE | DRIVER_FOUND | FEATURES_OK);
    return transport->status(virtio) & FEATURES_OK ? NULL : "refuses the features it offered";
}

void virtio_ready(struct virtio *virtio)
{
    virtio->transport->set_status(virtio, ACKNOWLEDGE | DRIVER_FOUND | FEATURES_OK | DRIVER_OK);
}

void virtio_end(struct virtio *virtio)
{
    bool interrupts = hal_irq_save();
    virtio->transport->set_status(virtio, 0);
    for (int spin = 0; virtio->transport->status(virtio) && spin < RESET_SPIN; spin++)
        ;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        kfree(virtio->queues[i].descriptors); /* one block with the other two parts */
        kfree(virtio->queues[i].tokens);
        virtio->queues[i] = (struct virtqueue){0};
    }
    hal_irq_restore(interrupts);
}

void virtio_config(struct virtio *virtio, unsigned offset, void *out, size_t size)
{
    virtio->transport->config(virtio, offset, out, size);
}

void virtio_interrupt(struct virtio *virtio)
{
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        if (virtio->queues[i].done)
            virtio->queues[i].done(virtio->queues[i].arg);
}
