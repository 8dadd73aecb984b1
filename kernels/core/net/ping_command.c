/* ping HOST: an echo request (RFC 792) to an address or a name, and how long its answer took. */
#include "console.h"
#include "net.h"
#include "print.h"

#define PING_LEASE_NS (2 * NS_PER_S)
#define PING_NAME_NS (3 * NS_PER_S)
#define PING_ANSWER_NS (2 * NS_PER_S)

void ping_print(const char *host)
{
    char text[IP4_TEXT];
    ip4 to;
    uint64_t took;
    net_wait_configured(hal_time_ns() + PING_LEASE_NS); /* at the start of the machine a lease may be on its way */
    if (!dns_resolve(host, &to, hal_time_ns() + PING_NAME_NS))
        kprintf("The name %.60s has no address that I can find out. Type: why is the network down\n", host);
    else if (!net_next_hop(to))
        kprintf("No route leads to %s. Type: why is the network down\n", ip4_text(to, text));
    else if (icmp_ping(to, hal_time_ns() + PING_ANSWER_NS, &took))
        kprintf("%s answered after %llu us\n", ip4_text(to, text), (unsigned long long)(took / NS_PER_US));
    else
        kprintf("%s did not answer within 2 s\n", ip4_text(to, text));
}

static void ping_command(int argc, char **argv)
{
    if (argc == 2)
        ping_print(argv[1]);
    else
        kprintf("expected: ping ADDRESS or ping NAME, such as: ping 10.0.2.2\n");
}

static bool ping_fits(int argc, char **argv)
{
    (void)argv;
    return argc <= 2;
}
COMMAND_IF(ping_fits, ping, "is there an answer? ping HOST", ping_command);
