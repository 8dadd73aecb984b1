/* "How much memory is used", "how busy is the cpu", "how full is the disk": figures of now. */
#include "busy.h"

#include "action.h"
#include "mm.h"
#include "net.h"
#include "print.h"
#include "string.h"
#include "vfs.h"

static void say_memory(void)
{
    struct page_stats pages = page_stats();
    size_t used = pages.total - pages.free;
    kprintf("%zu MiB of %zu MiB of memory are used (%zu %%), %zu KiB of them by the heap.\n", used * PAGE_SIZE >> 20,
            pages.total * PAGE_SIZE >> 20, pages.total ? used * 100 / pages.total : 0, heap_used() / 1024);
}

static void say_processor(void)
{
    struct busy busy = busy_sample();
    kprintf("The processor was busy for %u %% of the last %llu ms, and for %u %% since boot.\n", busy.now,
            (unsigned long long)busy.sample_ms, busy.since_boot);
    kprintf("The busiest thread is %s: %llu ms.\n", busy.busiest, (unsigned long long)busy.busiest_ms);
}

static void say_disks(void)
{
    struct fs_usage usage;
    unsigned disks = 0;
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++) {
        if (!mount->type || !mount->source[0] || vfs_usage(mount, &usage))
            continue;
        kprintf("%s at %s: %llu of %llu KiB are used (%llu %%).\n", mount->source, mount->path,
                (unsigned long long)(usage.bytes - usage.free) / 1024, (unsigned long long)usage.bytes / 1024,
                (unsigned long long)(usage.bytes ? (usage.bytes - usage.free) * 100 / usage.bytes : 0));
        disks++;
    }
    if (!disks)
        kprintf("No disk is mounted. To see the disks, type: which disks are in here\n");
}

static void say_network(void)
{
    for (const struct net_device *card = net_first(); card; card = card->next)
        kprintf("%s received %llu packets, sent %llu and dropped %llu.\n", card->name, (unsigned long long)card->received,
                (unsigned long long)card->sent, (unsigned long long)card->dropped);
}

static void say_usage(const struct action *action)
{
    static const struct {
        const char *resource;
        void (*say)(void);
    } known[] = {{"memory", say_memory}, {"cpu", say_processor}, {"disk", say_disks}, {"network", say_network}};
    bool all = !action->resource.given, said = false;
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if (all || action_is(&action->resource, known[i].resource)) {
            known[i].say();
            said = true;
        }
    if (action_is(&action->resource, "swap"))
        kprintf("There is no swap space here: memory is all there is.\n");
    else if (!said)
        kprintf("This machine has nothing that measures its %s.\n", action->resource.text);
}
ACTION(SYSTEM_MANAGE, usage, "tell how much is used", say_usage);
