/* Names (ext2.h; 4.1): a folder is blocks of entries, each as long as it says; together they fill their block. Nothing here
   keeps a hash index (4.2): a folder that changes loses the flag, and its entries are still all there. */
#include "ext2.h"
#include "string.h"
#include "text.h"

enum { FOLDER_BLOCKS_MAX = 4096, FOLDERS_DEEP_MAX = 256 };

/* Where an entry is: its folder's block on the disk, and its place and the one before's in it. */
struct spot {
    uint32_t block, at, before;
    bool first; /* none before it in its block */
};

enum fs_type ext2_type(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_FILE: return FS_FILE;
    case MODE_FOLDER: return FS_FOLDER;
    case MODE_LINK: return FS_LINK;
    default: return FS_DEVICE;
    }
}

static uint8_t entry_type(const struct ext2 *fs, uint32_t mode)
{
    enum fs_type type = ext2_type(mode);
    return !fs->filetype ? 0 : type == FS_FILE ? ENTRY_FILE : type == FS_FOLDER ? ENTRY_FOLDER : ENTRY_LINK;
}

static uint32_t entry_room(size_t name_size) { return (uint32_t)ALIGN_UP(ENTRY_HEAD + name_size, 4); }

/* The entry at a place of a folder's block; NULL when it does not fit there. */
static struct ext2_entry *entry_at(const struct ext2 *fs, const uint8_t *block, uint32_t at)
{
    struct ext2_entry *entry = (struct ext2_entry *)(uintptr_t)(block + at);
    if (at + ENTRY_HEAD > fs->block_size || entry->size < ENTRY_HEAD || entry->size % 4 ||
        entry->size > fs->block_size - at || entry_room(entry->name_size) > entry->size || entry->inode > fs->inodes)
        return NULL;
    return entry;
}

static int load_folder(struct ext2 *fs, uint32_t number, struct ext2_inode *inode, uint32_t *blocks)
{
    int status = ext2_load(fs, number, inode);
    if (status)
        return status;
    if ((inode->mode & MODE_TYPE) != MODE_FOLDER)
        return FS_NOT_FOLDER;
    *blocks = inode->size / fs->block_size;
    return inode->size % fs->block_size ? FS_DAMAGED : *blocks > FOLDER_BLOCKS_MAX ? FS_TOO_BIG : 0;
}

/* The index-th block of a folder, of which none may be missing. */
static int folder_block(struct ext2 *fs, struct ext2_inode *folder, uint32_t index, uint32_t *block)
{
    int status = ext2_map(fs, folder, index, false, block);
    return status ? status : *block ? 0 : FS_DAMAGED;
}

static bool same_name(const struct ext2_entry *entry, const char *name, size_t size)
{
    return entry->inode && entry->name_size == size && !memcmp(entry + 1, name, size);
}

static int find_in_block(struct ext2 *fs, const char *name, struct spot *spot, uint32_t *number)
{
    const uint8_t *data = ext2_block(fs, spot->block);
    const struct ext2_entry *entry;
    if (!data)
        return fs->failure;
    for (spot->at = 0, spot->before = 0; spot->at < fs->block_size; spot->before = spot->at, spot->at += entry->size) {
        entry = entry_at(fs, data, spot->at);
        if (!entry)
            return FS_DAMAGED;
        if (!same_name(entry, name, strlen(name)))
            continue;
        spot->first = !spot->at;
        *number = entry->inode;
        return 0;
    }
    return FS_NOT_FOUND;
}

static int find_entry(struct ext2 *fs, uint32_t folder, const char *name, struct spot *spot, uint32_t *number)
{
    struct ext2_inode inode;
    uint32_t blocks;
    int status = load_folder(fs, folder, &inode, &blocks);
    for (uint32_t i = 0; !status && i < blocks; i++) {
        status = folder_block(fs, &inode, i, &spot->block);
        if (status)
            return status;
        status = find_in_block(fs, name, spot, number);
        if (status != FS_NOT_FOUND)
            return status;
        status = 0;
    }
    return status ? status : FS_NOT_FOUND;
}

int ext2_lookup(struct ext2 *fs, uint32_t folder, const char *name, uint32_t *number)
{
    struct spot spot;
    return find_entry(fs, folder, name, &spot, number);
}

