/* TCP, the sending half: segments, retransmission (RFC 6298), window probes, congestion control's reaction to loss. */
#include "panic.h"
#include "random.h"
#include "string.h"
#include "tcp_internal.h"

enum { RETRIES_MAX = 8 };
#define RTO_MAX_NS (60 * NS_PER_S)
#define TIME_WAIT_NS (2 * NS_PER_S)     /* two maximum segment lifetimes, taken as one second each */
#define ACK_DELAY_NS (5 * NS_PER_MS)    /* RFC 9293, 3.8.6.3 allows 500; who answers at all does so much sooner */
#define FIN_WAIT_NS (10 * NS_PER_S)

uint64_t tcp_rto_min_ns = TCP_RTO_MIN_NS;

static void time_out(void *arg);

static void finish(struct packet *packet, ip4 from, ip4 to)
{
    uint8_t *h = packet->data;
    store_be16(h + 16, 0);
    store_be16(h + 16, checksum(ip_pseudo_sum(from, to, IP_TCP, packet->length), h, packet->length));
    ip_output(packet, to, IP_TCP);
}

static uint8_t *tcp_push_header(struct packet *packet, uint16_t from_port, uint16_t port, uint32_t seq, uint32_t ack,
                            uint8_t flags, size_t options)
{
    uint8_t *h = packet_push(packet, TCP_HEADER + options);
    memset(h, 0, TCP_HEADER + options);
    store_be16(h, from_port);
    store_be16(h + 2, port);
    store_be32(h + 4, seq);
    store_be32(h + 8, flags & ACK ? ack : 0);
    h[12] = (uint8_t)((TCP_HEADER + options) / 4 << 4);
    h[13] = flags;
    return h;
}

void tcp_send_reset(ip4 from, uint16_t from_port, ip4 to, uint16_t port, uint32_t seq, uint32_t ack, uint8_t flags)
{
    struct packet *packet = packet_new();
    if (!packet)
        return;
    tcp_push_header(packet, from_port, port, seq, ack, flags, 0);
    finish(packet, from, to);
}

/* One segment with `size` bytes of the ring that start at sequence number seq. */
static void send_segment(struct tcp *tcp, uint32_t seq, uint32_t size, uint8_t flags)
{
    struct packet *packet = packet_new();
    if (!packet)
        return; /* as good as lost: the timer sends it again */
    if (size) {
        uint32_t at = (tcp->send_start + (seq - tcp->send_base)) % TCP_RING, first = MIN(size, TCP_RING - at);
        packet_append(packet, tcp->send_ring + at, first);
        packet_append(packet, tcp->send_ring, size - first);
    }
    size_t options = flags & SYN ? TCP_OPTION_MSS_SIZE : 0;
    uint8_t *h = tcp_push_header(packet, tcp->local_port, tcp->remote_port, seq, tcp->rcv_nxt, flags, options);
    if (options) {
        h[TCP_HEADER] = TCP_OPTION_MSS;
        h[TCP_HEADER + 1] = TCP_OPTION_MSS_SIZE;
        store_be16(h + TCP_HEADER + 2, TCP_MSS);
    }
    uint32_t window = tcp_receive_window(tcp);
    store_be16(h + 14, (uint16_t)window);
    tcp->rcv_advertised = tcp->rcv_nxt + window;
    if (flags & ACK)
        net_timer_cancel(&tcp->ack_timer);
    finish(packet, tcp->local, tcp->remote);
}

/* With the number behind all that was ever sent, not the one that a retransmission goes on from: the other side may have all of
   that, and would answer an old number with an acknowledgement, and we that one, without end. A shut window has taken no probe. */
void tcp_send_ack(struct tcp *tcp)
{
    send_segment(tcp, tcp->snd_wnd ? tcp->snd_max : tcp->snd_una, 0, ACK);
}

static void ack_late(void *arg)
{
    tcp_send_ack(arg);
}

void tcp_send_ack_soon(struct tcp *tcp)
{
    if (tcp->ack_timer.armed)
        tcp_send_ack(tcp);
    else
        net_timer_set(&tcp->ack_timer, hal_time_ns() + ACK_DELAY_NS, ack_late, tcp);
}

static void start_timer(struct tcp *tcp)
{
    net_timer_set(&tcp->timer, hal_time_ns() + tcp->rto_ns, time_out, tcp);
}

static void send_syn(struct tcp *tcp)
{
    send_segment(tcp, tcp->iss, 0, tcp->state == SYN_SENT ? SYN : SYN | ACK);
    start_timer(tcp);
}

void tcp_start_syn(struct tcp *tcp)
{
    tcp->iss = random_u32(); /* RFC 6528 wants it unpredictable; with no old duplicates here, random will do */
    tcp->snd_una = tcp->iss;
    tcp->snd_nxt = tcp->snd_max = tcp->send_base = tcp->iss + 1;
    tcp->timing = true;
    tcp->timed_seq = tcp->snd_nxt;
    tcp->timed_since_ns = hal_time_ns();
    send_syn(tcp);
}

