/* The journal that makes a set of changes atomic (ext2.h): ext3's format, so that e2fsck and others recover what we leave
   as well as we do. The journal never holds more than one transaction:

     1. file data goes to blocks that nothing on the disk refers to yet
     2. the changed blocks go to the journal; flush; the commit block; flush. From here on the change has happened.
     3. the changed blocks go where they belong; flush
     4. the journal's superblock expects the next sequence number: what is in the journal counts no more. No flush is needed,
        as the next transaction goes to the other half of the journal: until its first flush, either may count.

   An ext2 without a journal is given one by a transaction that is written into the future journal's blocks, which are still
   free; one sector, the superblock's, then makes it count. A block that a transaction frees is used again only after
   its commit, which every change that frees ends with. */
#include "ext2.h"
#include "log.h"
#include "mm.h"
#include "string.h"
#include "text.h"

enum { JOURNAL_BLOCKS = 1024, JOURNAL_FIRST = 1, JOURNAL_SECOND = JOURNAL_FIRST + CHANGED_MAX + 2 };
enum { KIND_DESCRIPTOR = 1, KIND_COMMIT = 2, KIND_SUPER_V1 = 3, KIND_SUPER_V2 = 4 };
enum { TAG_ESCAPED = 1, TAG_SAME_UUID = 2, TAG_LAST = 8 };
#define JOURNAL_MAGIC 0xc03b3998u

struct journal_header { /* all big-endian */
    uint32_t magic, kind, sequence;
};
struct journal_super {
    struct journal_header header;
    uint32_t block_size, length, first, sequence, start, error, compat, incompat, ro_compat;
};
struct journal_tag {
    uint32_t block;
    uint16_t checksum, flags;
};

static uint32_t swap(uint32_t value) { return load_be32(&value); } /* either way */
static uint16_t swap16(uint16_t value) { return load_be16(&value); }

/* -- Writing a transaction -------------------------------------------------------------------------------- */

/* Reads or writes a block of the journal: its number there, not on the disk. */
static bool journal_io(struct ext2 *fs, bool write, uint32_t index, void *data)
{
    uint32_t block = 0;
    int status = index < fs->journal.length ? ext2_map(fs, &fs->journal.inode, index, false, &block) : FS_DAMAGED;
    if (status || !block)
        return fs->failure = status ? status : FS_DAMAGED, false;
    return ext2_disk(fs, write, block, data, 1);
}

static bool flush_disk(struct ext2 *fs)
{
    return block_flush(fs->disk) || (fs->failure = FS_IO, false);
}

static void begin_block(struct ext2 *fs, uint32_t kind)
{
    memset(fs->scratch, 0, fs->block_size);
    *(struct journal_header *)fs->scratch =
        (struct journal_header){swap(JOURNAL_MAGIC), swap(kind), swap(fs->journal.sequence)};
}

/* start 0: empty. Only the first sector says anything, so it changes at once. */
static bool write_journal_super(struct ext2 *fs, uint32_t start)
{
    if (!journal_io(fs, false, 0, fs->scratch))
        return false;
    struct journal_super *super = (void *)fs->scratch;
    super->start = swap(start);
    super->sequence = swap(fs->journal.sequence);
    return journal_io(fs, true, 0, fs->scratch);
}

static bool write_descriptor(struct ext2 *fs)
{
    begin_block(fs, KIND_DESCRIPTOR);
    uint8_t *at = fs->scratch + sizeof(struct journal_header);
    unsigned left = fs->changed_count;
    bool first = true;
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++) {
        if (!b->changed)
            continue;
        bool escaped = load_be32(b->data) == JOURNAL_MAGIC;
        struct journal_tag tag = {swap(b->block), 0, swap16((uint16_t)((first ? 0 : TAG_SAME_UUID) |
                                  (escaped ? TAG_ESCAPED : 0) | (--left ? 0 : TAG_LAST)))};
        memcpy(at, &tag, sizeof tag);
        at += sizeof tag + (first ? 16 : 0); /* the first is followed by a UUID: none */
        first = false;
    }
    return journal_io(fs, true, fs->journal.start, fs->scratch);
}

/* A block that begins like one of the journal's own is kept with its first word zero. */
static bool write_copy(struct ext2 *fs, uint32_t index, const struct buffer *b)
{
    if (load_be32(b->data) != JOURNAL_MAGIC)
        return journal_io(fs, true, index, b->data);
    memcpy(fs->scratch, b->data, fs->block_size);
    memset(fs->scratch, 0, 4);
    return journal_io(fs, true, index, fs->scratch);
}

