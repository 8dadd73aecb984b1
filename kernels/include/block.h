/* Block devices: sectors of 512 bytes, read and written in whole runs. Calls sleep until the device answered. */
#pragma once

#include "base.h"

enum { SECTOR_SIZE = 512, BLOCK_NAME_MAX = 12 };

struct block_device {
    struct block_device *next;
    char name[BLOCK_NAME_MAX];  /* "disk0" */
    uint64_t sectors;
    bool read_only;
    bool (*transfer)(struct block_device *device, bool write, uint64_t sector, void *data, uint32_t count);
    bool (*flush)(struct block_device *device); /* until what was written is on the medium */
};

void block_register(struct block_device *device);       /* names it, unless it has a name from an earlier time */
void block_remove(struct block_device *device);         /* nobody may be using it */
struct block_device *block_first(void);
struct block_device *block_find(const char *name);      /* NULL when there is none */

/* False when the run does not lie on the device, the device is read-only, or it reports an error. */
bool block_read(struct block_device *device, uint64_t sector, void *data, uint32_t count);
bool block_write(struct block_device *device, uint64_t sector, const void *data, uint32_t count);
bool block_flush(struct block_device *device);
