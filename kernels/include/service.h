/* Services: what runs beside the console. Each is a function in a thread of its own, started after those it needs, started
   again as its policy says when it returns, and asked to end through service_wait. A service is SERVICE(…) in any file:

       static bool run(struct service_control *control)
       {
           …bring up, false when that fails…
           while (!service_wait(control, UINT64_MAX))
               ;
           …take down…
           return true;
       }
       SERVICE(web, .help = "…", .run = run, .after = {"net"}, .restart = RESTART_FAILED);

   Which ones start at boot is said by /etc/services, of the initramfs or of the disk: a name a line. */
#pragma once

#include "base.h"

enum { SERVICES_MAX = 16, SERVICE_AFTER = 4, SERVICE_TRIES = 5, SERVICE_REASON_MAX = 96 };
enum service_restart { RESTART_NEVER, RESTART_FAILED, RESTART_ALWAYS }; /* failed: when run returned false */

struct service_control;
/* Sleeps until deadline_ns, or until the service is to end: then true. */
bool service_wait(struct service_control *control, uint64_t deadline_ns);

struct service {
    const char *name, *help; /* without a help it is not listed */
    bool (*run)(struct service_control *control);
    const char *after[SERVICE_AFTER];
    enum service_restart restart;
};
#define SERVICE(service_name, ...) REGISTER(services, struct service, service_name, {.name = #service_name, __VA_ARGS__})
REGISTRY(services, struct service);

/* Starts what it needs first. False with the reason. One that runs already is fine. */
bool service_start(const char *name, char reason[SERVICE_REASON_MAX]);
/* Stops first the running ones that need it; returns when all have ended. */
bool service_stop(const char *name, char reason[SERVICE_REASON_MAX]);
void service_start_listed(void);    /* at boot */
void service_stop_all(void);        /* before the machine is left */

struct service_status {
    const struct service *service;
    const char *state;  /* "stopped", "running", "waiting" to start again, "failed", "ended" by itself */
    unsigned restarts;
    uint64_t since_ns;
};
bool service_status(unsigned index, struct service_status *status); /* false past the last */
