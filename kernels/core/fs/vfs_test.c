/* Paths, mounts, descriptors, and the file systems that need no disk. */
#include "cpio_image.h"
#include "string.h"
#include "test.h"
#include "text.h"
#include "vfs.h"
#include "vfs_internal.h"

static char normal[FS_PATH_MAX];

/* An archive at /t; the tests that use it leave it. */
static bool mount_archive(void)
{
    cpio_image_begin();
    cpio_image_add("etc", 0040755, "");
    cpio_image_add("etc/motd", 0100644, "hello\n");
    cpio_image_add("etc/again", 0120777, "motd");
    cpio_image_add("etc/loop", 0120777, "loop");
    cpio_image_add("home", 0120777, "/t/etc");
    cpio_image_add("etc/../evil", 0100644, "x");
    cpio_image_add("nowhere/file", 0100644, "x");
    cpio_image_end();
    initramfs_use(cpio_image_data(), cpio_image_size());
    int status = vfs_mount("initramfs", "", "/t", 0);
    initramfs_use(NULL, 0);
    return status == 0;
}

static const char *load(const char *path)
{
    static char data[64];
    long size = vfs_load(path, data, sizeof data - 1);
    data[MAX(size, 0)] = 0;
    return size < 0 ? fs_error((int)size) : data;
}

TEST(vfs, paths_become_normal)
{
    EXPECT_EQ(vfs_normal("a//b/./c/", normal), 0);
    EXPECT_STR(normal, "/a/b/c");
    EXPECT_EQ(vfs_normal("/a/../../b/..", normal), 0);
    EXPECT_STR(normal, "/");
    EXPECT_EQ(vfs_normal("", normal), 0);
    EXPECT_STR(normal, "/");
    static char name[FS_NAME_MAX + 3];
    memset(name, 'n', FS_NAME_MAX + 1);
    EXPECT_EQ(vfs_normal(name, normal), FS_BAD_NAME);
    name[FS_NAME_MAX] = 0;
    EXPECT_EQ(vfs_normal(name, normal), 0);
    static char path[FS_PATH_MAX + 8];
    for (unsigned i = 0; i < FS_PATH_MAX + 4; i++)
        path[i] = i % 2 ? 'a' : '/';
    EXPECT_EQ(vfs_normal(path, normal), FS_BAD_NAME);
}

TEST(vfs, reads_an_archive_in_place)
{
    struct fs_stat stat;
    ASSERT_TRUE(mount_archive());
    EXPECT_STR(load("/t/etc/motd"), "hello\n");
    EXPECT_STR(load("/t/etc/again"), "hello\n");
    EXPECT_STR(load("/t/home/again"), "hello\n");
    EXPECT_STR(load("/t/etc/loop"), "too many");
    EXPECT_STR(load("/t/etc/motd/x"), "not a folder");
    EXPECT_STR(load("/t/evil"), "no such file");
    EXPECT_EQ(vfs_stat("/t/nowhere", &stat), FS_NOT_FOUND);
    EXPECT_EQ(vfs_stat("/t/etc/motd", &stat), 0);
    EXPECT_EQ(stat.size, 6);
    EXPECT_EQ(vfs_store("/t/new", "x", 1), FS_READ_ONLY);
    EXPECT_EQ(vfs_store("/t/etc/motd", "x", 1), FS_READ_ONLY);
    EXPECT_EQ(vfs_remove("/t/etc/motd"), FS_READ_ONLY);
    EXPECT_STR(test_console("ls /t/etc"), "-644          6 motd\nl644          6 again@\nl000          0 loop@\n");
    EXPECT_EQ(vfs_unmount("/t"), 0);
}

