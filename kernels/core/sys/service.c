/* Starting, watching and stopping services (service.h). One mutex makes starts and stops one after the other; what a
   service's own thread and others share is guarded by its control's mutex. */
#include "service.h"
#include "log.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

enum state { STOPPED, RUNNING, WAITING, FAILED, ENDED };

#define FIRST_PAUSE (100 * NS_PER_MS)
#define LAST_PAUSE (10 * NS_PER_S)

struct service_control {
    const struct service *service;
    struct mutex busy;
    struct condition changed;
    enum state state;
    bool stop, starting; /* starting: what it needs is being started */
    unsigned restarts;
    uint64_t since_ns;
    struct thread *thread;
};

static struct service_control controls[SERVICES_MAX];
static unsigned count;
static struct mutex one_by_one;

bool service_wait(struct service_control *control, uint64_t deadline_ns)
{
    mutex_take(&control->busy);
    while (!control->stop && condition_wait(&control->changed, &control->busy, deadline_ns))
        ;
    bool stop = control->stop;
    mutex_give(&control->busy);
    return stop;
}

static void set_state(struct service_control *control, enum state state)
{
    mutex_take(&control->busy);
    control->state = state;
    control->since_ns = hal_time_ns();
    mutex_give(&control->busy);
}

static void watch(void *arg)
{
    struct service_control *control = arg;
    const struct service *service = control->service;
    uint64_t pause = FIRST_PAUSE;
    for (unsigned tries = 1;; tries++) {
        set_state(control, RUNNING);
        uint64_t begun = hal_time_ns();
        bool ok = service->run(control);
        klog("service %s %s", service->name, ok ? "ended" : "failed");
        if (hal_time_ns() - begun > LAST_PAUSE)
            tries = 1, pause = FIRST_PAUSE;
        bool again = service->restart == RESTART_ALWAYS || (service->restart == RESTART_FAILED && !ok);
        if (!again || tries == SERVICE_TRIES || control->stop) {
            set_state(control, control->stop ? STOPPED : ok ? ENDED : FAILED);
            return;
        }
        set_state(control, WAITING);
        if (service_wait(control, hal_time_ns() + pause)) {
            set_state(control, STOPPED);
            return;
        }
        pause = MIN(2 * pause, LAST_PAUSE);
        control->restarts++;
    }
}

/* -- Starting and stopping, one_by_one held --------------------------------------------------------------- */

static void collect(void)
{
    const struct service *const *entry;
    if (!count)
        FOR_REGISTERED(entry, services)
            if (count < SERVICES_MAX)
                controls[count++].service = *entry;
}

static struct service_control *find_control(const char *name)
{
    collect();
    for (unsigned i = 0; i < count; i++)
        if (!strcmp(controls[i].service->name, name))
            return &controls[i];
    return NULL;
}

static bool is_up(const struct service_control *control)
{
    return control->state == RUNNING || control->state == WAITING;
}

static bool start(const char *name, char *reason);

static bool start_needed(struct service_control *control, char *reason)
{
    bool ok = true;
    control->starting = true;
    for (unsigned i = 0; ok && i < SERVICE_AFTER && control->service->after[i]; i++)
        ok = start(control->service->after[i], reason);
    control->starting = false;
    return ok;
}

static bool start(const char *name, char *reason)
{
    struct service_control *control = find_control(name);
    if (!control || control->starting) {
        ksnprintf(reason, SERVICE_REASON_MAX, control ? "%.40s needs itself" : "no service '%.40s'", name);
        return false;
    }
    if (is_up(control))
        return true;
    if (!start_needed(control, reason))
        return false;
    if (control->thread)
        thread_join(control->thread); /* it has ended by itself */
    control->stop = false;
    control->state = RUNNING;
    control->thread = thread_start(name, CLASS_USER, watch, control);
    if (!control->thread) {
        control->state = FAILED;
        ksnprintf(reason, SERVICE_REASON_MAX, "out of memory");
    } else {
        klog("service %s started", name);
    }
    return control->thread != NULL;
}

static bool needs(const struct service_control *control, const struct service_control *other)
{
    for (unsigned i = 0; i < SERVICE_AFTER && control->service->after[i]; i++)
        if (!strcmp(control->service->after[i], other->service->name))
            return true;
    return false;
}

static void stop(struct service_control *control)
{
    for (unsigned i = 0; i < count; i++)
        if (&controls[i] != control && is_up(&controls[i]) && needs(&controls[i], control))
            stop(&controls[i]);
    if (!control->thread)
        return;
    mutex_take(&control->busy);
    control->stop = true;
    condition_broadcast(&control->changed);
    mutex_give(&control->busy);
    thread_join(control->thread);
    control->thread = NULL;
    control->state = STOPPED;
    klog("service %s stopped", control->service->name);
}

/* -- What others call ------------------------------------------------------------------------------------- */

bool service_start(const char *name, char reason[SERVICE_REASON_MAX])
{
    mutex_take(&one_by_one);
    bool ok = start(name, reason);
    mutex_give(&one_by_one);
    return ok;
}

bool service_stop(const char *name, char reason[SERVICE_REASON_MAX])
{
    mutex_take(&one_by_one);
    struct service_control *control = find_control(name);
    bool up = control && control->thread;
    if (up)
        stop(control);
    else
        ksnprintf(reason, SERVICE_REASON_MAX, control ? "%.40s does not run" : "no service '%.40s'", name);
    mutex_give(&one_by_one);
    return up;
}

void service_stop_all(void)
{
    mutex_take(&one_by_one);
    for (unsigned i = 0; i < count; i++)
        stop(&controls[i]);
    mutex_give(&one_by_one);
}

bool service_status(unsigned index, struct service_status *status)
{
    static const char *const states[] = {"stopped", "running", "waiting", "failed", "ended"};
    collect();
    if (index >= count)
        return false;
    const struct service_control *control = &controls[index];
    *status = (struct service_status){control->service, states[control->state], control->restarts, control->since_ns};
    return true;
}

static void start_list(const char *path)
{
    char text[512], reason[SERVICE_REASON_MAX];
    long size = vfs_load(path, text, sizeof text - 1);
    text[MAX(size, 0)] = 0;
    for (char *at = text; *at;) {
        char *end = at;
        while (*end && !text_is_space(*end))
            end++;
        bool last = !*end;
        *end = 0;
        if (*at && !service_start(at, reason))
            klog("%s: %s", path, reason);
        at = end + !last;
    }
}

void service_start_listed(void)
{
    char path[FS_PATH_MAX + 16];
    start_list("/etc/services");
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++) {
        if (!mount->type || !mount->source[0])
            continue;
        ksnprintf(path, sizeof path, "%s/etc/services", mount->path);
        start_list(path);
    }
}

static void print_services(struct proc_text *text)
{
    struct service_status status;
    for (unsigned i = 0; service_status(i, &status); i++)
        if (status.service->help)
            proc_print(text, "%-12s %-8s restarts %u  %s\n", status.service->name, status.state, status.restarts,
                       status.service->help);
}
PROC_FILE(services, print_services);
