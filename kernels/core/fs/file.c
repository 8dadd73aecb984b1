/* What a user of files calls (vfs.h): descriptors, and changes of the tree. */
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs_internal.h"

struct file {
    struct mount *mount; /* NULL: a free slot; held while the file is open */
    uint64_t node, offset, at; /* at: where vfs_next is in the folder */
    unsigned flags, next_mount;
    bool folder;
    char path[FS_PATH_MAX];
};

static struct file files[FS_FILES];
static struct mutex slots; /* guards which slots are taken; a file's own fields are guarded by its mount's mutex */

static struct file *file_of(int descriptor)
{
    struct file *file = descriptor >= 0 && descriptor < FS_FILES ? &files[descriptor] : NULL;
    return file && file->mount ? file : NULL;
}

static bool is_open(const struct mount *mount, uint64_t node)
{
    for (unsigned i = 0; i < FS_FILES; i++)
        if (files[i].mount == mount && files[i].node == node)
            return true;
    return false;
}

unsigned vfs_open_files(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < FS_FILES; i++)
        count += files[i].mount != NULL;
    return count;
}

/* A slot for the place, which stays held but is no longer busy. */
static int take_slot(const struct place *place, const char *path, unsigned flags)
{
    int slot = FS_TOO_MANY;
    mutex_take(&slots);
    for (int i = 0; i < FS_FILES && slot < 0; i++)
        if (!files[i].mount)
            slot = i;
    if (slot >= 0) {
        files[slot] = (struct file){.node = place->node, .flags = flags, .folder = place->type == FS_FOLDER};
        text_copy(files[slot].path, FS_PATH_MAX, path);
        files[slot].mount = place->mount;
    }
    mutex_give(&slots);
    return slot;
}

static int make_node(char *path, enum fs_type type, struct place *place)
{
    char name[FS_NAME_MAX + 1];
    int status = vfs_enter_parent(path, name, place);
    if (status)
        return status;
    const struct file_system *fs = place->mount->type;
    uint64_t node;
    status = fs->lookup(place->mount, place->node, name, &node);
    if (status == FS_NOT_FOUND)
        status = fs->create && !(place->mount->flags & MOUNT_READ_ONLY)
                     ? fs->create(place->mount, place->node, name, type, &place->node)
                     : FS_READ_ONLY;
    else if (!status)
        status = FS_EXISTS;
    place->type = type;
    if (status)
        vfs_leave(place);
    return status;
}

static int prepare_open(struct place *place, unsigned flags)
{
    const struct file_system *fs = place->mount->type;
    if (!(flags & FS_WRITE))
        return 0;
    if (place->type == FS_FOLDER)
        return FS_IS_FOLDER;
    if (!fs->write || (place->mount->flags & MOUNT_READ_ONLY))
        return FS_READ_ONLY;
    return flags & FS_TRUNCATE && fs->truncate ? fs->truncate(place->mount, place->node) : 0;
}

int vfs_open(const char *path, unsigned flags)
{
    char normal[FS_PATH_MAX], again[FS_PATH_MAX];
    struct place place;
    int status = vfs_normal(path, normal);
    if (status)
        return status;
    text_copy(again, sizeof again, normal);
    status = vfs_enter(normal, true, &place);
    if (status == FS_NOT_FOUND && flags & FS_CREATE)
        status = make_node(again, FS_FILE, &place);
    if (status)
        return status;
    status = prepare_open(&place, flags);
    if (!status)
        status = take_slot(&place, normal, flags);
    if (status < 0)
        vfs_leave(&place);
    else
        mutex_give(&place.mount->busy);
    return status;
}

int vfs_close(int descriptor)
{
    struct file *file = file_of(descriptor);
    if (!file)
        return FS_BAD_FILE;
    struct place place = {.mount = file->mount};
    mutex_take(&place.mount->busy);
    int status = file->flags & FS_WRITE && place.mount->type->sync ? place.mount->type->sync(place.mount) : 0;
    mutex_take(&slots);
    file->mount = NULL;
    mutex_give(&slots);
    vfs_leave(&place);
    return status;
}

long vfs_read(int descriptor, void *data, size_t size)
{
    struct file *file = file_of(descriptor);
    if (!file || !(file->flags & FS_READ))
        return FS_BAD_FILE;
    struct mount *mount = file->mount;
    if (file->folder)
        return FS_IS_FOLDER;
    if (!mount->type->device)
        mutex_take(&mount->busy);
    long done = mount->type->read(mount, file->node, file->offset, data, size);
    if (done > 0)
        file->offset += (uint64_t)done;
    if (!mount->type->device)
        mutex_give(&mount->busy);
    return done;
}

long vfs_write(int descriptor, const void *data, size_t size)
{
    struct file *file = file_of(descriptor);
    if (!file || !(file->flags & FS_WRITE))
        return FS_BAD_FILE;
    struct mount *mount = file->mount;
    struct fs_stat stat;
    long done = 0;
    if (!mount->type->device)
        mutex_take(&mount->busy);
    if (file->flags & FS_APPEND && !(done = mount->type->stat(mount, file->node, &stat)))
        file->offset = stat.size;
    if (!done)
        done = mount->type->write(mount, file->node, file->offset, data, size);
    if (done > 0)
        file->offset += (uint64_t)done;
    if (!mount->type->device)
        mutex_give(&mount->busy);
    return done;
}