int ext2_next(struct ext2 *fs, uint32_t folder, uint64_t *at, struct fs_entry *out)
{
    static const uint8_t types[] = {[ENTRY_FILE] = FS_FILE, [ENTRY_FOLDER] = FS_FOLDER, [ENTRY_LINK] = FS_LINK};
    struct ext2_inode inode;
    uint32_t blocks, block;
    int status = load_folder(fs, folder, &inode, &blocks);
    while (!status && *at < inode.size) {
        status = folder_block(fs, &inode, (uint32_t)(*at / fs->block_size), &block);
        const uint8_t *data = status ? NULL : ext2_block(fs, block);
        const struct ext2_entry *entry = data ? entry_at(fs, data, (uint32_t)(*at % fs->block_size)) : NULL;
        if (!entry)
            return status ? status : data ? FS_DAMAGED : fs->failure;
        *at += entry->size;
        if (!entry->inode || !entry->name_size)
            continue;
        memcpy(out->name, entry + 1, entry->name_size);
        out->name[entry->name_size] = 0;
        out->type = entry->type < ARRAY_LEN(types) ? (enum fs_type)types[entry->type] : FS_DEVICE;
        return 1;
    }
    return status;
}

/* -- Adding and removing entries -------------------------------------------------------------------------- */

static void fill_entry(struct ext2_entry *entry, uint32_t number, uint32_t size, const char *name, uint8_t type)
{
    *entry = (struct ext2_entry){number, (uint16_t)size, (uint8_t)strlen(name), type};
    memcpy(entry + 1, name, entry->name_size);
}

/* Room in a block: an unused entry that is long enough, or behind one that is longer than it needs. FS_NO_SPACE: none. */
static int add_in_block(struct ext2 *fs, uint32_t block, uint32_t number, const char *name, uint8_t type)
{
    uint8_t *data = ext2_block(fs, block);
    uint32_t need = entry_room(strlen(name));
    struct ext2_entry *entry;
    if (!data)
        return fs->failure;
    for (uint32_t at = 0; at < fs->block_size; at += entry->size) {
        entry = entry_at(fs, data, at);
        if (!entry)
            return FS_DAMAGED;
        uint32_t used = entry->inode ? entry_room(entry->name_size) : 0, size = entry->size;
        if (size - used < need)
            continue;
        if (!ext2_edit(fs, block))
            return fs->failure;
        if (used)
            entry->size = (uint16_t)used;
        fill_entry((struct ext2_entry *)(data + at + used), number, size - used, name, type);
        return 0;
    }
    return FS_NO_SPACE;
}

static int touch_folder(struct ext2 *fs, uint32_t number, struct ext2_inode *inode)
{
    inode->flags &= ~(uint32_t)INODE_INDEXED;
    inode->modified = inode->changed = ext2_now(fs);
    return ext2_store(fs, number, inode, false);
}

static int add_entry(struct ext2 *fs, uint32_t folder, const char *name, uint32_t number, uint8_t type)
{
    struct ext2_inode inode;
    uint32_t blocks, block;
    int status = load_folder(fs, folder, &inode, &blocks);
    if (status)
        return status;
    for (uint32_t i = 0; i < blocks; i++) {
        status = folder_block(fs, &inode, i, &block);
        if (!status)
            status = add_in_block(fs, block, number, name, type);
        if (status != FS_NO_SPACE)
            return status ? status : touch_folder(fs, folder, &inode);
    }
    if (blocks == FOLDER_BLOCKS_MAX)
        return FS_NO_SPACE;
    status = ext2_map(fs, &inode, blocks, true, &block);
    uint8_t *data = status ? NULL : ext2_fresh(fs, block);
    if (!data)
        return status ? status : fs->failure;
    fill_entry((struct ext2_entry *)data, number, fs->block_size, name, type);
    inode.size += fs->block_size;
    return touch_folder(fs, folder, &inode);
}

/* Finds an entry and its folder's inode, and opens its block, at *data, for a change. */
static int edit_entry(struct ext2 *fs, uint32_t folder, const char *name, struct ext2_inode *inode, struct spot *spot,
                      uint8_t **data)
{
    uint32_t number, blocks;
    int status = find_entry(fs, folder, name, spot, &number);
    if (!status)
        status = load_folder(fs, folder, inode, &blocks);
    *data = status ? NULL : ext2_edit(fs, spot->block);
    return status || *data ? status : fs->failure;
}

