/* Power cuts, all of them: runs random changes on an ext2 image, keeps every write, and for each number of writes gives
   the image that a cut there leaves, mended by what a mount does.

     power_cut IMAGE SEED CHANGES EVERY OUT    one image for every EVERY-th write: OUT/cut-N.img, raw, as the cut left it

   Between two flushes a disk may reorder: at every second cut a random part of the writes since the last is lost.
   Each image is mounted here too, once with another cut in the midst of that: its files must be those before or after the change that was cut, and a change must
   work. Exit status 0 only then. `tests/kernels/test_files.py` gives the raw images to e2fsck. */
#include "block.h"
#include "net.h"
#include "panic.h"
#include "string.h"
#include "vfs.h"

#include <stdio.h>
#include <stdlib.h>

void host_init(void);

enum { WRITES_MAX = 1 << 16, CHANGES_MAX = 4096, NAMES = 12, BIG = 40000 };

struct write {
    uint64_t sector;
    uint32_t count;
    unsigned change, epoch; /* which change made it; how many flushes came before */
    uint8_t *data;
};

static uint8_t *medium, *base;
static size_t size;
static struct write writes[WRITES_MAX];
static unsigned write_count, epoch, change;
static bool recording;
static unsigned writes_left = UINT32_MAX; /* then every one fails */
static uint64_t digests[CHANGES_MAX + 1];
static bool atomic[CHANGES_MAX + 1];

static bool transfer(struct block_device *device, bool write, uint64_t sector, void *data, uint32_t count)
{
    (void)device;
    uint8_t *at = medium + sector * SECTOR_SIZE;
    if (write && !writes_left)
        return false;
    writes_left -= write;
    memcpy(write ? at : data, write ? data : at, (size_t)count * SECTOR_SIZE);
    if (write && recording) {
        ASSERT(write_count < WRITES_MAX);
        struct write *w = &writes[write_count++];
        *w = (struct write){sector, count, change, epoch, malloc((size_t)count * SECTOR_SIZE)};
        memcpy(w->data, data, (size_t)count * SECTOR_SIZE);
    }
    return true;
}

static bool flush(struct block_device *device)
{
    (void)device;
    epoch += recording;
    return true;
}

static struct block_device disk = {.transfer = transfer, .flush = flush};

/* -- The files, as one number ----------------------------------------------------------------------------- */

static uint64_t hash(uint64_t sum, const void *data, size_t length)
{
    for (const uint8_t *at = data; length--; at++)
        sum = (sum ^ *at) * 0x100000001b3ull;
    return sum;
}

static uint64_t digest(const char *folder, unsigned depth)
{
    struct fs_entry entry;
    char path[FS_PATH_MAX];
    static uint8_t data[BIG * 4];
    uint64_t sum = 0;
    int file = vfs_open(folder, FS_READ), status;
    ASSERT(file >= 0 && depth < 8);
    while ((status = vfs_next(file, &entry)) > 0) {
        uint64_t one = hash(1, entry.name, strlen(entry.name));
        snprintf(path, sizeof path, "%s/%s", folder, entry.name);
        if (entry.type == FS_FOLDER) {
            one = one * 3 + digest(path, depth + 1);
        } else {
            long length = vfs_load(path, data, sizeof data);
            ASSERT(length >= 0);
            one = hash(one, data, (size_t)length);
        }
        sum += one * (one | 1); /* in any order */
    }
    if (status)
        panic("%s: %s", folder, fs_error(status));
    vfs_close(file);
    return sum;
}

/* -- Changes ---------------------------------------------------------------------------------------------- */

static const char *random_path(void)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    if (rand() % 2)
        snprintf(path, 64, "/t/f%d", rand() % NAMES);
    else
        snprintf(path, 64, "/t/f%d/a-longer-name-%d", rand() % NAMES, rand() % NAMES);
    return path;
}

static void write_some(const char *path, unsigned flags)
{
    static uint8_t data[BIG];
    size_t length = (size_t)rand() % (rand() % 4 ? 3000 : BIG);
    memset(data, rand(), length);
    int file = vfs_open(path, FS_WRITE | FS_CREATE | flags);
    if (file < 0)
        return;
    if (!(rand() % 5))
        vfs_seek(file, (uint64_t)(rand() % BIG));
    vfs_write(file, data, length);
    vfs_close(file);
}

