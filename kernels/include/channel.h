/* Bounded channels: fixed-size messages from any number of senders to any number of receivers, first in, first out. */
#pragma once

#include "sync.h"

struct channel {
    struct lock lock;
    struct wait_queue senders, receivers;
    uint8_t *ring;
    size_t message_size, capacity, head, count; /* head: index of the oldest message */
    bool closed;
};

bool channel_open(struct channel *channel, size_t message_size, size_t capacity); /* false without memory */
/* Copy a message in or out, waiting for room or for a message until deadline_ns (0: not at all, UINT64_MAX: for ever).
   False at the deadline or when the channel is closed; a closed channel still gives out what is in it. A deadline of 0
   is safe in interrupt handlers. */
bool channel_send(struct channel *channel, const void *message, uint64_t deadline_ns);
bool channel_receive(struct channel *channel, void *message, uint64_t deadline_ns);
void channel_close(struct channel *channel); /* wakes everybody; sending fails from now on */
void channel_free(struct channel *channel);  /* nobody may be using it any more */
