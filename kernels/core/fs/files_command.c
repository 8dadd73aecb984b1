/* Files by hand: ls, cat, write, mkdir, rm, mv, mount, umount, mkfs, df, sync; and modules, what the boot loader brought. */
#include "ext2/ext2.h"

#include "boot.h"
#include "console.h"
#include "cpio.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

static void report(int status, const char *what)
{
    if (status < 0)
        kprintf("%s: %s\n", what, fs_error(status));
}

static void ls(int argc, char **argv)
{
    static struct fs_entry entry;
    static char path[FS_PATH_MAX + FS_NAME_MAX + 2];
    const char *folder = argc > 1 ? argv[1] : "/";
    struct fs_stat stat;
    int file = vfs_open(folder, FS_READ), status = file;
    while (file >= 0 && (status = vfs_next(file, &entry)) > 0) {
        ksnprintf(path, sizeof path, "%s/%s", folder, entry.name);
        if (vfs_stat(path, &stat))
            stat = (struct fs_stat){.type = entry.type};
        kprintf("%c%03o %10llu %s%s\n", "-dlc"[entry.type], stat.mode & 0777, (unsigned long long)stat.size, entry.name,
                entry.type == FS_FOLDER ? "/" : entry.type == FS_LINK ? "@" : "");
    }
    if (file >= 0)
        vfs_close(file);
    report(status, folder);
}
COMMAND(ls, "list a folder: ls [PATH]", ls);

static void cat(int argc, char **argv)
{
    static char piece[512];
    for (int i = 1; i < argc; i++) {
        int file = vfs_open(argv[i], FS_READ);
        long size = file;
        while (file >= 0 && (size = vfs_read(file, piece, sizeof piece)) > 0)
            console_write(piece, (size_t)size);
        if (file >= 0)
            vfs_close(file);
        report((int)size, argv[i]);
    }
}
COMMAND(cat, "print files: cat PATH...", cat);

static void write(int argc, char **argv)
{
    bool append = argc > 1 && !strcmp(argv[1], "-a");
    int at = append ? 2 : 1;
    if (argc <= at) {
        kprintf("expected: write [-a] PATH WORD...\n");
        return;
    }
    const char *path = argv[at];
    int file = vfs_open(path, FS_WRITE | FS_CREATE | (append ? FS_APPEND : FS_TRUNCATE));
    long status = file;
    for (int i = at + 1; i < argc && status >= 0; i++) {
        status = vfs_write(file, argv[i], strlen(argv[i]));
        if (status >= 0)
            status = vfs_write(file, i + 1 < argc ? " " : "\n", 1);
    }
    int closed = file >= 0 ? vfs_close(file) : 0;
    report((int)(status < 0 ? status : closed), path);
}

static bool write_fits(int argc, char **argv)
{
    return argc == 1 || argv[1][0] == '/' || !strcmp(argv[1], "-a");
}
COMMAND_IF(write_fits, write, "write a line to a file: write [-a] PATH WORD...", write);

static void mkdir(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        report(vfs_mkdir(argv[i]), argv[i]);
}
COMMAND(mkdir, "make folders: mkdir PATH...", mkdir);

static void rm(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        report(vfs_remove(argv[i]), argv[i]);
}
COMMAND(rm, "remove files and empty folders: rm PATH...", rm);

static void mv(int argc, char **argv)
{
    if (argc == 3)
        report(vfs_rename(argv[1], argv[2]), argv[1]);
    else
        kprintf("expected: mv OLD NEW\n");
}
COMMAND(mv, "rename: mv OLD NEW", mv);

static void mount(int argc, char **argv)
{
    bool read_only = argc == 5 && !strcmp(argv[4], "ro");
    if (argc == 4 || read_only)
        report(vfs_mount(argv[1], argv[2], argv[3], read_only ? MOUNT_READ_ONLY : 0), argv[3]);
    else if (argc > 1)
        kprintf("expected: mount [TYPE DISK PATH [ro]]\n");
    else
        cat(2, (char *[]){"cat", "/proc/mounts"});
}

/* "mount vda on /mnt" is a sentence. */
static bool mount_fits(int argc, char **argv)
{
    const struct file_system *const *entry;
    FOR_REGISTERED(entry, file_systems)
        if (argc > 1 && !strcmp((*entry)->name, argv[1]))
            return true;
    return argc == 1;
}
COMMAND_IF(mount_fits, mount, "show what is mounted, or: mount TYPE DISK PATH [ro]", mount);

static void umount(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        report(vfs_unmount(argv[i]), argv[i]);
}
COMMAND(umount, "take file systems away: umount PATH...", umount);

static void mkfs(int argc, char **argv)
{
    uint64_t block_size = 1024;
    struct block_device *disk = argc > 1 ? block_find(argv[1]) : NULL;
    if (argc < 2 || argc > 3 || (argc == 3 && !text_to_u64(argv[2], &block_size))) {
        kprintf("expected: mkfs DISK [1024|2048|4096]\n");
        return;
    }
    for (const struct mount *at = vfs_mounts(); at < vfs_mounts() + FS_MOUNTS; at++)
        if (at->type && !strcmp(at->source, argv[1])) {
            report(FS_BUSY, argv[1]);
            return;
        }
    report(disk ? ext2_format(disk, (uint32_t)MIN(block_size, (uint64_t)UINT32_MAX)) : FS_NOT_FOUND, argv[1]);
}
COMMAND(mkfs, "make an empty ext2: mkfs DISK [BLOCK SIZE]", mkfs);

static void df(int argc, char **argv)
{
    struct fs_usage usage;
    (void)argc, (void)argv;
    for (const struct mount *at = vfs_mounts(); at < vfs_mounts() + FS_MOUNTS; at++)
        if (at->type && !vfs_usage(at, &usage))
            kprintf("%-12s %10llu KiB, %llu free\n", at->path, (unsigned long long)usage.bytes / 1024,
                    (unsigned long long)usage.free / 1024);
}
COMMAND_IF(command_alone, df, "show the room on file systems", df);

static void sync(int argc, char **argv)
{
    (void)argc, (void)argv;
    report(vfs_sync(), "sync");
}
COMMAND_IF(command_alone, sync, "write everything to the disks", sync);

static void modules(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct boot_info *boot = boot_info();
    for (unsigned i = 0; i < boot->module_count; i++) {
        const struct boot_module *module = &boot->modules[i];
        kprintf("%-16s %10zu bytes at %#lx %s\n", module->name[0] ? module->name : "-", module->size,
                (unsigned long)module->base, cpio_is((const void *)module->base, module->size) ? "cpio" : "file");
    }
}
COMMAND_IF(command_alone, modules, "list what the boot loader brought: name, size, place", modules);
