/* Network device (virtio 1.2, 5.1): one queue each way, no offloads. A packet's headroom holds the virtio header. */
#include "mm.h"
#include "net.h"
#include "string.h"
#include "virtio.h"

#define F_MAC (1ull << 5)
#define F_STATUS (1ull << 16)
enum { RECEIVE = 0, TRANSMIT = 1, QUEUE_SIZE = 128, HEADER = 12, FRAME_MAX = 1514, CONFIG_MAC = 0, CONFIG_STATUS = 6, LINK_UP = 1 };

struct card {
    struct net_device net;
    struct virtio *virtio;
    struct virtqueue *receive, *transmit;
    struct lock lock; /* of the transmit queue */
};

/* Gives the device empty packets until its queue is full or memory is short. */
static void refill(struct card *card)
{
    for (struct packet *packet; (packet = packet_new());) {
        packet->data -= HEADER;
        struct virtio_buffer buffer = {packet->data, HEADER + FRAME_MAX};
        if (!virtqueue_add(card->receive, &buffer, 0, 1, packet)) {
            packet_free(packet);
            break;
        }
    }
    virtqueue_kick(card->receive);
}

static void received(void *arg)
{
    struct card *card = arg;
    uint32_t written;
    bool any = false;
    for (struct packet *packet; (packet = virtqueue_take(card->receive, &written)); any = true) {
        packet->length = MIN(written, (uint32_t)(HEADER + FRAME_MAX));
        if (packet_pull(packet, HEADER))
            net_received(&card->net, packet);
        else
            packet_free(packet);
    }
    if (any)
        refill(card);
}

static void free_sent(struct card *card)
{
    uint32_t written;
    for (struct packet *packet; (packet = virtqueue_take(card->transmit, &written));)
        packet_free(packet);
}

static bool send(struct net_device *device, struct packet *packet)
{
    struct card *card = CONTAINER_OF(device, struct card, net);
    memset(packet_push(packet, HEADER), 0, HEADER);
    lock_take(&card->lock);
    free_sent(card);
    struct virtio_buffer buffer = {packet->data, (uint32_t)packet->length};
    bool queued = virtqueue_add(card->transmit, &buffer, 1, 0, packet);
    if (queued)
        virtqueue_kick(card->transmit);
    lock_give(&card->lock);
    if (!queued) {
        device->dropped++;
        packet_free(packet);
    }
    return queued;
}

static bool has_link(struct net_device *device)
{
    uint16_t status = 0;
    virtio_config(CONTAINER_OF(device, struct card, net)->virtio, CONFIG_STATUS, &status, sizeof status);
    return status & LINK_UP;
}

static const char *net_probe(struct device *device)
{
    struct virtio *virtio = device->bus;
    const char *failure = virtio_begin(virtio, F_MAC | F_STATUS);
    if (failure)
        return failure;
    if (!(virtio->features & F_MAC))
        return "has no address";
    struct card *card = kzalloc(sizeof *card);
    if (!card)
        return "out of memory";
    card->virtio = virtio;
    card->net.send = send;
    card->net.link = virtio->features & F_STATUS ? has_link : NULL;
    virtio_config(virtio, CONFIG_MAC, card->net.mac, MAC_SIZE);
    card->receive = virtio_queue(virtio, RECEIVE, QUEUE_SIZE, received, card);
    card->transmit = virtio_queue(virtio, TRANSMIT, QUEUE_SIZE, NULL, NULL);
    if (!card->receive || !card->transmit)
        return "lacks a queue";
    virtio_ready(virtio);
    device->state = card;
    refill(card);
    net_register(&card->net);
    return NULL;
}
DRIVER(virtio_net, net_probe, "virtio:1");