int vfs_seek(int descriptor, uint64_t offset)
{
    struct file *file = file_of(descriptor);
    if (!file || file->folder)
        return FS_BAD_FILE;
    file->offset = offset;
    return 0;
}

int vfs_next(int descriptor, struct fs_entry *entry)
{
    struct file *file = file_of(descriptor);
    if (!file || !file->folder)
        return file ? FS_NOT_FOLDER : FS_BAD_FILE;
    if (vfs_mount_below(file->path, &file->next_mount, entry))
        return 1;
    mutex_take(&file->mount->busy);
    int status;
    do
        status = file->mount->type->next(file->mount, file->node, &file->at, entry);
    while (status > 0 && (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")));
    mutex_give(&file->mount->busy);
    return status;
}

int vfs_stat(const char *path, struct fs_stat *stat)
{
    char normal[FS_PATH_MAX];
    struct place place;
    int status = vfs_normal(path, normal);
    if (!status)
        status = vfs_enter(normal, true, &place);
    if (status)
        return status;
    status = place.mount->type->stat(place.mount, place.node, stat);
    vfs_leave(&place);
    return status;
}

int vfs_mkdir(const char *path)
{
    char normal[FS_PATH_MAX];
    struct place place;
    int status = vfs_normal(path, normal);
    if (!status && vfs_has_mount(normal))
        status = FS_EXISTS;
    if (!status)
        status = make_node(normal, FS_FOLDER, &place);
    if (!status)
        vfs_leave(&place);
    return status;
}

/* 0 when the name may go: it exists, nobody has it open. */
static int may_go(const struct place *place, const char *name, uint64_t *node)
{
    struct mount *mount = place->mount;
    if (mount->flags & MOUNT_READ_ONLY || !mount->type->remove || !mount->type->rename)
        return FS_READ_ONLY;
    int status = mount->type->lookup(mount, place->node, name, node);
    return status ? status : is_open(mount, *node) ? FS_BUSY : 0;
}

int vfs_remove(const char *path)
{
    char normal[FS_PATH_MAX], name[FS_NAME_MAX + 1];
    struct place place;
    uint64_t node;
    int status = vfs_normal(path, normal);
    if (!status && vfs_has_mount(normal))
        status = FS_BUSY;
    if (!status)
        status = vfs_enter_parent(normal, name, &place);
    if (status)
        return status;
    status = may_go(&place, name, &node);
    if (!status)
        status = place.mount->type->remove(place.mount, place.node, name);
    vfs_leave(&place);
    return status;
}

/* In the target's folder, which is busy: the source's folder is found again, then the file system does it. */
static int rename_held(struct place *to, const char *new_name, char *from_folder, const char *name)
{
    uint64_t from, node, target;
    int status = vfs_also(to, from_folder, &from);
    if (status)
        return status;
    struct place source = {.mount = to->mount, .node = from};
    status = may_go(&source, name, &node);
    if (status)
        return status;
    status = may_go(to, new_name, &target);
    if (status == FS_NOT_FOUND || (!status && target != node))
        return to->mount->type->rename(to->mount, from, name, to->node, new_name);
    return status; /* onto itself: nothing to do */
}

int vfs_rename(const char *from, const char *to)
{
    char old[FS_PATH_MAX], new[FS_PATH_MAX], name[FS_NAME_MAX + 1], new_name[FS_NAME_MAX + 1];
    struct place place;
    int status = vfs_normal(from, old);
    if (!status)
        status = vfs_normal(to, new);
    if (!status && (vfs_has_mount(old) || vfs_has_mount(new)))
        status = FS_BUSY;
    if (!status)
        status = vfs_enter_parent(old, name, &place);
    if (status)
        return status;
    const struct mount *mount = place.mount;
    vfs_leave(&place);
    status = vfs_enter_parent(new, new_name, &place);
    if (status)
        return status;
    status = place.mount == mount ? rename_held(&place, new_name, old, name) : FS_OTHER_MOUNT;
    vfs_leave(&place);
    return status;
}

/* -- Whole files ------------------------------------------------------------------------------------------ */

long vfs_load(const char *path, void *data, size_t size)
{
    int file = vfs_open(path, FS_READ);
    if (file < 0)
        return file;
    size_t total = 0;
    long done;
    while ((done = vfs_read(file, (char *)data + total, size - total)) > 0)
        total += (size_t)done;
    char more;
    if (!done && total == size && vfs_read(file, &more, 1) > 0)
        done = FS_TOO_BIG;
    vfs_close(file);
    return done < 0 ? done : (long)total;
}

int vfs_store(const char *path, const void *data, size_t size)
{
    int file = vfs_open(path, FS_WRITE | FS_CREATE | FS_TRUNCATE);
    if (file < 0)
        return file;
    long done = vfs_write(file, data, size);
    int closed = vfs_close(file);
    return done < 0 ? (int)done : closed;
}
