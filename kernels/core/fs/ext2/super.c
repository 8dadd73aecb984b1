/* What may be mounted as ext2, and how (ext2.h; 3.1): features that we don't know keep us from writing, or from mounting at
   all. Nothing is written until the first change. Then the calls of the tree of files (vfs.h). */
#include "ext2.h"
#include "log.h"
#include "mm.h"
#include "string.h"
#include "text.h"

static bool is_power_of_2(uint32_t value) { return value && !(value & (value - 1)); }

/* The superblock's own numbers agree with each other and with the disk. */
static bool geometry(struct ext2 *fs, const struct ext2_super *super)
{
    if (super->log_block_size > 2 || super->log_cluster_size != super->log_block_size)
        return false;
    fs->block_size = 1024u << super->log_block_size;
    fs->sectors_per_block = fs->block_size / SECTOR_SIZE;
    fs->pointers = fs->block_size / 4;
    fs->blocks = super->blocks;
    fs->inodes = super->inodes;
    fs->first_data_block = super->first_data_block;
    fs->blocks_per_group = super->blocks_per_group;
    fs->inodes_per_group = super->inodes_per_group;
    fs->inode_size = super->revision ? super->inode_size : 128;
    fs->first_inode = super->revision ? super->first_inode : 11;
    fs->super_block = EXT2_SUPER_AT / fs->block_size;
    fs->super_offset = EXT2_SUPER_AT % fs->block_size;
    uint32_t bits = 8 * fs->block_size;
    if (fs->first_data_block != fs->super_block || fs->blocks <= fs->first_data_block || super->free_blocks > fs->blocks ||
        (uint64_t)fs->blocks * fs->sectors_per_block > fs->disk->sectors || fs->first_inode < 11)
        return false;
    if (fs->blocks_per_group < 8 || fs->blocks_per_group > bits || !fs->inodes_per_group || fs->inodes_per_group > bits ||
        !is_power_of_2(fs->inode_size) || fs->inode_size < 128 || fs->inode_size > fs->block_size)
        return false;
    fs->groups = (fs->blocks - fs->first_data_block - 1) / fs->blocks_per_group + 1;
    uint32_t descriptors = fs->groups / (fs->block_size / (uint32_t)sizeof(struct ext2_group)) + 1;
    return (uint64_t)fs->groups * fs->inodes_per_group == fs->inodes && descriptors < fs->blocks - fs->super_block;
}

static int read_super(struct ext2 *fs, struct ext2_super *super)
{
    uint8_t sector[SECTOR_SIZE];
    if (!block_read(fs->disk, EXT2_SUPER_AT / SECTOR_SIZE, sector, 1))
        return FS_IO;
    memcpy(super, sector, sizeof *super);
    if (super->magic != EXT2_MAGIC)
        return FS_UNSUPPORTED;
    if (!super->revision)
        super->compat = super->incompat = super->ro_compat = 0;
    if (super->revision > 1 || super->incompat & ~(uint32_t)INCOMPAT_KNOWN)
        return FS_UNSUPPORTED;
    return geometry(fs, super) ? 0 : FS_DAMAGED;
}

static const char *why_not_write(const struct ext2 *fs, const struct ext2_super *super)
{
    if (fs->disk->read_only)
        return "the disk is read-only";
    if (super->ro_compat & ~(uint32_t)RO_COMPAT_KNOWN)
        return "it has features that we would break";
    if (super->compat & COMPAT_HAS_JOURNAL && super->journal_inode != EXT2_JOURNAL)
        return "its journal is elsewhere";
    if (!(super->state & EXT2_STATE_CLEAN) || super->state & EXT2_STATE_ERRORS || super->last_orphan)
        return "it needs e2fsck";
    return NULL;
}

static void release_all(struct ext2 *fs)
{
    ext2_drop_buffers(fs);
    kfree(fs->scratch);
    kfree(fs->bounce);
    kfree(fs);
}

static int open_disk(struct ext2 *fs)
{
    struct ext2_super super;
    int status = read_super(fs, &super);
    if (status)
        return status;
    fs->scratch = kmalloc(fs->block_size);
    fs->bounce = kmalloc(fs->block_size);
    if (!fs->scratch || !fs->bounce)
        return FS_NO_MEMORY;
    fs->clock = MAX(MAX(super.written, super.mounted), MAX(super.made, fs->inodes + 1)); /* "deleted" below: a list */
    if (super.incompat & INCOMPAT_RECOVER) {
        if (fs->disk->read_only)
            return FS_READ_ONLY;
        status = ext2_recover(fs);
        if (!status)
            status = read_super(fs, &super);
    }
    fs->filetype = super.incompat & INCOMPAT_FILETYPE;
    fs->large_file = super.ro_compat & RO_COMPAT_LARGE_FILE;
    fs->no_writing = why_not_write(fs, &super);
    return status;
}

