/* devices: the tree of devices, what each answers to, and which driver it got. */
#include "device.h"
#include "console.h"
#include "print.h"

static int depth_of(const struct device *device)
{
    int depth = 0;
    for (; device->parent; device = device->parent)
        depth++;
    return depth;
}

static void devices(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (struct device *device = device_next(device_root()); device; device = device_next(device)) {
        int indent = 2 * (depth_of(device) - 1);
        kprintf("%*s%-*s %-20s ", indent, "", 28 - indent, device->name, device->id_count ? device->ids[0] : "");
        kprintf("%s%s%s%s%s\n", device->driver ? device->driver->name : "-",
                *device->action ? " by DRIVER_SELECT " : "", device->action,
                device->failure ? ": " : "", device->failure ? device->failure : "");
    }
}
COMMAND_IF(command_alone, devices, "list the devices and their drivers", devices);
