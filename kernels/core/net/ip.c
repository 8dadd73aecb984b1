/* IPv4 (RFC 791): no options are sent, fragments are not reassembled, nothing is forwarded. */
#include "net_internal.h"
#include "string.h"

enum { VERSION_AND_LENGTH = 0x45, DONT_FRAGMENT = 0x4000, FRAGMENT_MASK = 0x3fff, TTL = 64 };

static uint16_t next_id;

struct net_device *ip_route(ip4 to, ip4 *next_hop)
{
    struct net_device *fallback = NULL;
    *next_hop = to;
    for (struct net_device *device = net_first(); device; device = device->next) {
        if (!device->address)
            continue;
        if ((to & device->mask) == (device->address & device->mask))
            return device;
        if (!fallback && device->gateway)
            fallback = device;
    }
    if (fallback)
        *next_hop = fallback->gateway;
    return fallback;
}

/* Is this address one of ours? Packets to it go through the loopback device. */
static bool is_ours(ip4 address)
{
    for (struct net_device *device = net_first(); device; device = device->next)
        if (device->address && device->address == address)
            return true;
    return false;
}

ip4 ip_source(ip4 to)
{
    ip4 next_hop;
    struct net_device *device = ip_route(to, &next_hop);
    return is_ours(to) ? to : device ? device->address : 0;
}

uint32_t ip_pseudo_sum(ip4 from, ip4 to, uint8_t protocol, size_t length)
{
    return (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + protocol + (uint32_t)length;
}

static void ip_push_header(struct packet *packet, ip4 from, ip4 to, uint8_t protocol)
{
    uint8_t *h = packet_push(packet, IP_HEADER);
    memset(h, 0, IP_HEADER);
    h[0] = VERSION_AND_LENGTH;
    store_be16(h + 2, (uint16_t)packet->length);
    store_be16(h + 4, next_id++);
    store_be16(h + 6, DONT_FRAGMENT);
    h[8] = TTL;
    h[9] = protocol;
    store_be32(h + 12, from);
    store_be32(h + 16, to);
    store_be16(h + 10, checksum(0, h, IP_HEADER));
}

bool ip_output_on(struct net_device *device, struct packet *packet, ip4 from, ip4 to, uint8_t protocol)
{
    if (packet->length + IP_HEADER > ETHERNET_MTU) {
        packet_free(packet);
        return false;
    }
    ip_push_header(packet, from, to, protocol);
    return device->raw ? device->send(device, packet) : arp_output(device, packet, to);
}

bool ip_output(struct packet *packet, ip4 to, uint8_t protocol)
{
    ip4 next_hop;
    struct net_device *device = ip_route(to, &next_hop);
    if (!device || packet->length + IP_HEADER > ETHERNET_MTU) {
        packet_free(packet);
        return false;
    }
    ip_push_header(packet, ip_source(to), to, protocol);
    if (is_ours(to))
        device = net_first(); /* the loopback device is the first */
    return device->raw ? device->send(device, packet) : arp_output(device, packet, next_hop);
}

/* Takes the header off and fills info; NULL, or the header. */
static const uint8_t *ip_parse(struct net_device *device, struct packet *packet, struct ip_info *info)
{
    const uint8_t *h = packet->data;
    if (packet->length < IP_HEADER || h[0] >> 4 != 4)
        return NULL;
    size_t header = (h[0] & 15) * 4u, total = load_be16(h + 2);
    if (header < IP_HEADER || total < header || total > packet->length || checksum(0, h, header))
        return NULL;
    if (load_be16(h + 6) & FRAGMENT_MASK)
        return NULL;
    packet->length = total; /* Ethernet pads short frames */
    packet_pull(packet, header);
    *info = (struct ip_info){.device = device, .from = load_be32(h + 12), .to = load_be32(h + 16), .protocol = h[9]};
    info->broadcast = info->to == IP4_BROADCAST || (device->address && info->to == (device->address | ~device->mask));
    return h;
}

void ip_input(struct net_device *device, struct packet *packet)
{
    struct ip_info info;
    const uint8_t *header = ip_parse(device, packet, &info);
    bool unconfigured = !device->address; /* DHCP answers come to an address that is not ours yet */
    if (!header || !(info.broadcast || is_ours(info.to) || unconfigured)) {
        packet_free(packet);
        return;
    }
    switch (info.protocol) {
    case IP_ICMP: icmp_input(&info, packet); break;
    case IP_UDP: udp_input(&info, packet); break;
    case IP_TCP: tcp_input(&info, packet); break;
    default: packet_free(packet); break;
    }
}
