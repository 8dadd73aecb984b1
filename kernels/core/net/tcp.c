/* TCP for its users (net.h): connections come and go, bytes go in and out of their rings. The protocol itself is in
   tcp_input.c and tcp_output.c. */
#include "mm.h"
#include "panic.h"
#include "random.h"
#include "string.h"
#include "tcp_internal.h"

enum { FIRST_EPHEMERAL = 49152, PORT_TRIES = 200 };
#define FIRST_RTO_NS NS_PER_S

struct tcp *tcp_all;
static unsigned count;

unsigned tcp_count(void) { return count; }

unsigned tcp_list(struct tcp_status *list, unsigned max)
{
    unsigned listed = 0;
    mutex_take(&net_lock);
    for (struct tcp *tcp = tcp_all; tcp && listed < max; tcp = tcp->next)
        if (tcp->state == LISTEN || tcp->state == ESTABLISHED)
            list[listed++] = (struct tcp_status){tcp->local_port, tcp->remote_port, tcp->remote, tcp->state == LISTEN};
    mutex_give(&net_lock);
    return listed;
}

/* The connection that waits out its end for the longest time. */
static struct tcp *oldest_lingering(void)
{
    struct tcp *oldest = NULL;
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        if (tcp->state == TIME_WAIT)
            oldest = tcp;
    return oldest;
}

struct tcp *tcp_new(void)
{
    if (count == TCP_MAX && oldest_lingering())
        tcp_drop(oldest_lingering());
    struct tcp *tcp = count < TCP_MAX ? kzalloc(sizeof *tcp) : NULL;
    if (!tcp)
        return NULL;
    tcp->mss = TCP_DEFAULT_MSS;
    tcp->rto_ns = FIRST_RTO_NS;
    tcp->next = tcp_all;
    tcp_all = tcp;
    count++;
    return tcp;
}

bool tcp_give_rings(struct tcp *tcp)
{
    tcp->send_ring = kmalloc(TCP_RING);
    tcp->receive_ring = kmalloc(TCP_RING);
    return tcp->send_ring && tcp->receive_ring;
}

void tcp_take_rings(struct tcp *tcp)
{
    kfree(tcp->send_ring);
    kfree(tcp->receive_ring);
    tcp->send_ring = tcp->receive_ring = NULL;
    tcp->send_used = tcp->receive_used = 0;
}

static void free_it(struct tcp *tcp)
{
    struct tcp **at = &tcp_all;
    while (*at != tcp)
        at = &(*at)->next;
    *at = tcp->next;
    count--;
    tcp_take_rings(tcp);
    kfree(tcp);
}

void tcp_drop(struct tcp *tcp)
{
    struct tcp *listener = tcp->listener;
    tcp->state = CLOSED;
    net_timer_cancel(&tcp->timer);
    net_timer_cancel(&tcp->ack_timer);
    if (tcp->open) {
        condition_broadcast(&tcp->changed);
    } else {
        free_it(tcp);
        if (listener)
            condition_broadcast(&listener->changed);
    }
}

void tcp_break(struct tcp *tcp)
{
    tcp->broken = true;
    tcp_drop(tcp);
}

uint32_t tcp_receive_window(const struct tcp *tcp) { return TCP_RING - tcp->receive_used; }

/* Connections of a listener that nobody accepted yet, half-open ones included. */
unsigned tcp_waiting(const struct tcp *listener)
{
    unsigned waiting = 0;
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        waiting += tcp->listener == listener;
    return waiting;
}

static bool port_taken(uint16_t port)
{
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        if (tcp->local_port == port && tcp->state != CLOSED)
            return true;
    return false;
}

struct tcp *tcp_listen(uint16_t port, unsigned backlog)
{
    mutex_take(&net_lock);
    bool taken = false;
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        taken = taken || (tcp->local_port == port && tcp->state == LISTEN);
    struct tcp *tcp = taken ? NULL : tcp_new();
    if (tcp) {
        tcp->state = LISTEN;
        tcp->open = true;
        tcp->local_port = port;
        tcp->backlog = backlog;
    }
    mutex_give(&net_lock);
    return tcp;
}

/* The oldest connection of a listener that is open for use; connections are listed newest first. */
static struct tcp *acceptable(const struct tcp *listener)
{
    struct tcp *oldest = NULL;
    for (struct tcp *tcp = tcp_all; tcp; tcp = tcp->next)
        if (tcp->listener == listener && tcp->state >= ESTABLISHED)
            oldest = tcp;
    return oldest;
}

struct tcp *tcp_accept(struct tcp *listener, uint64_t deadline_ns)
{
    struct tcp *tcp;
    mutex_take(&net_lock);
    while (!(tcp = acceptable(listener)))
        if (listener->state != LISTEN || !condition_wait(&listener->changed, &net_lock, deadline_ns))
            break;
    if (tcp) {
        tcp->listener = NULL;
        tcp->open = true;
    }
    mutex_give(&net_lock);
    return tcp;
}

struct tcp *tcp_connect(ip4 to, uint16_t port, uint64_t deadline_ns)
{
    mutex_take(&net_lock);
    ip4 from = ip_source(to);
    struct tcp *tcp = from ? tcp_new() : NULL;
    for (int tries = 0; tcp && !tcp->local_port && tries < PORT_TRIES; tries++) {
        uint16_t random = (uint16_t)(FIRST_EPHEMERAL + random_u32() % (65536 - FIRST_EPHEMERAL));
        tcp->local_port = port_taken(random) ? 0 : random;
    }
    if (tcp) {
        tcp->open = true;
        tcp->local = from, tcp->remote = to, tcp->remote_port = port;
    }
    if (tcp && tcp->local_port && tcp_give_rings(tcp)) {
        tcp->state = SYN_SENT;
        tcp_start_syn(tcp);
        while (tcp->state == SYN_SENT || tcp->state == SYN_RECEIVED)
            if (!condition_wait(&tcp->changed, &net_lock, deadline_ns))
                break;
    }
    if (tcp && tcp->state < ESTABLISHED) {
        tcp->open = false;
        tcp_drop(tcp);
        tcp = NULL;
    }
    mutex_give(&net_lock);
    return tcp;
}

