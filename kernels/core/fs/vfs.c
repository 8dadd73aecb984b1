/* Paths and mounts (vfs.h). Which mount a path belongs to is a question of text: the longest mount path that it starts
   with; the rest is walked name by name inside that file system. A symbolic link starts the walk again. */
#include "vfs_internal.h"
#include "block.h"
#include "log.h"
#include "print.h"
#include "string.h"
#include "text.h"

static struct mount mounts[FS_MOUNTS];
static struct mutex table; /* guards mounts[].type, path, users */

const struct mount *vfs_mounts(void) { return mounts; }

const char *fs_error(int status)
{
    static const char *const texts[] = {
        "no error", "no such file", "it exists", "not a folder", "it is a folder", "the folder is not empty", "read-only",
        "no space left", "the device reports an error", "the file system is damaged", "out of memory", "not a name",
        "too many", "in use", "not supported", "not an open file", "too big", "on another mount",
    };
    unsigned index = (unsigned)-status;
    return status < 0 && index < ARRAY_LEN(texts) ? texts[index] : texts[0];
}

/* -- Paths ------------------------------------------------------------------------------------------------ */

/* Appends to a normal path what `path` says, name by name; an absolute one begins anew. */
static int append_path(char *to, const char *path)
{
    size_t length = *path == '/' ? 0 : strlen(to);
    if (length == 1)
        length = 0; /* "/" */
    while (*path) {
        size_t size = 0;
        while (path[size] && path[size] != '/')
            size++;
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            while (length && to[--length] != '/')
                ;
        } else if (size && !(size == 1 && path[0] == '.')) {
            if (size > FS_NAME_MAX || length + size + 2 > FS_PATH_MAX)
                return FS_BAD_NAME;
            to[length++] = '/';
            memcpy(to + length, path, size);
            length += size;
        }
        path += size + (path[size] == '/');
    }
    if (!length)
        to[length++] = '/';
    to[length] = 0;
    return 0;
}

int vfs_normal(const char *path, char normal[FS_PATH_MAX])
{
    normal[0] = '/', normal[1] = 0;
    return append_path(normal, path);
}

/* What follows `prefix` in `path`, both normal; NULL when it does not lie there. */
static const char *below(const char *path, const char *prefix)
{
    size_t length = prefix[1] ? strlen(prefix) : 0;
    if (strncmp(path, prefix, length) || (path[length] && path[length] != '/'))
        return NULL;
    return path + length + (path[length] == '/');
}

bool vfs_has_mount(const char *path)
{
    for (unsigned i = 0; i < FS_MOUNTS; i++)
        if (mounts[i].type && below(mounts[i].path, path))
            return true;
    return false;
}

bool vfs_mount_below(const char *path, unsigned *index, struct fs_entry *entry)
{
    for (; *index < FS_MOUNTS; ++*index) {
        const char *rest = mounts[*index].type ? below(mounts[*index].path, path) : NULL;
        if (rest && *rest && !strchr(rest, '/')) {
            text_copy(entry->name, sizeof entry->name, rest);
            entry->type = FS_FOLDER;
            ++*index;
            return true;
        }
    }
    return false;
}

/* The mount that a normal path belongs to, held; and the rest of the path. */
static struct mount *hold(const char *path, const char **rest)
{
    struct mount *best = NULL;
    mutex_take(&table);
    for (unsigned i = 0; i < FS_MOUNTS; i++) {
        const char *left = mounts[i].type ? below(path, mounts[i].path) : NULL;
        if (left && (!best || left > *rest)) {
            best = &mounts[i];
            *rest = left;
        }
    }
    if (best)
        best->users++;
    mutex_give(&table);
    return best;
}

static void let_go(struct mount *mount)
{
    mutex_take(&table);
    mount->users--;
    mutex_give(&table);
}

void vfs_leave(struct place *place)
{
    mutex_give(&place->mount->busy);
    let_go(place->mount);
}

