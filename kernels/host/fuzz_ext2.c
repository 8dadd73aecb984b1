/* libFuzzer: an ext2 image that is damaged in places, mounted, looked through, changed, and mounted again. The input is a
   list of (place, length, bytes): a place counts in the parts of the image that hold metadata. */
#include "block.h"
#include "string.h"
#include "text.h"
#include "vfs.h"
#include "../core/fs/ext2/ext2.h"

void host_init(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DISK_SIZE = 2 << 20, BLOCK = 1024, METADATA = 64 };

static uint8_t image[DISK_SIZE], medium[DISK_SIZE];
static uint32_t places[METADATA];  /* block numbers */
static unsigned place_count;

static bool transfer(struct block_device *device, bool write, uint64_t sector, void *data, uint32_t count)
{
    (void)device;
    uint8_t *at = medium + sector * SECTOR_SIZE;
    memcpy(write ? at : data, write ? data : at, (size_t)count * SECTOR_SIZE);
    return true;
}

static bool flush(struct block_device *device) { return device != NULL; }

static struct block_device disk = {.sectors = DISK_SIZE / SECTOR_SIZE, .transfer = transfer, .flush = flush};

/* A file system with something of everything, cut off so that its journal has to be replayed. */
static void start(void)
{
    static char big[20000];
    host_init();
    block_register(&disk);
    if (ext2_format(&disk, BLOCK) || vfs_mount("ext2", disk.name, "/t", 0))
        __builtin_trap();
    vfs_mkdir("/t/a");
    vfs_mkdir("/t/a/b");
    vfs_store("/t/a/file", "hello", 5);
    vfs_store("/t/big", big, sizeof big);
    memcpy(image, medium, DISK_SIZE); /* needs_recovery is set, the journal holds the last change */
    vfs_unmount("/t");
    for (uint32_t block = 1; block < DISK_SIZE / BLOCK && place_count < METADATA; block++) {
        bool used = false;
        for (unsigned i = 0; i < BLOCK; i++)
            used |= image[block * BLOCK + i] != 0;
        if (used)
            places[place_count++] = block;
    }
}

static void damage(const uint8_t *data, size_t size)
{
    memcpy(medium, image, DISK_SIZE);
    for (size_t at = 0; at + 3 < size;) {
        uint32_t place = load_be16(data + at) % (place_count * BLOCK), length = data[at + 2] % 16 + 1;
        length = (uint32_t)MIN(MIN((size_t)length, size - at - 3), (size_t)(BLOCK - place % BLOCK));
        memcpy(medium + places[place / BLOCK] * BLOCK + place % BLOCK, data + at + 3, length);
        at += 3 + length;
    }
}

static void look(const char *folder, unsigned depth)
{
    static uint8_t piece[4096];
    struct fs_entry entry;
    char path[FS_PATH_MAX];
    int file = vfs_open(folder, FS_READ);
    for (unsigned i = 0; file >= 0 && i < 32 && vfs_next(file, &entry) > 0; i++) {
        size_t length = strlen(folder), name = strlen(entry.name);
        if (length + name + 2 > sizeof path)
            break;
        memcpy(path, folder, length);
        path[length] = '/';
        memcpy(path + length + 1, entry.name, name + 1);
        int inner = vfs_open(path, FS_READ);
        vfs_read(inner, piece, sizeof piece);
        vfs_seek(inner, 13000);
        vfs_read(inner, piece, sizeof piece);
        vfs_close(inner);
        if (depth < 3)
            look(path, depth + 1);
    }
    vfs_close(file);
}

static void change(void)
{
    static uint8_t data[5000];
    vfs_mkdir("/t/new");
    vfs_store("/t/new/file", data, sizeof data);
    int file = vfs_open("/t/a/file", FS_WRITE | FS_APPEND);
    vfs_write(file, data, sizeof data);
    vfs_close(file);
    vfs_rename("/t/a/file", "/t/new/file");
    vfs_rename("/t/a", "/t/new/a");
    vfs_remove("/t/big");
    vfs_remove("/t/new/a/b");
    vfs_sync();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!place_count)
        start();
    damage(data, size);
    for (unsigned i = 0; i < 2 && !vfs_mount("ext2", disk.name, "/t", 0); i++) {
        look("/t", 0);
        change();
        if (vfs_unmount("/t"))
            __builtin_trap();
    }
    return 0;
}
