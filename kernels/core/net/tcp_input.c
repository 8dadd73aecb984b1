/* TCP, the receiving half: what a segment does to a connection, in the order of RFC 9293, 3.10.7. Resets and stray SYNs
   are checked as RFC 5961 says, so that guessing a port is not enough to break a connection. */
#include "string.h"
#include "tcp_internal.h"

enum { DUPLICATES_BEFORE_RESEND = 3 };

struct segment {
    ip4 from, to;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window, mss; /* mss: 0 when the option is missing */
    const uint8_t *data;
    uint32_t size;
};

static bool tcp_parse(const struct ip_info *ip, const struct packet *packet, struct segment *s)
{
    const uint8_t *h = packet->data;
    if (packet->length < TCP_HEADER || checksum(ip_pseudo_sum(ip->from, ip->to, IP_TCP, packet->length), h, packet->length))
        return false;
    size_t header = (h[12] >> 4) * 4u;
    if (header < TCP_HEADER || header > packet->length || ip->broadcast)
        return false;
    *s = (struct segment){ip->from, ip->to, load_be16(h), load_be16(h + 2), load_be32(h + 4), load_be32(h + 8),
                          h[13] & (FIN | SYN | RST | PSH | ACK), load_be16(h + 14), 0, h + header,
                          (uint32_t)(packet->length - header)};
    for (size_t at = TCP_HEADER; at < header && h[at] != TCP_OPTION_END;) {
        if (h[at] == TCP_OPTION_NOP) {
            at++;
            continue;
        }
        if (at + 1 >= header || h[at + 1] < 2 || at + h[at + 1] > header)
            break;
        if (h[at] == TCP_OPTION_MSS && h[at + 1] == 4)
            s->mss = load_be16(h + at + 2);
        at += h[at + 1];
    }
    return true;
}

static struct tcp *tcp_find(const struct segment *s)
{
    struct tcp *listener = NULL;
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next) {
        if (tcp->local_port != s->to_port)
            continue;
        if (tcp->state == LISTEN)
            listener = tcp;
        else if (tcp->state != CLOSED && tcp->remote_port == s->from_port && tcp->remote == s->from &&
                 tcp->local == s->to)
            return tcp;
    }
    return listener;
}

static uint32_t length_of(const struct segment *s)
{
    return s->size + !!(s->flags & SYN) + !!(s->flags & FIN);
}

/* To a segment that belongs to nothing: RFC 9293, 3.10.7.1. */
static void refuse(const struct segment *s)
{
    if (s->flags & RST)
        return;
    if (s->flags & ACK)
        tcp_send_reset(s->to, s->to_port, s->from, s->from_port, s->ack, 0, RST);
    else
        tcp_send_reset(s->to, s->to_port, s->from, s->from_port, 0, s->seq + length_of(s), RST | ACK);
}

static void take_peer(struct tcp *tcp, const struct segment *s)
{
    tcp->irs = s->seq;
    tcp->rcv_nxt = tcp->rcv_advertised = s->seq + 1;
    tcp->snd_wnd = s->window;
    tcp->snd_wl1 = s->seq;
    tcp->snd_wl2 = s->ack;
    if (s->mss)
        tcp->mss = MAX(MIN(s->mss, (uint16_t)TCP_MSS), (uint16_t)64);
    tcp->cwnd = 4u * tcp->mss; /* RFC 5681, 3.1 allows up to four segments of this size */
    tcp->ssthresh = TCP_RING;
}

static void at_listener(struct tcp *listener, const struct segment *s)
{
    if (s->flags & RST)
        return;
    if (s->flags & ACK) {
        refuse(s);
        return;
    }
    if (!(s->flags & SYN) || tcp_waiting(listener) >= listener->backlog)
        return; /* a full backlog is silent: the client tries again */
    struct tcp *tcp = tcp_new();
    if (!tcp)
        return;
    tcp->state = SYN_RECEIVED;
    tcp->listener = listener;
    tcp->local = s->to, tcp->local_port = s->to_port;
    tcp->remote = s->from, tcp->remote_port = s->from_port;
    take_peer(tcp, s);
    tcp_start_syn(tcp);
}

