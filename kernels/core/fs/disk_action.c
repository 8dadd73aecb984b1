/* Sentences about disks: mounting, unmounting, making a file system; and what is wrong with them. */
#include "ext2/ext2.h"

#include "action.h"
#include "block.h"
#include "checkup.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

enum { FORMAT_BLOCK = 1024, NEARLY_FULL = 50 /* a fiftieth is left */ };

/* The disk that is meant: by its name here, or by the one that it has elsewhere: vda, sda, hda are the first. */
static struct block_device *disk_meant(const char *said)
{
    static const char *const foreign[] = {"vd", "sd", "hd", "xvd"};
    if (text_starts(said, "/dev/"))
        said += strlen("/dev/");
    struct block_device *disk = block_find(said);
    for (unsigned i = 0; i < ARRAY_LEN(foreign) && !disk; i++) {
        const char *letter = said + strlen(foreign[i]);
        if (!text_starts(said, foreign[i]) || *letter < 'a' || *letter > 'z' || letter[1])
            continue;
        disk = block_first();
        for (char c = 'a'; disk && c < *letter; c++)
            disk = disk->next;
    }
    return disk;
}

/* Says so when there is none, or another name was used. */
static struct block_device *disk_named(const struct action_value *said)
{
    struct block_device *disk = said->given ? disk_meant(said->text) : NULL;
    if (disk && strcmp(disk->name, said->text) && !text_glob("*/*", said->text))
        kprintf("%s is called %s here.\n", said->text, disk->name);
    if (disk)
        return disk;
    kprintf(said->given ? "There is no disk %.40s here.\n" : "Which disk?%s\n", said->given ? said->text : "");
    for (disk = block_first(); disk; disk = disk->next)
        kprintf("There is %s, of %llu MiB.\n", disk->name, (unsigned long long)(disk->sectors * SECTOR_SIZE >> 20));
    return NULL;
}

static const struct mount *mount_of(const char *disk)
{
    for (const struct mount *at = vfs_mounts(); at < vfs_mounts() + FS_MOUNTS; at++)
        if (at->type && !strcmp(at->source, disk))
            return at;
    return NULL;
}

static void mount_disk(const struct action *action)
{
    char path[FS_PATH_MAX];
    struct block_device *disk = disk_named(&action->disk);
    if (!disk)
        return;
    const struct mount *there = mount_of(disk->name);
    if (there) {
        kprintf("%s is mounted already, at %s.\n", disk->name, there->path);
        return;
    }
    ksnprintf(path, sizeof path, "%s%s", action->path.given ? action->path.text : "/", action->path.given ? "" : disk->name);
    int status = path[0] == '/' ? vfs_mount("ext2", disk->name, path, 0) : FS_BAD_NAME;
    there = mount_of(disk->name);
    if (!status && there) {
        kprintf("%s is mounted at %s%s.\n", disk->name, there->path, there->flags & MOUNT_READ_ONLY ? ", to be read only" : "");
    } else if (status == FS_UNSUPPORTED || status == FS_DAMAGED) {
        kprintf("%s has no file system that I can read: %s.\n", disk->name, fs_error(status));
        kprintf("To make one, which erases it, type: format %s\n", disk->name);
    } else {
        kprintf("%s could not be mounted at %s: %s.\n", disk->name, path, fs_error(status));
    }
}
ACTION(INSTALL_CONFIGURE, mount, "mount a disk", mount_disk, .changes = true);

/* The mount of that disk, or at that path; those of the kernel itself are left alone. */
static const struct mount *mount_meant(const struct action_value *target)
{
    struct block_device *disk = target->given ? disk_meant(target->text) : NULL;
    for (const struct mount *at = vfs_mounts(); target->given && at < vfs_mounts() + FS_MOUNTS; at++)
        if (at->type && at->source[0] && (!strcmp(at->path, target->text) || (disk && !strcmp(at->source, disk->name))))
            return at;
    return NULL;
}

static bool warn_unmount(const struct action *action)
{
    const struct mount *mount = mount_meant(&action->target);
    if (mount)
        kprintf("This takes %s away from %s: its files can't be reached then.\n", mount->source, mount->path);
    else
        kprintf("No disk is mounted %s%.80s. To see what is, type: mount\n", action->target.given ? "as " : "like that",
                action->target.given ? action->target.text : "");
    return mount != NULL;
}