static int ext2_mount(struct mount *mount)
{
    struct ext2_inode root;
    struct block_device *disk = block_find(mount->source);
    struct ext2 *fs = disk ? kzalloc(sizeof *fs) : NULL;
    if (!fs)
        return disk ? FS_NO_MEMORY : FS_NOT_FOUND;
    fs->disk = disk;
    int status = open_disk(fs);
    if (!status)
        status = ext2_load(fs, EXT2_ROOT, &root);
    if (!status && (root.mode & MODE_TYPE) != MODE_FOLDER)
        status = FS_DAMAGED;
    if (status) {
        release_all(fs);
        return status;
    }
    if (fs->no_writing)
        mount->flags |= MOUNT_READ_ONLY, klog("ext2 on %s: read-only, for %s", disk->name, fs->no_writing);
    mount->root = EXT2_ROOT;
    mount->state = fs;
    return 0;
}

static void ext2_unmount(struct mount *mount)
{
    ext2_close(mount->state);
    release_all(mount->state);
}

static int fs_lookup(struct mount *mount, uint64_t folder, const char *name, uint64_t *node)
{
    uint32_t number;
    int status = ext2_lookup(mount->state, (uint32_t)folder, name, &number);
    *node = status ? *node : number;
    return status;
}

static int fs_stat_of(struct mount *mount, uint64_t node, struct fs_stat *stat)
{
    struct ext2_inode inode;
    int status = ext2_load(mount->state, (uint32_t)node, &inode);
    if (!status)
        *stat = (struct fs_stat){ext2_type(inode.mode), node, ext2_size(&inode), inode.mode & 07777u, inode.links,
                                 inode.modified};
    return status;
}

/* The target of a short symbolic link lies in the inode itself. */
static long fs_read(struct mount *mount, uint64_t node, uint64_t offset, void *data, size_t size)
{
    struct ext2_inode inode;
    int status = ext2_load(mount->state, (uint32_t)node, &inode);
    if (status || ext2_type(inode.mode) == FS_DEVICE)
        return status ? status : FS_UNSUPPORTED;
    if (ext2_type(inode.mode) != FS_LINK || inode.sectors)
        return ext2_read(mount->state, &inode, offset, data, size);
    size_t length = MIN((size_t)inode.size, sizeof inode.block);
    size = offset < length ? MIN(size, length - (size_t)offset) : 0;
    memcpy(data, (const char *)inode.block + (size ? offset : 0), size);
    return (long)size;
}

static long fs_write(struct mount *mount, uint64_t node, uint64_t offset, const void *data, size_t size)
{
    struct ext2 *fs = mount->state;
    struct ext2_inode inode;
    int status = ext2_load(fs, (uint32_t)node, &inode);
    if (!status && ext2_type(inode.mode) != FS_FILE)
        status = FS_UNSUPPORTED;
    if (!status && fs->no_writing)
        status = FS_READ_ONLY;
    if (!status && !fs->journal.open)
        status = ext2_begin(fs);
    return status ? status : ext2_write(fs, (uint32_t)node, offset, data, size);
}

static int fs_truncate(struct mount *mount, uint64_t node)
{
    struct ext2 *fs = mount->state;
    struct ext2_inode inode;
    int status = ext2_load(fs, (uint32_t)node, &inode);
    if (!status && ext2_type(inode.mode) != FS_FILE)
        status = FS_UNSUPPORTED;
    if (status || (!ext2_size(&inode) && !inode.sectors))
        return status; /* it is empty */
    status = ext2_begin(fs);
    if (!status)
        status = ext2_clear(fs, (uint32_t)node, &inode);
    if (status)
        return ext2_finish(fs, status);
    inode.modified = inode.changed = ext2_now(fs);
    return ext2_finish(fs, ext2_store(fs, (uint32_t)node, &inode, false));
}

static int fs_next(struct mount *mount, uint64_t folder, uint64_t *at, struct fs_entry *entry)
{
    return ext2_next(mount->state, (uint32_t)folder, at, entry);
}

static int fs_create(struct mount *mount, uint64_t folder, const char *name, enum fs_type type, uint64_t *node)
{
    uint32_t number = 0;
    int status = ext2_create(mount->state, (uint32_t)folder, name, type, &number);
    *node = number;
    return status;
}

static int fs_remove(struct mount *mount, uint64_t folder, const char *name)
{
    return ext2_remove(mount->state, (uint32_t)folder, name);
}

static int fs_rename(struct mount *mount, uint64_t from, const char *name, uint64_t to, const char *new_name)
{
    return ext2_rename(mount->state, (uint32_t)from, name, (uint32_t)to, new_name);
}

static int fs_sync(struct mount *mount)
{
    struct ext2 *fs = mount->state;
    if (fs->changed_count)
        return ext2_commit(fs);
    return block_flush(fs->disk) ? 0 : FS_IO;
}

static int fs_usage_of(struct mount *mount, struct fs_usage *usage)
{
    struct ext2 *fs = mount->state;
    usage->bytes = (uint64_t)fs->blocks * fs->block_size;
    usage->free = (uint64_t)ext2_blocks_free(fs) * fs->block_size;
    return 0;
}
FILE_SYSTEM(ext2, .mount = ext2_mount, .unmount = ext2_unmount, .lookup = fs_lookup, .stat = fs_stat_of, .read = fs_read,
            .write = fs_write, .next = fs_next, .create = fs_create, .truncate = fs_truncate, .remove = fs_remove,
            .rename = fs_rename, .sync = fs_sync, .usage = fs_usage_of);