/* False when there was no memory for it. */
static bool establish(struct tcp *tcp, const struct segment *s)
{
    if (!tcp->receive_ring && !tcp_give_rings(tcp)) {
        tcp_send_reset(tcp->local, tcp->local_port, tcp->remote, tcp->remote_port, tcp->snd_nxt, 0, RST);
        tcp_drop(tcp);
        return false;
    }
    tcp->state = ESTABLISHED;
    tcp->snd_una = s->ack;
    tcp->snd_wnd = s->window;
    tcp->snd_wl1 = s->seq;
    tcp->snd_wl2 = s->ack;
    tcp->retries = 0;
    if (tcp->timing)
        tcp_measured(tcp, hal_time_ns() - tcp->timed_since_ns);
    tcp->timing = false;
    net_timer_cancel(&tcp->timer);
    condition_broadcast(tcp->listener ? &tcp->listener->changed : &tcp->changed);
    return true;
}

static void in_syn_sent(struct tcp *tcp, const struct segment *s)
{
    bool acceptable = (s->flags & ACK) && s->ack == tcp->snd_nxt;
    if ((s->flags & ACK) && !acceptable) {
        refuse(s);
        return;
    }
    if (s->flags & RST) {
        if (acceptable)
            tcp_break(tcp);
        return;
    }
    if (!(s->flags & SYN))
        return;
    take_peer(tcp, s);
    if (acceptable) {
        if (establish(tcp, s))
            tcp_send_ack(tcp);
    } else { /* both sides called each other at once */
        tcp->state = SYN_RECEIVED;
        tcp_send_ack(tcp);
    }
}

/* RFC 9293, 3.10.7.4, first: does it touch the window? */
static bool in_window(const struct tcp *tcp, const struct segment *s)
{
    uint32_t window = tcp_receive_window(tcp), length = length_of(s);
    if (!window)
        return s->seq == tcp->rcv_nxt || (length && s->seq + length == tcp->rcv_nxt + 1);
    uint32_t last = tcp->rcv_nxt + window - 1;
    return seq_within(tcp->rcv_nxt, s->seq, last) || (length && seq_within(tcp->rcv_nxt, s->seq + length - 1, last));
}

/* New bytes of ours are acknowledged up to ack. */
static void advance(struct tcp *tcp, uint32_t ack)
{
    uint32_t acked = MIN(ack - tcp->send_base, tcp->send_used);
    if (tcp->timing && seq_not_after(tcp->timed_seq, ack)) {
        tcp_measured(tcp, hal_time_ns() - tcp->timed_since_ns);
        tcp->timing = false;
    }
    tcp->send_start = (tcp->send_start + acked) % TCP_RING;
    tcp->send_used -= acked;
    tcp->send_base += acked;
    tcp->snd_una = ack;
    if (seq_before(tcp->snd_nxt, ack))
        tcp->snd_nxt = ack;
    tcp->retries = 0;
    net_timer_cancel(&tcp->timer); /* tcp_output starts it again if something is still out */
    if (tcp->recovering && seq_before(ack, tcp->recover)) {
        tcp_resend_first(tcp); /* a partial answer: the next one is lost too, RFC 6582 */
    } else {
        if (tcp->recovering)
            tcp->cwnd = tcp->ssthresh;
        else if (tcp->cwnd < tcp->ssthresh)
            tcp->cwnd += MIN(acked, (uint32_t)tcp->mss);
        else
            tcp->cwnd += MAX((uint32_t)tcp->mss * tcp->mss / tcp->cwnd, 1u);
        tcp->cwnd = MIN(tcp->cwnd, 2u * TCP_RING);
        tcp->recovering = false;
        tcp->duplicates = 0;
    }
    condition_broadcast(&tcp->changed);
}

static void duplicate(struct tcp *tcp)
{
    if (++tcp->duplicates == DUPLICATES_BEFORE_RESEND && !tcp->recovering) {
        tcp->ssthresh = MAX((tcp->snd_max - tcp->snd_una) / 2, 2u * tcp->mss);
        tcp->recover = tcp->snd_max;
        tcp->recovering = true;
        tcp_resend_first(tcp);
        tcp->cwnd = tcp->ssthresh + 3u * tcp->mss;
    } else if (tcp->recovering) {
        tcp->cwnd += tcp->mss;
    }
}

