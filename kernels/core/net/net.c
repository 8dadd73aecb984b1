/* Network devices, the queue of received packets, and the net thread (net.h). */
#include "net_internal.h"
#include "panic.h"
#include "print.h"

enum { BACKLOG_MAX = 256 };

struct mutex net_lock;
static struct net_device *devices;
static unsigned device_count;
static struct net_timer *timers; /* in order of deadline; under net_lock */

static struct lock queue_lock;   /* guards what interrupts touch: */
static struct wait_queue idle;
static struct packet *first, **last = &first;
static unsigned queued;
static uint64_t wake_at;         /* when the sleeping net thread gets up by itself */

void net_received(struct net_device *device, struct packet *packet)
{
    lock_take(&queue_lock);
    bool fits = queued < BACKLOG_MAX;
    if (fits) {
        packet->device = device;
        packet->next = NULL;
        *last = packet;
        last = &packet->next;
        queued++;
        wait_wake_one(&idle);
    }
    lock_give(&queue_lock);
    if (!fits) {
        device->dropped++;
        packet_free(packet);
    }
}

/* The oldest packet that waits; sleeps until there is one or the deadline passed, then NULL. */
static struct packet *next_packet(uint64_t deadline_ns)
{
    lock_take(&queue_lock);
    wake_at = deadline_ns;
    if (!first && hal_time_ns() < deadline_ns)
        wait_sleep(&idle, &queue_lock, deadline_ns);
    struct packet *packet = first;
    if (packet) {
        first = packet->next;
        queued--;
        if (!first)
            last = &first;
    }
    lock_give(&queue_lock);
    return packet;
}

void net_input(struct net_device *device, struct packet *packet)
{
    device->received++;
    if (device->raw)
        ip_input(device, packet);
    else
        ethernet_input(device, packet);
}

/* -- Timeouts --------------------------------------------------------------------------------------------- */

void net_timer_cancel(struct net_timer *timer)
{
    if (!timer->armed)
        return;
    struct net_timer **at = &timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->armed = false;
}

void net_timer_set(struct net_timer *timer, uint64_t deadline_ns, void (*fire)(void *arg), void *arg)
{
    net_timer_cancel(timer);
    struct net_timer **at = &timers;
    while (*at && (*at)->deadline_ns <= deadline_ns)
        at = &(*at)->next;
    *timer = (struct net_timer){*at, deadline_ns, true, fire, arg};
    *at = timer;
    lock_take(&queue_lock);
    if (deadline_ns < wake_at)
        wait_wake_one(&idle);
    lock_give(&queue_lock);
}

static void run_due_timers(void)
{
    while (timers && timers->deadline_ns <= hal_time_ns()) {
        struct net_timer *due = timers;
        timers = due->next;
        due->armed = false;
        due->fire(due->arg);
    }
}

static void net_thread(void *arg)
{
    (void)arg;
    uint64_t deadline = UINT64_MAX;
    for (;;) {
        struct packet *packet = next_packet(deadline);
        mutex_take(&net_lock);
        if (packet)
            net_input(packet->device, packet);
        run_due_timers();
        deadline = timers ? timers->deadline_ns : UINT64_MAX;
        mutex_give(&net_lock);
    }
}

/* -- Devices ---------------------------------------------------------------------------------------------- */

static bool loop_send(struct net_device *device, struct packet *packet)
{
    device->sent++;
    net_received(device, packet);
    return true;
}

static struct net_device loopback = {.name = "lo", .raw = true, .send = loop_send, .address = IP4(127, 0, 0, 1),
                                     .mask = IP4(255, 0, 0, 0)};

struct net_device *net_first(void) { return devices; }

static void append(struct net_device *device)
{
    struct net_device **at = &devices;
    while (*at)
        at = &(*at)->next;
    *at = device;
}

void net_register(struct net_device *device)
{
    mutex_take(&net_lock);
    ksnprintf(device->name, sizeof device->name, "net%u", device_count++);
    append(device);
    dhcp_start(device);
    mutex_give(&net_lock);
}

void net_init(void)
{
    append(&loopback);
    struct thread *thread = thread_start("net", CLASS_KERNEL, net_thread, NULL);
    if (!thread)
        panic("net: no memory for its thread");
    thread_detach(thread);
}

static bool configured(void)
{
    bool found = false;
    mutex_take(&net_lock);
    for (struct net_device *device = devices; device; device = device->next)
        found = found || (!device->raw && device->address);
    mutex_give(&net_lock);
    return found;
}

bool net_wait_configured(uint64_t deadline_ns)
{
    while (!configured()) {
        if (hal_time_ns() >= deadline_ns)
            return false;
        time_sleep_ns(NS_PER_MS);
    }
    return true;
}
