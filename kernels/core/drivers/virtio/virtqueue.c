/* Split virtqueues (virtio 1.2, 2.7). The device is trusted no further than the ring: an index or an id that it
   returns is checked before it is used. */
#include "mm.h"
#include "string.h"
#include "virtio.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, NO_INTERRUPT = 1, NO_NOTIFY = 1 };

struct virtq_descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};
struct virtq_available {
    uint16_t flags, index, ring[];
};
struct virtq_used {
    uint16_t flags, index;
    struct {
        uint32_t id, written;
    } ring[];
};

/* The three parts in one block, each at the alignment of 2.7: 16, 2 and 4 bytes. */
static bool allocate(struct virtqueue *queue)
{
    size_t descriptors = 16u * queue->size, available = ALIGN_UP(6u + 2u * queue->size, 8);
    char *block = kzalloc(descriptors + available + 6 + 8u * queue->size);
    queue->tokens = kzalloc(queue->size * sizeof *queue->tokens);
    if (!block || !queue->tokens) {
        kfree(block);
        kfree(queue->tokens);
        return false;
    }
    queue->descriptors = (void *)block;
    queue->available = (void *)(block + descriptors);
    queue->used = (void *)(block + descriptors + available);
    for (unsigned i = 0; i < queue->size; i++)
        queue->descriptors[i].next = (uint16_t)(i + 1);
    queue->free_count = queue->size;
    return true;
}

struct virtqueue *virtio_queue(struct virtio *virtio, unsigned index, unsigned max, void (*done)(void *arg), void *arg)
{
    unsigned size = index < VIRTIO_QUEUES ? virtio->transport->queue_size(virtio, index) : 0;
    if (!size)
        return NULL;
    size = MIN(MIN(size, max), (unsigned)VIRTIO_QUEUE_MAX);
    while (size & (size - 1)) /* a power of two */
        size &= size - 1;
    struct virtqueue *queue = &virtio->queues[index];
    *queue = (struct virtqueue){.virtio = virtio, .index = index, .size = size, .done = done, .arg = arg};
    if (!allocate(queue))
        return NULL;
    queue->available->flags = done ? 0 : NO_INTERRUPT;
    virtio->transport->queue_enable(virtio, index, size, (uintptr_t)queue->descriptors, (uintptr_t)queue->available,
                                    (uintptr_t)queue->used);
    return queue;
}

bool virtqueue_add(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned readable, unsigned writable,
                   void *token)
{
    unsigned count = readable + writable;
    if (!count || count > queue->free_count)
        return false;
    uint16_t first = queue->free_head, at = first;
    for (unsigned i = 0; i < count; i++) {
        struct virtq_descriptor *d = &queue->descriptors[at];
        d->address = (uintptr_t)buffers[i].data;
        d->size = buffers[i].size;
        d->flags = (uint16_t)((i + 1 < count ? DESC_NEXT : 0) | (i >= readable ? DESC_WRITE : 0));
        at = d->next; /* free descriptors are linked already */
    }
    queue->free_head = at;
    queue->free_count -= count;
    queue->tokens[first] = token;
    queue->available->ring[queue->available_next++ % queue->size] = first;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint16_t *)&queue->available->index = queue->available_next;
    return true;
}

void virtqueue_kick(struct virtqueue *queue)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(*(volatile uint16_t *)&queue->used->flags & NO_NOTIFY)) /* else it looks by itself: 2.7.10 */
        queue->virtio->transport->notify(queue->virtio, queue->index);
}

void *virtqueue_take(struct virtqueue *queue, uint32_t *written)
{
    while (*(volatile uint16_t *)&queue->used->index != queue->used_seen) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        uint32_t id = queue->used->ring[queue->used_seen % queue->size].id;
        *written = queue->used->ring[queue->used_seen++ % queue->size].written;
        void *token = id < queue->size ? queue->tokens[id] : NULL;
        if (!token)
            continue; /* not one of ours: drop it */
        queue->tokens[id] = NULL;
        uint16_t last = (uint16_t)id;
        unsigned count = 1;
        for (; queue->descriptors[last].flags & DESC_NEXT; count++)
            last = queue->descriptors[last].next;
        queue->descriptors[last].next = queue->free_head;
        queue->free_head = (uint16_t)id;
        queue->free_count += count;
        return token;
    }
    return NULL;
}
