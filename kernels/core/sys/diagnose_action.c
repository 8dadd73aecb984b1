/* "Why is …": the check-ups (checkup.h) in turn, until one finds the first thing that is broken. Here are those of services,
   memory, the processor, the log and the clock; the others stand with their subsystems. */
#include "busy.h"

#include "checkup.h"
#include "log.h"
#include "mm.h"
#include "net.h"
#include "print.h"
#include "server.h"
#include "service.h"
#include "string.h"
#include "text.h"
#include "wall.h"

enum { ORDERS = 16, MEMORY_LOW = 20 /* a twentieth is free */, BUSY = 90 /* per cent */ };

static void offer_areas(const char *area)
{
    kprintf("I find nothing of that kind (%s) in this machine that could be broken.\n", area);
    kprintf("I can look at: ");
    const struct checkup *const *entry;
    FOR_REGISTERED(entry, checkups)
        kprintf("%s%s", entry == __start_checkups ? "" : ", ", (*entry)->area);
    kprintf(".\n");
}

/* Those of one area; *found tells whether there is any. */
static bool run_area(const char *area, const struct action *action, bool *found)
{
    const struct checkup *const *entry;
    FOR_REGISTERED(entry, checkups) {
        if (strcmp((*entry)->area, area))
            continue;
        *found = true;
        if ((*entry)->run(action))
            return true;
    }
    return false;
}

static bool run_all(const struct action *action)
{
    const struct checkup *const *entry;
    for (unsigned order = 1; order < ORDERS; order++)
        FOR_REGISTERED(entry, checkups)
            if ((*entry)->order == order && (*entry)->run(action))
                return true;
    return false;
}

/* What the question is about when it names no area. */
static const char *area_of(const struct action *action)
{
    struct service_status status;
    ip4 address;
    if (action->area.given)
        return action->area.text;
    if (action->role.given)
        return "service";
    for (unsigned i = 0; action->name.given && service_status(i, &status); i++)
        if (!strcmp(status.service->name, action->name.text))
            return "service";
    return action->name.given && ip4_parse(action->name.text, &address) ? "network" : NULL;
}

static void diagnose(const struct action *action)
{
    const char *area = area_of(action);
    bool found = false, broken;
    if (area && !strcmp(area, "system"))
        area = NULL;
    broken = area ? run_area(area, action, &found) : run_all(action);
    if (area && !found)
        offer_areas(area);
    else if (!broken)
        kprintf("Nothing is broken there that I can see. What happened lately: show the logs\n");
}
ACTION(TROUBLESHOOT, diagnose, "find out what is broken", diagnose);

/* -- Services, memory, the processor, the log ------------------------------------------------------------- */

static bool server_is_down(const struct server *server)
{
    if (server->running()) {
        kprintf("The %s is running on port %u.\n", server->name, server->running());
        return false;
    }
    kprintf("The %s is not running.\nType: be a %s\n", server->name, server->name);
    return true;
}

static bool service_checkup(const struct action *action)
{
    struct service_status status;
    const struct server *server = action->role.given ? server_find(action->role.text) : NULL;
    unsigned running = 0;
    if (action->role.given && !server) {
        kprintf("This machine can't be a server of that kind (%s).\nType: show the services\n", action->role.text);
        return true;
    }
    for (unsigned i = 0; service_status(i, &status); i++) {
        bool failed = !strcmp(status.state, "failed") || !strcmp(status.state, "waiting");
        if (failed && status.service->help) {
            kprintf("The service %s has failed, after %u new starts.\nType: show the logs, then: restart %s\n", status.service->name,
                    status.restarts, status.service->name);
            return true;
        }
        running += !strcmp(status.state, "running");
    }
    if (server)
        return server_is_down(server);
    kprintf("%u services are running, and none has failed.\n", running);
    return false;
}
CHECKUP(service, 5, service_checkup);

static bool memory_checkup(const struct action *action)
{
    struct page_stats pages = page_stats();
    (void)action;
    kprintf("%zu MiB of %zu MiB of memory are free.\n", pages.free * PAGE_SIZE >> 20, pages.total * PAGE_SIZE >> 20);
    if (pages.free >= pages.total / MEMORY_LOW)
        return false;
    kprintf("That is little. Type: show the services, and stop what you do not need\n");
    return true;
}
CHECKUP(memory, 6, memory_checkup);

static bool processor_checkup(const struct action *action)
{
    struct busy busy = busy_sample();
    (void)action;
    kprintf("The processor is busy for %u %% of the time.\n", busy.now);
    if (busy.now < BUSY)
        return false;
    kprintf("That is all of it: most went to the thread %s.\nType: show the processes\n", busy.busiest);
    return true;
}
CHECKUP(cpu, 7, processor_checkup);

/* The last line of the log that tells of a failure. */
static bool log_checkup(const struct action *action)
{
    char line[LOG_LINE_MAX + 1], last[LOG_LINE_MAX + 1] = "";
    uint64_t at = 0;
    (void)action;
    for (size_t size; (size = log_read(&kernel_log, &at, line, LOG_LINE_MAX));) {
        line[size] = 0;
        if (text_glob("* failed*", line) || text_glob("*error*", line) || text_glob("*damaged*", line))
            text_copy(last, sizeof last, line);
    }
    if (!last[0]) {
        kprintf("The log tells of no failure.\n");
        return false;
    }
    kprintf("The last failure in the log: %sType: show the logs\n", last);
    return true;
}
CHECKUP(system, 10, log_checkup);

static bool clock_checkup(const struct action *action)
{
    uint64_t now;
    (void)action;
    if (wall_now(&now)) {
        kprintf("The clock told the time at boot, and it counts on from there.\n");
        return false;
    }
    kprintf("No clock told this machine the time.\nType: what hardware is in here\n");
    return true;
}
CHECKUP(time, 0, clock_checkup);