/* One name further. 1: it was a link, and `path` (whose part up to `rest` ends with this name) is the new path. */
static int step(struct place *place, const char *name, char *path, const char *rest, bool follow)
{
    struct mount *mount = place->mount;
    struct fs_stat stat;
    int status = mount->type->lookup(mount, place->node, name, &place->node);
    if (!status)
        status = mount->type->stat(mount, place->node, &stat);
    if (status)
        return status;
    place->type = stat.type;
    if (stat.type != FS_LINK || !follow)
        return 0;
    char target[FS_PATH_MAX], whole[FS_PATH_MAX];
    long size = mount->type->read(mount, place->node, 0, target, sizeof target - 1);
    if (size <= 0)
        return size < 0 ? (int)size : FS_DAMAGED;
    target[size] = 0;
    text_copy(whole, sizeof whole, path);
    whole[rest - path] = 0;
    status = append_path(whole, "..");
    if (!status)
        status = append_path(whole, target);
    if (!status && *rest)
        status = strlen(whole) + strlen(rest) + 1 < sizeof whole ? append_path(whole, rest + 1) : FS_BAD_NAME;
    text_copy(path, FS_PATH_MAX, whole);
    return status ? status : 1;
}

/* Walks inside one mount. 1 as in step. */
static int walk(struct place *place, char *path, const char *rest, bool follow_last)
{
    char name[FS_NAME_MAX + 1];
    place->node = place->mount->root;
    place->type = FS_FOLDER;
    while (*rest) {
        size_t size = 0;
        if (place->type != FS_FOLDER)
            return FS_NOT_FOLDER;
        while (rest[size] && rest[size] != '/')
            size++;
        memcpy(name, rest, size);
        name[size] = 0;
        rest += size;
        int status = step(place, name, path, rest, *rest || follow_last);
        if (status)
            return status;
        rest += *rest == '/';
    }
    return 0;
}

int vfs_enter(char *path, bool follow_last, struct place *place)
{
    for (unsigned links = 0; links <= FS_LINKS; links++) {
        const char *rest = path;
        place->mount = hold(path, &rest);
        if (!place->mount)
            return FS_NOT_FOUND;
        mutex_take(&place->mount->busy);
        int status = walk(place, path, rest, follow_last);
        if (!status)
            return 0;
        vfs_leave(place);
        if (status < 0)
            return status;
    }
    return FS_TOO_MANY;
}

int vfs_enter_parent(char *path, char name[FS_NAME_MAX + 1], struct place *place)
{
    char *slash = path;
    for (char *at = path; *at; at++)
        if (*at == '/')
            slash = at;
    if (!slash[1])
        return FS_BUSY; /* the root itself */
    text_copy(name, FS_NAME_MAX + 1, slash + 1);
    slash[slash == path] = 0;
    int status = vfs_enter(path, true, place);
    if (!status && place->type != FS_FOLDER) {
        vfs_leave(place);
        status = FS_NOT_FOLDER;
    }
    return status;
}

int vfs_also(const struct place *place, char *path, uint64_t *node)
{
    struct place other = {.mount = place->mount};
    const char *rest = below(path, place->mount->path);
    if (!rest)
        return FS_OTHER_MOUNT;
    int status = walk(&other, path, rest, true);
    *node = other.node;
    return status > 0 ? FS_NOT_FOUND : status; /* a link that was none a moment ago */
}

/* -- Mounting --------------------------------------------------------------------------------------------- */

static const struct file_system *find_type(const char *name)
{
    const struct file_system *const *entry;
    FOR_REGISTERED(entry, file_systems)
        if (!strcmp((*entry)->name, name))
            return *entry;
    return NULL;
}

static struct mount *free_slot(const char *path, const char *source)
{
    struct mount *slot = NULL;
    for (unsigned i = 0; i < FS_MOUNTS; i++) {
        if (!mounts[i].type)
            slot = slot ? slot : &mounts[i];
        else if (!strcmp(mounts[i].path, path) || (*source && !strcmp(mounts[i].source, source)))
            return NULL;
    }
    return slot;
}

