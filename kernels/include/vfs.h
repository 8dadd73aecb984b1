/* The tree of files. File systems are mounted at paths; a path is absolute, its `.` and `..` are taken textually, its
   names have at most FS_NAME_MAX bytes. Calls return 0 or more, or one of enum fs_status; fs_error says it in words.
   A file that is open, or where something is mounted, can be neither removed nor replaced: there are no orphans. */
#pragma once

#include "sync.h"

enum { FS_NAME_MAX = 255, FS_PATH_MAX = 512, FS_MOUNTS = 8, FS_FILES = 32, FS_LINKS = 8 };

enum fs_status {
    FS_NOT_FOUND = -1, FS_EXISTS = -2, FS_NOT_FOLDER = -3, FS_IS_FOLDER = -4, FS_NOT_EMPTY = -5, FS_READ_ONLY = -6,
    FS_NO_SPACE = -7, FS_IO = -8, FS_DAMAGED = -9, FS_NO_MEMORY = -10, FS_BAD_NAME = -11, FS_TOO_MANY = -12, FS_BUSY = -13,
    FS_UNSUPPORTED = -14, FS_BAD_FILE = -15, FS_TOO_BIG = -16, FS_OTHER_MOUNT = -17,
};
const char *fs_error(int status);

enum fs_type { FS_FILE, FS_FOLDER, FS_LINK, FS_DEVICE };

struct fs_stat {
    enum fs_type type;
    uint64_t node, size; /* node: the file's number in its file system */
    uint32_t mode, links, modified; /* mode: POSIX permission bits; modified: seconds since 1970, 0 when unknown */
};
struct fs_entry {
    char name[FS_NAME_MAX + 1];
    enum fs_type type;
};
struct fs_usage {
    uint64_t bytes, free;
};

/* -- Using it --------------------------------------------------------------------------------------------- */

enum { FS_READ = 1, FS_WRITE = 2, FS_CREATE = 4, FS_TRUNCATE = 8, FS_APPEND = 16 };

/* Folders may be opened for reading, for vfs_next. Returns a descriptor. */
int vfs_open(const char *path, unsigned flags);
int vfs_close(int file);                                    /* what was written is on the medium */
long vfs_read(int file, void *data, size_t size);           /* fewer bytes only at the end; 0 there */
long vfs_write(int file, const void *data, size_t size);    /* all, or an error (some may be written then) */
int vfs_seek(int file, uint64_t offset);
int vfs_next(int file, struct fs_entry *entry);             /* 1, or 0 after a folder's last; without . and .. */
int vfs_stat(const char *path, struct fs_stat *stat);       /* of what a symbolic link points to */
int vfs_mkdir(const char *path);
int vfs_remove(const char *path);                           /* a file, a symbolic link, or an empty folder */
int vfs_rename(const char *from, const char *to);           /* replaces a file, or an empty folder by a folder */
int vfs_sync(void);                                         /* everything written so far is on the media */
unsigned vfs_open_files(void);                              /* descriptors in use */
/* A whole file: read up to `size` bytes (FS_TOO_BIG when there are more), or replace its contents. */
long vfs_load(const char *path, void *data, size_t size);
int vfs_store(const char *path, const void *data, size_t size);

/* -- Mounting --------------------------------------------------------------------------------------------- */

enum { MOUNT_READ_ONLY = 1 };

struct mount {
    const struct file_system *type; /* NULL: a free slot */
    char path[FS_PATH_MAX];         /* normal: "/" or "/a/b" */
    char source[16];                /* "disk0" */
    unsigned flags, users;
    struct mutex busy;              /* held around the calls below, but for those of device files */
    uint64_t root;                  /* node of its top folder */
    void *state;                    /* the file system's own */
};

int vfs_mount(const char *type, const char *source, const char *path, unsigned flags);
int vfs_unmount(const char *path);
int vfs_usage(const struct mount *mount, struct fs_usage *usage);
const struct mount *vfs_mounts(void);   /* FS_MOUNTS slots */
/* At boot: the initramfs at /, /dev, /proc, and every disk that holds a file system at /<its name>. */
void vfs_start(void);
void vfs_stop(void);                    /* unmounts all: before the machine is left */

/* -- A file system: one file that ends with FILE_SYSTEM(…) ------------------------------------------------ */

/* Names given are checked: not empty, no slash, not `.` or `..`, and at most FS_NAME_MAX bytes. A NULL call is
   FS_READ_ONLY, or nothing to do. Nodes given came from lookup, create or root, and exist. */
struct file_system {
    const char *name;
    bool device;    /* read and write may wait for long: they are called without mount->busy */
    int (*mount)(struct mount *mount);      /* sets root and state; may add MOUNT_READ_ONLY */
    void (*unmount)(struct mount *mount);
    int (*lookup)(struct mount *mount, uint64_t folder, const char *name, uint64_t *node);
    int (*stat)(struct mount *mount, uint64_t node, struct fs_stat *stat);
    long (*read)(struct mount *mount, uint64_t node, uint64_t offset, void *data, size_t size); /* a link's: its target */
    long (*write)(struct mount *mount, uint64_t node, uint64_t offset, const void *data, size_t size);
    /* The entry at *at (0 at first), which is moved on: 1, or 0 at the end. */
    int (*next)(struct mount *mount, uint64_t folder, uint64_t *at, struct fs_entry *entry);
    int (*create)(struct mount *mount, uint64_t folder, const char *name, enum fs_type type, uint64_t *node);
    int (*truncate)(struct mount *mount, uint64_t node);    /* to nothing */
    int (*remove)(struct mount *mount, uint64_t folder, const char *name);
    int (*rename)(struct mount *mount, uint64_t from, const char *name, uint64_t to, const char *new_name);
    int (*sync)(struct mount *mount);
    int (*usage)(struct mount *mount, struct fs_usage *usage);
};

#define FILE_SYSTEM(fs_name, ...) REGISTER(file_systems, struct file_system, fs_name, {.name = #fs_name, __VA_ARGS__})
REGISTRY(file_systems, struct file_system);

/* -- /proc: a file there is PROC_FILE(name, function) ----------------------------------------------------- */

struct proc_text {
    char *data;
    size_t size, room;
};
void proc_print(struct proc_text *text, const char *format, ...) PRINTF_LIKE(2, 3);

struct proc_file {
    const char *name;
    void (*print)(struct proc_text *text);
};
#define PROC_FILE(file_name, file_print) \
    REGISTER(proc_files, struct proc_file, file_name, {#file_name, file_print})
REGISTRY(proc_files, struct proc_file);