/* False when the segment is to be dropped. */
static bool take_ack(struct tcp *tcp, const struct segment *s)
{
    if (!seq_within(tcp->snd_una, s->ack, tcp->snd_max)) {
        if (seq_before(tcp->snd_max, s->ack)) {
            tcp_send_ack(tcp);
            return false;
        }
        return true; /* an old one: its data may still be new */
    }
    bool same_window = s->window == tcp->snd_wnd, was_shut = !tcp->snd_wnd;
    if (seq_before(tcp->snd_wl1, s->seq) || (tcp->snd_wl1 == s->seq && seq_not_after(tcp->snd_wl2, s->ack))) {
        tcp->snd_wnd = s->window;
        tcp->snd_wl1 = s->seq;
        tcp->snd_wl2 = s->ack;
    }
    if (s->ack != tcp->snd_una)
        advance(tcp, s->ack);
    else if (was_shut && tcp->snd_wnd)
        tcp->snd_nxt = tcp->snd_una; /* the probe was not taken: send it again with the rest */
    else if (!tcp->snd_wnd)
        tcp->retries = 0; /* its window is shut, but it is alive */
    else if (tcp->snd_una != tcp->snd_max && !s->size && same_window && !(s->flags & FIN))
        duplicate(tcp);
    return true;
}

/* Our FIN was acknowledged, or was not: the states that wait for it. False when the connection is gone. */
static bool after_fin(struct tcp *tcp)
{
    bool acked = tcp->fin_queued && !tcp->send_used && tcp->snd_una == tcp->send_base + 1;
    if (!acked)
        return true;
    switch (tcp->state) {
    case FIN_WAIT_1:
        tcp_linger(tcp, FIN_WAIT_2);
        return true;
    case CLOSING:
        tcp_linger(tcp, TIME_WAIT);
        return true;
    case LAST_ACK:
        tcp_drop(tcp);
        return false;
    default:
        return true;
    }
}

static void ring_put(struct tcp *tcp, uint32_t seq, const uint8_t *data, uint32_t size)
{
    uint32_t at = (tcp->receive_start + tcp->receive_used + (seq - tcp->rcv_nxt)) % TCP_RING;
    uint32_t first = MIN(size, TCP_RING - at);
    memcpy(tcp->receive_ring + at, data, first);
    memcpy(tcp->receive_ring, data + first, size - first);
}

/* Remembers that [start, end) lies in the ring beyond rcv_nxt. When there are too many stretches, it is forgotten and
   comes again. */
static void hold(struct tcp *tcp, uint32_t start, uint32_t end)
{
    for (unsigned i = 0; i < TCP_STRETCHES; i++) {
        struct stretch *h = &tcp->held[i];
        if (h->start != h->end && seq_not_after(start, h->end) && seq_not_after(h->start, end)) {
            start = seq_before(h->start, start) ? h->start : start;
            end = seq_before(end, h->end) ? h->end : end;
            *h = (struct stretch){0, 0};
        }
    }
    for (unsigned i = 0; i < TCP_STRETCHES; i++)
        if (tcp->held[i].start == tcp->held[i].end) {
            tcp->held[i] = (struct stretch){start, end};
            return;
        }
}

/* rcv_nxt moves over what it has reached. */
static void collect(struct tcp *tcp)
{
    for (unsigned i = 0; i < TCP_STRETCHES; i++) {
        struct stretch *h = &tcp->held[i];
        if (h->start == h->end || seq_before(tcp->rcv_nxt, h->start))
            continue;
        if (seq_before(tcp->rcv_nxt, h->end)) {
            tcp->receive_used += h->end - tcp->rcv_nxt;
            tcp->rcv_nxt = h->end;
        }
        *h = (struct stretch){0, 0};
    }
}

static bool holds_any(const struct tcp *tcp)
{
    bool any = false;
    for (unsigned i = 0; i < TCP_STRETCHES; i++)
        any = any || tcp->held[i].start != tcp->held[i].end;
    return any;
}

static void take_data(struct tcp *tcp, const struct segment *s)
{
    uint32_t seq = s->seq, size = s->size, edge = tcp->rcv_nxt + tcp_receive_window(tcp);
    bool expected = seq == tcp->rcv_nxt && !holds_any(tcp);
    const uint8_t *data = s->data;
    if (seq_before(seq, tcp->rcv_nxt)) { /* what we have already */
        uint32_t old = MIN(tcp->rcv_nxt - seq, size);
        seq += old, data += old, size -= old;
    }
    if (seq_before(edge, seq + size))
        size = seq_before(seq, edge) ? edge - seq : 0;
    if (size) {
        ring_put(tcp, seq, data, size);
        hold(tcp, seq, seq + size);
        collect(tcp);
        condition_broadcast(&tcp->changed);
    }
    if (expected && size == s->size)
        tcp_send_ack_soon(tcp);
    else
        tcp_send_ack(tcp); /* what is late, early or too much is told at once: RFC 5681, 4.2 */
}

