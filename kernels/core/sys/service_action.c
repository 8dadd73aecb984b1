/* Sentences about what runs: services by their name, servers by their role. */
#include "action.h"
#include "log.h"
#include "print.h"
#include "server.h"
#include "service.h"
#include "string.h"
#include "timer.h"
#include "hal.h"

static bool find_service(const char *name, struct service_status *status)
{
    for (unsigned i = 0; service_status(i, status); i++)
        if (!strcmp(status->service->name, name))
            return true;
    return false;
}

/* The server that the action is about, by its role, or by the name of the service that runs it. */
static const struct server *server_of(const struct action *action)
{
    const struct server *const *entry;
    if (action->role.given)
        return server_find(action->role.text);
    FOR_REGISTERED(entry, servers)
        if (action->word.given && ((*entry)->service ? action_is(&action->word, (*entry)->service) : false))
            return *entry;
    return action->word.given ? server_find(action->word.text) : NULL;
}

static void list_services(const struct action *action)
{
    struct service_status status;
    const struct server *const *entry;
    (void)action;
    for (unsigned i = 0; service_status(i, &status); i++)
        if (status.service->help)
            kprintf("The service %s (%s) is %s.\n", status.service->name, status.service->help, status.state);
    FOR_REGISTERED(entry, servers)
        if ((*entry)->running())
            kprintf("A %s is running on port %u.\n", (*entry)->name, (*entry)->running());
}
ACTION(SYSTEM_MANAGE, services, "list the services", list_services);

static void say_unknown(const struct action *action)
{
    kprintf("There is nothing called '%.40s' here.\n", action->role.given ? action->role.text : action->word.text);
    kprintf("To see what there is, type: show the services\n");
}

static void say_status(const struct action *action)
{
    struct service_status status;
    const struct server *server = server_of(action);
    if (!action->role.given && !action->word.given) {
        kprintf("I have been up for %llu s.\n", (unsigned long long)(hal_time_ns() / NS_PER_S));
        list_services(action);
    } else if (server && server->running()) {
        kprintf("Yes, a %s is running on port %u.\n", server->name, server->running());
    } else if (server) {
        kprintf("No, no %s is running.\nTo start one, type: be a %s\n", server->name, server->name);
    } else if (action->word.given && find_service(action->word.text, &status)) {
        kprintf("The service %s is %s.\n", status.service->name, status.state);
        if (status.restarts)
            kprintf("It was started again %u times.\n", status.restarts);
    } else if (action->role.given) {
        kprintf("No, and this machine can't be one (%s).\n", action->role.text);
    } else {
        say_unknown(action);
    }
}
ACTION(SYSTEM_MANAGE, status, "tell whether something is running", say_status);

static void start_it(const struct action *action)
{
    char reason[SERVICE_REASON_MAX];
    struct service_status status;
    const struct server *server = server_of(action);
    bool by_name = action->word.given && find_service(action->word.text, &status);
    if (!action->role.given && !action->word.given) {
        kprintf("I did not understand what to start. Type for example: start web\n");
    } else if (server && server->running()) {
        kprintf("A %s is running already, on port %u.\n", server->name, server->running());
    } else if (server && !by_name) {
        if (server->start(server->port))
            kprintf("The %s is running on port %u.\n", server->name, server->port);
        else
            kprintf("The %s did not start: port %u is taken, or memory is short.\n", server->name, server->port);
    } else if (by_name) {
        kprintf(service_start(action->word.text, reason) ? "The service %s runs.\n" : "%s did not start: %s.\n",
                action->word.text, reason);
    } else {
        say_unknown(action);
    }
}
ACTION(SYSTEM_MANAGE, start, "start a service", start_it, .changes = true);

static void stop_it(const struct action *action)
{
    char reason[SERVICE_REASON_MAX];
    struct service_status status;
    const struct server *server = server_of(action);
    if (!action->role.given && !action->word.given) {
        kprintf("I did not understand what to stop. Type for example: stop the web server\n");
    } else if (server) {
        uint16_t port = server->running();
        if (port)
            server_end(server);
        kprintf(port ? "The %s on port %u is stopped.\n" : "No %s is running.\n", server->name, port);
    } else if (action->word.given && find_service(action->word.text, &status)) {
        if (service_stop(action->word.text, reason))
            kprintf("The service %s is stopped.\n", action->word.text);
        else
            kprintf("%s.\n", reason);
    } else {
        say_unknown(action);
    }
}
ACTION(SYSTEM_MANAGE, stop, "stop a service", stop_it, .changes = true);

static void restart_it(const struct action *action)
{
    const struct server *server = server_of(action);
    uint16_t port = server ? server->running() : 0;
    if (!server || !port) {
        if (!server)
            stop_it(action);
        start_it(action);
        return;
    }
    server_end(server);
    kprintf(server->start(port) ? "The %s was stopped and runs again on port %u.\n"
                                : "The %s was stopped, but did not start again on port %u.\n", server->name, port);
}
ACTION(SYSTEM_MANAGE, restart, "stop a service and start it again", restart_it, .changes = true);

static bool warn_kill(const struct action *action)
{
    struct service_status status;
    const struct server *server = server_of(action);
    bool runs = find_service(action->word.text, &status) && strcmp(status.state, "stopped");
    if (runs || (server && server->running())) {
        kprintf("This ends '%.40s' and whatever it is doing.\n", action->word.text);
        return true;
    }
    kprintf("Only services can be ended here, and '%.40s' is none that runs.\n", action->word.text);
    kprintf("To see what runs, type: show the services\n");
    return false;
}
ACTION(SYSTEM_MANAGE, kill, "end a service", stop_it, .changes = true, .warn = warn_kill);
