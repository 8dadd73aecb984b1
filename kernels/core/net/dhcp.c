/* DHCP client (RFC 2131, RFC 2132): gets an address for each device, renews it at half its time and gives it up when
   it runs out. Runs in the net thread, by timeouts and answers. */
#include "mm.h"
#include "net_internal.h"
#include "random.h"
#include "string.h"

#define LEASE_MIN_S 8u /* less would only keep the network busy */
enum { CLIENT_PORT = 68, SERVER_PORT = 67, FIXED_SIZE = 236, MESSAGE_MAX = 548 };
enum { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };
enum { OPT_MASK = 1, OPT_ROUTER = 3, OPT_DNS = 6, OPT_REQUESTED = 50, OPT_LEASE = 51, OPT_TYPE = 53, OPT_SERVER = 54,
       OPT_WANTED = 55, OPT_T1 = 58, OPT_T2 = 59, OPT_END = 255 };
#define MAGIC_COOKIE 0x63825363u
#define FIRST_RETRY_NS (1 * NS_PER_S)
#define LAST_RETRY_NS (32 * NS_PER_S)

enum dhcp_state { OFF, SELECTING, REQUESTING, BOUND, RENEWING, REBINDING };

struct client {
    struct client *next;
    struct net_device *device;
    enum dhcp_state state;
    uint32_t transaction;
    ip4 offered, server;
    uint64_t retry_ns, rebind_at, expires_at;
    struct net_timer timer;
};

struct answer {
    unsigned type;
    ip4 address, server, mask, router, dns;
    uint32_t lease, t1, t2;
};

static struct client *clients;
static struct udp_binding binding;

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *value, uint8_t size)
{
    at[0] = code, at[1] = size;
    memcpy(at + 2, value, size);
    return at + 2 + size;
}

static uint8_t *put_address(uint8_t *at, uint8_t code, ip4 address)
{
    uint8_t bytes[4];
    store_be32(bytes, address);
    return put_option(at, code, bytes, 4);
}

static void dhcp_send(struct client *client, uint8_t type)
{
    static const uint8_t wanted[] = {OPT_MASK, OPT_ROUTER, OPT_DNS, OPT_LEASE, OPT_T1, OPT_T2};
    uint8_t message[MESSAGE_MAX] = {1, 1, MAC_SIZE};
    struct net_device *device = client->device;
    bool renewing = client->state == RENEWING || client->state == REBINDING;
    store_be32(message + 4, client->transaction);
    store_be32(message + 12, renewing ? device->address : 0);
    memcpy(message + 28, device->mac, MAC_SIZE);
    store_be32(message + FIXED_SIZE, MAGIC_COOKIE);
    uint8_t *at = put_option(message + FIXED_SIZE + 4, OPT_TYPE, &type, 1);
    if (type == DHCP_REQUEST && !renewing) {
        at = put_address(at, OPT_REQUESTED, client->offered);
        at = put_address(at, OPT_SERVER, client->server);
    }
    at = put_option(at, OPT_WANTED, wanted, sizeof wanted);
    *at++ = OPT_END;
    size_t size = MAX((size_t)(at - message), (size_t)300); /* RFC 1542, 2.1: BOOTP's least */
    if (client->state == RENEWING)
        udp_send(CLIENT_PORT, client->server, SERVER_PORT, message, size);
    else
        udp_send_on(device, renewing ? device->address : 0, CLIENT_PORT, IP4_BROADCAST, SERVER_PORT, message, size);
}

static void act(void *arg);

static void again_in(struct client *client, uint64_t delay_ns)
{
    net_timer_set(&client->timer, hal_time_ns() + delay_ns, act, client);
}

static void restart(struct client *client)
{
    struct net_device *device = client->device;
    device->address = device->server = 0;
    device->gateway = device->own_gateway ? device->gateway : 0;
    device->dns = device->own_dns ? device->dns : 0;
    client->state = SELECTING;
    client->transaction = random_u32();
    client->retry_ns = FIRST_RETRY_NS;
    dhcp_send(client, DHCP_DISCOVER);
    again_in(client, client->retry_ns);
}

/* When what is tried now gives way to something else. */
static uint64_t next_stage(const struct client *client, uint64_t now)
{
    return now < client->rebind_at ? client->rebind_at : client->expires_at;
}

/* The timer fired: say it again, or move on because time ran out. */
static void act(void *arg)
{
    struct client *client = arg;
    uint64_t now = hal_time_ns();
    switch (client->state) {
    case OFF:
        break;
    case SELECTING:
        client->retry_ns = MIN(client->retry_ns * 2, LAST_RETRY_NS);
        dhcp_send(client, DHCP_DISCOVER);
        again_in(client, client->retry_ns);
        break;
    case REQUESTING:
        client->retry_ns *= 2;
        if (client->retry_ns > 8 * FIRST_RETRY_NS) {
            restart(client);
            break;
        }
        dhcp_send(client, DHCP_REQUEST);
        again_in(client, client->retry_ns);
        break;
    case BOUND:
        client->state = RENEWING;
        client->transaction = random_u32();
        /* fall through */
    case RENEWING:
    case REBINDING:
        if (now >= client->expires_at) {
            restart(client);
            break;
        }
        if (now >= client->rebind_at) /* the server is silent: any other will do (RFC 2131, 4.4.5) */
            client->state = REBINDING;
        dhcp_send(client, DHCP_REQUEST);
        again_in(client, MAX((next_stage(client, now) - now) / 2, NS_PER_S));
        break;
    }
}