static void unmount_disk(const struct action *action)
{
    char path[FS_PATH_MAX];
    const struct mount *mount = mount_meant(&action->target);
    if (!mount)
        return;
    text_copy(path, sizeof path, mount->path);
    int status = vfs_unmount(path);
    if (status)
        kprintf("%s stays: %s.\n", path, fs_error(status));
    else
        kprintf("%s is unmounted.\n", path);
}
ACTION(INSTALL_CONFIGURE, unmount, "unmount a disk", unmount_disk, .changes = true, .warn = warn_unmount);

static bool warn_format(const struct action *action)
{
    if (action->fs.given && !action_is(&action->fs, "ext2")) {
        kprintf("This machine makes ext2 only, not %s. Type: format %s with ext2\n", action->fs.text,
                action->disk.given ? action->disk.text : "disk0");
        return false;
    }
    const struct block_device *disk = disk_named(&action->disk);
    const struct mount *there = disk ? mount_of(disk->name) : NULL;
    if (there)
        kprintf("%s is in use at %s. Type first: unmount %s\n", disk->name, there->path, there->path);
    if (!disk || there)
        return false;
    kprintf("This erases all that is on %s (%llu MiB) and makes an empty ext2.\n", disk->name,
            (unsigned long long)(disk->sectors * SECTOR_SIZE >> 20));
    return true;
}

static void format_disk(const struct action *action)
{
    struct block_device *disk = action->disk.given ? disk_meant(action->disk.text) : NULL;
    int status = !disk ? FS_NOT_FOUND : mount_of(disk->name) ? FS_BUSY : ext2_format(disk, FORMAT_BLOCK);
    if (status) {
        kprintf("Nothing was made: %s.\n", fs_error(status));
        return;
    }
    kprintf("%s has an empty ext2 now.\nTo use it, type: mount %s on /mnt\n", disk->name, disk->name);
}
ACTION(INSTALL_CONFIGURE, format, "erase a disk and make a file system", format_disk, .changes = true, .warn = warn_format);

/* -- What is wrong with the disks ------------------------------------------------------------------------- */

static bool disk_is_broken(struct block_device *disk)
{
    static uint8_t sector[SECTOR_SIZE];
    struct fs_usage usage;
    const struct mount *mount = mount_of(disk->name);
    if (!block_read(disk, 0, sector, 1)) {
        kprintf("%s reports an error when it is read: it may be failing.\nSave what is on it, then type: show the logs\n", disk->name);
        return true;
    }
    if (!mount) {
        kprintf("%s (%llu MiB) can be read, but is not mounted: nothing can be stored on it.\n", disk->name,
                (unsigned long long)(disk->sectors * SECTOR_SIZE >> 20));
        kprintf("Type: mount %s on /mnt, or, if it is new: format %s\n", disk->name, disk->name);
        return true;
    }
    if (vfs_usage(mount, &usage))
        return false;
    kprintf("%s at %s: %llu of %llu KiB are free.\n", disk->name, mount->path, (unsigned long long)usage.free / 1024,
            (unsigned long long)usage.bytes / 1024);
    if (usage.free < usage.bytes / NEARLY_FULL) {
        kprintf("It is full. To see what is there, type: ls %s\nTo make room, remove packages or type: rm PATH\n", mount->path);
        return true;
    }
    if (mount->flags & MOUNT_READ_ONLY && !disk->read_only) {
        kprintf("It is mounted to be read only: it was not left in order, or has what I can't write.\nType: show the logs\n");
        return true;
    }
    return false;
}

static bool disk_checkup(const struct action *action)
{
    (void)action;
    if (!block_first()) {
        kprintf("There is no disk here, or no driver for it.\nType: what hardware is in here\n");
        return true;
    }
    for (struct block_device *disk = block_first(); disk; disk = disk->next)
        if (disk_is_broken(disk))
            return true;
    return false;
}
CHECKUP(disk, 3, disk_checkup);
CHECKUP(filesystem, 0, disk_checkup);