static bool write_journal(struct ext2 *fs)
{
    uint32_t index = fs->journal.start + 1;
    if (!write_descriptor(fs))
        return false;
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++)
        if (b->changed && !write_copy(fs, index++, b))
            return false;
    if (!flush_disk(fs))
        return false;
    begin_block(fs, KIND_COMMIT);
    return journal_io(fs, true, index, fs->scratch) && flush_disk(fs);
}

static bool write_home(struct ext2 *fs)
{
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++)
        if (b->changed && !ext2_disk(fs, true, b->block, b->data, 1))
            return false;
    if (!flush_disk(fs))
        return false;
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++)
        b->changed = b->fresh = false;
    fs->changed_count = 0;
    fs->journal.sequence++;
    fs->journal.start = fs->journal.start == JOURNAL_FIRST ? JOURNAL_SECOND : JOURNAL_FIRST;
    return write_journal_super(fs, fs->journal.start);
}

int ext2_give_up(struct ext2 *fs, int status)
{
    ext2_take_back(fs);
    fs->no_writing = fs_error(status);
    klog("ext2 on %s: %s: read-only from now on", fs->disk->name, fs->no_writing);
    return status;
}

int ext2_commit(struct ext2 *fs)
{
    if (!fs->changed_count)
        return 0;
    return write_journal(fs) && write_home(fs) ? 0 : ext2_give_up(fs, fs->failure);
}

/* -- Opening the journal ---------------------------------------------------------------------------------- */

/* The superblock's first sector, now: what it says must hold whether or not the transaction at hand is ever written. */
static bool write_super_sector(struct ext2 *fs)
{
    uint8_t *data = ext2_block(fs, fs->super_block);
    return data && (block_write(fs->disk, EXT2_SUPER_AT / SECTOR_SIZE, data + fs->super_offset, 1) ||
                    (fs->failure = FS_IO, false));
}

static int make_journal_inode(struct ext2 *fs)
{
    struct ext2_inode *inode = &fs->journal.inode;
    uint32_t now = ext2_now(fs), block;
    if (ext2_blocks_free(fs) < JOURNAL_BLOCKS + JOURNAL_BLOCKS / 4)
        return FS_NO_SPACE;
    *inode = (struct ext2_inode){.mode = MODE_FILE | 0600, .links = 1, .size = JOURNAL_BLOCKS * fs->block_size,
                                 .accessed = now, .changed = now, .modified = now};
    for (uint32_t i = 0; i < JOURNAL_BLOCKS; i++) {
        int status = ext2_map(fs, inode, i, true, &block);
        if (status)
            return status;
    }
    fs->journal.length = JOURNAL_BLOCKS;
    fs->journal.sequence = 1;
    fs->journal.start = JOURNAL_FIRST;
    return ext2_store(fs, EXT2_JOURNAL, inode, true);
}

static int change_super(struct ext2 *fs)
{
    struct ext2_super *super = ext2_super_edit(fs);
    if (!super)
        return fs->failure;
    super->compat |= COMPAT_HAS_JOURNAL;
    super->incompat |= INCOMPAT_RECOVER;
    super->journal_inode = EXT2_JOURNAL;
    super->journal_backup = 1;
    memcpy(super->journal_blocks, fs->journal.inode.block, sizeof fs->journal.inode.block);
    super->journal_blocks[15] = 0;
    super->journal_blocks[16] = fs->journal.inode.size;
    return 0;
}

/* What lies in the blocks may be an earlier file system's journal: it must not be taken for ours. */
static bool wipe_journal(struct ext2 *fs)
{
    enum { RUN = 16 };
    uint32_t block = 0, first = 0, run = 0;
    uint8_t *zeros = kzalloc((size_t)RUN * fs->block_size);
    bool ok = zeros || (fs->failure = FS_NO_MEMORY, false);
    for (uint32_t i = 0; ok && i <= JOURNAL_BLOCKS; i++) {
        if (i < JOURNAL_BLOCKS)
            ok = !ext2_map(fs, &fs->journal.inode, i, false, &block);
        if (run && (i == JOURNAL_BLOCKS || run == RUN || block != first + run)) {
            ok = ok && ext2_disk(fs, true, first, zeros, run);
            run = 0;
        }
        first = run++ ? first : block;
    }
    kfree(zeros);
    return ok;
}