/* The entry before takes over the room; the first of a block becomes unused. */
static int remove_entry(struct ext2 *fs, uint32_t folder, const char *name)
{
    struct ext2_inode inode;
    struct spot spot;
    uint8_t *data;
    int status = edit_entry(fs, folder, name, &inode, &spot, &data);
    if (!data)
        return status;
    struct ext2_entry *entry = (struct ext2_entry *)(data + spot.at);
    if (spot.first)
        entry->inode = 0;
    else
        ((struct ext2_entry *)(data + spot.before))->size += entry->size;
    return touch_folder(fs, folder, &inode);
}

/* Lets an entry name another inode. */
static int point_entry(struct ext2 *fs, uint32_t folder, const char *name, uint32_t to, uint8_t type)
{
    struct ext2_inode inode;
    struct spot spot;
    uint8_t *data;
    int status = edit_entry(fs, folder, name, &inode, &spot, &data);
    if (!data)
        return status;
    struct ext2_entry *entry = (struct ext2_entry *)(data + spot.at);
    entry->inode = to;
    entry->type = type;
    return touch_folder(fs, folder, &inode);
}

static int change_links(struct ext2 *fs, uint32_t number, int by)
{
    struct ext2_inode inode;
    int status = ext2_load(fs, number, &inode);
    if (status)
        return status;
    if (inode.links + by < 1 || inode.links + by > 32000)
        return FS_TOO_MANY;
    inode.links = (uint16_t)(inode.links + by);
    inode.changed = ext2_now(fs);
    return ext2_store(fs, number, &inode, false);
}

/* -- Changes of the tree: each is one transaction --------------------------------------------------------- */

/* A new folder's block: `.`, and `..` for the rest. */
static int fill_folder(struct ext2 *fs, uint32_t number, struct ext2_inode *inode, uint32_t parent)
{
    uint32_t block;
    uint8_t type = entry_type(fs, MODE_FOLDER);
    int status = ext2_map(fs, inode, 0, true, &block);
    uint8_t *data = status ? NULL : ext2_fresh(fs, block);
    if (!data)
        return status ? status : fs->failure;
    fill_entry((struct ext2_entry *)data, number, 12, ".", type);
    fill_entry((struct ext2_entry *)(data + 12), parent, fs->block_size - 12, "..", type);
    inode->size = fs->block_size;
    return change_links(fs, parent, 1);
}

static int create_inode(struct ext2 *fs, uint32_t folder, const char *name, uint32_t mode, uint32_t *number)
{
    uint32_t now = ext2_now(fs);
    bool is_folder = (mode & MODE_TYPE) == MODE_FOLDER;
    struct ext2_inode inode = {.mode = (uint16_t)mode, .links = is_folder ? 2 : 1, .accessed = now, .changed = now,
                               .modified = now};
    *number = ext2_alloc_inode(fs, folder, is_folder);
    if (!*number)
        return fs->failure;
    int status = is_folder ? fill_folder(fs, *number, &inode, folder) : 0;
    if (!status)
        status = ext2_store(fs, *number, &inode, true);
    return status ? status : add_entry(fs, folder, name, *number, entry_type(fs, mode));
}

/* A file is committed with what is written to it, when it is closed. */
int ext2_create(struct ext2 *fs, uint32_t folder, const char *name, enum fs_type type, uint32_t *number)
{
    if (type != FS_FILE && type != FS_FOLDER)
        return FS_UNSUPPORTED;
    int status = ext2_begin(fs);
    if (status)
        return status;
    status = create_inode(fs, folder, name, type == FS_FILE ? MODE_FILE | 0644 : MODE_FOLDER | 0755, number);
    return status || type == FS_FOLDER ? ext2_finish(fs, status) : 0;
}

static int is_empty(struct ext2 *fs, uint32_t folder)
{
    struct fs_entry entry;
    uint64_t at = 0;
    int status;
    while ((status = ext2_next(fs, folder, &at, &entry)) > 0)
        if (strcmp(entry.name, ".") && strcmp(entry.name, ".."))
            return FS_NOT_EMPTY;
    return status;
}

