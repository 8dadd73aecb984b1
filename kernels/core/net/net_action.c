/* Sentences about the network: addresses, how they are set, who is connected. */
#include "action.h"
#include "hostname.h"
#include "net.h"
#include "print.h"
#include "string.h"

enum { PREFIX_USUAL = 24 };
#define LEASE_WAIT_NS (3 * NS_PER_S)

static unsigned prefix_of(ip4 mask)
{
    unsigned prefix = 0;
    for (; mask; mask <<= 1)
        prefix++;
    return prefix;
}

static void say_card(struct net_device *card)
{
    char text[IP4_TEXT];
    struct net_setup setup = net_setup(card);
    if (!setup.address) {
        kprintf("%s has no address%s.\n", card->name, setup.lease == LEASE_ASKING ? " yet: no DHCP server answered so far" : "");
        kprintf("To find out why, type: why is the network down\n");
        return;
    }
    kprintf("%s has the address %s/%u, ", card->name, ip4_text(setup.address, text), prefix_of(setup.mask));
    if (setup.lease == LEASE_HELD)
        kprintf("by DHCP, for another %llu s.\n", (unsigned long long)setup.lease_left_s);
    else
        kprintf("set by hand.\n");
    if (setup.gateway)
        kprintf("Its gateway is %s.\n", ip4_text(setup.gateway, text));
    if (setup.dns)
        kprintf("Its name server is %s.\n", ip4_text(setup.dns, text));
}

static void say_address(const struct action *action)
{
    unsigned cards = 0;
    (void)action;
    for (struct net_device *card = net_first(); card; card = card->next)
        if (!card->raw) {
            say_card(card);
            cards++;
        }
    if (!cards)
        kprintf("There is no network card here: only this machine itself, at 127.0.0.1.\n");
    kprintf("The host name is %s.\n", hostname());
}
ACTION(SYSTEM_MANAGE, address, "tell the addresses of this machine", say_address);

/* The card of that name, or the only one; NULL, said, when it is not clear which. */
static struct net_device *card_of(const struct action *action)
{
    struct net_device *found = NULL;
    for (struct net_device *card = net_first(); card; card = card->next)
        if (!card->raw && (!found || action_is(&action->iface, card->name)))
            found = card;
    if (!found)
        kprintf("There is no network card here.\n");
    else if (action->iface.given && !action_is(&action->iface, found->name))
        kprintf("There is no network card %.20s here, but %s.\n", action->iface.text, found->name);
    else
        return found;
    return NULL;
}

static void set_address(const struct action *action)
{
    struct net_device *card = card_of(action);
    char text[IP4_TEXT];
    if (!card)
        return;
    if (!action->ip.given) {
        kprintf("Which address? Type for example: set the ip address to 192.168.1.10/24\n");
        return;
    }
    struct net_setup now = net_setup(card);
    bool near = now.mask && !((now.address ^ action->ip.number) & now.mask);
    unsigned prefix = action->ip.prefix ? action->ip.prefix : near ? prefix_of(now.mask) : PREFIX_USUAL;
    if (!net_set_address(card, action->ip.number, prefix, action->gateway.number)) {
        kprintf("%s/%u can't be a machine's address%s.\n", ip4_text(action->ip.number, text), prefix,
                action->gateway.given ? " with that gateway" : "");
        return;
    }
    say_card(card);
    if (!net_setup(card).gateway)
        kprintf("It has no gateway: only its own network can be reached. Type for example: set the gateway to ADDRESS\n");
}
ACTION(INSTALL_CONFIGURE, address, "set an address by hand", set_address, .changes = true);

static void use_dhcp(const struct action *action)
{
    struct net_device *card = card_of(action);
    if (!card)
        return;
    net_use_dhcp(card);
    for (uint64_t until = hal_time_ns() + LEASE_WAIT_NS; hal_time_ns() < until && !net_setup(card).address;)
        time_sleep_ns(10 * NS_PER_MS);
    say_card(card);
}
ACTION(INSTALL_CONFIGURE, dhcp, "get an address by DHCP", use_dhcp, .changes = true);

static void set_dns(const struct action *action)
{
    struct net_device *card = card_of(action);
    char text[IP4_TEXT];
    if (!card)
        return;
    if (!action->server.given) {
        struct net_setup setup = net_setup(card);
        kprintf("The name server of %s is %s.\n", card->name, setup.dns ? ip4_text(setup.dns, text) : "not known");
        kprintf("To use another one, type for example: use dns server 10.0.2.3\n");
        return;
    }
    net_set_dns(card, action->server.number);
    kprintf("The name server is %s now.\n", ip4_text(action->server.number, text));
}
ACTION(INSTALL_CONFIGURE, dns, "use a name server", set_dns, .changes = true);

static void set_route(const struct action *action)
{
    struct net_device *card = card_of(action);
    char text[IP4_TEXT];
    if (!card)
        return;
    if (action->dest.given)
        kprintf("There is one route here, the default one: through the gateway.\n");
    else if (!action->gateway.given)
        kprintf("Which gateway? Type for example: set the gateway to 10.0.2.2\n");
    else if (net_set_gateway(card, action->gateway.number))
        kprintf("The gateway is %s now.\n", ip4_text(action->gateway.number, text));
    else
        kprintf("%s can't be a gateway: it does not lie in the network of %s.\n", ip4_text(action->gateway.number, text), card->name);
}
ACTION(INSTALL_CONFIGURE, route, "set the gateway", set_route, .changes = true);

static void say_connections(const struct action *action)
{
    static struct tcp_status list[TCP_LISTED];
    char text[IP4_TEXT];
    (void)action;
    unsigned count = tcp_list(list, TCP_LISTED), all = tcp_count();
    for (unsigned i = 0; i < count; i++)
        if (list[i].listens)
            kprintf("Port %u is open to everybody.\n", list[i].port);
        else
            kprintf("Port %u is connected with %s port %u.\n", list[i].port, ip4_text(list[i].peer, text), list[i].peer_port);
    if (dns_server_port())
        kprintf("Port %u (UDP) is open to everybody.\n", dns_server_port());
    kprintf("There are %u TCP connections and listeners in all.\n", all);
}
ACTION(SYSTEM_MANAGE, connections, "list the connections", say_connections);
