/* What the protocol files call in each other; net_lock is held throughout. */
#pragma once

#include "net.h"
#include "text.h"

enum { ETHERTYPE_IP = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERNET_HEADER = 14 };

void ethernet_input(struct net_device *device, struct packet *packet);
bool ethernet_output(struct net_device *device, struct packet *packet, const uint8_t to[MAC_SIZE], uint16_t type);

void arp_input(struct net_device *device, struct packet *packet);
/* Sends an IP packet to a neighbour, asking for its hardware address first if need be. */
bool arp_output(struct net_device *device, struct packet *packet, ip4 neighbour);

void ip_input(struct net_device *device, struct packet *packet);
void icmp_input(const struct ip_info *ip, struct packet *packet);
void udp_input(const struct ip_info *ip, struct packet *packet);
void tcp_input(const struct ip_info *ip, struct packet *packet);
/* RFC 792: "destination unreachable" with this code, quoting the packet whose IP header starts at quoted. */
void icmp_unreachable(const struct ip_info *ip, uint8_t code, const uint8_t *quoted, size_t size);

void dhcp_start(struct net_device *device);  /* from now on, anew */
void dhcp_stop(struct net_device *device);   /* asks for nothing and renews nothing; the address stays */
enum net_lease dhcp_lease(const struct net_device *device, uint64_t *left_s);
bool arp_knows(const struct net_device *device, ip4 address);

static inline void store_be16(void *to, uint16_t value)
{
    uint8_t *b = to;
    b[0] = (uint8_t)(value >> 8), b[1] = (uint8_t)value;
}
static inline void store_be32(void *to, uint32_t value)
{
    store_be16(to, (uint16_t)(value >> 16));
    store_be16((uint8_t *)to + 2, (uint16_t)value);
}
