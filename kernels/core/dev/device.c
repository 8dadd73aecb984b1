/* The tree of devices and the choice of drivers (device.h). Devices are added while the machine comes up, from one
   thread, and stay for ever. */
#include "device.h"
#include "mm.h"
#include "print.h"
#include "string.h"
#include "text.h"

static struct device root = {.name = "machine"};

struct device *device_root(void) { return &root; }

struct device *device_add(struct device *parent, const char *format, ...)
{
    struct device *device = kzalloc(sizeof *device);
    if (!device)
        return NULL;
    va_list args;
    va_start(args, format);
    kvsnprintf(device->name, sizeof device->name, format, args);
    va_end(args);
    device->parent = parent;
    struct device **at = &parent->child;
    while (*at)
        at = &(*at)->sibling;
    *at = device;
    return device;
}

void device_remove(struct device *device)
{
    while (device->child)
        device_remove(device->child);
    struct device **at = &device->parent->child;
    while (*at != device)
        at = &(*at)->sibling;
    *at = device->sibling;
    kfree(device->bus);
    kfree(device);
}

void device_add_id(struct device *device, const char *format, ...)
{
    if (device->id_count == DEVICE_IDS)
        return;
    va_list args;
    va_start(args, format);
    kvsnprintf(device->ids[device->id_count++], DEVICE_ID_MAX, format, args);
    va_end(args);
}

void device_add_range(struct device *device, uint64_t base, uint64_t size, bool port)
{
    if (device->range_count < DEVICE_RANGES)
        device->ranges[device->range_count++] = (struct device_range){base, size, port};
}

void device_add_line(struct device *device, unsigned line)
{
    if (device->line_count < DEVICE_LINES)
        device->lines[device->line_count++] = line;
}

bool device_has_id(const struct device *device, const char *id)
{
    for (unsigned i = 0; i < device->id_count; i++)
        if (!strcmp(device->ids[i], id))
            return true;
    return false;
}

struct device *device_next(struct device *device)
{
    if (device->child)
        return device->child;
    while (device && !device->sibling)
        device = device->parent;
    return device ? device->sibling : NULL;
}

/* The boot log's line of a device that got a driver. An empty slot of a bus is not worth one. */
static void log_choice(const struct device *device)
{
    if (device->failure && !strcmp(device->failure, "empty"))
        return;
    kprintf("device %s: %s -> %s%s%s", device->name, device->ids[0], device->driver->name,
            *device->action ? " by DRIVER_SELECT " : "", device->action);
    kprintf("%s%s\n", device->failure ? ": " : "", device->failure ? device->failure : "");
}

void device_start(void)
{
    for (struct device *device = &root; device; device = device_next(device)) {
        if (device->driver || device->unloaded)
            continue;
        device->driver = driver_select(device);
        if (!device->driver)
            continue;
        device->failure = device->driver->probe(device);
        log_choice(device);
    }
}

unsigned driver_load(const struct driver *driver)
{
    unsigned taken = 0;
    for (struct device *device = &root; device; device = device_next(device)) {
        if (device->driver || !driver_takes(driver, device))
            continue;
        device->driver = driver;
        device->unloaded = false;
        device->action[0] = 0;
        device->failure = driver->probe(device);
        taken += !device->failure;
    }
    device_start(); /* for what the probes added */
    return taken;
}

unsigned driver_unload(const struct driver *driver)
{
    unsigned given = 0;
    for (struct device *device = driver->remove ? &root : NULL; device; device = device_next(device)) {
        if (device->driver != driver)
            continue;
        if (!device->failure)
            driver->remove(device);
        while (device->child)
            device_remove(device->child);
        device->driver = NULL;
        device->state = NULL;
        device->failure = NULL;
        device->unloaded = true;
        given++;
    }
    return given;
}
