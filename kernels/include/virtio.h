/* Virtio devices, modern interface only (Virtual I/O Device Version 1.2, OASIS; sections below are its). A transport
   (MMIO, PCI) finds the device and adds a child with the id "virtio:<type>"; that type's driver uses what stands here. */
#pragma once

#include "device.h"

enum { VIRTIO_NET = 1, VIRTIO_BLOCK = 2, VIRTIO_CONSOLE = 3, VIRTIO_RNG = 4 };
#define VIRTIO_F_VERSION_1 (1ull << 32)

enum { VIRTIO_QUEUES = 4, VIRTIO_QUEUE_MAX = 256 };

struct virtio;

/* What a transport can do. */
struct virtio_transport {
    uint64_t (*features)(struct virtio *virtio);
    void (*accept)(struct virtio *virtio, uint64_t features);
    uint8_t (*status)(struct virtio *virtio);
    void (*set_status)(struct virtio *virtio, uint8_t status);
    unsigned (*queue_size)(struct virtio *virtio, unsigned index); /* the largest it allows; 0: no such queue */
    void (*queue_enable)(struct virtio *virtio, unsigned index, unsigned size, uintptr_t descriptors,
                         uintptr_t available, uintptr_t used);
    void (*notify)(struct virtio *virtio, unsigned index);
    void (*config)(struct virtio *virtio, unsigned offset, void *out, size_t size);
};

/* A split virtqueue (2.7). */
struct virtqueue {
    struct virtio *virtio;
    unsigned index, size, free_count;
    uint16_t free_head, used_seen, available_next;
    struct virtq_descriptor *descriptors;
    struct virtq_available *available;
    struct virtq_used *used;
    void **tokens;                  /* by the first descriptor of a chain */
    void (*done)(void *arg);        /* in interrupt context: buffers came back */
    void *arg;
};

struct virtio {
    const struct virtio_transport *transport;
    struct device *device;          /* the "virtio:<type>" one */
    uintptr_t base;                 /* the transport's registers */
    void *more;                     /* whatever else the transport keeps */
    uint64_t features;              /* agreed on */
    struct virtqueue queues[VIRTIO_QUEUES];
};

struct virtio_buffer {
    void *data;
    uint32_t size;
};

/* Resets the device and agrees on VERSION_1 and those of `wanted` that it offers; NULL, or why that failed. */
const char *virtio_begin(struct virtio *virtio, uint64_t wanted);
/* Sets up a queue of at most max entries; NULL when the device has none or memory ran out. */
struct virtqueue *virtio_queue(struct virtio *virtio, unsigned index, unsigned max, void (*done)(void *arg), void *arg);
void virtio_ready(struct virtio *virtio); /* after its queues are set up */
void virtio_end(struct virtio *virtio);   /* resets the device, which lets go of all memory; its queues are gone */
void virtio_config(struct virtio *virtio, unsigned offset, void *out, size_t size);
void virtio_interrupt(struct virtio *virtio); /* for transports: some queue has news */

/* Hands a chain to the device: `readable` buffers that it reads, then `writable` ones that it fills. False when the
   queue is full. token comes back from virtqueue_take. Callers keep two threads from doing this at once. */
bool virtqueue_add(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned readable, unsigned writable,
                   void *token);
void virtqueue_kick(struct virtqueue *queue);
void *virtqueue_take(struct virtqueue *queue, uint32_t *written); /* NULL when none came back */
