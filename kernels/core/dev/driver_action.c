/* Sentences about drivers: which one a device has, loading and unloading, as far as the table of drivers allows. */
#include "action.h"
#include "checkup.h"
#include "kinds.h"
#include "print.h"
#include "string.h"
#include "text.h"

static unsigned users_of(const struct driver *driver, const struct device **first)
{
    unsigned count = 0;
    for (struct device *device = device_next(device_root()); device; device = device_next(device))
        if (device->driver == driver && !device->failure) {
            *first = count++ ? *first : device;
        }
    return count;
}

static void say_driver(const struct driver *driver)
{
    const struct device *first = NULL;
    unsigned users = users_of(driver, &first);
    kprintf("%s drives %s%s, ", driver->name, driver->ids[0], driver->ids[1] ? " and others" : "");
    if (users == 1)
        kprintf("here %s.\n", first->name);
    else if (users)
        kprintf("here %u devices.\n", users);
    else
        kprintf("which is not in use here.\n");
}

static void list_drivers(const struct action *action)
{
    const struct driver *const *entry;
    (void)action;
    FOR_REGISTERED(entry, drivers)
        say_driver(*entry);
}
ACTION(DRIVER_SELECT, list, "list the drivers", list_drivers);

static void find_by_id(const char *id)
{
    char full[DEVICE_ID_MAX];
    ksnprintf(full, sizeof full, "pci:%s", id);
    const struct driver *driver = driver_for_id(full);
    bool here = false;
    for (struct device *device = device_next(device_root()); device; device = device_next(device))
        here |= device_has_id(device, full);
    if (driver)
        kprintf("The driver for %s is %s.\n", id, driver->name);
    else
        kprintf("No driver of this kernel is for %s.\n", id);
    kprintf("Such a device is %sin this machine.\n", here ? "" : "not ");
}

static void find_driver(const struct action *action)
{
    unsigned count = 0;
    if (action->id.given) {
        find_by_id(action->id.text);
        return;
    }
    for (struct device *device = device_next(device_root()); device; device = device_next(device)) {
        const struct device_kind *kind = device_kind(device);
        if (!kind || (action->class.given && strcmp(kind->class, action->class.text)))
            continue;
        device_describe(device, kind);
        count++;
    }
    if (!count)
        kprintf("I find no such device in this machine%s%s.\n", action->class.given ? ": " : "",
                action->class.given ? action->class.text : "");
}
ACTION(DRIVER_SELECT, find, "say which driver a device has", find_driver);

static const struct driver *named(const struct action *action)
{
    const struct driver *driver = action->word.given ? driver_find(action->word.text) : NULL;
    if (!driver && action->word.given)
        kprintf("This kernel has no driver called %.40s.\n", action->word.text);
    else if (!driver)
        kprintf("I did not understand which driver.\n");
    if (!driver)
        kprintf("To see those there are, type: what drivers are loaded\n");
    return driver;
}

static void say_info(const struct action *action)
{
    const struct driver *driver = named(action);
    if (!driver)
        return;
    say_driver(driver);
    for (const char *const *id = driver->ids; *id; id++)
        kprintf("It is for %s.\n", *id);
    kprintf(driver->remove ? "It can be unloaded.\n" : "It can't be unloaded, and it has no options.\n");
}
ACTION(DRIVER_SELECT, info, "tell about a driver", say_info);

static void load_driver(const struct action *action)
{
    const struct device *first = NULL;
    const struct driver *driver = named(action);
    unsigned taken = driver ? driver_load(driver) : 0;
    if (!driver)
        return;
    if (taken)
        kprintf("%s is loaded and drives %u more device%s.\n", driver->name, taken, taken > 1 ? "s" : "");
    else if (users_of(driver, &first))
        kprintf("%s is loaded already and drives %s.\n", driver->name, first->name);
    else
        kprintf("%s is part of this kernel, but no device for it (%s) is in this machine.\n", driver->name, driver->ids[0]);
}
ACTION(DRIVER_SELECT, load, "load a driver", load_driver, .changes = true);

static void unload_driver(const struct action *action)
{
    const struct device *first = NULL;
    const struct driver *driver = named(action);
    if (!driver)
        return;
    unsigned users = users_of(driver, &first), given = driver_unload(driver);
    if (given)
        kprintf("%s is unloaded: %u device%s without a driver now.\n", driver->name, given, given > 1 ? "s are" : " is");
    else if (users)
        kprintf("%s can't be unloaded: what it drives (%s) is in use for as long as the machine is.\n", driver->name, first->name);
    else
        kprintf("%s is not in use here: there is nothing to unload.\n", driver->name);
}
ACTION(DRIVER_SELECT, unload, "unload a driver", unload_driver, .changes = true);
CANNOT(DRIVER_SELECT, switch, "This machine can't switch drivers: it has one for each device. Type: which driver does the network card use");

/* A device whose driver gave up, or a card that nobody drives. */
static bool driver_checkup(const struct action *action)
{
    unsigned driven = 0;
    (void)action;
    for (struct device *device = device_next(device_root()); device; device = device_next(device)) {
        bool empty = device->failure && !strcmp(device->failure, "empty");
        if (device->driver && device->failure && !empty) {
            kprintf("%s (%s) does not work: its driver %s says that it %s.\n", device->name, device->ids[0],
                    device->driver->name, device->failure);
            kprintf("Type: devices\n");
            return true;
        }
        driven += device->driver && !empty;
    }
    kprintf("%u devices have drivers, and none of them reports a fault.\n", driven);
    return false;
}
CHECKUP(driver, 9, driver_checkup);
