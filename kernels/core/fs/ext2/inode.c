/* The blocks of a file (ext2.h; 3.3 "i_block"): twelve direct ones, then trees of block numbers one, two and three deep. */
#include "ext2.h"
#include "string.h"

/* How far a piece of reading or writing goes: blocks mapped at once. */
enum { PIECE = 16, DEPTHS = 4, SPARE = 8 };

uint64_t ext2_size(const struct ext2_inode *inode)
{
    bool file = (inode->mode & MODE_TYPE) == MODE_FILE;
    return inode->size | (file ? (uint64_t)inode->size_high << 32 : 0);
}

/* The path to a block: a slot of the inode, then an index into each block of numbers below it. Returns the depth, or -1. */
static int path_to(const struct ext2 *fs, uint32_t index, uint32_t path[DEPTHS])
{
    uint64_t n = fs->pointers, left = index;
    if (left < EXT2_DIRECT)
        return path[0] = index, 0;
    left -= EXT2_DIRECT;
    uint64_t covered = n;
    for (int depth = 1; depth < DEPTHS; depth++, covered *= n) {
        if (left >= covered) {
            left -= covered;
            continue;
        }
        path[0] = EXT2_DIRECT + (uint32_t)depth - 1;
        for (int i = depth; i > 0; i--, left /= n)
            path[i] = (uint32_t)(left % n);
        return depth;
    }
    return -1;
}

/* A new block for a slot: of numbers when `table`, which then holds none; else of data. */
static uint32_t new_block(struct ext2 *fs, struct ext2_inode *inode, bool table)
{
    uint32_t block = ext2_alloc_block(fs, fs->near);
    if (!block || (table && !ext2_fresh(fs, block)))
        return 0;
    fs->near = block + 1;
    inode->sectors += fs->sectors_per_block;
    return block;
}

int ext2_map(struct ext2 *fs, struct ext2_inode *inode, uint32_t index, bool make, uint32_t *block)
{
    uint32_t path[DEPTHS], table = 0;
    int depth = path_to(fs, index, path);
    if (depth < 0)
        return FS_TOO_BIG;
    for (int level = 0; level <= depth; level++) {
        const uint32_t *slots = level ? (const uint32_t *)ext2_block(fs, table) : inode->block;
        if (!slots)
            return fs->failure;
        *block = slots[path[level]];
        if (!*block && !make)
            return 0;
        if (!*block) {
            *block = new_block(fs, inode, level < depth);
            uint32_t *edit = !*block ? NULL : level ? (uint32_t *)ext2_edit(fs, table) : inode->block;
            if (!edit)
                return fs->failure;
            edit[path[level]] = *block;
        }
        table = *block;
    }
    return *block < fs->first_data_block || *block >= fs->blocks ? FS_DAMAGED : 0;
}

/* -- Reading ---------------------------------------------------------------------------------------------- */

/* How many of blocks[0..count) follow each other on the disk (or are all holes). */
static uint32_t run_of(const uint32_t *blocks, uint32_t count)
{
    uint32_t run = 1;
    while (run < count && blocks[run] == (blocks[0] ? blocks[0] + run : 0))
        run++;
    return run;
}

static int map_piece(struct ext2 *fs, struct ext2_inode *inode, uint32_t first, uint32_t count, bool make, uint32_t *blocks)
{
    int status = 0;
    for (uint32_t i = 0; i < count && !status; i++)
        status = ext2_map(fs, inode, first + i, make, &blocks[i]);
    return status;
}

static int read_part(struct ext2 *fs, uint32_t block, size_t in, void *data, size_t size)
{
    if (!block)
        memset(data, 0, size);
    else if (!ext2_disk(fs, false, block, fs->bounce, 1))
        return fs->failure;
    else
        memcpy(data, fs->bounce + in, size);
    return 0;
}

