/* An empty ext2 (ext2.h): revision 1 with sparse_super, filetype and large_file; inodes of 128 bytes, one for 16 KiB. */
#include "ext2.h"
#include "mm.h"
#include "random.h"
#include "string.h"

enum { FIRST_INODE = 11, INODE_SIZE = 128, BYTES_PER_INODE = 16384, SMALLEST_GROUP = 64 };

struct plan {
    struct block_device *disk;
    struct ext2_super super;
    uint32_t block_size, groups, descriptor_blocks, table_blocks;
    uint8_t *block;
};

/* sparse_super: groups 0, 1 and the powers of 3, 5 and 7 have copies of superblock and descriptors. */
static bool has_copy(uint32_t group)
{
    for (uint32_t base = 3; base <= 7; base += 2) {
        uint64_t power = base;
        while (power < group)
            power *= base;
        if (power == group)
            return true;
    }
    return group < 2;
}

static uint32_t first_of(const struct plan *plan, uint32_t group)
{
    return plan->super.first_data_block + group * plan->super.blocks_per_group;
}

static uint32_t size_of(const struct plan *plan, uint32_t group)
{
    return MIN(plan->super.blocks_per_group, plan->super.blocks - first_of(plan, group));
}

/* Blocks of a group that hold no files: copies, bitmaps, inodes; in group 0 the root folder too. */
static uint32_t used_in(const struct plan *plan, uint32_t group)
{
    return (has_copy(group) ? 1 + plan->descriptor_blocks : 0) + 2 + plan->table_blocks + (group == 0);
}

static struct ext2_group describe_group(const struct plan *plan, uint32_t group)
{
    uint32_t at = first_of(plan, group) + (has_copy(group) ? 1 + plan->descriptor_blocks : 0);
    return (struct ext2_group){
        .block_bitmap = at, .inode_bitmap = at + 1, .inode_table = at + 2,
        .free_blocks = (uint16_t)(size_of(plan, group) - used_in(plan, group)),
        .free_inodes = (uint16_t)(plan->super.inodes_per_group - (group ? 0 : FIRST_INODE - 1)),
        .folders = group == 0,
    };
}

static bool make_plan(struct plan *plan)
{
    struct ext2_super *super = &plan->super;
    uint64_t blocks = plan->disk->sectors * SECTOR_SIZE / plan->block_size;
    super->blocks = (uint32_t)MIN(blocks, (uint64_t)INT32_MAX);
    super->first_data_block = plan->block_size == 1024;
    super->blocks_per_group = super->clusters_per_group = 8 * plan->block_size;
    if (super->blocks < SMALLEST_GROUP)
        return false;
    uint32_t rest = (super->blocks - super->first_data_block) % super->blocks_per_group;
    if (rest < SMALLEST_GROUP + 8 * (uint32_t)sizeof(struct ext2_group) && super->blocks > super->blocks_per_group)
        super->blocks -= rest; /* too small for a group */
    plan->groups = (super->blocks - super->first_data_block - 1) / super->blocks_per_group + 1;
    uint32_t per_block = plan->block_size / INODE_SIZE;
    uint64_t wanted = (uint64_t)super->blocks * plan->block_size / BYTES_PER_INODE / plan->groups;
    super->inodes_per_group = (uint32_t)ALIGN_UP(MIN(MAX(wanted, 16u), 8u * plan->block_size - 32), MAX(per_block, 8u));
    plan->table_blocks = super->inodes_per_group / per_block;
    plan->descriptor_blocks = (plan->groups * (uint32_t)sizeof(struct ext2_group) - 1) / plan->block_size + 1;
    super->inodes = plan->groups * super->inodes_per_group;
    super->free_inodes = super->inodes - (FIRST_INODE - 1);
    super->free_blocks = 0;
    for (uint32_t group = 0; group < plan->groups; group++) {
        if (used_in(plan, group) >= size_of(plan, group))
            return false;
        super->free_blocks += size_of(plan, group) - used_in(plan, group);
    }
    return true;
}

static void fill_super(struct plan *plan)
{
    struct ext2_super *super = &plan->super;
    super->magic = EXT2_MAGIC;
    super->state = EXT2_STATE_CLEAN;
    super->errors = 1; /* go on */
    random_bytes(super->uuid, sizeof super->uuid);
    super->revision = 1;
    super->first_inode = FIRST_INODE;
    super->inode_size = INODE_SIZE;
    super->incompat = INCOMPAT_FILETYPE;
    super->ro_compat = RO_COMPAT_KNOWN;
    super->max_mounts = 0xffff;
    super->log_block_size = super->log_cluster_size = plan->block_size == 1024 ? 0 : plan->block_size == 2048 ? 1 : 2;
}