/* One name less for an inode; with the last one it is gone. A folder's `..` leaves its parent. */
static int drop_inode(struct ext2 *fs, uint32_t number, uint32_t parent)
{
    struct ext2_inode inode;
    int status = ext2_load(fs, number, &inode);
    if (status)
        return status;
    bool folder = (inode.mode & MODE_TYPE) == MODE_FOLDER;
    bool fast_link = (inode.mode & MODE_TYPE) == MODE_LINK && !inode.sectors;
    if (!folder && inode.links > 1)
        return change_links(fs, number, -1);
    if (inode.file_acl || number < fs->first_inode)
        return FS_UNSUPPORTED; /* its extended attributes may be shared */
    if (ext2_type(inode.mode) != FS_DEVICE && !fast_link)
        status = ext2_clear(fs, number, &inode);
    inode.links = 0;
    inode.deleted = ext2_now(fs);
    if (!status)
        status = ext2_store(fs, number, &inode, false);
    if (!status)
        status = ext2_free_inode(fs, number, folder);
    return status || !folder ? status : change_links(fs, parent, -1);
}

static int may_drop(struct ext2 *fs, uint32_t number)
{
    struct ext2_inode inode;
    int status = ext2_load(fs, number, &inode);
    return status || (inode.mode & MODE_TYPE) != MODE_FOLDER ? status : is_empty(fs, number);
}

/* A big file is emptied before its name goes: its pieces are committed one by one. */
static int remove_name(struct ext2 *fs, uint32_t folder, const char *name)
{
    uint32_t number;
    int status = ext2_lookup(fs, folder, name, &number);
    if (!status)
        status = may_drop(fs, number);
    if (!status)
        status = drop_inode(fs, number, folder);
    return status ? status : remove_entry(fs, folder, name);
}

int ext2_remove(struct ext2 *fs, uint32_t folder, const char *name)
{
    int status = ext2_begin(fs);
    return status ? status : ext2_finish(fs, remove_name(fs, folder, name));
}

/* Is `folder` the one numbered `inside`, or below it? */
static int lies_in(struct ext2 *fs, uint32_t folder, uint32_t inside)
{
    for (unsigned i = 0; i < FOLDERS_DEEP_MAX; i++) {
        if (folder == inside)
            return FS_BUSY;
        if (folder == EXT2_ROOT)
            return 0;
        int status = ext2_lookup(fs, folder, "..", &folder);
        if (status)
            return status == FS_NOT_FOUND ? FS_DAMAGED : status;
    }
    return FS_TOO_MANY;
}

static int replace_target(struct ext2 *fs, uint32_t target, bool is_folder, uint32_t to)
{
    struct ext2_inode inode;
    int status = ext2_load(fs, target, &inode);
    if (!status && ((inode.mode & MODE_TYPE) == MODE_FOLDER) != is_folder)
        status = is_folder ? FS_NOT_FOLDER : FS_IS_FOLDER;
    if (!status)
        status = may_drop(fs, target);
    return status ? status : drop_inode(fs, target, to);
}

static int rename_entry(struct ext2 *fs, uint32_t from, const char *name, uint32_t to, const char *new_name)
{
    struct ext2_inode inode;
    uint32_t number, target;
    int status = ext2_lookup(fs, from, name, &number);
    if (!status)
        status = ext2_load(fs, number, &inode);
    bool is_folder = (inode.mode & MODE_TYPE) == MODE_FOLDER;
    if (!status && is_folder && from != to)
        status = lies_in(fs, to, number);
    if (status)
        return status;
    uint8_t type = entry_type(fs, inode.mode);
    int there = ext2_lookup(fs, to, new_name, &target);
    if (!there && target == number)
        return FS_EXISTS; /* two names of one file */
    if (there && there != FS_NOT_FOUND)
        return there;
    status = there ? 0 : replace_target(fs, target, is_folder, to);
    if (!status)
        status = there ? add_entry(fs, to, new_name, number, type) : point_entry(fs, to, new_name, number, type);
    if (!status)
        status = remove_entry(fs, from, name);
    if (status || !is_folder || from == to)
        return status;
    status = point_entry(fs, number, "..", to, type);
    if (!status)
        status = change_links(fs, from, -1);
    return status ? status : change_links(fs, to, 1);
}

int ext2_rename(struct ext2 *fs, uint32_t from, const char *name, uint32_t to, const char *new_name)
{
    int status = ext2_begin(fs);
    return status ? status : ext2_finish(fs, rename_entry(fs, from, name, to, new_name));
}