static int read_whole(struct ext2 *fs, const uint32_t *blocks, uint32_t count, uint8_t *data)
{
    for (uint32_t i = 0, run; i < count; i += run) {
        run = run_of(blocks + i, count - i);
        if (!blocks[i])
            memset(data + (size_t)i * fs->block_size, 0, (size_t)run * fs->block_size);
        else if (!ext2_disk(fs, false, blocks[i], data + (size_t)i * fs->block_size, run))
            return fs->failure;
    }
    return 0;
}

long ext2_read(struct ext2 *fs, const struct ext2_inode *inode, uint64_t offset, void *data, size_t size)
{
    struct ext2_inode copy = *inode;
    uint64_t end = ext2_size(inode);
    uint32_t blocks[PIECE];
    size_t done = 0;
    if (offset >= end)
        return 0;
    size = (size_t)MIN((uint64_t)size, end - offset);
    while (done < size) {
        size_t in = (size_t)(offset % fs->block_size), left = size - done, step;
        bool whole = !in && left >= fs->block_size;
        uint32_t count = whole ? (uint32_t)MIN(left / fs->block_size, (size_t)PIECE) : 1;
        if (offset / fs->block_size > UINT32_MAX - PIECE)
            return FS_TOO_BIG;
        int status = map_piece(fs, &copy, (uint32_t)(offset / fs->block_size), count, false, blocks);
        step = whole ? (size_t)count * fs->block_size : MIN(left, fs->block_size - in);
        if (!status)
            status = whole ? read_whole(fs, blocks, count, (uint8_t *)data + done)
                           : read_part(fs, blocks[0], in, (uint8_t *)data + done, step);
        if (status)
            return status;
        done += step, offset += step;
    }
    return (long)done;
}

/* -- Writing ---------------------------------------------------------------------------------------------- */

/* Part of a block: what else is in it stays, or is zero when the block is new. */
static int write_part(struct ext2 *fs, uint32_t block, bool is_new, size_t in, const void *data, size_t size)
{
    if (is_new)
        memset(fs->bounce, 0, fs->block_size);
    else if (!ext2_disk(fs, false, block, fs->bounce, 1))
        return fs->failure;
    memcpy(fs->bounce + in, data, size);
    return ext2_disk(fs, true, block, fs->bounce, 1) ? 0 : fs->failure;
}

static int write_whole(struct ext2 *fs, const uint32_t *blocks, uint32_t count, const uint8_t *data)
{
    for (uint32_t i = 0, run; i < count; i += run) {
        run = run_of(blocks + i, count - i);
        if (!ext2_disk(fs, true, blocks[i], (void *)(uintptr_t)(data + (size_t)i * fs->block_size), run))
            return fs->failure;
    }
    return 0;
}

/* One piece: maps and writes data, then the inode. What it needs is known to be free, so that only damage stops it. */
static long write_piece(struct ext2 *fs, uint32_t number, struct ext2_inode *inode, uint64_t offset, const uint8_t *data,
                        size_t size)
{
    uint32_t blocks[PIECE], before, first = (uint32_t)(offset / fs->block_size);
    size_t in = (size_t)(offset % fs->block_size);
    bool whole = !in && size >= fs->block_size;
    uint32_t count = whole ? (uint32_t)MIN(size / fs->block_size, (size_t)PIECE) : 1;
    size = whole ? (size_t)count * fs->block_size : MIN(size, fs->block_size - in);
    uint32_t free_blocks = ext2_blocks_free(fs);
    if (free_blocks < PIECE + SPARE)
        count = 1, size = MIN(size, (size_t)fs->block_size);
    int status = free_blocks < SPARE ? FS_NO_SPACE : ext2_map(fs, inode, first, false, &before);
    if (status)
        return status;
    status = map_piece(fs, inode, first, count, true, blocks);
    if (!status)
        status = whole ? write_whole(fs, blocks, count, data) : write_part(fs, blocks[0], !before, in, data, size);
    if (status)
        return status == FS_NO_SPACE ? FS_DAMAGED : status; /* the counts were wrong */
    if (offset + size > ext2_size(inode)) {
        inode->size = (uint32_t)(offset + size);
        inode->size_high = (uint32_t)((offset + size) >> 32);
    }
    inode->modified = inode->changed = ext2_now(fs);
    status = ext2_store(fs, number, inode, false);
    return status ? status : (long)size;
}

