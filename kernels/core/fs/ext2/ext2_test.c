/* ext2 on a disk in memory that this kernel formats itself; what e2fsck makes of it is tests/kernels/'s part. */
#include "ext2.h"
#include "mm.h"
#include "print.h"
#include "string.h"
#include "test.h"
#include "test_disk.h"
#include "text.h"

enum { ORDER = 10, DISK_SIZE = PAGE_SIZE << ORDER }; /* 4 MiB */

static uint8_t *medium;
static unsigned writes_left; /* then the power fails */
static unsigned wrong;       /* what threads found */

static bool transfer(struct block_device *device, bool write, uint64_t sector, void *data, uint32_t count)
{
    (void)device;
    uint8_t *at = medium + sector * SECTOR_SIZE;
    thread_yield(); /* as a disk lets others run */
    if (!write)
        memcpy(data, at, (size_t)count * SECTOR_SIZE);
    else if (!writes_left)
        return false;
    else
        writes_left--, memcpy(at, data, (size_t)count * SECTOR_SIZE);
    return true;
}

static bool flush(struct block_device *device)
{
    (void)device;
    return writes_left != 0;
}

static struct block_device disk = {.sectors = DISK_SIZE / SECTOR_SIZE, .transfer = transfer, .flush = flush};

/* What is in the memory at first is whatever was there, an earlier file system too. */
bool test_disk_begin(uint32_t block_size)
{
    medium = page_alloc(ORDER);
    writes_left = UINT32_MAX;
    if (!medium)
        return false;
    block_register(&disk);
    return !ext2_format(&disk, block_size) && !vfs_mount("ext2", disk.name, "/t", 0);
}

void test_disk_end(void)
{
    vfs_unmount("/t");
    block_remove(&disk);
    page_free(medium, ORDER);
}

static bool remount(void)
{
    return !vfs_unmount("/t") && !vfs_mount("ext2", disk.name, "/t", 0);
}

static const char *load(const char *path)
{
    static char data[64];
    long size = vfs_load(path, data, sizeof data - 1);
    data[MAX(size, 0)] = 0;
    return size < 0 ? fs_error((int)size) : data;
}

static uint64_t free_bytes(void)
{
    struct fs_usage usage = {0};
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++)
        if (mount->type && !strcmp(mount->path, "/t"))
            vfs_usage(mount, &usage);
    return usage.free;
}

TEST(ext2, files_survive_a_remount)
{
    for (uint32_t size = 1024; size <= 2048; size *= 2) {
        ASSERT_TRUE(test_disk_begin(size));
        EXPECT_EQ(vfs_mkdir("/t/a"), 0);
        EXPECT_EQ(vfs_mkdir("/t/a/b"), 0);
        EXPECT_EQ(vfs_store("/t/a/b/file", "hello", 5), 0);
        EXPECT_EQ(vfs_mkdir("/t/a"), FS_EXISTS);
        ASSERT_TRUE(remount());
        EXPECT_STR(load("/t/a/b/file"), "hello");
        EXPECT_EQ(vfs_store("/t/a/b/file", "you", 3), 0);
        EXPECT_STR(load("/t/a/b/file"), "you");
        EXPECT_EQ(vfs_remove("/t/a"), FS_NOT_EMPTY);
        EXPECT_EQ(vfs_remove("/t/a/b/file"), 0);
        EXPECT_EQ(vfs_remove("/t/a/b"), 0);
        EXPECT_EQ(vfs_remove("/t/a"), 0);
        EXPECT_STR(test_console("ls /t"), "");
        test_disk_end();
    }
}