TEST(vfs, what_is_in_use_stays)
{
    ASSERT_TRUE(mount_archive());
    int file = vfs_open("/t/etc/motd", FS_READ);
    EXPECT_TRUE(file >= 0);
    EXPECT_EQ(vfs_unmount("/t"), FS_BUSY);
    EXPECT_EQ(vfs_mount("initramfs", "", "/t", 0), FS_BUSY);
    EXPECT_EQ(vfs_mkdir("/t"), FS_EXISTS);
    EXPECT_EQ(vfs_remove("/t"), FS_BUSY);
    EXPECT_EQ(vfs_close(file), 0);
    EXPECT_EQ(vfs_close(file), FS_BAD_FILE);
    EXPECT_EQ(vfs_unmount("/t"), 0);
    EXPECT_EQ(vfs_unmount("/t"), FS_NOT_FOUND);
    EXPECT_EQ(vfs_mount("nothing", "", "/t", 0), FS_UNSUPPORTED);
}

TEST(vfs, descriptors_are_bounded)
{
    int files[FS_FILES + 1], count = 0;
    ASSERT_TRUE(mount_archive());
    while (count <= FS_FILES && (files[count] = vfs_open("/t/etc/motd", FS_READ)) >= 0)
        count++;
    EXPECT_TRUE(count <= FS_FILES);
    EXPECT_EQ(files[count], FS_TOO_MANY);
    while (count)
        EXPECT_EQ(vfs_close(files[--count]), 0);
    char c[4] = {0};
    int file = vfs_open("/t/etc/motd", FS_READ);
    EXPECT_EQ(vfs_seek(file, 3), 0);
    EXPECT_EQ(vfs_read(file, c, 3), 3);
    EXPECT_STR(c, "lo\n");
    EXPECT_EQ(vfs_read(file, c, 3), 0);
    EXPECT_EQ(vfs_write(file, c, 3), FS_BAD_FILE);
    EXPECT_EQ(vfs_close(file), 0);
    EXPECT_EQ(vfs_unmount("/t"), 0);
}

TEST(vfs, mounts_are_seen_in_their_folder)
{
    ASSERT_TRUE(mount_archive());
    EXPECT_EQ(vfs_mount("devfs", "", "/t/etc/dev", 0), 0);
    EXPECT_TRUE(text_glob("d755          0 dev/\n-644*", test_console("ls /t/etc")));
    EXPECT_EQ(vfs_unmount("/t"), FS_BUSY);
    EXPECT_EQ(vfs_store("/t/home/dev/null", "gone", 4), 0);
    EXPECT_STR(load("/t/etc/dev/null"), "");
    EXPECT_EQ(vfs_unmount("/t/etc/dev"), 0);
    EXPECT_EQ(vfs_unmount("/t"), 0);
}

TEST(devfs, devices_do_what_they_are_called)
{
    uint8_t bytes[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    ASSERT_EQ(vfs_mount("devfs", "", "/t", 0), 0);
    int file = vfs_open("/t/zero", FS_READ);
    EXPECT_EQ(vfs_read(file, bytes, 4), 4);
    EXPECT_EQ(bytes[3] | bytes[4] << 1, 2);
    vfs_close(file);
    file = vfs_open("/t/random", FS_READ);
    EXPECT_EQ(vfs_read(file, bytes, 8), 8);
    EXPECT_TRUE(load_be64(bytes) >> 32 != 0);
    vfs_close(file);
    EXPECT_STR(test_console("write /t/console one two"), "one two\n");
    EXPECT_EQ(vfs_unmount("/t"), 0);
}

TEST(procfs, tells_the_state)
{
    ASSERT_EQ(vfs_mount("procfs", "", "/t", 0), 0);
    EXPECT_TRUE(text_glob("total_kib *\nfree_kib *\nheap_bytes *\n", test_console("cat /t/meminfo")));
    EXPECT_TRUE(text_glob("*.???\n", test_console("cat /t/uptime")));
    EXPECT_TRUE(text_glob("*/t *procfs *rw\n*", test_console("cat /t/mounts")));
    EXPECT_STR(test_console("cat /t/nothing"), "/t/nothing: no such file\n");
    EXPECT_EQ(vfs_unmount("/t"), 0);
}