int vfs_mount(const char *type, const char *source, const char *path, unsigned flags)
{
    const struct file_system *found = find_type(type);
    char normal[FS_PATH_MAX];
    int status = found ? vfs_normal(path, normal) : FS_UNSUPPORTED;
    if (status)
        return status;
    mutex_take(&table);
    struct mount *mount = free_slot(normal, source);
    if (mount) {
        *mount = (struct mount){.flags = flags};
        text_copy(mount->path, sizeof mount->path, normal);
        text_copy(mount->source, sizeof mount->source, source);
        status = found->mount(mount);
        if (!status)
            mount->type = found;
    }
    mutex_give(&table);
    if (mount && !status)
        klog("%s: %s%s%s%s", normal, type, *source ? " on " : "", source,
             mount->flags & MOUNT_READ_ONLY ? ", read-only" : "");
    return mount ? status : FS_BUSY;
}

static int unmount_held(struct mount *mount)
{
    for (unsigned i = 0; i < FS_MOUNTS; i++)
        if (&mounts[i] != mount && mounts[i].type && below(mounts[i].path, mount->path))
            return FS_BUSY;
    if (mount->users)
        return FS_BUSY;
    if (mount->type->sync)
        mount->type->sync(mount);
    if (mount->type->unmount)
        mount->type->unmount(mount);
    mount->type = NULL;
    return 0;
}

int vfs_unmount(const char *path)
{
    char normal[FS_PATH_MAX];
    int status = vfs_normal(path, normal);
    if (status)
        return status;
    status = FS_NOT_FOUND;
    mutex_take(&table);
    for (unsigned i = 0; i < FS_MOUNTS; i++)
        if (mounts[i].type && !strcmp(mounts[i].path, normal))
            status = unmount_held(&mounts[i]);
    mutex_give(&table);
    return status;
}

/* Holds a mount that may be on its way out; false when it is gone. */
static bool hold_slot(struct mount *mount)
{
    mutex_take(&table);
    bool there = mount->type != NULL;
    mount->users += there;
    mutex_give(&table);
    return there;
}

int vfs_usage(const struct mount *mount, struct fs_usage *usage)
{
    struct place place = {.mount = &mounts[mount - mounts]};
    *usage = (struct fs_usage){0};
    if (!hold_slot(place.mount))
        return FS_NOT_FOUND;
    mutex_take(&place.mount->busy);
    int status = place.mount->type->usage ? place.mount->type->usage(place.mount, usage) : FS_UNSUPPORTED;
    vfs_leave(&place);
    return status;
}

int vfs_sync(void)
{
    int worst = 0;
    for (unsigned i = 0; i < FS_MOUNTS; i++) {
        struct place place = {.mount = &mounts[i]};
        if (!hold_slot(place.mount))
            continue;
        mutex_take(&place.mount->busy);
        int status = place.mount->type->sync ? place.mount->type->sync(place.mount) : 0;
        vfs_leave(&place);
        worst = status ? status : worst;
    }
    return worst;
}

void vfs_start(void)
{
    char path[BLOCK_NAME_MAX + 1];
    vfs_mount("initramfs", "", "/", MOUNT_READ_ONLY);
    vfs_mount("devfs", "", "/dev", 0);
    vfs_mount("procfs", "", "/proc", MOUNT_READ_ONLY);
    for (struct block_device *disk = block_first(); disk; disk = disk->next) {
        ksnprintf(path, sizeof path, "/%s", disk->name);
        vfs_mount("ext2", disk->name, path, 0);
    }
}

void vfs_stop(void)
{
    vfs_sync();
    mutex_take(&table);
    for (unsigned i = FS_MOUNTS; i-- > 0;)
        if (mounts[i].type)
            unmount_held(&mounts[i]);
    mutex_give(&table);
}