static void time_this(struct tcp *tcp, uint32_t end)
{
    if (tcp->timing || tcp->snd_nxt != tcp->snd_max) /* Karn: never time what is sent again */
        return;
    tcp->timing = true;
    tcp->timed_seq = end;
    tcp->timed_since_ns = hal_time_ns();
}

void tcp_output(struct tcp *tcp)
{
    if (tcp->state < ESTABLISHED || tcp->state == TIME_WAIT)
        return;
    uint32_t end = tcp->send_base + tcp->send_used;
    uint32_t limit = tcp->snd_una + MIN(tcp->snd_wnd, tcp->cwnd);
    while (seq_not_after(tcp->snd_nxt, end)) {
        uint32_t room = seq_before(tcp->snd_nxt, limit) ? limit - tcp->snd_nxt : 0;
        uint32_t size = MIN(MIN(end - tcp->snd_nxt, room), (uint32_t)tcp->mss);
        bool fin = tcp->fin_queued && tcp->snd_nxt + size == end;
        if (!size && !fin)
            break;
        time_this(tcp, tcp->snd_nxt + size + fin);
        send_segment(tcp, tcp->snd_nxt, size, (uint8_t)(ACK | (size ? PSH : 0) | (fin ? FIN : 0)));
        tcp->snd_nxt += size + fin;
        if (seq_before(tcp->snd_max, tcp->snd_nxt))
            tcp->snd_max = tcp->snd_nxt;
    }
    bool waits = tcp->snd_una != tcp->snd_max || seq_before(tcp->snd_nxt, end);
    if (!waits && tcp->state != FIN_WAIT_2)
        net_timer_cancel(&tcp->timer);
    else if (waits && !tcp->timer.armed)
        start_timer(tcp);
}

void tcp_resend_first(struct tcp *tcp)
{
    uint32_t end = tcp->send_base + tcp->send_used, size = MIN(end - tcp->send_base, (uint32_t)tcp->mss);
    bool fin = tcp->fin_queued && tcp->send_base + size == end && seq_before(end, tcp->snd_max);
    tcp->timing = false;
    send_segment(tcp, tcp->snd_una, size, (uint8_t)(ACK | (fin ? FIN : 0)));
}

/* RFC 6298, 2. */
void tcp_measured(struct tcp *tcp, uint64_t r)
{
    if (!tcp->srtt_ns) {
        tcp->srtt_ns = r;
        tcp->rttvar_ns = r / 2;
    } else {
        uint64_t difference = r > tcp->srtt_ns ? r - tcp->srtt_ns : tcp->srtt_ns - r;
        tcp->rttvar_ns = (3 * tcp->rttvar_ns + difference) / 4;
        tcp->srtt_ns = (7 * tcp->srtt_ns + r) / 8;
    }
    tcp->rto_ns = MIN(MAX(tcp->srtt_ns + 4 * tcp->rttvar_ns, tcp_rto_min_ns), RTO_MAX_NS);
}

/* Nothing acknowledged in time: start again from the oldest byte with a window of one segment. */
static void retransmit(struct tcp *tcp)
{
    uint32_t flight = tcp->snd_max - tcp->snd_una;
    tcp->ssthresh = MAX(flight / 2, 2u * tcp->mss);
    tcp->cwnd = tcp->mss;
    tcp->recovering = false;
    tcp->duplicates = 0;
    tcp->snd_nxt = tcp->snd_una;
    tcp_output(tcp);
}

/* The other side's window is shut: one byte past it, so that its answer tells when it opens. */
static void probe(struct tcp *tcp)
{
    send_segment(tcp, tcp->snd_nxt, 1, ACK);
    tcp->snd_nxt++;
    if (seq_before(tcp->snd_max, tcp->snd_nxt))
        tcp->snd_max = tcp->snd_nxt;
}

static void time_out(void *arg)
{
    struct tcp *tcp = arg;
    if (tcp->state == TIME_WAIT || tcp->state == FIN_WAIT_2) {
        tcp_drop(tcp);
        return;
    }
    if (++tcp->retries > RETRIES_MAX) {
        tcp_break(tcp);
        return;
    }
    tcp->timing = false;
    tcp->rto_ns = MIN(2 * tcp->rto_ns, RTO_MAX_NS);
    if (tcp->state == SYN_SENT || tcp->state == SYN_RECEIVED) {
        send_syn(tcp);
        return;
    }
    if (!tcp->snd_wnd && tcp->send_used) {
        tcp->snd_nxt = tcp->snd_una;
        probe(tcp);
    } else {
        retransmit(tcp);
    }
    start_timer(tcp);
}

void tcp_linger(struct tcp *tcp, enum tcp_state state)
{
    tcp->state = state;
    if (state == TIME_WAIT)
        tcp_take_rings(tcp); /* nobody reads or writes any more: closing came before */
    net_timer_set(&tcp->timer, hal_time_ns() + (state == TIME_WAIT ? TIME_WAIT_NS : FIN_WAIT_NS), time_out, tcp);
}
