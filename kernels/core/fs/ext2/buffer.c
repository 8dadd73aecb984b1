/* Blocks of metadata in memory (ext2.h). Changed ones stay until their transaction is written or taken back; of the others
   the one that was not used for longest makes room. */
#include "ext2.h"
#include "hal.h"
#include "mm.h"
#include "string.h"
#include "wall.h"

uint32_t ext2_now(const struct ext2 *fs)
{
    uint64_t wall, since = fs->clock + hal_time_ns() / NS_PER_S;
    return (uint32_t)(wall_now(&wall) && wall > since ? wall : since);
}

bool ext2_disk(struct ext2 *fs, bool write, uint32_t block, void *data, uint32_t count)
{
    uint64_t sector = (uint64_t)block * fs->sectors_per_block;
    if (block >= fs->blocks || count > fs->blocks - block)
        return fs->failure = FS_DAMAGED, false;
    bool ok = write ? block_write(fs->disk, sector, data, count * fs->sectors_per_block)
                    : block_read(fs->disk, sector, data, count * fs->sectors_per_block);
    if (!ok)
        fs->failure = FS_IO;
    return ok;
}

/* The buffer of a block, or else the one that was not used for longest; NULL when none can be had. */
static struct buffer *find_buffer(struct ext2 *fs, uint32_t block)
{
    struct buffer *oldest = NULL, *hint = &fs->buffers[fs->hints[block % HINTS]];
    if (hint->valid && hint->block == block)
        return hint;
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++) {
        if (b->valid && b->block == block)
            return b;
        if (!b->changed && (!oldest || (oldest->valid && (!b->valid || b->used < oldest->used))))
            oldest = b;
    }
    if (!oldest->data)
        oldest->data = kmalloc(fs->block_size);
    oldest->valid = false;
    return oldest->data ? oldest : NULL;
}

static struct buffer *get_buffer(struct ext2 *fs, uint32_t block, bool read)
{
    if (block < fs->first_data_block || block >= fs->blocks)
        return fs->failure = FS_DAMAGED, NULL;
    struct buffer *b = find_buffer(fs, block);
    if (!b)
        return fs->failure = FS_NO_MEMORY, NULL;
    if (!b->valid) {
        b->block = block;
        b->fresh = false;
        if (read && !ext2_disk(fs, false, block, b->data, 1))
            return NULL;
        b->valid = true;
    }
    b->used = ++fs->tick;
    fs->hints[block % HINTS] = (uint8_t)(b - fs->buffers);
    return b;
}

static uint8_t *change_buffer(struct ext2 *fs, struct buffer *b)
{
    if (!b)
        return NULL;
    if (!b->changed && fs->changed_count == CHANGED_MAX)
        return fs->failure = FS_TOO_BIG, NULL;
    fs->changed_count += !b->changed;
    b->changed = true;
    return b->data;
}

uint8_t *ext2_block(struct ext2 *fs, uint32_t block)
{
    struct buffer *b = get_buffer(fs, block, true);
    return b ? b->data : NULL;
}

uint8_t *ext2_edit(struct ext2 *fs, uint32_t block)
{
    return change_buffer(fs, get_buffer(fs, block, true));
}

uint8_t *ext2_fresh(struct ext2 *fs, uint32_t block)
{
    struct buffer *b = get_buffer(fs, block, false);
    uint8_t *data = change_buffer(fs, b);
    if (data) {
        memset(data, 0, fs->block_size);
        b->fresh = true;
    }
    return data;
}

void ext2_forget(struct ext2 *fs, uint32_t block)
{
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++) {
        if (!b->valid || b->block != block)
            continue;
        fs->changed_count -= b->changed;
        b->valid = b->changed = false;
    }
}

struct ext2_super *ext2_super_edit(struct ext2 *fs)
{
    uint8_t *data = ext2_edit(fs, fs->super_block);
    return data ? (struct ext2_super *)(data + fs->super_offset) : NULL;
}

void ext2_take_back(struct ext2 *fs)
{
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++)
        if (b->changed)
            b->valid = b->changed = false;
    fs->changed_count = 0;
}

void ext2_drop_buffers(struct ext2 *fs)
{
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++) {
        kfree(b->data);
        *b = (struct buffer){0};
    }
    fs->changed_count = 0;
}
