/* A TCP connection's state, shared by the three files of TCP (RFC 9293; names of variables are its). */
#pragma once

#include "net_internal.h"

enum tcp_state { CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING,
                 LAST_ACK, TIME_WAIT };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2, TCP_OPTION_MSS_SIZE = 4 };
enum { TCP_HEADER = 20, TCP_RING = 32768, TCP_MSS = ETHERNET_MTU - IP_HEADER - TCP_HEADER, TCP_DEFAULT_MSS = 536,
       TCP_STRETCHES = 4, TCP_MAX = 1024 };

#define TCP_RTO_MIN_NS (200 * NS_PER_MS)

struct stretch {
    uint32_t start, end; /* sequence numbers; empty when equal */
};

struct tcp {
    struct tcp *next;
    enum tcp_state state;
    bool open;                  /* somebody holds it: it may not be freed */
    bool broken;                /* reset, or given up */
    ip4 local, remote;
    uint16_t local_port, remote_port;

    uint32_t iss, snd_una, snd_nxt, snd_max, snd_wnd, snd_wl1, snd_wl2;
    uint32_t send_base;         /* sequence number of the first byte in the ring */
    uint32_t send_start, send_used;
    uint8_t *send_ring;
    bool fin_queued;
    uint16_t mss;

    uint32_t irs, rcv_nxt, rcv_advertised; /* advertised: right edge of the last window we told */
    uint32_t receive_start, receive_used;
    uint8_t *receive_ring;
    struct stretch held[TCP_STRETCHES]; /* arrived out of order, in the ring already */
    bool fin_seen;
    uint32_t fin_at;

    uint64_t srtt_ns, rttvar_ns, rto_ns; /* RFC 6298 */
    bool timing;
    uint32_t timed_seq;
    uint64_t timed_since_ns;
    unsigned retries;
    struct net_timer timer;     /* retransmission, probe, or end of TIME_WAIT */
    struct net_timer ack_timer; /* armed: an acknowledgement is due and waits for data that takes it along */

    uint32_t cwnd, ssthresh, recover; /* RFC 5681, RFC 6582 */
    unsigned duplicates;
    bool recovering;

    struct condition changed;   /* for whoever reads, writes, accepts or connects */
    struct tcp *listener;       /* that a connection came from, until it is accepted */
    unsigned backlog;           /* of a listener */
};

static inline bool seq_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline bool seq_not_after(uint32_t a, uint32_t b) { return (int32_t)(a - b) <= 0; }
static inline bool seq_within(uint32_t low, uint32_t at, uint32_t high) /* low <= at <= high */
{
    return at - low <= high - low;
}

extern struct tcp *tcp_all;
extern uint64_t tcp_rto_min_ns;         /* TCP_RTO_MIN_NS, but while a test has a network that it knows to be quick */

struct tcp *tcp_new(void);              /* in tcp_all; NULL without memory */
void tcp_drop(struct tcp *tcp);         /* to CLOSED; frees it once nobody holds it */
void tcp_break(struct tcp *tcp);        /* likewise, telling whoever holds it that it broke */
unsigned tcp_waiting(const struct tcp *listener);
uint32_t tcp_receive_window(const struct tcp *tcp);
bool tcp_give_rings(struct tcp *tcp);   /* false without memory */
void tcp_take_rings(struct tcp *tcp);

void tcp_start_syn(struct tcp *tcp);    /* picks a sequence number, sends SYN or SYN ACK, times it */
void tcp_output(struct tcp *tcp);       /* whatever may be sent now, then the timer */
void tcp_send_ack(struct tcp *tcp);
void tcp_send_ack_soon(struct tcp *tcp); /* with what is sent next; at once for every second segment */
void tcp_resend_first(struct tcp *tcp); /* the oldest segment that is not acknowledged */
void tcp_send_reset(ip4 from, uint16_t from_port, ip4 to, uint16_t port, uint32_t seq, uint32_t ack, uint8_t flags);
/* The last states, FIN_WAIT_2 and TIME_WAIT, end by themselves: starts their time. */
void tcp_linger(struct tcp *tcp, enum tcp_state state);
void tcp_measured(struct tcp *tcp, uint64_t round_trip_ns);