long ext2_write(struct ext2 *fs, uint32_t number, uint64_t offset, const void *data, size_t size)
{
    struct ext2_inode inode;
    size_t done = 0;
    long step = 0;
    uint64_t most = fs->large_file ? (uint64_t)UINT32_MAX * fs->block_size : INT32_MAX;
    if (offset > most || size > most - offset)
        return FS_TOO_BIG;
    int status = ext2_load(fs, number, &inode);
    while (!status && done < size) {
        step = write_piece(fs, number, &inode, offset + done, (const uint8_t *)data + done, size - done);
        if (step < 0)
            break;
        done += (size_t)step;
        if (fs->changed_count > CHANGED_MANY)
            status = ext2_commit(fs);
    }
    if (status || step >= 0)
        return status ? status : (long)done;
    if (step != FS_NO_SPACE)
        ext2_give_up(fs, (int)step); /* half a piece is in the transaction, and perhaps the file's own creation */
    return step;
}

/* -- Giving back ------------------------------------------------------------------------------------------ */

static int free_counted(struct ext2 *fs, struct ext2_inode *inode, uint32_t block)
{
    inode->sectors -= MIN(inode->sectors, fs->sectors_per_block);
    return ext2_free_block(fs, block);
}

/* A block of numbers of data blocks, and all of these. */
static int free_table(struct ext2 *fs, struct ext2_inode *inode, uint32_t table)
{
    for (uint32_t i = 0; i < fs->pointers; i++) {
        const uint32_t *slots = (const uint32_t *)ext2_block(fs, table);
        if (!slots)
            return fs->failure;
        int status = slots[i] ? free_counted(fs, inode, slots[i]) : 0;
        if (status)
            return status;
    }
    return free_counted(fs, inode, table);
}

/* Empties a slot of the inode from its end, so much of it as fits a transaction: 1 when something is left. */
static int free_slot(struct ext2 *fs, struct ext2_inode *inode, uint32_t *slot, unsigned depth)
{
    int status = 0;
    if (depth < 2) {
        status = depth ? free_table(fs, inode, *slot) : free_counted(fs, inode, *slot);
        *slot = 0;
        return status;
    }
    for (uint32_t i = fs->pointers; i-- > 0;) {
        uint32_t *slots = (uint32_t *)ext2_block(fs, *slot);
        if (!slots)
            return fs->failure;
        if (!slots[i])
            continue;
        if (fs->changed_count > CHANGED_MANY)
            return 1;
        uint32_t value = slots[i];
        status = free_slot(fs, inode, &value, depth - 1);
        slots = (uint32_t *)ext2_edit(fs, *slot);
        if (!slots)
            return fs->failure;
        slots[i] = value;
        if (status)
            return status;
    }
    status = free_counted(fs, inode, *slot);
    *slot = 0;
    return status;
}

int ext2_clear(struct ext2 *fs, uint32_t number, struct ext2_inode *inode)
{
    for (unsigned i = EXT2_SLOTS; i-- > 0;) {
        while (inode->block[i]) {
            int status = free_slot(fs, inode, &inode->block[i], i < EXT2_DIRECT ? 0 : i - EXT2_DIRECT + 1);
            if (status < 0)
                return status;
            if (fs->changed_count <= CHANGED_MANY && !status)
                continue;
            status = ext2_store(fs, number, inode, false);
            if (!status)
                status = ext2_commit(fs);
            if (status)
                return status;
        }
    }
    inode->size = inode->size_high = 0;
    return 0;
}