static uint32_t option_u32(const uint8_t *value, uint8_t size) { return size >= 4 ? load_be32(value) : 0; }

/* Reads a server's message; false if it is none for this client. */
static bool dhcp_parse(const struct client *client, const uint8_t *data, size_t size, struct answer *answer)
{
    if (size < FIXED_SIZE + 4 || data[0] != 2 || load_be32(data + 4) != client->transaction ||
        memcmp(data + 28, client->device->mac, MAC_SIZE) || load_be32(data + FIXED_SIZE) != MAGIC_COOKIE)
        return false;
    *answer = (struct answer){.address = load_be32(data + 16)};
    for (size_t at = FIXED_SIZE + 4; at < size && data[at] != OPT_END;) {
        if (!data[at]) {
            at++;
            continue;
        }
        if (at + 2 > size || at + 2 + data[at + 1] > size)
            return false;
        const uint8_t *value = data + at + 2;
        uint8_t length = data[at + 1];
        switch (data[at]) {
        case OPT_TYPE: answer->type = length ? value[0] : 0; break;
        case OPT_MASK: answer->mask = option_u32(value, length); break;
        case OPT_ROUTER: answer->router = option_u32(value, length); break;
        case OPT_DNS: answer->dns = option_u32(value, length); break;
        case OPT_SERVER: answer->server = option_u32(value, length); break;
        case OPT_LEASE: answer->lease = option_u32(value, length); break;
        case OPT_T1: answer->t1 = option_u32(value, length); break;
        case OPT_T2: answer->t2 = option_u32(value, length); break;
        default: break;
        }
        at += 2u + length;
    }
    return true;
}

static void bind_lease(struct client *client, const struct answer *answer)
{
    struct net_device *device = client->device;
    uint64_t lease = MAX(answer->lease, LEASE_MIN_S), renew = answer->t1 && answer->t1 < lease ? answer->t1 : lease / 2;
    uint64_t rebind = answer->t2 > renew && answer->t2 < lease ? answer->t2 : MAX(lease * 7 / 8, renew);
    device->address = answer->address;
    device->mask = answer->mask ? answer->mask : IP4(255, 255, 255, 0);
    device->gateway = device->own_gateway ? device->gateway : answer->router;
    device->dns = device->own_dns ? device->dns : answer->dns;
    device->server = answer->server;
    client->server = answer->server ? answer->server : client->server;
    client->state = BOUND;
    client->rebind_at = hal_time_ns() + rebind * NS_PER_S;
    client->expires_at = hal_time_ns() + lease * NS_PER_S;
    again_in(client, renew * NS_PER_S);
}

static void take(struct client *client, const struct answer *answer)
{
    if (client->state == SELECTING && answer->type == DHCP_OFFER && answer->address && answer->server) {
        client->offered = answer->address;
        client->server = answer->server;
        client->state = REQUESTING;
        client->retry_ns = FIRST_RETRY_NS;
        dhcp_send(client, DHCP_REQUEST);
        again_in(client, client->retry_ns);
    } else if (client->state == REQUESTING || client->state == RENEWING || client->state == REBINDING) {
        if (answer->type == DHCP_ACK && answer->address)
            bind_lease(client, answer);
        else if (answer->type == DHCP_NAK)
            restart(client);
    }
}

static void receive(void *arg, const struct ip_info *ip, uint16_t from_port, const uint8_t *data, size_t size)
{
    struct answer answer;
    (void)arg;
    for (struct client *client = clients; client; client = client->next)
        if (client->device == ip->device && from_port == SERVER_PORT && dhcp_parse(client, data, size, &answer))
            take(client, &answer);
}

static struct client *client_of(const struct net_device *device)
{
    struct client *client = clients;
    while (client && client->device != device)
        client = client->next;
    return client;
}

static struct client *new_client(struct net_device *device)
{
    struct client *client = kzalloc(sizeof *client);
    if (!client)
        return NULL;
    if (!clients) {
        binding.receive = receive;
        udp_bind(&binding, CLIENT_PORT);
    }
    client->device = device;
    client->next = clients;
    return clients = client;
}

void dhcp_start(struct net_device *device)
{
    struct client *client = client_of(device);
    if (!client)
        client = new_client(device);
    if (client)
        restart(client);
}

void dhcp_stop(struct net_device *device)
{
    struct client *client = client_of(device);
    if (!client)
        return;
    net_timer_cancel(&client->timer);
    client->state = OFF;
}

enum net_lease dhcp_lease(const struct net_device *device, uint64_t *left_s)
{
    const struct client *client = client_of(device);
    uint64_t now = hal_time_ns();
    *left_s = 0;
    if (!client || client->state == OFF)
        return LEASE_NONE;
    if (client->state == SELECTING || client->state == REQUESTING)
        return LEASE_ASKING;
    *left_s = client->expires_at > now ? (client->expires_at - now) / NS_PER_S : 0;
    return LEASE_HELD;
}
