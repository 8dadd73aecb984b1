/* Devices and drivers. Buses (device tree, command line, PCI, virtio) add devices with the ids they answer to;
   device_start() gives each the driver whose table lists one of its ids and lets it probe. A driver is one file that
   ends with DRIVER(…); discovery → choice → probe is that one path, and `devices` shows where each device stands. */
#pragma once

#include "fdt.h"

enum { DEVICE_NAME_MAX = 32, DEVICE_ID_MAX = 40, DEVICE_ACTION_MAX = 32, DEVICE_IDS = 4, DEVICE_RANGES = 6, DEVICE_LINES = 4 };

struct device_range {
    uint64_t base, size;
    bool port;              /* in port space */
};

struct device {
    struct device *parent, *child, *sibling; /* first child, next sibling */
    char name[DEVICE_NAME_MAX];
    /* Most specific first: "ns16550a", "pci:1af4:1041", "pci-class:02:00", "virtio:1". */
    char ids[DEVICE_IDS][DEVICE_ID_MAX];
    unsigned id_count;
    struct device_range ranges[DEVICE_RANGES];
    unsigned range_count;
    unsigned lines[DEVICE_LINES];   /* interrupts, as the HAL numbers them */
    unsigned line_count;
    const struct driver *driver;    /* the one that was chosen, or NULL */
    char action[DEVICE_ACTION_MAX]; /* of DRIVER_SELECT, that chose it; empty when one of its ids did */
    const char *failure;            /* why its probe gave up, or NULL */
    bool unloaded;                  /* its driver was taken away by hand: device_start leaves it alone */
    fdt_node node;                  /* FDT_NONE unless it came from a device tree */
    void *bus;                      /* what its bus driver keeps about it */
    void *state;                    /* what its own driver keeps */
};

struct driver {
    const char *name;
    const char *const *ids;         /* ends with NULL */
    /* Takes the device into use; NULL, or why it could not (text that lives on). May add children to it. */
    const char *(*probe)(struct device *device);
    void (*remove)(struct device *device); /* gives it up again, its children gone; NULL: it stays with what it has */
};

#define DRIVER(driver_name, driver_probe, ...) DRIVER_REMOVABLE(driver_name, driver_probe, NULL, __VA_ARGS__)
#define DRIVER_REMOVABLE(driver_name, driver_probe, driver_remove, ...)                     \
    static const char *const driver_name##_ids[] = {__VA_ARGS__, NULL};                     \
    REGISTER(drivers, struct driver, driver_name, {#driver_name, driver_name##_ids, driver_probe, driver_remove})
REGISTRY(drivers, struct driver);

struct device *device_root(void);
/* A new device below parent, or NULL without memory. Fill it before the next device_start. */
struct device *device_add(struct device *parent, const char *format, ...) PRINTF_LIKE(2, 3);
/* Takes away a device that no driver uses, with all below it and what their buses keep. For buses and tests. */
void device_remove(struct device *device);
void device_add_id(struct device *device, const char *format, ...) PRINTF_LIKE(2, 3);
void device_add_range(struct device *device, uint64_t base, uint64_t size, bool port);
void device_add_line(struct device *device, unsigned line);
bool device_has_id(const struct device *device, const char *id);
/* Depth first, parents before children; NULL after the last. Start with device_root(). */
struct device *device_next(struct device *device);

/* Which driver a device gets, and by which action of DRIVER_SELECT (core/dev/select.c). NULL: none is known. */
const struct driver *driver_select(struct device *device);
/* Performs a DRIVER_SELECT action on the table of drivers; NULL when it does not lead to a driver of that device. */
const struct driver *driver_perform(const struct device *device, const char *action);
const struct driver *driver_for_id(const char *id);
const struct driver *driver_find(const char *name);
bool driver_takes(const struct driver *driver, const struct device *device); /* it lists one of its ids */
/* Gives a driver all the devices that it lists and that have none: how many it took into use. */
unsigned driver_load(const struct driver *driver);
/* Takes it away from all its devices: how many; 0 when it has none, or can't be removed. */
unsigned driver_unload(const struct driver *driver);

/* Chooses and probes for every device that has no driver yet, and for the devices that those probes add. */
void device_start(void);

/* Buses that are found, not probed: they add devices below the root. */
void fdt_bus_scan(const void *blob);
void cmdline_bus_scan(const char *cmdline);
void acpi_bus_scan(uint64_t rsdp);
void port_bus_scan(void); /* after acpi_bus_scan, which may deny what is there */
