/* Who has which block and which inode (ext2.h): bitmaps, the counts in group descriptors and superblock, the inode tables. */
#include "ext2.h"
#include "string.h"

static struct ext2_group *group_of(struct ext2 *fs, uint32_t group, bool edit)
{
    uint32_t per_block = fs->block_size / sizeof(struct ext2_group), block = fs->super_block + 1 + group / per_block;
    uint8_t *data = edit ? ext2_edit(fs, block) : ext2_block(fs, block);
    return data ? (struct ext2_group *)data + group % per_block : NULL;
}

uint32_t ext2_blocks_free(struct ext2 *fs)
{
    const uint8_t *data = ext2_block(fs, fs->super_block);
    return data ? ((const struct ext2_super *)(data + fs->super_offset))->free_blocks : 0;
}

/* The first clear bit in [from, to); `to` when there is none. */
static uint32_t clear_bit(const uint8_t *bits, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (i % 8 == 0 && bits[i / 8] == 0xff)
            i += 7;
        else if (!(bits[i / 8] >> i % 8 & 1))
            return i;
    }
    return to;
}

/* Takes the first free bit of a bitmap, from `from` on and then from its start. 0: none, else 1 + its number. */
static uint32_t take_bit(struct ext2 *fs, uint32_t bitmap, uint32_t from, uint32_t to)
{
    const uint8_t *bits = ext2_block(fs, bitmap);
    if (!bits)
        return 0;
    uint32_t bit = clear_bit(bits, from, to);
    if (bit == to && (bit = clear_bit(bits, 0, from)) == from)
        return fs->failure = FS_NO_SPACE, 0;
    uint8_t *edit = ext2_edit(fs, bitmap);
    if (!edit)
        return 0;
    edit[bit / 8] |= (uint8_t)(1 << bit % 8);
    return bit + 1;
}

/* Gives a bit back; one that is free already is damage. */
static int give_bit(struct ext2 *fs, uint32_t bitmap, uint32_t bit)
{
    uint8_t *bits = ext2_edit(fs, bitmap);
    if (!bits)
        return fs->failure;
    if (!(bits[bit / 8] >> bit % 8 & 1))
        return FS_DAMAGED;
    bits[bit / 8] &= (uint8_t)~(1 << bit % 8);
    return 0;
}

static uint32_t blocks_in(const struct ext2 *fs, uint32_t group)
{
    uint32_t before = group * fs->blocks_per_group;
    return MIN(fs->blocks_per_group, fs->blocks - fs->first_data_block - before);
}

static bool count_blocks(struct ext2 *fs, uint32_t group, int by)
{
    struct ext2_group *descriptor = group_of(fs, group, true);
    struct ext2_super *super = descriptor ? ext2_super_edit(fs) : NULL;
    if (!super)
        return false;
    descriptor->free_blocks = (uint16_t)(descriptor->free_blocks + by);
    super->free_blocks += (uint32_t)by;
    return true;
}

uint32_t ext2_alloc_block(struct ext2 *fs, uint32_t near)
{
    if (near < fs->first_data_block || near >= fs->blocks)
        near = fs->first_data_block;
    uint32_t first = (near - fs->first_data_block) / fs->blocks_per_group;
    for (uint32_t i = 0; i < fs->groups; i++) {
        uint32_t group = (first + i) % fs->groups;
        const struct ext2_group *descriptor = group_of(fs, group, false);
        if (!descriptor)
            return 0;
        if (!descriptor->free_blocks)
            continue;
        uint32_t from = i ? 0 : (near - fs->first_data_block) % fs->blocks_per_group;
        uint32_t bit = take_bit(fs, descriptor->block_bitmap, from, blocks_in(fs, group));
        if (!bit && fs->failure == FS_NO_SPACE)
            continue; /* the count was wrong */
        if (!bit || !count_blocks(fs, group, -1))
            return 0;
        uint32_t block = fs->first_data_block + group * fs->blocks_per_group + bit - 1;
        ext2_forget(fs, block);
        return block;
    }
    return fs->failure = FS_NO_SPACE, 0;
}

