/* Kinds of devices (kinds.h): virtio types by virtio 1.2, chapter 5; PCI classes by the PCI Code and ID Assignment
   Specification 1.11, 1.1. */
#include "kinds.h"
#include "print.h"
#include "string.h"
#include "text.h"

static const struct device_kind kinds[] = {
    {"virtio:1", "network", "a network card"},       {"virtio:2", "disk", "a disk"},
    {"virtio:3", "serial", "a console line"},        {"virtio:4", "board", "a source of random numbers"},
    {"pci-class:01:*", "disk", "a disk controller"}, {"pci-class:02:*", "network", "a network card"},
    {"pci-class:03:*", "graphics", "a graphics card"}, {"pci-class:04:*", "sound", "a sound card"},
    {"pci-class:06:*", "pci", "a bridge"},           {"pci-class:0c:03", "usb", "a USB controller"},
    {"pci-class:*", "pci", "a PCI card"},            {"ns16550a", "serial", "a serial line"},
    {"arm,pl011", "serial", "a serial line"},        {"arm,pl031", "board", "a clock"},
    {"google,goldfish-rtc", "board", "a clock"},     {"motorola,mc146818", "board", "a clock"},
    {"pci-host-ecam-generic", "pci", "a PCI host bridge"}, {"acpi:MCFG", "pci", "a PCI host bridge"},
};

const struct device_kind *device_kind(const struct device *device)
{
    if (device->child && !(device->id_count && text_glob("*pci-host*", device->ids[0])))
        return NULL; /* the child is the device, this is the way to it */
    for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
        for (unsigned i = 0; i < device->id_count; i++)
            if (text_glob(kinds[k].id, device->ids[i]))
                return &kinds[k];
    return NULL;
}

void device_describe(const struct device *device, const struct device_kind *kind)
{
    kprintf("%s is %s (%s), ", device->name, kind->what, device->ids[0]);
    if (!device->driver)
        kprintf("without a driver.\n");
    else if (device->failure)
        kprintf("whose driver %s gave up: it %s.\n", device->driver->name, device->failure);
    else
        kprintf("driven by %s.\n", device->driver->name);
}
