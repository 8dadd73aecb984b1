/* Servers by their role (server.h), and being one: "be a web server on port 8080". */
#include "server.h"
#include "action.h"
#include "net.h"
#include "print.h"
#include "service.h"
#include "string.h"

const struct server *server_find(const char *role)
{
    const struct server *const *entry;
    FOR_REGISTERED(entry, servers)
        if (!strcmp((*entry)->role, role))
            return *entry;
    return NULL;
}

void server_end(const struct server *server)
{
    char reason[SERVICE_REASON_MAX];
    if (!server->service || !service_stop(server->service, reason))
        server->stop();
}

static void offer_servers(void)
{
    const struct server *const *entry;
    kprintf("It can be: ");
    FOR_REGISTERED(entry, servers)
        kprintf("%sa %s", entry == __start_servers ? "" : ", ", (*entry)->name);
    kprintf(".\n");
}

static void say_where(const struct server *server)
{
    char address[IP4_TEXT];
    for (const struct net_device *card = net_first(); card; card = card->next)
        if (!card->raw && card->address)
            kprintf("On its network it is reached at %s port %u.\n", ip4_text(card->address, address), server->running());
}

static void serve(const struct action *action)
{
    const struct server *server = action->role.given ? server_find(action->role.text) : NULL;
    if (!server) {
        kprintf(action->role.given ? "This machine can't be a server of that kind (%s).\n" : "I did not understand which server%s.\n",
                action->role.given ? action->role.text : "");
        offer_servers();
        return;
    }
    uint16_t port = action->port.given ? (uint16_t)action->port.number : server->port, now = server->running();
    if (now) {
        kprintf("The %s is running already, on port %u.\n", server->name, now);
        if (port != now)
            kprintf("To change its port, type first: stop the %s\n", server->name);
        return;
    }
    if (server->port_fixed && port != server->port) {
        kprintf("A %s answers on port %u only.\n", server->name, server->port);
        return;
    }
    if (!server->start(port)) {
        kprintf("The %s did not start: port %u is taken, or memory is short.\n", server->name, port);
        return;
    }
    kprintf("The %s is running on port %u.\n", server->name, port);
    say_where(server);
}
ACTION(APP_INSTALL, serve, "be a server", serve, .changes = true);