/* Copies between a ring and memory, in the one or two pieces that the ring's end makes. */
static void ring_read(const uint8_t *ring, uint32_t start, uint8_t *out, size_t size)
{
    size_t first = MIN(size, (size_t)(TCP_RING - start % TCP_RING));
    memcpy(out, ring + start % TCP_RING, first);
    memcpy(out + first, ring, size - first);
}

static void ring_write(uint8_t *ring, uint32_t start, const uint8_t *data, size_t size)
{
    size_t first = MIN(size, (size_t)(TCP_RING - start % TCP_RING));
    memcpy(ring + start % TCP_RING, data, first);
    memcpy(ring, data + first, size - first);
}

long tcp_read(struct tcp *tcp, void *out, size_t size, uint64_t deadline_ns)
{
    long result = TCP_TIMEOUT;
    mutex_take(&net_lock);
    while (!tcp->receive_used && !tcp->broken && !(tcp->fin_seen && tcp->rcv_nxt == tcp->fin_at + 1))
        if (!condition_wait(&tcp->changed, &net_lock, deadline_ns))
            goto out;
    if (tcp->receive_used) {
        size_t take = MIN(size, (size_t)tcp->receive_used);
        ring_read(tcp->receive_ring, tcp->receive_start, out, take);
        tcp->receive_start = (tcp->receive_start + (uint32_t)take) % TCP_RING;
        tcp->receive_used -= (uint32_t)take;
        uint32_t edge = tcp->rcv_nxt + tcp_receive_window(tcp);
        if (tcp->state >= ESTABLISHED && edge - tcp->rcv_advertised >= MIN(TCP_RING / 2, 2 * TCP_MSS))
            tcp_send_ack(tcp); /* tell of the room only when it is worth a packet: RFC 9293, 3.8.6.2.2 */
        result = (long)take;
    } else {
        result = tcp->broken ? TCP_BROKEN : 0;
    }
out:
    mutex_give(&net_lock);
    return result;
}

long tcp_write(struct tcp *tcp, const void *data, size_t size, uint64_t deadline_ns)
{
    long result = (long)size;
    const uint8_t *from = data;
    mutex_take(&net_lock);
    while (size) {
        if (tcp->broken || tcp->fin_queued || tcp->state == CLOSED) {
            result = TCP_BROKEN;
            break;
        }
        size_t room = MIN(size, (size_t)(TCP_RING - tcp->send_used));
        if (!room) {
            if (condition_wait(&tcp->changed, &net_lock, deadline_ns))
                continue;
            result = TCP_TIMEOUT;
            break;
        }
        ring_write(tcp->send_ring, tcp->send_start + tcp->send_used, from, room);
        tcp->send_used += (uint32_t)room;
        from += room;
        size -= room;
        tcp_output(tcp);
    }
    mutex_give(&net_lock);
    return result;
}

static void refuse_waiting(struct tcp *listener)
{
    for (struct tcp *tcp = tcp_all, *next; tcp; tcp = next) {
        next = tcp->next;
        if (tcp->listener != listener)
            continue;
        tcp->listener = NULL;
        tcp_send_reset(tcp->local, tcp->local_port, tcp->remote, tcp->remote_port, tcp->snd_nxt, 0, RST);
        tcp_drop(tcp);
    }
}

void tcp_shut(struct tcp *listener)
{
    mutex_take(&net_lock);
    listener->state = CLOSED;
    refuse_waiting(listener);
    condition_broadcast(&listener->changed);
    mutex_give(&net_lock);
}

void tcp_close(struct tcp *tcp)
{
    mutex_take(&net_lock);
    tcp->open = false;
    switch (tcp->state) {
    case LISTEN:
        refuse_waiting(tcp);
        tcp_drop(tcp);
        break;
    case ESTABLISHED:
    case CLOSE_WAIT:
        if (tcp->receive_used) { /* RFC 2525, 2.17: what was sent will never be read, and the sender must know */
            tcp_send_reset(tcp->local, tcp->local_port, tcp->remote, tcp->remote_port, tcp->snd_max, 0, RST);
            tcp_drop(tcp);
            break;
        }
        tcp->fin_queued = true;
        tcp->state = tcp->state == ESTABLISHED ? FIN_WAIT_1 : LAST_ACK;
        tcp_output(tcp);
        break;
    default:
        tcp_drop(tcp);
        break;
    }
    mutex_give(&net_lock);
}

static void reset(struct tcp *tcp)
{
    if (tcp->state >= SYN_RECEIVED)
        tcp_send_reset(tcp->local, tcp->local_port, tcp->remote, tcp->remote_port, tcp->snd_max, 0, RST);
}

void tcp_abort(struct tcp *tcp)
{
    mutex_take(&net_lock);
    tcp->open = false;
    reset(tcp);
    tcp_drop(tcp);
    mutex_give(&net_lock);
}

void tcp_cut(struct tcp *tcp)
{
    mutex_take(&net_lock);
    reset(tcp);
    tcp_break(tcp);
    mutex_give(&net_lock);
}

ip4 tcp_peer(const struct tcp *tcp, uint16_t *port)
{
    *port = tcp->remote_port;
    return tcp->remote;
}
