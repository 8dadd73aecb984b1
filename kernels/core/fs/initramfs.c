/* The root file system: the first cpio archive that the boot loader brought, read in place; empty without one. Nothing
   in it can be changed. A member whose folder is not in the archive before it, or whose name is not a path of names,
   is left out. */
#include "boot.h"
#include "cpio.h"
#include "mm.h"
#include "string.h"
#include "text.h"
#include "vfs_internal.h"

enum { NODES_MAX = 1024, CPIO_TYPE = 0170000, CPIO_LINK = 0120000, PERMISSIONS = 07777 };

struct node {
    const char *name, *data; /* name: its last part; both lie in the archive */
    uint32_t size, mode, modified, parent; /* parent: a node's index; the root's is its own */
};
struct tree {
    unsigned count;
    struct node nodes[];
};

static enum fs_type node_type(const struct node *node)
{
    uint32_t type = node->mode & CPIO_TYPE;
    return type == CPIO_MODE_FOLDER ? FS_FOLDER : type == CPIO_LINK ? FS_LINK : FS_FILE;
}

static bool find_node(const struct tree *tree, uint64_t folder, const char *name, size_t length, uint32_t *index)
{
    for (uint32_t i = 1; i < tree->count; i++) {
        const struct node *node = &tree->nodes[i];
        if (node->parent == folder && !strncmp(node->name, name, length) && !node->name[length]) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool is_name(const char *name, size_t length)
{
    return length && length <= FS_NAME_MAX && !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

/* Walks a member's path down to its last name. */
static bool place_of(const struct tree *tree, const char *path, uint32_t *parent, const char **name)
{
    *parent = 0;
    if (path[0] == '.' && path[1] == '/')
        path += 2;
    path += *path == '/';
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
        if (!find_node(tree, *parent, path, (size_t)(slash - path), parent))
            return false;
    *name = path;
    return is_name(path, strlen(path)) && (!*parent || node_type(&tree->nodes[*parent]) == FS_FOLDER);
}

static void add_node(struct tree *tree, const struct cpio_entry *entry)
{
    uint32_t type = entry->mode & CPIO_TYPE, parent, same;
    const char *name;
    if (type != CPIO_MODE_FOLDER && type != CPIO_MODE_FILE && type != CPIO_LINK)
        return;
    if (!place_of(tree, entry->name, &parent, &name) || find_node(tree, parent, name, strlen(name), &same))
        return;
    tree->nodes[tree->count++] = (struct node){name, entry->data, entry->size, entry->mode, entry->mtime, parent};
}

static const void *given;
static size_t given_size;

void initramfs_use(const void *data, size_t size)
{
    given = data;
    given_size = size;
}

static void find_archive(void)
{
    const struct boot_info *boot = boot_info();
    for (unsigned i = 0; i < boot->module_count && !given; i++)
        if (cpio_is((const void *)boot->modules[i].base, boot->modules[i].size))
            initramfs_use((const void *)boot->modules[i].base, boot->modules[i].size);
}

static int mount_archive(struct mount *mount)
{
    find_archive();
    struct cpio archive = {given ? given : "", given_size, 0};
    struct cpio_entry entry;
    unsigned count = 1;
    while (count < NODES_MAX && cpio_next(&archive, &entry))
        count++;
    struct tree *tree = kzalloc(sizeof *tree + count * sizeof tree->nodes[0]);
    if (!tree)
        return FS_NO_MEMORY;
    tree->nodes[0].mode = CPIO_MODE_FOLDER | 0755;
    tree->count = 1;
    archive.at = 0;
    while (tree->count < count && cpio_next(&archive, &entry))
        add_node(tree, &entry);
    mount->flags |= MOUNT_READ_ONLY;
    mount->state = tree;
    return 0;
}

static void ramfs_unmount(struct mount *mount) { kfree(mount->state); }

static const struct node *node_at(const struct mount *mount, uint64_t node)
{
    return &((const struct tree *)mount->state)->nodes[node];
}

static int ramfs_lookup(struct mount *mount, uint64_t folder, const char *name, uint64_t *node)
{
    uint32_t index;
    if (!find_node(mount->state, folder, name, strlen(name), &index))
        return FS_NOT_FOUND;
    *node = index;
    return 0;
}

static int ramfs_stat(struct mount *mount, uint64_t number, struct fs_stat *stat)
{
    const struct node *node = node_at(mount, number);
    *stat = (struct fs_stat){node_type(node), number, node->size, node->mode & PERMISSIONS, 1, node->modified};
    return 0;
}

static long ramfs_read(struct mount *mount, uint64_t number, uint64_t offset, void *data, size_t size)
{
    const struct node *node = node_at(mount, number);
    if (offset >= node->size)
        return 0;
    size = MIN(size, (size_t)(node->size - offset));
    memcpy(data, node->data + offset, size);
    return (long)size;
}

static int ramfs_next(struct mount *mount, uint64_t folder, uint64_t *at, struct fs_entry *entry)
{
    const struct tree *tree = mount->state;
    for (uint64_t i = *at + 1; i < tree->count; i++) {
        const struct node *node = &tree->nodes[i];
        if (node->parent != folder)
            continue;
        *at = i;
        text_copy(entry->name, sizeof entry->name, node->name);
        entry->type = node_type(node);
        return 1;
    }
    return 0;
}
FILE_SYSTEM(initramfs, .mount = mount_archive, .unmount = ramfs_unmount, .lookup = ramfs_lookup, .stat = ramfs_stat,
            .read = ramfs_read, .next = ramfs_next);
