/* UDP (RFC 768): ports with handlers. */
#include "net_internal.h"
#include "random.h"

enum { UDP_HEADER = 8, EPHEMERAL = 49152, PORT_UNREACHABLE = 3 };

static struct udp_binding *bindings;

static struct udp_binding *udp_find(uint16_t port)
{
    for (struct udp_binding *binding = bindings; binding; binding = binding->next)
        if (binding->port == port)
            return binding;
    return NULL;
}

bool udp_bind(struct udp_binding *binding, uint16_t port)
{
    for (int tries = 0; !port && tries < 100; tries++) {
        uint16_t random = (uint16_t)(EPHEMERAL + random_u32() % (65536 - EPHEMERAL));
        port = udp_find(random) ? 0 : random;
    }
    if (!port || udp_find(port))
        return false;
    binding->port = port;
    binding->next = bindings;
    bindings = binding;
    return true;
}

void udp_unbind(struct udp_binding *binding)
{
    struct udp_binding **at = &bindings;
    while (*at && *at != binding)
        at = &(*at)->next;
    if (*at)
        *at = binding->next;
}

void udp_input(const struct ip_info *ip, struct packet *packet)
{
    uint8_t *h = packet->data;
    size_t size = packet->length >= UDP_HEADER ? load_be16(h + 4) : 0;
    bool valid = size >= UDP_HEADER && size <= packet->length;
    if (valid && load_be16(h + 6)) /* a checksum of 0 is none */
        valid = !checksum(ip_pseudo_sum(ip->from, ip->to, IP_UDP, size), h, size);
    if (valid) {
        struct udp_binding *binding = udp_find(load_be16(h + 2));
        if (binding)
            binding->receive(binding->arg, ip, load_be16(h), h + UDP_HEADER, size - UDP_HEADER);
        else if (ip->device->address)
            icmp_unreachable(ip, PORT_UNREACHABLE, h - IP_HEADER, packet->length + IP_HEADER);
    }
    packet_free(packet);
}

static struct packet *build(ip4 from, uint16_t from_port, ip4 to, uint16_t port, const void *data, size_t size)
{
    struct packet *packet = packet_new();
    if (!packet || !packet_append(packet, data, size)) {
        packet_free(packet);
        return NULL;
    }
    uint8_t *h = packet_push(packet, UDP_HEADER);
    store_be16(h, from_port);
    store_be16(h + 2, port);
    store_be16(h + 4, (uint16_t)packet->length);
    store_be16(h + 6, 0);
    uint16_t sum = checksum(ip_pseudo_sum(from, to, IP_UDP, packet->length), packet->data, packet->length);
    store_be16(h + 6, sum ? sum : 0xffff);
    return packet;
}

bool udp_send_on(struct net_device *device, ip4 from, uint16_t from_port, ip4 to, uint16_t port, const void *data,
                 size_t size)
{
    struct packet *packet = build(from, from_port, to, port, data, size);
    return packet && ip_output_on(device, packet, from, to, IP_UDP);
}

bool udp_send(uint16_t from_port, ip4 to, uint16_t port, const void *data, size_t size)
{
    struct packet *packet = build(ip_source(to), from_port, to, port, data, size);
    return packet && ip_output(packet, to, IP_UDP);
}
