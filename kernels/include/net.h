/* The network: devices, packets, addresses, and what a program uses of each protocol. Addresses and ports are numbers in
   the processor's byte order. All protocol state is guarded by one mutex (net_lock); one thread ("net") takes received
   packets and timeouts through the protocols. */
#pragma once

#include "sync.h"

typedef uint32_t ip4;
#define IP4(a, b, c, d) ((ip4)(a) << 24 | (ip4)(b) << 16 | (ip4)(c) << 8 | (ip4)(d))
#define IP4_BROADCAST 0xffffffffu
enum { IP4_TEXT = 16, MAC_SIZE = 6, MAC_TEXT = 18 };

/* "10.0.2.15" into out, which it returns; and back. */
const char *ip4_text(ip4 address, char out[IP4_TEXT]);
bool ip4_parse(const char *text, ip4 *address);
const char *mac_text(const uint8_t mac[MAC_SIZE], char out[MAC_TEXT]);

/* -- Packets ---------------------------------------------------------------------------------------------- */

enum { PACKET_ROOM = 2000, PACKET_HEADROOM = 128, ETHERNET_MTU = 1500 };

/* One frame, with room in front for the headers that each layer below pushes. */
struct packet {
    struct packet *next;
    struct net_device *device;  /* that it came from */
    uint8_t *data;
    size_t length;
    uint8_t room[PACKET_ROOM];
};
struct packet *packet_new(void);                        /* empty, with headroom; NULL without memory */
void packet_free(struct packet *packet);
void *packet_push(struct packet *packet, size_t size);  /* `size` more bytes in front */
void *packet_pull(struct packet *packet, size_t size);  /* the front `size` bytes, taken off; NULL if it is shorter */
void *packet_append(struct packet *packet, const void *data, size_t size); /* NULL if they do not fit */

/* -- Devices ---------------------------------------------------------------------------------------------- */

struct net_device {
    struct net_device *next;
    char name[8];               /* "net0" */
    uint8_t mac[MAC_SIZE];
    bool raw;                   /* carries IP packets without a link layer: loopback */
    /* Sends a frame and owns it from then on; false (and the frame freed) when it had to be dropped. */
    bool (*send)(struct net_device *device, struct packet *packet);
    bool (*link)(struct net_device *device);    /* is there something at the other end? NULL: it can't tell */
    ip4 address, mask, gateway, dns, server; /* 0: not configured; server is who leased the address */
    bool own_gateway, own_dns;  /* a person chose it: a lease does not change it */
    uint64_t received, sent, dropped;
};
void net_register(struct net_device *device);           /* names it; starts DHCP on it */
struct net_device *net_first(void);
/* From a driver's interrupt: a frame, owned from now on. Dropped when too many wait. */
void net_received(struct net_device *device, struct packet *packet);
void net_init(void);
/* Waits until a device has an address; false at the deadline. */
bool net_wait_configured(uint64_t deadline_ns);

/* -- Setting it up by hand ---------------------------------------------------------------------------------- */

enum net_lease { LEASE_NONE, LEASE_ASKING, LEASE_HELD }; /* none: the address is fixed, or nobody asks for one */
struct net_setup {
    ip4 address, mask, gateway, dns, server;
    enum net_lease lease;
    uint64_t lease_left_s;
    bool link;
};
struct net_setup net_setup(struct net_device *device);  /* all of one moment */
/* An address of one's own instead of a lease. False when no machine of that network can have it. Gateway 0: as before, where
   it lies in the network. */
bool net_set_address(struct net_device *device, ip4 address, unsigned prefix, ip4 gateway);
bool net_set_gateway(struct net_device *device, ip4 gateway); /* false when it does not lie in the device's network */
void net_set_dns(struct net_device *device, ip4 server);
void net_use_dhcp(struct net_device *device);           /* from now on, anew; forgets what was set by hand */
ip4 net_next_hop(ip4 address);                          /* itself, or a gateway; 0: no route leads there */
bool net_knows_neighbour(ip4 address);                  /* it answered to ARP lately */

/* -- For the protocols: the mutex, timeouts in the net thread ------------------------------------------------ */

extern struct mutex net_lock;

/* Calls fire(arg) in the net thread with net_lock held, at or after deadline_ns. */
struct net_timer {
    struct net_timer *next;
    uint64_t deadline_ns;
    bool armed;
    void (*fire)(void *arg);
    void *arg;
};
void net_timer_set(struct net_timer *timer, uint64_t deadline_ns, void (*fire)(void *arg), void *arg);
void net_timer_cancel(struct net_timer *timer);

/* One received packet through the protocols; net_lock held. For the net thread, tests and fuzzers. */
void net_input(struct net_device *device, struct packet *packet);

uint16_t checksum(uint32_t sum, const void *data, size_t size); /* RFC 1071, on top of a partial sum */
uint32_t checksum_add(uint32_t sum, const void *data, size_t size);

/* -- IPv4, ICMP, UDP -------------------------------------------------------------------------------------- */

enum { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_HEADER = 20 };