static bool put_block(const struct plan *plan, uint32_t block)
{
    uint32_t sectors = plan->block_size / SECTOR_SIZE;
    return block_write(plan->disk, (uint64_t)block * sectors, plan->block, sectors);
}

static void set_bits(uint8_t *bits, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        bits[i / 8] |= (uint8_t)(1 << i % 8);
}

static bool write_bitmaps(const struct plan *plan, uint32_t group, const struct ext2_group *descriptor)
{
    uint32_t bits = 8 * plan->block_size;
    memset(plan->block, 0, plan->block_size);
    set_bits(plan->block, 0, used_in(plan, group));
    set_bits(plan->block, size_of(plan, group), bits);
    if (!put_block(plan, descriptor->block_bitmap))
        return false;
    memset(plan->block, 0, plan->block_size);
    set_bits(plan->block, 0, group ? 0 : FIRST_INODE - 1);
    set_bits(plan->block, plan->super.inodes_per_group, bits);
    return put_block(plan, descriptor->inode_bitmap);
}

static bool write_inodes(const struct plan *plan, uint32_t group, const struct ext2_group *descriptor)
{
    for (uint32_t i = 0; i < plan->table_blocks; i++) {
        memset(plan->block, 0, plan->block_size);
        if (!group && !i)
            *(struct ext2_inode *)(plan->block + (EXT2_ROOT - 1) * INODE_SIZE) =
                (struct ext2_inode){.mode = MODE_FOLDER | 0755, .links = 2, .size = plan->block_size,
                                    .sectors = plan->block_size / SECTOR_SIZE,
                                    .block = {descriptor->inode_table + plan->table_blocks}};
        if (!put_block(plan, descriptor->inode_table + i))
            return false;
    }
    return true;
}

static bool write_root(const struct plan *plan, uint32_t block)
{
    memset(plan->block, 0, plan->block_size);
    *(struct ext2_entry *)plan->block = (struct ext2_entry){EXT2_ROOT, 12, 1, ENTRY_FOLDER};
    plan->block[ENTRY_HEAD] = '.';
    *(struct ext2_entry *)(plan->block + 12) =
        (struct ext2_entry){EXT2_ROOT, (uint16_t)(plan->block_size - 12), 2, ENTRY_FOLDER};
    memcpy(plan->block + 12 + ENTRY_HEAD, "..", 2);
    return put_block(plan, block);
}

/* The superblock goes last in group 0, so that half a file system is none. */
static bool write_group_copy(const struct plan *plan, uint32_t group)
{
    uint32_t block = first_of(plan, group), per_block = plan->block_size / (uint32_t)sizeof(struct ext2_group);
    for (uint32_t i = 0; i < plan->descriptor_blocks; i++) {
        memset(plan->block, 0, plan->block_size);
        for (uint32_t j = 0; j < per_block && i * per_block + j < plan->groups; j++)
            ((struct ext2_group *)plan->block)[j] = describe_group(plan, i * per_block + j);
        if (!put_block(plan, block + 1 + i))
            return false;
    }
    memset(plan->block, 0, plan->block_size);
    struct ext2_super super = plan->super;
    super.group_number = (uint16_t)group;
    memcpy(plan->block + (!group && plan->block_size > EXT2_SUPER_AT ? EXT2_SUPER_AT : 0), &super, sizeof super);
    return put_block(plan, block);
}

static bool write_all(const struct plan *plan)
{
    for (uint32_t group = plan->groups; group-- > 0;) {
        struct ext2_group descriptor = describe_group(plan, group);
        if (!write_bitmaps(plan, group, &descriptor) || !write_inodes(plan, group, &descriptor))
            return false;
        if (!group && !write_root(plan, descriptor.inode_table + plan->table_blocks))
            return false;
        if (has_copy(group) && !write_group_copy(plan, group))
            return false;
    }
    return block_flush(plan->disk);
}

int ext2_format(struct block_device *disk, uint32_t block_size)
{
    struct plan plan = {.disk = disk, .block_size = block_size};
    if (block_size != 1024 && block_size != 2048 && block_size != 4096)
        return FS_UNSUPPORTED;
    if (!make_plan(&plan))
        return FS_NO_SPACE;
    fill_super(&plan);
    plan.block = kmalloc(block_size);
    if (!plan.block)
        return FS_NO_MEMORY;
    bool ok = write_all(&plan);
    kfree(plan.block);
    return ok ? 0 : FS_IO;
}
