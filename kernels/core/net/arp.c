/* Address resolution (RFC 826). A small table of neighbours; while one is being asked for, the newest packet to it
   waits. An answer is believed only if it was asked for or the neighbour is known already. */
#include "net_internal.h"
#include "string.h"

enum { NEIGHBOURS = 32, ARP_TRIES = 4, ARP_SIZE = 28, ARP_REQUEST = 1, ARP_REPLY = 2 };
#define RETRY_NS (500 * NS_PER_MS)
#define FRESH_NS (60 * NS_PER_S)

static struct neighbour {
    struct net_device *device;  /* NULL: unused */
    ip4 address;
    uint8_t mac[MAC_SIZE];
    bool known;
    unsigned tries;
    uint64_t since_ns;          /* known: when it was learnt; else: when it was last asked for */
    struct packet *waiting;
} neighbours[NEIGHBOURS];
static struct net_timer retry;

static struct neighbour *arp_find(const struct net_device *device, ip4 address)
{
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        if (neighbours[i].device == device && neighbours[i].address == address)
            return &neighbours[i];
    return NULL;
}

static void forget(struct neighbour *neighbour)
{
    if (neighbour->waiting)
        packet_free(neighbour->waiting);
    *neighbour = (struct neighbour){0};
}

/* A free record, or the one that was left alone longest. */
static struct neighbour *make_room(void)
{
    struct neighbour *oldest = &neighbours[0];
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (!neighbours[i].device)
            return &neighbours[i];
        if (neighbours[i].since_ns < oldest->since_ns)
            oldest = &neighbours[i];
    }
    forget(oldest);
    return oldest;
}

static void arp_send(struct net_device *device, uint16_t operation, const uint8_t to_mac[MAC_SIZE], ip4 to)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, MAC_SIZE, 4}; /* Ethernet, IPv4 */
    struct packet *packet = packet_new();
    uint8_t *body = packet ? packet_append(packet, NULL, ARP_SIZE) : NULL;
    if (!body)
        return;
    memcpy(body, fixed, sizeof fixed);
    store_be16(body + 6, operation);
    memcpy(body + 8, device->mac, MAC_SIZE);
    store_be32(body + 14, device->address);
    memset(body + 18, 0, MAC_SIZE);
    if (to_mac)
        memcpy(body + 18, to_mac, MAC_SIZE);
    store_be32(body + 24, to);
    ethernet_output(device, packet, to_mac, ETHERTYPE_ARP);
}

static void ask_again(void *arg)
{
    bool more = false;
    uint64_t now = hal_time_ns();
    (void)arg;
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct neighbour *n = &neighbours[i];
        if (!n->device || n->known)
            continue;
        if (n->tries >= ARP_TRIES) {
            forget(n);
            continue;
        }
        n->tries++;
        n->since_ns = now;
        arp_send(n->device, ARP_REQUEST, NULL, n->address);
        more = true;
    }
    if (more)
        net_timer_set(&retry, now + RETRY_NS, ask_again, NULL);
}

bool arp_output(struct net_device *device, struct packet *packet, ip4 address)
{
    if (address == IP4_BROADCAST || address == (device->address | ~device->mask))
        return ethernet_output(device, packet, NULL, ETHERTYPE_IP);
    struct neighbour *n = arp_find(device, address);
    if (n && n->known && hal_time_ns() - n->since_ns < FRESH_NS)
        return ethernet_output(device, packet, n->mac, ETHERTYPE_IP);
    if (!n) {
        n = make_room();
        *n = (struct neighbour){.device = device, .address = address};
    }
    if (n->known || !n->tries) {
        n->known = false;
        n->tries = 1;
        n->since_ns = hal_time_ns();
        arp_send(device, ARP_REQUEST, NULL, address);
        net_timer_set(&retry, n->since_ns + RETRY_NS, ask_again, NULL);
    }
    if (n->waiting)
        packet_free(n->waiting);
    n->waiting = packet;
    return true;
}

bool arp_knows(const struct net_device *device, ip4 address)
{
    const struct neighbour *n = arp_find(device, address);
    return n && n->known && hal_time_ns() - n->since_ns < FRESH_NS;
}

static void learn(struct neighbour *n, const uint8_t *mac)
{
    memcpy(n->mac, mac, MAC_SIZE);
    n->known = true;
    n->tries = 0;
    n->since_ns = hal_time_ns();
    struct packet *waiting = n->waiting;
    n->waiting = NULL;
    if (waiting)
        ethernet_output(n->device, waiting, n->mac, ETHERTYPE_IP);
}

void arp_input(struct net_device *device, struct packet *packet)
{
    const uint8_t *body = packet_pull(packet, ARP_SIZE);
    if (body && load_be16(body) == 1 && load_be16(body + 2) == ETHERTYPE_IP && body[4] == MAC_SIZE && body[5] == 4) {
        ip4 sender = load_be32(body + 14), target = load_be32(body + 24);
        struct neighbour *n = arp_find(device, sender);
        bool for_us = device->address && target == device->address;
        if (!n && for_us && sender && load_be16(body + 6) == ARP_REQUEST) { /* it will want an answer from us soon */
            n = make_room();
            *n = (struct neighbour){.device = device, .address = sender};
        }
        if (n)
            learn(n, body + 8);
        if (for_us && load_be16(body + 6) == ARP_REQUEST)
            arp_send(device, ARP_REPLY, body + 8, sender);
    }
    packet_free(packet);
}
