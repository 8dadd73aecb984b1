/* The list of block devices, and the bounds check in front of each (block.h). */
#include "block.h"
#include "print.h"
#include "string.h"

static struct block_device *first;
static unsigned count;

void block_register(struct block_device *device)
{
    struct block_device **at = &first;
    if (!device->name[0])
        ksnprintf(device->name, sizeof device->name, "disk%u", count++);
    while (*at)
        at = &(*at)->next;
    device->next = NULL;
    *at = device;
}

void block_remove(struct block_device *device)
{
    struct block_device **at = &first;
    while (*at && *at != device)
        at = &(*at)->next;
    if (*at)
        *at = device->next;
}

struct block_device *block_first(void) { return first; }

struct block_device *block_find(const char *name)
{
    for (struct block_device *device = first; device; device = device->next)
        if (!strcmp(device->name, name))
            return device;
    return NULL;
}

static bool inside(const struct block_device *device, uint64_t sector, uint32_t run)
{
    return sector <= device->sectors && run <= device->sectors - sector;
}

bool block_read(struct block_device *device, uint64_t sector, void *data, uint32_t run)
{
    return inside(device, sector, run) && device->transfer(device, false, sector, data, run);
}

bool block_write(struct block_device *device, uint64_t sector, const void *data, uint32_t run)
{
    return inside(device, sector, run) && !device->read_only &&
           device->transfer(device, true, sector, (void *)(uintptr_t)data, run);
}

bool block_flush(struct block_device *device)
{
    return device->flush(device);
}
