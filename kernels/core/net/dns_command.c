/* dns serve | host NAME ADDRESS | NAME: the name server and the resolver by hand. */
#include "console.h"
#include "net.h"
#include "print.h"
#include "string.h"

static void resolve(const char *name)
{
    char text[IP4_TEXT];
    ip4 address;
    if (dns_resolve(name, &address, hal_time_ns() + 5 * NS_PER_S))
        kprintf("%s is %s\n", name, ip4_text(address, text));
    else
        kprintf("no address for %s\n", name);
}

static void dns(int argc, char **argv)
{
    ip4 address;
    if (argc == 2 && !strcmp(argv[1], "serve"))
        kprintf(dns_server_start() ? "serving names on port 53\n" : "cannot serve names: port 53 is taken\n");
    else if (argc == 4 && !strcmp(argv[1], "host") && ip4_parse(argv[3], &address))
        kprintf(dns_host(argv[2], address) ? "%s is %s\n" : "no room for %s\n", argv[2], argv[3]);
    else if (argc == 2)
        resolve(argv[1]);
    else
        kprintf("expected: dns NAME | dns serve | dns host NAME ADDRESS\n");
}
COMMAND(dns, "names: dns NAME | dns serve | dns host NAME ADDRESS", dns);
