/* libFuzzer: any bytes as frames from the network, several a run, to a stack with a listener and a UDP port. A frame is
   two bytes of length, then a byte that says which checksums to put right, so that the fuzzer gets past them. */
#include "net.h"
#include "net_internal.h"
#include "string.h"

void host_init(void);

static struct udp_binding binding;
static struct net_device card;

static bool drop(struct net_device *device, struct packet *packet)
{
    (void)device;
    packet_free(packet);
    return true;
}

static void receive(void *arg, const struct ip_info *ip, uint16_t port, const uint8_t *data, size_t size)
{
    (void)arg, (void)ip, (void)port;
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + data[i]);
}

static void start(void)
{
    host_init();
    net_init();
    card = (struct net_device){.mac = {2, 0, 0, 0, 0, 1}, .send = drop};
    net_register(&card);
    card.address = IP4(10, 0, 0, 1);
    card.mask = IP4(255, 0, 0, 0);
    binding.receive = receive;
    udp_bind(&binding, 9);
    tcp_listen(80, 4);
}

static void mend(uint8_t *frame, size_t size, uint8_t what)
{
    uint8_t *ip = frame + ETHERNET_HEADER;
    if (size < ETHERNET_HEADER + IP_HEADER + 8 || !(what & 1))
        return;
    memcpy(frame, card.mac, MAC_SIZE);
    store_be16(frame + 12, ETHERTYPE_IP);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)(size - ETHERNET_HEADER));
    store_be16(ip + 6, 0);
    store_be32(ip + 16, card.address);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, checksum(0, ip, IP_HEADER));
    uint8_t *body = ip + IP_HEADER;
    size_t length = size - ETHERNET_HEADER - IP_HEADER, at = ip[9] == IP_TCP ? 16 : ip[9] == IP_UDP ? 6 : 2;
    if (!(what & 2) || length < at + 2)
        return;
    store_be16(body + at, 0);
    uint32_t pseudo = ip[9] == IP_ICMP ? 0 : ip_pseudo_sum(load_be32(ip + 12), card.address, ip[9], length);
    store_be16(body + at, checksum(pseudo, body, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!card.address)
        start();
    mutex_take(&net_lock);
    for (size_t at = 0; at + 3 <= size;) {
        size_t length = MIN((size_t)(load_be16(data + at) % 1515), size - at - 3);
        uint8_t what = data[at + 2];
        struct packet *packet = packet_new();
        if (!packet)
            break;
        packet_append(packet, data + at + 3, length);
        mend(packet->data, packet->length, what);
        net_input(&card, packet);
        at += 3 + length;
    }
    mutex_give(&net_lock);
    return 0;
}
