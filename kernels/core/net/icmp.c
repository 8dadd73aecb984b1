/* ICMP (RFC 792): answers echo requests, sends echo requests, reports ports that nobody listens on. */
#include "net_internal.h"
#include "random.h"
#include "string.h"

enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO = 8, ICMP_HEADER = 8, QUOTE_MAX = IP_HEADER + 8 };

static struct ping {
    uint16_t id;
    ip4 to;
    bool answered;
    uint64_t answered_ns;
} ping; /* the one that waits, if id is not 0 */
static struct mutex ping_lock;
static struct condition ping_answered;

static void icmp_send(struct packet *packet, ip4 to, uint8_t type, uint8_t code, uint32_t rest)
{
    uint8_t *h = packet_push(packet, ICMP_HEADER);
    h[0] = type, h[1] = code;
    store_be16(h + 2, 0);
    store_be32(h + 4, rest);
    store_be16(h + 2, checksum(0, packet->data, packet->length));
    ip_output(packet, to, IP_ICMP);
}

void icmp_input(const struct ip_info *ip, struct packet *packet)
{
    if (checksum(0, packet->data, packet->length)) {
        packet_free(packet);
        return;
    }
    const uint8_t *h = packet_pull(packet, ICMP_HEADER);
    if (h && h[0] == ECHO && !ip->broadcast && ip->from) {
        icmp_send(packet, ip->from, ECHO_REPLY, 0, load_be32(h + 4)); /* the data goes back as it came */
        return;
    }
    if (h && h[0] == ECHO_REPLY && ping.id && load_be16(h + 4) == ping.id && ip->from == ping.to) {
        ping.answered = true;
        ping.answered_ns = hal_time_ns();
        condition_broadcast(&ping_answered);
    }
    packet_free(packet);
}

void icmp_unreachable(const struct ip_info *ip, uint8_t code, const uint8_t *quoted, size_t size)
{
    struct packet *packet = packet_new();
    if (!packet || ip->broadcast || !ip->from) {
        packet_free(packet);
        return;
    }
    packet_append(packet, quoted, MIN(size, (size_t)QUOTE_MAX));
    icmp_send(packet, ip->from, UNREACHABLE, code, 0);
}

bool icmp_ping(ip4 to, uint64_t deadline_ns, uint64_t *round_trip_ns)
{
    mutex_take(&ping_lock);
    mutex_take(&net_lock);
    struct packet *packet = packet_new();
    uint64_t start = hal_time_ns();
    ping = (struct ping){.id = (uint16_t)(random_u32() | 1), .to = to};
    if (packet) {
        packet_append(packet, "auton auton auton auton", 24);
        icmp_send(packet, to, ECHO, 0, (uint32_t)ping.id << 16 | 1);
    }
    while (packet && !ping.answered)
        if (!condition_wait(&ping_answered, &net_lock, deadline_ns))
            break;
    bool answered = ping.answered;
    *round_trip_ns = answered ? ping.answered_ns - start : 0;
    ping.id = 0;
    mutex_give(&net_lock);
    mutex_give(&ping_lock);
    return answered;
}
