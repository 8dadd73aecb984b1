/* net: the network devices; net ping ADDRESS: a round trip. */
#include "net.h"
#include "console.h"
#include "print.h"
#include "string.h"

static void show(const struct net_device *device)
{
    char address[IP4_TEXT], gateway[IP4_TEXT], dns[IP4_TEXT], mac[MAC_TEXT];
    kprintf("%-5s %s  address %s gateway %s dns %s  received %llu sent %llu dropped %llu\n", device->name,
            mac_text(device->mac, mac), ip4_text(device->address, address), ip4_text(device->gateway, gateway),
            ip4_text(device->dns, dns), (unsigned long long)device->received, (unsigned long long)device->sent,
            (unsigned long long)device->dropped);
}

static void ping_command(const char *text)
{
    ip4 to;
    uint64_t took;
    if (!ip4_parse(text, &to))
        kprintf("expected an address such as 10.0.2.2, found '%s'\n", text);
    else if (icmp_ping(to, hal_time_ns() + 2 * NS_PER_S, &took))
        kprintf("%s answered after %llu us\n", text, (unsigned long long)(took / NS_PER_US));
    else
        kprintf("%s did not answer within 2 s\n", text);
}

static void net(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "ping"))
        ping_command(argv[2]);
    else
        for (const struct net_device *device = net_first(); device; device = device->next)
            show(device);
}

static bool net_fits(int argc, char **argv)
{
    return argc == 1 || (argc == 3 && !strcmp(argv[1], "ping"));
}
COMMAND_IF(net_fits, net, "show the network devices, or: net ping ADDRESS", net);
