/* /proc/status: the machine's resources in a few figures. And the services that come with the kernel. */
#include "mm.h"
#include "net.h"
#include "sched.h"
#include "service.h"
#include "vfs.h"

static void print_status(struct proc_text *text)
{
    uint64_t now = hal_time_ns(), busy = 0;
    unsigned threads = 0;
    bool interrupts = hal_irq_save();
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next, threads++)
        busy += thread->run_ns + (thread->state == THREAD_RUNNING ? now - thread->since_ns : 0);
    hal_irq_restore(interrupts);
    struct page_stats pages = page_stats();
    proc_print(text, "uptime_ms %llu\nprocessor_busy_thousandths %llu\nthreads %u\n", (unsigned long long)(now / NS_PER_MS),
               (unsigned long long)(now ? MIN(busy, now) * 1000 / now : 0), threads);
    proc_print(text, "memory_kib %zu\nmemory_free_kib %zu\nheap_bytes %zu\n", pages.total * (PAGE_SIZE / 1024),
               pages.free * (PAGE_SIZE / 1024), heap_used());
    proc_print(text, "open_files %u\nconnections %u\n", vfs_open_files(), tcp_count());
    for (const struct net_device *card = net_first(); card; card = card->next)
        proc_print(text, "%s_received %llu\n%s_sent %llu\n%s_dropped %llu\n", card->name, (unsigned long long)card->received,
                   card->name, (unsigned long long)card->sent, card->name, (unsigned long long)card->dropped);
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++) {
        struct fs_usage usage;
        if (mount->type && mount->source[0] && !vfs_usage(mount, &usage))
            proc_print(text, "%s_kib %llu\n%s_free_kib %llu\n", mount->source, (unsigned long long)usage.bytes / 1024,
                       mount->source, (unsigned long long)usage.free / 1024);
    }
}
PROC_FILE(status, print_status);

static bool run_web(struct service_control *control)
{
    if (!http_server_start(80))
        return false;
    while (!service_wait(control, UINT64_MAX))
        ;
    http_server_stop();
    return true;
}
SERVICE(web, .help = "web pages on port 80", .run = run_web, .restart = RESTART_FAILED);
