/* ext2, revision 0 and 1 (D. Poirier, "The Second Extended File System", sections 3 and 4), with ext3's journal (Linux
   Documentation/filesystems/ext4/journal.rst) so that a power cut leaves nothing that e2fsck would have to mend.

   Layers, each using only those before it:
     buffer.c    blocks of metadata in memory
     journal.c   what changes in them reaches the disk whole or not at all
     alloc.c     bitmaps, group descriptors, inodes
     inode.c     the blocks of a file: read, write, give back
     dir.c       names: look up, add, remove, rename
     super.c     what may be mounted, and how
   The disk's content is hostile: every number from it is checked before it leads anywhere. */
#pragma once

#include "block.h"
#include "vfs.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structures below are read as they lie on the disk");

enum {
    EXT2_MAGIC = 0xef53, EXT2_SUPER_AT = 1024, EXT2_ROOT = 2, EXT2_JOURNAL = 8, EXT2_BLOCK_MAX = 4096,
    EXT2_DIRECT = 12, EXT2_SLOTS = 15,
    EXT2_STATE_CLEAN = 1, EXT2_STATE_ERRORS = 2,
    COMPAT_HAS_JOURNAL = 4,
    INCOMPAT_FILETYPE = 2, INCOMPAT_RECOVER = 4, INCOMPAT_KNOWN = INCOMPAT_FILETYPE | INCOMPAT_RECOVER,
    RO_COMPAT_LARGE_FILE = 2, RO_COMPAT_KNOWN = 1 | RO_COMPAT_LARGE_FILE, /* 1: sparse_super */
    MODE_TYPE = 0170000, MODE_FILE = 0100000, MODE_FOLDER = 0040000, MODE_LINK = 0120000,
    INODE_INDEXED = 0x1000, /* its folder has a hash index, which our changes do not keep */
};

struct ext2_super { /* 3.1 */
    uint32_t inodes, blocks, reserved_blocks, free_blocks, free_inodes, first_data_block, log_block_size, log_cluster_size;
    uint32_t blocks_per_group, clusters_per_group, inodes_per_group, mounted, written;
    uint16_t mounts, max_mounts, magic, state, errors, minor;
    uint32_t checked, check_interval, creator, revision;
    uint16_t reserved_user, reserved_group;
    uint32_t first_inode; /* from revision 1 on */
    uint16_t inode_size, group_number;
    uint32_t compat, incompat, ro_compat;
    uint8_t uuid[16];
    char label[16], last_mounted[64];
    uint32_t compression;
    uint8_t prealloc, prealloc_folder;
    uint16_t reserved_descriptors;
    uint8_t journal_uuid[16];
    uint32_t journal_inode, journal_device, last_orphan, hash_seed[4];
    uint8_t hash, journal_backup; /* 1: the next but three holds the journal inode's block[] and size */
    uint16_t descriptor_size;
    uint32_t mount_options, first_meta_group, made;
    uint32_t journal_blocks[17];
};
_Static_assert(offsetof(struct ext2_super, journal_blocks) + 68 <= SECTOR_SIZE, "one sector, so that it changes at once");

struct ext2_group { /* 3.2 */
    uint32_t block_bitmap, inode_bitmap, inode_table;
    uint16_t free_blocks, free_inodes, folders, flags;
    uint32_t reserved[3];
};

struct ext2_inode { /* 3.3 */
    uint16_t mode, uid;
    uint32_t size, accessed, changed, modified, deleted;
    uint16_t gid, links;
    uint32_t sectors, flags, os;
    uint32_t block[EXT2_SLOTS]; /* 12 direct, then one each of single, double and triple indirect */
    uint32_t generation, file_acl, size_high, fragment, os2[3];
};
_Static_assert(sizeof(struct ext2_inode) == 128, "3.3");

struct ext2_entry { /* 4.1; the name follows */
    uint32_t inode;
    uint16_t size;
    uint8_t name_size, type;
};
enum { ENTRY_HEAD = 8, ENTRY_FILE = 1, ENTRY_FOLDER = 2, ENTRY_LINK = 7 };

/* At most CHANGED_MAX blocks in one transaction; one that has more than CHANGED_MANY is committed where it may be. What
   ext2_block returns stays where it is for BUFFERS - CHANGED_MAX further calls. */
enum { BUFFERS = 128, CHANGED_MAX = 96, CHANGED_MANY = 40, HINTS = 64 };

struct buffer {
    uint32_t block;
    bool valid, changed, fresh; /* fresh: newly allocated, so nothing on the disk refers to it */
    uint32_t used;
    uint8_t *data;
};