static bool write_new_journal(struct ext2 *fs)
{
    if (!wipe_journal(fs))
        return false;
    for (struct buffer *b = fs->buffers; b < fs->buffers + BUFFERS; b++)
        if (b->changed && b->fresh && !ext2_disk(fs, true, b->block, b->data, 1))
            return false;
    memset(fs->scratch, 0, fs->block_size);
    struct journal_super *super = (void *)fs->scratch;
    super->header = (struct journal_header){swap(JOURNAL_MAGIC), swap(KIND_SUPER_V2), 0};
    super->block_size = swap(fs->block_size);
    super->length = swap(JOURNAL_BLOCKS);
    super->first = super->start = swap(JOURNAL_FIRST);
    super->sequence = swap(fs->journal.sequence);
    fs->scratch[64 + 3] = 1; /* s_nr_users */
    return journal_io(fs, true, 0, fs->scratch) && write_journal(fs) && write_super_sector(fs) && flush_disk(fs) &&
           write_home(fs);
}

static int make_journal(struct ext2 *fs)
{
    int status = make_journal_inode(fs);
    if (!status)
        status = change_super(fs);
    if (status) {
        ext2_take_back(fs);
        fs->no_writing = "it has no journal and no room for one";
        return status;
    }
    return write_new_journal(fs) ? 0 : ext2_give_up(fs, fs->failure);
}

/* From the journal's inode, or while that is not written yet from its copy in the superblock. */
static int load_journal(struct ext2 *fs, struct journal_super *super)
{
    const struct ext2_super *fs_super = (void *)(ext2_block(fs, fs->super_block) + fs->super_offset);
    struct ext2_inode *inode = &fs->journal.inode;
    int status = ext2_load(fs, EXT2_JOURNAL, inode);
    if (status)
        return status;
    if (!inode->links && fs_super->journal_backup == 1) {
        memcpy(inode->block, fs_super->journal_blocks, sizeof inode->block);
        inode->size = fs_super->journal_blocks[16];
    }
    fs->journal.length = inode->size / fs->block_size;
    if (!journal_io(fs, false, 0, fs->scratch))
        return fs->failure;
    *super = *(struct journal_super *)fs->scratch;
    uint32_t kind = swap(super->header.kind), length = swap(super->length);
    if (super->header.magic != swap(JOURNAL_MAGIC) || (kind != KIND_SUPER_V1 && kind != KIND_SUPER_V2) ||
        swap(super->block_size) != fs->block_size || swap(super->first) != JOURNAL_FIRST || length > fs->journal.length ||
        length < JOURNAL_SECOND + CHANGED_MAX + 2)
        return FS_DAMAGED;
    if (kind == KIND_SUPER_V1)
        super->incompat = super->compat = 0;
    fs->journal.length = length;
    fs->journal.sequence = swap(super->sequence);
    fs->journal.start = JOURNAL_FIRST;
    return 0;
}

static int open_journal(struct ext2 *fs)
{
    const struct ext2_super *fs_super = (void *)(ext2_block(fs, fs->super_block) + fs->super_offset);
    struct journal_super super;
    if (!(fs_super->compat & COMPAT_HAS_JOURNAL))
        return make_journal(fs);
    int status = load_journal(fs, &super);
    if (status || super.compat || super.incompat & ~swap(1) || super.start) { /* 1: revoke records may be there */
        fs->no_writing = "its journal is not one we can write";
        return status ? status : FS_READ_ONLY;
    }
    struct ext2_super *edit = ext2_super_edit(fs);
    if (!edit)
        return fs->failure;
    edit->incompat |= INCOMPAT_RECOVER;
    if (!write_super_sector(fs) || !flush_disk(fs) || !write_journal_super(fs, fs->journal.start))
        return ext2_give_up(fs, fs->failure);
    ext2_take_back(fs); /* it is on the disk, before a journal that says it has something */
    return 0;
}

int ext2_begin(struct ext2 *fs)
{
    if (fs->no_writing)
        return FS_READ_ONLY;
    if (fs->journal.open)
        return ext2_commit(fs);
    int status = open_journal(fs);
    fs->journal.open = !status;
    return status;
}

int ext2_finish(struct ext2 *fs, int status)
{
    if (status)
        ext2_take_back(fs);
    return status ? status : ext2_commit(fs);
}