static void change_one(void)
{
    int what = rand() % 10;
    atomic[change] = what >= 4;
    if (what < 4)
        write_some(random_path(), what == 3 ? FS_APPEND : what ? FS_TRUNCATE : 0);
    else if (what < 6)
        vfs_mkdir(random_path());
    else if (what < 8)
        vfs_remove(random_path());
    else
        vfs_rename(random_path(), random_path());
}

static void run(unsigned changes)
{
    if (vfs_mount("ext2", disk.name, "/t", 0))
        panic("the image cannot be mounted");
    digests[0] = digest("/t", 0);
    recording = true;
    for (change = 1; change <= changes; change++) {
        change_one();
        recording = false;
        digests[change] = digest("/t", 0);
        recording = true;
    }
    vfs_unmount("/t");
    recording = false;
}

/* -- Cuts ------------------------------------------------------------------------------------------------- */

static void apply(uint8_t *image, const struct write *w)
{
    memcpy(image + w->sector * SECTOR_SIZE, w->data, (size_t)w->count * SECTOR_SIZE);
}

static void save(const char *out, unsigned cut)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/cut-%u.img", out, cut);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(medium, 1, size, file) != size || fclose(file))
        panic("cannot write %s", path);
}

static void check(unsigned cut)
{
    unsigned at = cut < write_count ? writes[cut].change : change - 1;
    writes_left = (unsigned)rand() % 12; /* the power fails again, while the first failure is being mended */
    if (!vfs_mount("ext2", disk.name, "/t", 0))
        vfs_unmount("/t");
    writes_left = UINT32_MAX;
    if (vfs_mount("ext2", disk.name, "/t", 0))
        panic("after a cut at write %u the image cannot be mounted", cut);
    uint64_t found = digest("/t", 0);
    if (atomic[at] && found != digests[at] && found != digests[at - 1])
        panic("after a cut at write %u, in change %u, the files are neither those before nor after", cut, at);
    vfs_remove("/t/after");
    if (vfs_store("/t/after", "x", 1) && vfs_store("/t/after", "x", 1) != FS_NO_SPACE)
        panic("after a cut at write %u nothing can be written", cut);
    vfs_unmount("/t");
}

/* Where the writes begin that the disk may still have been holding when `cut` of them had been made. */
static unsigned unsettled(unsigned cut)
{
    unsigned now = cut < write_count ? writes[cut].epoch : epoch, first = cut;
    while (first && writes[first - 1].epoch == now)
        first--;
    return first;
}

/* The image after writes[0..cut); with `reorder` less some of those since the last flush. Cuts come in order. */
static void make_cut(unsigned cut, bool reorder)
{
    static unsigned settled;
    for (unsigned end = unsettled(cut); settled < end; settled++)
        apply(base, &writes[settled]);
    memcpy(medium, base, size);
    for (unsigned i = settled; i < cut; i++)
        if (!reorder || rand() % 2)
            apply(medium, &writes[i]);
}

static void read_image(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        panic("cannot read %s", path);
    size = (size_t)ftell(file);
    rewind(file);
    medium = malloc(size);
    base = malloc(size);
    if (fread(base, 1, size, file) != size)
        panic("cannot read %s", path);
    memcpy(medium, base, size);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 6 || atoi(argv[3]) > CHANGES_MAX || atoi(argv[4]) < 1) {
        fprintf(stderr, "expected: power_cut IMAGE SEED CHANGES EVERY OUT\n");
        return 2;
    }
    read_image(argv[1]);
    srand((unsigned)atoi(argv[2]));
    host_init();
    disk.sectors = size / SECTOR_SIZE;
    block_register(&disk);
    run((unsigned)atoi(argv[3]));
    unsigned every = (unsigned)atoi(argv[4]);
    for (unsigned cut = 0; cut <= write_count; cut++) {
        make_cut(cut, cut % 2);
        if (cut % every == 0)
            save(argv[5], cut);
        check(cut);
    }
    printf("%u writes, %u flushes, %u changes: every cut leaves the files before or after\n", write_count, epoch, change - 1);
    return 0;
}