struct ext2 {
    struct block_device *disk;
    uint32_t block_size, sectors_per_block, pointers; /* pointers: block numbers in a block */
    uint32_t blocks, inodes, first_data_block, first_inode, inode_size;
    uint32_t groups, blocks_per_group, inodes_per_group;
    uint32_t super_block, super_offset; /* where the superblock lies */
    bool filetype, large_file;
    const char *no_writing;  /* why nothing may be changed, or NULL */
    int failure;             /* of the last call that returned NULL or 0 */
    uint32_t clock;          /* no earlier than this did the machine start, in seconds since 1970: from the superblock */
    uint32_t near;           /* where to look for the next free block */
    struct buffer buffers[BUFFERS];
    uint8_t hints[HINTS];    /* the buffer that had a block with this remainder last */
    unsigned changed_count;
    uint32_t tick;
    uint8_t *scratch, *bounce; /* a block each: the journal's, file data's */
    struct {
        struct ext2_inode inode;
        uint32_t length, sequence, start; /* start: the block of it where the next transaction goes */
        bool open;           /* the superblock says that there may be something to recover */
    } journal;
};

/* -- buffer.c --------------------------------------------------------------------------------------------- */

/* A block of metadata, to be read or (ext2_edit) changed as part of the transaction; ext2_fresh: a new one, all zero. NULL
   with fs->failure: outside the file system, device error, no memory, or too much for one transaction. */
uint8_t *ext2_block(struct ext2 *fs, uint32_t block);
uint8_t *ext2_edit(struct ext2 *fs, uint32_t block);
uint8_t *ext2_fresh(struct ext2 *fs, uint32_t block);
void ext2_forget(struct ext2 *fs, uint32_t block); /* it was freed, or becomes file data */
struct ext2_super *ext2_super_edit(struct ext2 *fs);

bool ext2_disk(struct ext2 *fs, bool write, uint32_t block, void *data, uint32_t count); /* past the transaction */
uint32_t ext2_now(const struct ext2 *fs);
void ext2_take_back(struct ext2 *fs);   /* forgets all changes */
void ext2_drop_buffers(struct ext2 *fs);

/* -- journal.c -------------------------------------------------------------------------------------------- */

/* Every change stands between these. begin commits what an earlier one left; finish commits, or with a failure takes
   everything back, and returns it. commit alone is for places where what has changed so far makes sense. */
int ext2_begin(struct ext2 *fs);
int ext2_finish(struct ext2 *fs, int status);
int ext2_commit(struct ext2 *fs);
/* After a failure in the midst of it: takes everything back and writes nothing more. Nobody knows what is on the disk then;
   whoever mounts it next recovers. Returns status. */
int ext2_give_up(struct ext2 *fs, int status);

int ext2_recover(struct ext2 *fs);  /* at mount, when the superblock asks for it */
void ext2_close(struct ext2 *fs);   /* commits, and leaves a file system without anything to recover */

/* -- alloc.c ---------------------------------------------------------------------------------------------- */

uint32_t ext2_blocks_free(struct ext2 *fs);
uint32_t ext2_alloc_block(struct ext2 *fs, uint32_t near);      /* 0 with fs->failure */
int ext2_free_block(struct ext2 *fs, uint32_t block);
uint32_t ext2_alloc_inode(struct ext2 *fs, uint32_t near, bool folder);
int ext2_free_inode(struct ext2 *fs, uint32_t number, bool folder);
int ext2_load(struct ext2 *fs, uint32_t number, struct ext2_inode *inode);
int ext2_store(struct ext2 *fs, uint32_t number, const struct ext2_inode *inode, bool created);

/* -- inode.c ---------------------------------------------------------------------------------------------- */

/* The block that holds the index-th block of a file: 0 where there is a hole, unless `make`. */
int ext2_map(struct ext2 *fs, struct ext2_inode *inode, uint32_t index, bool make, uint32_t *block);
uint64_t ext2_size(const struct ext2_inode *inode);
long ext2_read(struct ext2 *fs, const struct ext2_inode *inode, uint64_t offset, void *data, size_t size);
long ext2_write(struct ext2 *fs, uint32_t number, uint64_t offset, const void *data, size_t size);
/* Gives back all blocks; the caller stores the inode. What is much is committed in pieces. */
int ext2_clear(struct ext2 *fs, uint32_t number, struct ext2_inode *inode);

/* -- dir.c ------------------------------------------------------------------------------------------------ */

enum fs_type ext2_type(uint32_t mode);
int ext2_lookup(struct ext2 *fs, uint32_t folder, const char *name, uint32_t *number);
int ext2_next(struct ext2 *fs, uint32_t folder, uint64_t *at, struct fs_entry *entry);
int ext2_create(struct ext2 *fs, uint32_t folder, const char *name, enum fs_type type, uint32_t *number);
int ext2_remove(struct ext2 *fs, uint32_t folder, const char *name);
int ext2_rename(struct ext2 *fs, uint32_t from, const char *name, uint32_t to, const char *new_name);

/* -- format.c --------------------------------------------------------------------------------------------- */

/* Makes an empty file system without a journal (which the first change will bring). */
int ext2_format(struct block_device *disk, uint32_t block_size);
