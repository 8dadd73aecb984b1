/* Why the network does not work, or why one address or name can't be reached: from the card outwards, up to the first thing
   that is broken. */
#include "checkup.h"
#include "net.h"
#include "print.h"
#include "server.h"
#include "string.h"

#define PING_NS (1 * NS_PER_S)
#define NAME_SERVER_NS (NS_PER_S / 2)

static struct net_device *first_card(void)
{
    struct net_device *card = net_first();
    while (card && card->raw)
        card = card->next;
    return card;
}

/* Link and address; true when something is broken. */
static bool card_is_broken(struct net_device *card, const struct net_setup *setup)
{
    char text[IP4_TEXT], server[IP4_TEXT];
    if (!setup->link) {
        kprintf("%s has no link: nothing is plugged in, or the other end is off.\n", card->name);
        kprintf("Plug it in, then type: use dhcp\n");
        return true;
    }
    kprintf("%s has a link.\n", card->name);
    if (!setup->address) {
        kprintf("It has no address: %s.\n", setup->lease == LEASE_ASKING ? "no DHCP server answers" : "nobody gave it one");
        kprintf("Type: use dhcp, or for example: set the ip address to 192.168.1.10/24\n");
        return true;
    }
    if (setup->lease == LEASE_HELD)
        kprintf("It has the address %s from the DHCP server %s.\n", ip4_text(setup->address, text), ip4_text(setup->server, server));
    else
        kprintf("It has the address %s, set by hand.\n", ip4_text(setup->address, text));
    return false;
}

/* Silence of a neighbour that answers to ARP may be its choice. */
static bool answers(ip4 address, const char *what)
{
    char text[IP4_TEXT];
    uint64_t took;
    ip4_text(address, text);
    if (icmp_ping(address, hal_time_ns() + PING_NS, &took)) {
        kprintf("%s %s answers a ping after %llu us.\n", what, text, (unsigned long long)(took / NS_PER_US));
        return true;
    }
    if (net_knows_neighbour(address)) {
        kprintf("%s %s answers to ARP, but to no ping: it may not want to.\n", what, text);
        return true;
    }
    kprintf("%s %s does not answer, not even to ARP: it is off, or not in this network.\n", what, text);
    return false;
}

static bool gateway_is_broken(const struct net_setup *setup)
{
    if (!setup->gateway) {
        kprintf("There is no gateway: only machines of its own network can be reached.\n");
        kprintf("Type for example: set the gateway to 10.0.2.2\n");
        return true;
    }
    if (answers(setup->gateway, "The gateway"))
        return false;
    kprintf("If it is the wrong one, type: set the gateway to ADDRESS, or: use dhcp\n");
    return true;
}

static bool names_are_broken(const struct net_setup *setup)
{
    char text[IP4_TEXT];
    if (setup->dns && dns_answers(setup->dns, hal_time_ns() + NAME_SERVER_NS)) {
        kprintf("The name server %s answers.\n", ip4_text(setup->dns, text));
        return false;
    }
    if (setup->dns)
        kprintf("The name server %s gives no answer in half a second: addresses work, names do not.\n", ip4_text(setup->dns, text));
    else
        kprintf("There is no name server: addresses work, names do not.\n");
    kprintf("Type for example: use dns server 10.0.2.3\n");
    return true;
}

/* The host that the question is about, by name or address; true when it can't be reached. */
static bool target_is_broken(const char *name, const struct net_setup *setup)
{
    ip4 address;
    char text[IP4_TEXT];
    if (!ip4_parse(name, &address)) {
        if (!setup->dns || !dns_resolve(name, &address, hal_time_ns() + 2 * NS_PER_S)) {
            kprintf("The name %.60s has no address that I can find out.\n", name);
            return names_are_broken(setup) || (kprintf("So the name is wrong, or not known there.\n"), true);
        }
        kprintf("The name %.60s stands for %s.\n", name, ip4_text(address, text));
    }
    ip4 hop = net_next_hop(address);
    if (!hop) {
        kprintf("No route leads to %s: there is no gateway.\n", ip4_text(address, text));
        kprintf("Type for example: set the gateway to 10.0.2.2\n");
        return true;
    }
    if (answers(address, "The machine")) {
        kprintf("So %.60s can be reached.\n", name);
        return false;
    }
    if (hop != address && gateway_is_broken(setup))
        return true;
    kprintf("The way up to there is fine: %.60s itself is off, or blocks what comes.\n", name);
    return true;
}

static bool network_checkup(const struct action *action)
{
    struct net_device *card = first_card();
    if (!card) {
        kprintf("There is no network card here, or no driver for it.\n");
        kprintf("Type: what hardware is in here\n");
        return true;
    }
    struct net_setup setup = net_setup(card);
    if (card_is_broken(card, &setup))
        return true;
    if (action->name.given && strcmp(action->name.text, card->name))
        return target_is_broken(action->name.text, &setup);
    return gateway_is_broken(&setup) || names_are_broken(&setup);
}
CHECKUP(network, 1, network_checkup);

static bool dns_checkup(const struct action *action)
{
    struct net_device *card = first_card();
    if (server_find("dns")->running())
        kprintf("My own name server is running on port %u.\n", dns_server_port());
    if (!card)
        return network_checkup(action);
    struct net_setup setup = net_setup(card);
    return card_is_broken(card, &setup) || names_are_broken(&setup);
}
CHECKUP(dns, 2, dns_checkup);
