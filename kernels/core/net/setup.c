/* Setting the network up by hand (net.h): a fixed address, a gateway, a name server, and back to DHCP. */
#include "net_internal.h"

enum { FIRST_MULTICAST = 224, PREFIX_MOST = 30, LOOPBACK_NET = 127 };

static ip4 mask_of(unsigned prefix) { return prefix ? ~(ip4)0 << (32 - prefix) : 0; }

struct net_setup net_setup(struct net_device *device)
{
    mutex_take(&net_lock);
    struct net_setup setup = {.address = device->address, .mask = device->mask, .gateway = device->gateway,
                              .dns = device->dns, .server = device->server, .link = !device->link || device->link(device)};
    setup.lease = device->raw ? LEASE_NONE : dhcp_lease(device, &setup.lease_left_s);
    mutex_give(&net_lock);
    return setup;
}

/* Can one machine have it, in a network of that mask? */
static bool is_host(ip4 address, ip4 mask)
{
    unsigned first = address >> 24;
    return first && first < FIRST_MULTICAST && first != LOOPBACK_NET && (address & ~mask) && (address & ~mask) != ~mask;
}

static bool same_net(ip4 a, ip4 b, ip4 mask) { return !((a ^ b) & mask); }

bool net_set_address(struct net_device *device, ip4 address, unsigned prefix, ip4 gateway)
{
    ip4 mask = mask_of(prefix);
    bool right = prefix && prefix <= PREFIX_MOST && is_host(address, mask) &&
                 (!gateway || (same_net(address, gateway, mask) && is_host(gateway, mask) && gateway != address));
    if (!right)
        return false;
    mutex_take(&net_lock);
    dhcp_stop(device);
    if (!gateway && same_net(address, device->gateway, mask) && device->gateway != address)
        gateway = device->gateway;
    device->address = address;
    device->mask = mask;
    device->gateway = gateway;
    device->server = 0;
    mutex_give(&net_lock);
    return true;
}

bool net_set_gateway(struct net_device *device, ip4 gateway)
{
    mutex_take(&net_lock);
    bool right = device->address && same_net(gateway, device->address, device->mask) && is_host(gateway, device->mask) &&
                 gateway != device->address;
    if (right) {
        device->gateway = gateway;
        device->own_gateway = true;
    }
    mutex_give(&net_lock);
    return right;
}

void net_set_dns(struct net_device *device, ip4 server)
{
    mutex_take(&net_lock);
    device->dns = server;
    device->own_dns = true;
    mutex_give(&net_lock);
}

void net_use_dhcp(struct net_device *device)
{
    mutex_take(&net_lock);
    device->own_gateway = device->own_dns = false;
    dhcp_start(device);
    mutex_give(&net_lock);
}

bool net_knows_neighbour(ip4 address)
{
    ip4 hop;
    mutex_take(&net_lock);
    struct net_device *device = ip_route(address, &hop);
    bool known = device && (device->raw || arp_knows(device, hop));
    mutex_give(&net_lock);
    return known;
}

ip4 net_next_hop(ip4 address)
{
    ip4 hop;
    mutex_take(&net_lock);
    bool there = ip_route(address, &hop) != NULL;
    mutex_give(&net_lock);
    return there ? hop : 0;
}