int ext2_free_block(struct ext2 *fs, uint32_t block)
{
    if (block < fs->first_data_block || block >= fs->blocks)
        return FS_DAMAGED;
    uint32_t index = block - fs->first_data_block, group = index / fs->blocks_per_group;
    const struct ext2_group *descriptor = group_of(fs, group, false);
    int status = descriptor ? give_bit(fs, descriptor->block_bitmap, index % fs->blocks_per_group) : fs->failure;
    if (status)
        return status;
    ext2_forget(fs, block);
    return count_blocks(fs, group, 1) ? 0 : fs->failure;
}

/* -- Inodes ----------------------------------------------------------------------------------------------- */

static bool count_inodes(struct ext2 *fs, uint32_t group, int by, bool folder)
{
    struct ext2_group *descriptor = group_of(fs, group, true);
    struct ext2_super *super = descriptor ? ext2_super_edit(fs) : NULL;
    if (!super)
        return false;
    descriptor->free_inodes = (uint16_t)(descriptor->free_inodes + by);
    descriptor->folders = (uint16_t)(descriptor->folders - (folder ? by : 0));
    super->free_inodes += (uint32_t)by;
    return true;
}

uint32_t ext2_alloc_inode(struct ext2 *fs, uint32_t near, bool folder)
{
    uint32_t first = (near - 1) / fs->inodes_per_group;
    for (uint32_t i = 0; i < fs->groups; i++) {
        uint32_t group = (first + i) % fs->groups;
        const struct ext2_group *descriptor = group_of(fs, group, false);
        if (!descriptor)
            return 0;
        if (!descriptor->free_inodes)
            continue;
        uint32_t bit = take_bit(fs, descriptor->inode_bitmap, 0, fs->inodes_per_group);
        uint32_t number = group * fs->inodes_per_group + bit;
        if (!bit && fs->failure == FS_NO_SPACE)
            continue;
        if (bit && number < fs->first_inode)
            return fs->failure = FS_DAMAGED, 0; /* a reserved one was marked free */
        return bit && count_inodes(fs, group, -1, folder) ? number : 0;
    }
    return fs->failure = FS_NO_SPACE, 0;
}

int ext2_free_inode(struct ext2 *fs, uint32_t number, bool folder)
{
    uint32_t group = (number - 1) / fs->inodes_per_group;
    const struct ext2_group *descriptor = group_of(fs, group, false);
    int status = descriptor ? give_bit(fs, descriptor->inode_bitmap, (number - 1) % fs->inodes_per_group) : fs->failure;
    if (status)
        return status;
    return count_inodes(fs, group, 1, folder) ? 0 : fs->failure;
}

static uint8_t *inode_at(struct ext2 *fs, uint32_t number, bool edit)
{
    if (!number || number > fs->inodes)
        return fs->failure = FS_DAMAGED, NULL;
    uint32_t index = (number - 1) % fs->inodes_per_group, per_block = fs->block_size / fs->inode_size;
    const struct ext2_group *descriptor = group_of(fs, (number - 1) / fs->inodes_per_group, false);
    if (!descriptor)
        return NULL;
    if (descriptor->inode_table >= fs->blocks)
        return fs->failure = FS_DAMAGED, NULL;
    uint32_t block = descriptor->inode_table + index / per_block;
    uint8_t *data = edit ? ext2_edit(fs, block) : ext2_block(fs, block);
    return data ? data + index % per_block * fs->inode_size : NULL;
}

int ext2_load(struct ext2 *fs, uint32_t number, struct ext2_inode *inode)
{
    const uint8_t *at = inode_at(fs, number, false);
    if (!at)
        return fs->failure;
    memcpy(inode, at, sizeof *inode);
    return 0;
}

int ext2_store(struct ext2 *fs, uint32_t number, const struct ext2_inode *inode, bool created)
{
    uint8_t *at = inode_at(fs, number, true);
    if (!at)
        return fs->failure;
    if (created)
        memset(at, 0, fs->inode_size);
    memcpy(at, inode, sizeof *inode);
    return 0;
}