struct ip_info {
    struct net_device *device;
    ip4 from, to;
    uint8_t protocol;
    bool broadcast;
};
/* Sends what is in packet, adding the IP header; the packet is owned from now on. False when there is no route. */
bool ip_output(struct packet *packet, ip4 to, uint8_t protocol);
bool ip_output_on(struct net_device *device, struct packet *packet, ip4 from, ip4 to, uint8_t protocol);
struct net_device *ip_route(ip4 to, ip4 *next_hop);     /* NULL when nothing leads there */
ip4 ip_source(ip4 to);                                  /* the address that a packet there comes from; 0: none */
uint32_t ip_pseudo_sum(ip4 from, ip4 to, uint8_t protocol, size_t length);

/* Says whether and how fast a host, an address or a name, answers a ping. */
void ping_print(const char *host);
/* Round trip to an address in nanoseconds; false without an answer until the deadline. Not under net_lock. */
bool icmp_ping(ip4 to, uint64_t deadline_ns, uint64_t *round_trip_ns);

/* A UDP port with its handler, called in the net thread with net_lock held. */
struct udp_binding {
    struct udp_binding *next;
    uint16_t port;
    void (*receive)(void *arg, const struct ip_info *ip, uint16_t from_port, const uint8_t *data, size_t size);
    void *arg;
};
bool udp_bind(struct udp_binding *binding, uint16_t port); /* 0: any free one; false when it is taken */
void udp_unbind(struct udp_binding *binding);
bool udp_send(uint16_t from_port, ip4 to, uint16_t port, const void *data, size_t size);
bool udp_send_on(struct net_device *device, ip4 from, uint16_t from_port, ip4 to, uint16_t port, const void *data,
                 size_t size);

/* -- TCP -------------------------------------------------------------------------------------------------- */

struct tcp;
enum { TCP_TIMEOUT = -1, TCP_BROKEN = -2 }; /* what reading and writing give instead of a count */

struct tcp *tcp_listen(uint16_t port, unsigned backlog);            /* NULL: the port is taken, or no memory */
struct tcp *tcp_accept(struct tcp *listener, uint64_t deadline_ns); /* NULL at the deadline or when it was closed */
struct tcp *tcp_connect(ip4 to, uint16_t port, uint64_t deadline_ns); /* NULL: refused, unreachable, or too late */
/* At least one byte, or 0 at the end of what the other side sends, or TCP_TIMEOUT, or TCP_BROKEN. */
long tcp_read(struct tcp *tcp, void *out, size_t size, uint64_t deadline_ns);
/* All of it handed to the stack, or TCP_TIMEOUT, or TCP_BROKEN. */
long tcp_write(struct tcp *tcp, const void *data, size_t size, uint64_t deadline_ns);
/* Sends the rest and closes in the background; tcp is gone for the caller. With unread input, or for a listener: at
   once. */
void tcp_close(struct tcp *tcp);
void tcp_shut(struct tcp *listener);         /* stops listening: tcp_accept gives NULL; still to be closed */
void tcp_abort(struct tcp *tcp);    /* resets the connection; tcp is gone */
void tcp_cut(struct tcp *tcp);      /* the same for one that another thread reads or writes, which fails there; still to be closed */
ip4 tcp_peer(const struct tcp *tcp, uint16_t *port);
unsigned tcp_count(void);           /* connections in any state, listeners included */
enum { TCP_LISTED = 16 };
struct tcp_status {
    uint16_t port, peer_port;
    ip4 peer;
    bool listens;
};
unsigned tcp_list(struct tcp_status *list, unsigned max); /* listeners and open connections, the newest first */

/* -- DNS -------------------------------------------------------------------------------------------------- */

enum { DNS_NAME_MAX = 254 };
/* The address of a name, or of an address written out; false when there is none, or not until the deadline. */
bool dns_resolve(const char *name, ip4 *address, uint64_t deadline_ns);
bool dns_server_start(void);                            /* answers for dns_host's names on port 53; false if it runs */
void dns_server_stop(void);
uint16_t dns_server_port(void);                         /* 0: it does not run */
/* Does that name server say anything at all, before the deadline? */
bool dns_answers(ip4 server, uint64_t deadline_ns);
void dns_own_name(const char *name);                    /* that it always answers for: "auton" at first */
bool dns_host(const char *name, ip4 address);           /* 0: whatever address the question came to */

/* -- HTTP ------------------------------------------------------------------------------------------------- */

/* A page of the web server, a file that ends with PAGE(…). render fills body (HTTP_BODY_MAX bytes) and returns how many
   it used. */
struct page_entry {
    const char *path;
    const char *type;                                   /* "text/plain" */
    size_t (*render)(char *body, size_t size);
};
#define PAGE(page_name, page_path, page_type, page_render) \
    REGISTER(pages, struct page_entry, page_name, {page_path, page_type, page_render})
REGISTRY(pages, struct page_entry);
enum { HTTP_BODY_MAX = 16384 };

bool http_server_start(uint16_t port);                  /* false: the port is taken, or no memory */
void http_server_stop(void);
uint16_t http_server_port(void);                        /* 0: it does not run */
/* The body of http://host:port/path, at most size bytes: its length, and the status in *status; -1 when that failed. */
long http_get(const char *host, uint16_t port, const char *path, char *out, size_t size, unsigned *status,
              uint64_t deadline_ns);