void ext2_close(struct ext2 *fs)
{
    if (fs->journal.open && !ext2_commit(fs) && write_journal_super(fs, 0) && flush_disk(fs)) {
        struct ext2_super *super = ext2_super_edit(fs);
        if (super) {
            super->incompat &= ~(uint32_t)INCOMPAT_RECOVER;
            super->written = ext2_now(fs);
            if (write_super_sector(fs))
                flush_disk(fs);
        }
    }
    ext2_take_back(fs);
    fs->journal.open = false;
}

/* -- Recovery --------------------------------------------------------------------------------------------- */

static uint32_t next_in_journal(const struct ext2 *fs, uint32_t index)
{
    return index + 1 < fs->journal.length ? index + 1 : JOURNAL_FIRST;
}

/* One descriptor's blocks; with `write` they go home. 0, or what is wrong. Moves *index behind them. */
static int replay_blocks(struct ext2 *fs, uint32_t *index, uint8_t *descriptor, bool write)
{
    size_t at = sizeof(struct journal_header);
    struct journal_tag tag;
    do {
        if (at + sizeof tag > fs->block_size)
            return FS_DAMAGED;
        memcpy(&tag, descriptor + at, sizeof tag);
        tag.flags = swap16(tag.flags);
        at += sizeof tag + (tag.flags & TAG_SAME_UUID ? 0 : 16);
        uint32_t home = swap(tag.block);
        if (home < fs->first_data_block || home >= fs->blocks)
            return FS_DAMAGED;
        if (write) {
            if (!journal_io(fs, false, *index, fs->bounce))
                return fs->failure;
            if (tag.flags & TAG_ESCAPED)
                memcpy(fs->bounce, &(uint32_t){swap(JOURNAL_MAGIC)}, 4);
            if (!ext2_disk(fs, true, home, fs->bounce, 1))
                return fs->failure;
        }
        *index = next_in_journal(fs, *index);
    } while (!(tag.flags & TAG_LAST));
    return 0;
}

/* Goes through one transaction. 1: it is whole; 0: there is none. */
static int replay_one(struct ext2 *fs, uint32_t *index, bool write)
{
    for (uint32_t steps = 0; steps < fs->journal.length; steps++) {
        if (!journal_io(fs, false, *index, fs->scratch))
            return fs->failure;
        const struct journal_header *header = (void *)fs->scratch;
        if (header->magic != swap(JOURNAL_MAGIC) || header->sequence != swap(fs->journal.sequence))
            return 0;
        *index = next_in_journal(fs, *index);
        uint32_t kind = swap(header->kind);
        if (kind == KIND_COMMIT)
            return 1;
        if (kind != KIND_DESCRIPTOR)
            return FS_UNSUPPORTED; /* revoke records: another system's, and e2fsck's to recover */
        int status = replay_blocks(fs, index, fs->scratch, write);
        if (status)
            return write ? status : status == FS_DAMAGED ? 0 : status;
    }
    return 0;
}

static int replay(struct ext2 *fs, uint32_t start)
{
    uint32_t index = start;
    for (uint32_t left = fs->journal.length; left; left--) {
        uint32_t again = index;
        int status = replay_one(fs, &again, false);
        if (status > 0)
            status = replay_one(fs, &index, true);
        if (status <= 0)
            return status;
        fs->journal.sequence++;
    }
    return 0;
}

int ext2_recover(struct ext2 *fs)
{
    struct journal_super super;
    int status = load_journal(fs, &super);
    uint32_t start = swap(super.start);
    if (!status && super.incompat)
        status = FS_UNSUPPORTED;
    if (!status && start)
        status = start < fs->journal.length ? replay(fs, start) : FS_DAMAGED;
    ext2_drop_buffers(fs); /* the blocks changed under them */
    if (status)
        return status;
    klog("ext2 on %s: recovered", fs->disk->name);
    fs->journal.sequence += 2; /* not those of what is left in the journal */
    if (!flush_disk(fs) || !write_journal_super(fs, 0) || !flush_disk(fs))
        return fs->failure;
    struct ext2_super *fs_super = ext2_super_edit(fs);
    if (!fs_super)
        return fs->failure;
    fs_super->incompat &= ~(uint32_t)INCOMPAT_RECOVER;
    bool ok = write_super_sector(fs) && flush_disk(fs);
    ext2_take_back(fs);
    return ok ? 0 : fs->failure;
}
