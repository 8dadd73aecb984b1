/* /dev: null, zero, random, console, then the disks, which can be read but not written: a file system may be mounted
   from them. A device's number is its place in that list. */
#include "block.h"
#include "console.h"
#include "random.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

enum { DEV_NULL = 1, DEV_ZERO, DEV_RANDOM, DEV_CONSOLE, DEV_DISK };
static const char *const dev_names[] = {"", "null", "zero", "random", "console"};

static struct block_device *disk_of(uint64_t node)
{
    struct block_device *disk = block_first();
    for (uint64_t i = DEV_DISK; disk && i < node; i++)
        disk = disk->next;
    return disk;
}

static const char *dev_name(uint64_t node)
{
    struct block_device *disk = node < DEV_DISK ? NULL : disk_of(node);
    return node < DEV_DISK ? dev_names[node] : disk ? disk->name : NULL;
}

static int dev_lookup(struct mount *mount, uint64_t folder, const char *name, uint64_t *node)
{
    (void)mount;
    for (uint64_t i = 1; !folder && dev_name(i); i++)
        if (!strcmp(dev_name(i), name)) {
            *node = i;
            return 0;
        }
    return FS_NOT_FOUND;
}

static int dev_stat(struct mount *mount, uint64_t node, struct fs_stat *stat)
{
    (void)mount;
    struct block_device *disk = node < DEV_DISK ? NULL : disk_of(node);
    *stat = (struct fs_stat){node ? FS_DEVICE : FS_FOLDER, node, disk ? disk->sectors * SECTOR_SIZE : 0,
                             node ? 0600 : 0755, 1, 0};
    return 0;
}

static int dev_next(struct mount *mount, uint64_t folder, uint64_t *at, struct fs_entry *entry)
{
    (void)mount, (void)folder;
    const char *name = dev_name(*at + 1);
    if (!name)
        return 0;
    ++*at;
    text_copy(entry->name, sizeof entry->name, name);
    entry->type = FS_DEVICE;
    return 1;
}

/* Any bytes of a disk, a sector at a time. */
static long read_disk(struct block_device *disk, uint64_t offset, char *data, size_t size)
{
    uint8_t sector[SECTOR_SIZE];
    size_t done = 0;
    if (!disk)
        return FS_IO; /* it is gone */
    uint64_t end = disk->sectors * SECTOR_SIZE;
    while (done < size && offset < end) {
        size_t in = offset % SECTOR_SIZE, count = MIN(size - done, SECTOR_SIZE - in);
        if (!block_read(disk, offset / SECTOR_SIZE, sector, 1))
            return FS_IO;
        memcpy(data + done, sector + in, count);
        done += count, offset += count;
    }
    return (long)done;
}

static long dev_read(struct mount *mount, uint64_t node, uint64_t offset, void *data, size_t size)
{
    (void)mount;
    char *at = data;
    switch (node) {
    case DEV_NULL:
        return 0;
    case DEV_ZERO:
        memset(data, 0, size);
        return (long)size;
    case DEV_RANDOM:
        random_bytes(data, size);
        return (long)size;
    case DEV_CONSOLE:
        if (size)
            *at = console_read();
        return size != 0;
    default:
        return read_disk(disk_of(node), offset, data, size);
    }
}

static long dev_write(struct mount *mount, uint64_t node, uint64_t offset, const void *data, size_t size)
{
    (void)mount, (void)offset;
    if (node >= DEV_DISK)
        return FS_READ_ONLY;
    if (node == DEV_CONSOLE)
        console_write(data, size);
    else if (node == DEV_RANDOM)
        random_stir(data, size, false);
    return (long)size;
}

static int dev_mount(struct mount *mount)
{
    (void)mount;
    return 0;
}
FILE_SYSTEM(devfs, .device = true, .mount = dev_mount, .lookup = dev_lookup, .stat = dev_stat, .read = dev_read,
            .write = dev_write, .next = dev_next);