static void take_fin(struct tcp *tcp, const struct segment *s)
{
    tcp->fin_seen = true;
    tcp->fin_at = s->seq + s->size;
}

/* The other side's FIN counts when all before it has come. */
static void finish_receiving(struct tcp *tcp)
{
    if (!tcp->fin_seen || tcp->rcv_nxt != tcp->fin_at)
        return;
    tcp->rcv_nxt++;
    tcp_send_ack(tcp);
    condition_broadcast(&tcp->changed);
    switch (tcp->state) {
    case ESTABLISHED: tcp->state = CLOSE_WAIT; break;
    case FIN_WAIT_1: tcp->state = CLOSING; break;
    case FIN_WAIT_2: tcp_linger(tcp, TIME_WAIT); break;
    default: break;
    }
}

/* RFC 9293, 3.10.7.4, up to the acknowledgement: false when the segment has no more to say, or the connection is gone. */
static bool admissible(struct tcp *tcp, const struct segment *s)
{
    bool touches = in_window(tcp, s);
    if (s->flags & RST) {
        if (touches && s->seq == tcp->rcv_nxt)
            tcp_break(tcp);
        else if (touches)
            tcp_send_ack(tcp); /* RFC 5961, 3.2 */
        return false;
    }
    if (!touches || (s->flags & SYN)) { /* for SYN see RFC 5961, 4.2 */
        bool asks = length_of(s) || s->seq == tcp->rcv_nxt - 1; /* the latter to see whether we live: RFC 9293, 3.8.4 */
        if (asks)
            tcp_send_ack(tcp); /* never to a mere acknowledgement: the two would answer each other without end */
        return false;
    }
    if (!(s->flags & ACK))
        return false;
    if (tcp->state != SYN_RECEIVED)
        return true;
    if (s->ack == tcp->snd_nxt)
        return establish(tcp, s);
    refuse(s);
    return false;
}

static void in_connection(struct tcp *tcp, const struct segment *s)
{
    if (!admissible(tcp, s) || !take_ack(tcp, s) || !after_fin(tcp))
        return;
    bool receiving = tcp->state == ESTABLISHED || tcp->state == FIN_WAIT_1 || tcp->state == FIN_WAIT_2;
    if (receiving && !tcp->open && !tcp->listener && s->size) { /* nobody will read it any more */
        tcp_send_reset(tcp->local, tcp->local_port, tcp->remote, tcp->remote_port, tcp->snd_nxt, 0, RST);
        tcp_drop(tcp);
        return;
    }
    if (receiving && s->size)
        take_data(tcp, s);
    if (receiving && (s->flags & FIN))
        take_fin(tcp, s);
    if (tcp->state == TIME_WAIT && (s->flags & FIN))
        tcp_linger(tcp, TIME_WAIT);
    finish_receiving(tcp);
    if (tcp->state != TIME_WAIT)
        tcp_output(tcp);
}

/* A new call on the port pair of a connection that only waits out its end: RFC 9293, 3.6.1. */
static bool reopens(const struct tcp *tcp, const struct segment *s)
{
    return tcp->state == TIME_WAIT && !tcp->open && (s->flags & (SYN | ACK | RST)) == SYN &&
           seq_before(tcp->rcv_nxt, s->seq);
}

void tcp_input(const struct ip_info *ip, struct packet *packet)
{
    struct segment s;
    if (tcp_parse(ip, packet, &s)) {
        struct tcp *tcp = tcp_find(&s);
        if (tcp && reopens(tcp, &s)) {
            tcp_drop(tcp);
            tcp = tcp_find(&s);
        }
        if (!tcp)
            refuse(&s);
        else if (tcp->state == LISTEN)
            at_listener(tcp, &s);
        else if (tcp->state == SYN_SENT)
            in_syn_sent(tcp, &s);
        else
            in_connection(tcp, &s);
    }
    packet_free(packet);
}
