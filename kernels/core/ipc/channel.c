/* Bounded channels (channel.h): a ring of messages and two lines of waiting threads. */
#include "channel.h"
#include "mm.h"
#include "panic.h"
#include "string.h"

bool channel_open(struct channel *channel, size_t message_size, size_t capacity)
{
    size_t bytes;
    *channel = (struct channel){.message_size = message_size, .capacity = capacity};
    ASSERT(message_size && capacity);
    if (__builtin_mul_overflow(message_size, capacity, &bytes))
        return false;
    channel->ring = kmalloc(bytes);
    return channel->ring != NULL;
}

static uint8_t *slot(struct channel *channel, size_t index)
{
    return channel->ring + index % channel->capacity * channel->message_size;
}

/* Sleeps until the channel is closed or no longer `stuck` at count; false at the deadline. The lock is held. */
static bool wait_while(struct channel *channel, size_t stuck, struct wait_queue *queue, uint64_t deadline_ns)
{
    while (channel->count == stuck && !channel->closed)
        if (!deadline_ns || !wait_sleep(queue, &channel->lock, deadline_ns))
            return channel->count != stuck;
    return true;
}

bool channel_send(struct channel *channel, const void *message, uint64_t deadline_ns)
{
    lock_take(&channel->lock);
    bool sent = wait_while(channel, channel->capacity, &channel->senders, deadline_ns) && !channel->closed;
    if (sent) {
        memcpy(slot(channel, channel->head + channel->count++), message, channel->message_size);
        wait_wake_one(&channel->receivers);
    }
    lock_give(&channel->lock);
    return sent;
}

bool channel_receive(struct channel *channel, void *message, uint64_t deadline_ns)
{
    lock_take(&channel->lock);
    bool received = wait_while(channel, 0, &channel->receivers, deadline_ns) && channel->count;
    if (received) {
        memcpy(message, slot(channel, channel->head), channel->message_size);
        channel->head = (channel->head + 1) % channel->capacity;
        channel->count--;
        wait_wake_one(&channel->senders);
    }
    lock_give(&channel->lock);
    return received;
}

void channel_close(struct channel *channel)
{
    lock_take(&channel->lock);
    channel->closed = true;
    wait_wake_all(&channel->senders);
    wait_wake_all(&channel->receivers);
    lock_give(&channel->lock);
}

void channel_free(struct channel *channel)
{
    ASSERT(!channel->senders.first && !channel->receivers.first);
    kfree(channel->ring);
    channel->ring = NULL;
}
