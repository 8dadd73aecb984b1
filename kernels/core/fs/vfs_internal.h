/* Between the files of this folder: vfs.c (paths and mounts), file.c (calls that a user of files makes), initramfs.c. */
#pragma once

#include "vfs.h"

/* Where a path leads: a node of a mount that is held and busy until vfs_leave. */
struct place {
    struct mount *mount;
    uint64_t node;
    enum fs_type type;
};

int vfs_normal(const char *path, char normal[FS_PATH_MAX]);
/* `path` is normal, and becomes what the links on it say. */
int vfs_enter(char *path, bool follow_last, struct place *place);
/* The folder that holds the last name of a normal path; `path` becomes that folder's, without links. */
int vfs_enter_parent(char *path, char name[FS_NAME_MAX + 1], struct place *place);
/* Another node of the mount that is held, by a normal path without links. */
int vfs_also(const struct place *place, char *path, uint64_t *node);
void vfs_leave(struct place *place);

bool vfs_has_mount(const char *path); /* at a normal path or below */
/* The next mount from *index on that lies directly in the folder at a normal path. */
bool vfs_mount_below(const char *path, unsigned *index, struct fs_entry *entry);

/* What the initramfs mounts from now on: an archive that stays where it is; NULL: the boot loader's. */
void initramfs_use(const void *data, size_t size);
