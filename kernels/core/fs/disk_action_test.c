/* Sentences about disks, on one in memory that is mounted at /t. */
#include "ext2/test_disk.h"

#include "block.h"
#include "print.h"
#include "string.h"
#include "test.h"
#include "text.h"
#include "vfs.h"

/* An argument that names the disk at /t, such as "disk=disk0". */
static const char *the_disk(const char *key)
{
    static char text[40];
    for (const struct mount *at = vfs_mounts(); at < vfs_mounts() + FS_MOUNTS; at++)
        if (at->type && !strcmp(at->path, "/t"))
            ksnprintf(text, sizeof text, "%s=%s", key, at->source);
    return text;
}

TEST(disk_action, a_disk_in_use_is_not_formatted)
{
    ASSERT_TRUE(test_disk_begin(1024));
    EXPECT_TRUE(text_glob("* is in use at /t. Type first: unmount /t\n", test_action(ACTION_INSTALL_CONFIGURE_format, the_disk("disk"))));
    EXPECT_TRUE(text_glob("This machine makes ext2 only, not xfs.*", test_action(ACTION_INSTALL_CONFIGURE_format, "disk=x fs=xfs")));
    test_disk_end();
}

TEST(disk_action, unmounts_formats_and_mounts)
{
    char disk[40];
    struct fs_stat stat;
    ASSERT_TRUE(test_disk_begin(1024));
    text_copy(disk, sizeof disk, the_disk("disk"));
    vfs_mkdir("/t/gone");
    EXPECT_TRUE(text_glob("This takes disk? away from /t*/t is unmounted.\n", test_action(ACTION_INSTALL_CONFIGURE_unmount, the_disk("target"))));
    EXPECT_TRUE(text_glob("This erases all that is on disk?*has an empty ext2 now.\n*", test_action(ACTION_INSTALL_CONFIGURE_format, disk)));
    ksnprintf(disk + strlen(disk), sizeof disk - strlen(disk), " path=/t");
    EXPECT_TRUE(text_glob("disk? is mounted at /t.\n", test_action(ACTION_INSTALL_CONFIGURE_mount, disk)));
    EXPECT_TRUE(text_glob("disk? is mounted already, at /t.\n", test_action(ACTION_INSTALL_CONFIGURE_mount, disk)));
    EXPECT_EQ(vfs_stat("/t/gone", &stat), FS_NOT_FOUND);
    test_disk_end();
}

TEST(disk_action, names_from_elsewhere_are_understood)
{
    ASSERT_TRUE(test_disk_begin(1024));
    unsigned count = 0;
    char text[40];
    for (const struct block_device *disk = block_first(); disk->next; disk = disk->next)
        count++;
    ksnprintf(text, sizeof text, "disk=/dev/vd%c", (char)('a' + count));
    EXPECT_TRUE(text_glob("disk? is mounted already, at /t.\n", test_action(ACTION_INSTALL_CONFIGURE_mount, text)));
    EXPECT_TRUE(text_glob("There is no disk sdz here.\nThere is disk*", test_action(ACTION_INSTALL_CONFIGURE_mount, "disk=sdz")));
    EXPECT_TRUE(text_glob("Which disk?\n*", test_action(ACTION_INSTALL_CONFIGURE_mount, "")));
    EXPECT_TRUE(text_glob("No disk is mounted as /proc.*", test_action(ACTION_INSTALL_CONFIGURE_unmount, "target=/proc")));
    test_disk_end();
}

TEST(disk_action, a_full_disk_is_found)
{
    static uint8_t piece[4096];
    ASSERT_TRUE(test_disk_begin(1024));
    int file = vfs_open("/t/big", FS_WRITE | FS_CREATE);
    while (file >= 0 && vfs_write(file, piece, sizeof piece) == (long)sizeof piece)
        ;
    vfs_close(file);
    const char *answer = test_action(ACTION_TROUBLESHOOT_diagnose, "disk");
    EXPECT_TRUE(text_glob("*It is full. To see what is there, type: ls /t\n*", answer) ||
                text_glob("disk0 * is not mounted: *", answer)); /* the machine's own disk comes first */
    EXPECT_EQ(vfs_remove("/t/big"), 0);
    test_disk_end();
}
