/* "What hardware is in here", "what is 8086:100e": the device tree in words. */
#include "action.h"
#include "block.h"
#include "hal.h"
#include "kinds.h"
#include "mm.h"
#include "print.h"
#include "string.h"

static void say_processor(void)
{
    kprintf("There is one processor in use, of the kind %s.\n", hal_arch);
}

static void say_memory(void)
{
    kprintf("There are %zu MiB of memory.\n", page_stats().total * PAGE_SIZE >> 20);
}

static void say_disks(void)
{
    for (const struct block_device *disk = block_first(); disk; disk = disk->next)
        kprintf("%s is a disk of %llu MiB%s.\n", disk->name, (unsigned long long)(disk->sectors * SECTOR_SIZE >> 20),
                disk->read_only ? ", which can only be read" : "");
}

/* The devices of a class (NULL: all), a line each; how many. */
static unsigned say_devices(const char *class)
{
    unsigned count = 0;
    for (struct device *device = device_next(device_root()); device; device = device_next(device)) {
        const struct device_kind *kind = device_kind(device);
        if (!kind || (class && strcmp(kind->class, class)))
            continue;
        device_describe(device, kind);
        count++;
    }
    return count;
}

static void list_hardware(const struct action *action)
{
    const char *class = action->class.given ? action->class.text : NULL;
    bool cpu = action_is(&action->class, "cpu"), memory = action_is(&action->class, "memory");
    if (!class || cpu)
        say_processor();
    if (!class || memory)
        say_memory();
    if (cpu || memory)
        return;
    if (!class || !strcmp(class, "disk"))
        say_disks();
    if (say_devices(class))
        return;
    if (class)
        kprintf("I find nothing of that kind (%s) in this machine.\n", class);
    kprintf("To see the whole tree, type: devices\n");
}
ACTION(HARDWARE_IDENTIFY, list, "list the hardware", list_hardware);

static struct device *find_device(const char *id)
{
    struct device *device = device_next(device_root());
    while (device && !device_has_id(device, id))
        device = device_next(device);
    return device;
}

static void say_id(const char *id)
{
    char full[DEVICE_ID_MAX];
    ksnprintf(full, sizeof full, "pci:%s", id);
    const struct driver *driver = driver_for_id(full);
    const struct device *device = find_device(full);
    const struct device_kind *kind = device ? device_kind(device) : NULL;
    if (kind)
        device_describe(device, kind);
    else
        kprintf(device ? "%s is in this machine, as %s.\n" : "%s is not in this machine.\n", id, device ? device->name : "");
    if (driver)
        kprintf("Its driver is %s.\n", driver->name);
    else if (!device || !device->child)
        kprintf("This kernel has no driver for it.\n");
}

static void identify(const struct action *action)
{
    unsigned count = 0;
    if (action->id.given) {
        say_id(action->id.text);
        return;
    }
    if (action->device.given)
        kprintf("I can look a device up by its id, such as 8086:100e, but not by the name '%.60s'.\n", action->device.text);
    for (struct device *device = device_next(device_root()); device; device = device_next(device))
        if (!device->driver && device->id_count && device_kind(device)) {
            device_describe(device, device_kind(device));
            count++;
        }
    if (!count)
        kprintf("Every device that I found is known. To see them, type: what hardware is in here\n");
}
ACTION(HARDWARE_IDENTIFY, identify, "say what a device is", identify);