TEST(ext2, renames_and_replaces)
{
    ASSERT_TRUE(test_disk_begin(1024));
    vfs_mkdir("/t/a");
    vfs_mkdir("/t/b");
    vfs_store("/t/a/x", "1", 1);
    vfs_store("/t/y", "2", 1);
    EXPECT_EQ(vfs_rename("/t/a/x", "/t/b/z"), 0);
    EXPECT_STR(load("/t/b/z"), "1");
    EXPECT_EQ(vfs_rename("/t/y", "/t/b/z"), 0);
    EXPECT_STR(load("/t/b/z"), "2");
    EXPECT_STR(load("/t/y"), "no such file");
    EXPECT_EQ(vfs_rename("/t/b/z", "/t/b/z"), 0);
    EXPECT_EQ(vfs_rename("/t/b", "/t/a/b"), 0);
    EXPECT_STR(load("/t/a/b/z"), "2");
    EXPECT_EQ(vfs_rename("/t/a", "/t/a/b/c"), FS_BUSY);
    EXPECT_EQ(vfs_rename("/t/a", "/t/a/b/z"), FS_BUSY);
    EXPECT_EQ(vfs_rename("/t/a/b/z", "/t/a"), FS_IS_FOLDER);
    EXPECT_EQ(vfs_rename("/t/a/b", "/t/b"), 0);
    EXPECT_EQ(vfs_mount("devfs", "", "/t/a/dev", 0), 0);
    EXPECT_EQ(vfs_rename("/t/b", "/t/a/dev/b"), FS_OTHER_MOUNT);
    EXPECT_EQ(vfs_rename("/t/a", "/t/c"), FS_BUSY);
    EXPECT_EQ(vfs_unmount("/t/a/dev"), 0);
    int file = vfs_open("/t/b/z", FS_READ);
    EXPECT_EQ(vfs_remove("/t/b/z"), FS_BUSY);
    vfs_close(file);
    test_disk_end();
}

TEST(ext2, big_and_sparse_files)
{
    static uint8_t piece[3000];
    ASSERT_TRUE(test_disk_begin(1024));
    vfs_mkdir("/t/a"); /* brings the journal */
    uint64_t before = free_bytes();
    int file = vfs_open("/t/big", FS_WRITE | FS_CREATE | FS_READ);
    for (unsigned i = 0; i < 200; i++) { /* past the direct and the single indirect blocks */
        memset(piece, (int)i, sizeof piece);
        ASSERT_EQ(vfs_write(file, piece, sizeof piece), sizeof piece);
    }
    for (unsigned i = 0; i < 200; i += 7) {
        vfs_seek(file, i * sizeof piece);
        ASSERT_EQ(vfs_read(file, piece, sizeof piece), sizeof piece);
        EXPECT_TRUE(piece[0] == i && piece[2999] == i && !memcmp(piece, piece + 1, sizeof piece - 1));
    }
    EXPECT_EQ(vfs_seek(file, 70u << 20), 0); /* by way of a triple indirect block */
    EXPECT_EQ(vfs_write(file, "end", 3), 3);
    EXPECT_EQ(vfs_seek(file, (70u << 20) - 4), 0);
    EXPECT_EQ(vfs_read(file, piece, 100), 7);
    EXPECT_TRUE(!memcmp(piece, "\0\0\0\0end", 7));
    vfs_close(file);
    EXPECT_EQ(vfs_remove("/t/big"), 0);
    EXPECT_EQ(free_bytes(), before);
    test_disk_end();
}

TEST(ext2, a_full_disk_is_an_error_and_heals)
{
    static uint8_t piece[4096];
    ASSERT_TRUE(test_disk_begin(1024));
    vfs_mkdir("/t/a");
    uint64_t before = free_bytes();
    int file = vfs_open("/t/big", FS_WRITE | FS_CREATE);
    long done;
    while ((done = vfs_write(file, piece, sizeof piece)) > 0)
        ;
    EXPECT_EQ(done, FS_NO_SPACE);
    EXPECT_TRUE(free_bytes() < 16 * 1024);
    vfs_close(file);
    EXPECT_EQ(vfs_remove("/t/big"), 0);
    EXPECT_EQ(free_bytes(), before);
    EXPECT_EQ(vfs_store("/t/a/again", "x", 1), 0);
    test_disk_end();
}

