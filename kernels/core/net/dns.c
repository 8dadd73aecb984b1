/* DNS, both ends: a resolver that asks the server DHCP named, and a server for a few names of our own. The resolver
   uses a fresh port and id for every try, so that an answer is hard to forge. */
#include "dns_message.h"
#include "random.h"
#include "server.h"
#include "string.h"

enum { DNS_TRIES = 4, HOSTS_MAX = 16, TTL_S = 60 };
#define TRY_NS (2 * NS_PER_S)

struct query {
    struct udp_binding binding;
    uint16_t id;
    const char *name;
    bool answered;
    ip4 server, address;
    struct condition changed;
};

static void take_answer(void *arg, const struct ip_info *ip, uint16_t port, const uint8_t *data, size_t size)
{
    struct query *query = arg;
    uint32_t ttl;
    if (ip->from != query->server || port != DNS_PORT ||
        !dns_read_answer(data, size, query->id, query->name, &query->address, &ttl))
        return;
    query->answered = true;
    condition_broadcast(&query->changed);
}

/* One question, one wait; net_lock held. */
static void ask(struct query *query, uint64_t deadline_ns)
{
    uint8_t message[DNS_MESSAGE_MAX];
    query->id = (uint16_t)random_u32();
    query->binding.receive = take_answer;
    query->binding.arg = query;
    size_t size = dns_write_query(message, query->id, query->name);
    if (!size || !udp_bind(&query->binding, 0))
        return;
    if (udp_send(query->binding.port, query->server, DNS_PORT, message, size))
        while (!query->answered)
            if (!condition_wait(&query->changed, &net_lock, deadline_ns))
                break;
    udp_unbind(&query->binding);
}

static ip4 name_server(void)
{
    for (struct net_device *device = net_first(); device; device = device->next)
        if (device->dns)
            return device->dns;
    return 0;
}

bool dns_resolve(const char *name, ip4 *address, uint64_t deadline_ns)
{
    if (ip4_parse(name, address))
        return true;
    struct query query = {.name = name};
    mutex_take(&net_lock);
    query.server = name_server();
    for (int i = 0; i < DNS_TRIES && query.server && !query.answered && hal_time_ns() < deadline_ns; i++)
        ask(&query, MIN(deadline_ns, hal_time_ns() + TRY_NS));
    mutex_give(&net_lock);
    *address = query.address;
    return query.answered && query.address;
}

bool dns_answers(ip4 server, uint64_t deadline_ns)
{
    struct query query = {.name = "auton", .server = server};
    mutex_take(&net_lock);
    ask(&query, deadline_ns);
    mutex_give(&net_lock);
    return query.answered;
}

/* -- The server ------------------------------------------------------------------------------------------- */

static struct host {
    char name[64];
    ip4 address;
} hosts[HOSTS_MAX] = {{"auton", 0}, {"auton.local", 0}}; /* the first is the machine's own name */
static unsigned host_count = 2;
static struct udp_binding server;
static bool running;

bool dns_host(const char *name, ip4 address)
{
    mutex_take(&net_lock);
    struct host *host = NULL;
    for (unsigned i = 0; i < host_count && !host; i++)
        if (dns_same_name(hosts[i].name, name))
            host = &hosts[i];
    if (!host && host_count < HOSTS_MAX && strlen(name) < sizeof host->name) {
        host = &hosts[host_count++];
        text_copy(host->name, sizeof host->name, name);
    }
    if (host)
        host->address = address;
    mutex_give(&net_lock);
    return host != NULL;
}

void dns_own_name(const char *name)
{
    mutex_take(&net_lock);
    text_copy(hosts[0].name, sizeof hosts[0].name, name);
    mutex_give(&net_lock);
}

static void dns_serve(void *arg, const struct ip_info *ip, uint16_t port, const uint8_t *data, size_t size)
{
    struct dns_question question;
    uint8_t answer[DNS_MESSAGE_MAX];
    (void)arg;
    if (ip->broadcast || !dns_read_question(data, size, &question))
        return; /* an error answer to garbage would help nobody but a forger */
    enum dns_code code = question.flags & 0x7800 ? DNS_NOT_IMPLEMENTED : DNS_NO_NAME;
    ip4 address = 0;
    for (unsigned i = 0; i < host_count && code == DNS_NO_NAME; i++)
        if (dns_same_name(hosts[i].name, question.name)) {
            code = DNS_OK;
            bool wanted = question.type == DNS_TYPE_A && question.class == DNS_CLASS_IN;
            address = !wanted ? 0 : hosts[i].address ? hosts[i].address : ip->to;
        }
    size_t length = dns_write_answer(answer, data, &question, code, address, TTL_S);
    if (length)
        udp_send(DNS_PORT, ip->from, port, answer, length);
}

bool dns_server_start(void)
{
    mutex_take(&net_lock);
    bool started = !running;
    if (started) {
        server.receive = dns_serve;
        started = running = udp_bind(&server, DNS_PORT);
    }
    mutex_give(&net_lock);
    return started;
}

void dns_server_stop(void)
{
    mutex_take(&net_lock);
    if (running)
        udp_unbind(&server);
    running = false;
    mutex_give(&net_lock);
}

uint16_t dns_server_port(void) { return running ? DNS_PORT : 0; }

static bool start_on(uint16_t port) { return port == DNS_PORT && dns_server_start(); }
SERVER(dns, .name = "dns server", .port = DNS_PORT, .port_fixed = true, .start = start_on, .stop = dns_server_stop,
       .running = dns_server_port);
