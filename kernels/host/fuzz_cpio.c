/* libFuzzer: any bytes as a cpio archive, mounted as the root and looked through by path. */
#include "cpio.h"
#include "string.h"
#include "vfs.h"
#include "../core/fs/vfs_internal.h"

void host_init(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *folder, unsigned depth)
{
    static char piece[512];
    struct fs_entry entry;
    char path[FS_PATH_MAX];
    int file = vfs_open(folder, FS_READ);
    if (file < 0)
        return;
    while (depth < 4 && vfs_next(file, &entry) > 0) {
        size_t length = strlen(folder);
        if (!entry.name[0] || strchr(entry.name, '/') || length + strlen(entry.name) + 2 > sizeof path)
            __builtin_trap();
        memcpy(path, folder, length);
        path[length] = '/';
        memcpy(path + length + 1, entry.name, strlen(entry.name) + 1);
        vfs_load(path, piece, sizeof piece);
        if (entry.type == FS_FOLDER)
            look(path, depth + 1);
    }
    vfs_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started)
        host_init();
    started = true;
    struct cpio archive = {(const char *)data, size, 0};
    struct cpio_entry entry;
    while (cpio_next(&archive, &entry))
        if (entry.size && (memchr(entry.data, 0, entry.size) == NULL) && strlen(entry.name) > size)
            __builtin_trap();
    initramfs_use(data, size);
    if (vfs_mount("initramfs", "", "/", 0))
        __builtin_trap();
    look("/", 0);
    vfs_store("/a", "x", 1);
    if (vfs_unmount("/"))
        __builtin_trap();
    return 0;
}