TEST(ext2, many_names_in_a_folder)
{
    char path[64];
    ASSERT_TRUE(test_disk_begin(1024));
    for (unsigned i = 0; i < 60; i++) {
        ksnprintf(path, sizeof path, "/t/a-name-that-takes-some-room-%u", i);
        ASSERT_EQ(vfs_store(path, path, strlen(path)), 0);
    }
    for (unsigned i = 0; i < 60; i += 2) {
        ksnprintf(path, sizeof path, "/t/a-name-that-takes-some-room-%u", i);
        EXPECT_EQ(vfs_remove(path), 0);
    }
    ASSERT_TRUE(remount());
    for (unsigned i = 0; i < 60; i++) {
        ksnprintf(path, sizeof path, "/t/a-name-that-takes-some-room-%u", i);
        EXPECT_STR(load(path), i % 2 ? path : "no such file");
    }
    test_disk_end();
}

/* The power fails after n writes: what is mounted then has the old name or the new one, never both or none. */
TEST(ext2, a_power_cut_leaves_before_or_after)
{
    bool old = true;
    for (unsigned n = 0; old; n++) {
        ASSERT_TRUE(test_disk_begin(1024));
        EXPECT_EQ(vfs_store("/t/old", "x", 1), 0);
        writes_left = n;
        int status = vfs_rename("/t/old", "/t/new");
        vfs_unmount("/t");
        writes_left = UINT32_MAX;
        ASSERT_EQ(vfs_mount("ext2", disk.name, "/t", 0), 0);
        struct fs_stat stat;
        old = vfs_stat("/t/old", &stat) == 0;
        EXPECT_TRUE(old != (vfs_stat("/t/new", &stat) == 0));
        EXPECT_TRUE(status == 0 || n < 40);
        EXPECT_EQ(vfs_store("/t/more", "y", 1), 0);
        test_disk_end();
        ASSERT_TRUE(n < 100);
    }
}

static void work_on_files(void *arg)
{
    char path[32], text[32];
    for (unsigned i = 0; i < 12; i++) {
        ksnprintf(path, sizeof path, "/t/%s-%u", (const char *)arg, i % 4);
        vfs_store(path, path, strlen(path));
        vfs_mkdir("/t/shared");
        vfs_rename("/t/shared", "/t/moved");
        vfs_remove("/t/moved");
        if (i % 3 == 2)
            vfs_remove(path);
        else if (vfs_load(path, text, sizeof text) != (long)strlen(path) || memcmp(text, path, strlen(path)))
            wrong++;
    }
}

TEST(ext2, threads_do_not_disturb_each_other)
{
    static char *const names[] = {"one", "two", "three"};
    struct thread *threads[ARRAY_LEN(names)];
    ASSERT_TRUE(test_disk_begin(1024));
    wrong = 0;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        threads[i] = thread_start(names[i], CLASS_USER, work_on_files, names[i]);
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (EXPECT_TRUE(threads[i] != NULL))
            thread_join(threads[i]);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(vfs_open_files(), 0);
    ASSERT_TRUE(remount());
    EXPECT_STR(load("/t/one-1"), "/t/one-1");
    EXPECT_STR(load("/t/three-3"), "no such file");
    test_disk_end();
}

TEST(ext2, unknown_features_keep_us_out)
{
    ASSERT_TRUE(test_disk_begin(1024));
    struct ext2_super *super = (struct ext2_super *)(medium + EXT2_SUPER_AT);
    EXPECT_EQ(vfs_unmount("/t"), 0);
    super->ro_compat |= 0x400;
    EXPECT_EQ(vfs_mount("ext2", disk.name, "/t", 0), 0);
    EXPECT_EQ(vfs_mkdir("/t/a"), FS_READ_ONLY);
    EXPECT_EQ(vfs_unmount("/t"), 0);
    super->incompat |= 0x40;
    EXPECT_EQ(vfs_mount("ext2", disk.name, "/t", 0), FS_UNSUPPORTED);
    super->incompat &= ~0x40u;
    super->blocks = UINT32_MAX;
    EXPECT_EQ(vfs_mount("ext2", disk.name, "/t", 0), FS_DAMAGED);
    super->magic = 0;
    EXPECT_EQ(vfs_mount("ext2", disk.name, "/t", 0), FS_UNSUPPORTED);
    test_disk_end();
}
