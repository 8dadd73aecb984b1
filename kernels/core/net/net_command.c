/* net: the network devices; net ping HOST: as ping. */
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

static void net(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "ping"))
        ping_print(argv[2]);
    else
        for (const struct net_device *device = net_first(); device; device = device->next)
            show(device);
}

static bool net_fits(int argc, char **argv)
{
    return argc == 1 || (argc == 3 && !strcmp(argv[1], "ping"));
}
COMMAND_IF(net_fits, net, "show the network devices, or: net ping HOST", net);
