/* Ethernet II frames (IEEE 802.3, 3.1.1; RFC 894). */
#include "net_internal.h"
#include "string.h"

static const uint8_t everybody[MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ethernet_input(struct net_device *device, struct packet *packet)
{
    const uint8_t *header = packet_pull(packet, ETHERNET_HEADER);
    if (!header || (memcmp(header, device->mac, MAC_SIZE) && memcmp(header, everybody, MAC_SIZE))) {
        packet_free(packet);
        return;
    }
    switch (load_be16(header + 12)) {
    case ETHERTYPE_IP: ip_input(device, packet); break;
    case ETHERTYPE_ARP: arp_input(device, packet); break;
    default: packet_free(packet); break;
    }
}

bool ethernet_output(struct net_device *device, struct packet *packet, const uint8_t to[MAC_SIZE], uint16_t type)
{
    uint8_t *header = packet_push(packet, ETHERNET_HEADER);
    memcpy(header, to ? to : everybody, MAC_SIZE);
    memcpy(header + 6, device->mac, MAC_SIZE);
    store_be16(header + 12, type);
    device->sent++;
    return device->send(device, packet);
}
