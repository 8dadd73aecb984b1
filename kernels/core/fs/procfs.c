/* /proc: files that are functions, printed anew at every read; each is one PROC_FILE(…), here or elsewhere. */
#include "boot.h"
#include "device.h"
#include "mm.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "version.h"
#include "vfs.h"

enum { PROC_MAX = 64 << 10 };

void proc_print(struct proc_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = text->room - text->size, length = kvsnprintf(text->data + text->size, room, format, args);
    text->size += MIN(length, room ? room - 1 : 0);
    va_end(args);
}

static const struct proc_file *proc_at(uint64_t node)
{
    const struct proc_file *const *entry = __start_proc_files + node - 1;
    return node && entry < __stop_proc_files ? *entry : NULL;
}

static int proc_lookup(struct mount *mount, uint64_t folder, const char *name, uint64_t *node)
{
    (void)mount;
    for (uint64_t i = 1; !folder && proc_at(i); i++)
        if (!strcmp(proc_at(i)->name, name)) {
            *node = i;
            return 0;
        }
    return FS_NOT_FOUND;
}

static int proc_stat(struct mount *mount, uint64_t node, struct fs_stat *stat)
{
    (void)mount;
    *stat = (struct fs_stat){node ? FS_FILE : FS_FOLDER, node, 0, node ? 0444 : 0555, 1, 0};
    return 0;
}

static int proc_next(struct mount *mount, uint64_t folder, uint64_t *at, struct fs_entry *entry)
{
    (void)mount, (void)folder;
    const struct proc_file *file = proc_at(*at + 1);
    if (!file)
        return 0;
    ++*at;
    text_copy(entry->name, sizeof entry->name, file->name);
    entry->type = FS_FILE;
    return 1;
}

static long proc_read(struct mount *mount, uint64_t node, uint64_t offset, void *data, size_t size)
{
    (void)mount;
    struct proc_text text = {kmalloc(PROC_MAX), 0, PROC_MAX};
    if (!text.data)
        return FS_NO_MEMORY;
    proc_at(node)->print(&text);
    size = offset < text.size ? MIN(size, (size_t)(text.size - offset)) : 0;
    memcpy(data, text.data + offset * (size > 0), size);
    kfree(text.data);
    return (long)size;
}
static int proc_mount(struct mount *mount)
{
    (void)mount;
    return 0;
}
FILE_SYSTEM(procfs, .mount = proc_mount, .lookup = proc_lookup, .stat = proc_stat, .read = proc_read, .next = proc_next);

static void print_meminfo(struct proc_text *text)
{
    struct page_stats pages = page_stats();
    proc_print(text, "total_kib %zu\nfree_kib %zu\nheap_bytes %zu\n", pages.total * (PAGE_SIZE / 1024),
               pages.free * (PAGE_SIZE / 1024), heap_used());
}
PROC_FILE(meminfo, print_meminfo);

static void print_uptime(struct proc_text *text)
{
    uint64_t ms = hal_time_ns() / NS_PER_MS;
    proc_print(text, "%llu.%03llu\n", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
}
PROC_FILE(uptime, print_uptime);

static void print_version(struct proc_text *text)
{
    proc_print(text, "auton %s %s\n", AUTON_VERSION, hal_arch);
}
PROC_FILE(version, print_version);

static void print_cmdline(struct proc_text *text)
{
    proc_print(text, "%s\n", boot_info()->cmdline);
}
PROC_FILE(cmdline, print_cmdline);

static void print_mounts(struct proc_text *text)
{
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++)
        if (mount->type)
            proc_print(text, "%-12s %-10s %-8s %s\n", mount->path, mount->type->name,
                       mount->source[0] ? mount->source : "-", mount->flags & MOUNT_READ_ONLY ? "ro" : "rw");
}
PROC_FILE(mounts, print_mounts);

static void print_devices(struct proc_text *text)
{
    for (struct device *device = device_next(device_root()); device; device = device_next(device))
        proc_print(text, "%-24s %-20s %s\n", device->name, device->id_count ? device->ids[0] : "-",
                   device->driver ? device->driver->name : "-");
}
PROC_FILE(devices, print_devices);

static void print_tasks(struct proc_text *text)
{
    static const char *const states[] = {"ready", "running", "waiting", "finished"};
    bool interrupts = hal_irq_save();
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next)
        proc_print(text, "%-16s %-10s %-8s %llu us\n", thread->name, thread_class_name(thread->class),
                   states[thread->state], (unsigned long long)(thread->run_ns / NS_PER_US));
    hal_irq_restore(interrupts);
}
PROC_FILE(tasks, print_tasks);
