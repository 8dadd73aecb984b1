/* From the architecture's entry to the console: bring everything up in order of dependence, test if asked to. */
#include "console.h"
#include "device.h"
#include "hal.h"
#include "mm.h"
#include "net.h"
#include "power.h"
#include "print.h"
#include "sched.h"
#include "service.h"
#include "test.h"
#include "timer.h"
#include "version.h"
#include "vfs.h"

#include "../slm/service.h"

static struct boot_info info;

const struct boot_info *boot_info(void)
{
    return &info;
}

static void print_banner(void)
{
    char nonce[17];
    if (!cmdline_get(info.cmdline, "nonce", nonce, sizeof nonce))
        ksnprintf(nonce, sizeof nonce, "none");
    kprintf("auton %s %s nonce=%s\n", AUTON_VERSION, hal_arch, nonce);
}

static void print_figures(uint64_t init_ns)
{
    struct page_stats pages = page_stats();
    kprintf("figure: init_us %llu us\n", (unsigned long long)(init_ns / NS_PER_US));
    kprintf("figure: mem_used_kib %zu KiB\n", (pages.total - pages.free) * (PAGE_SIZE / 1024));
}

static void run_tests(void)
{
    char glob[64];
    if (!cmdline_get(info.cmdline, "test", glob, sizeof glob))
        ksnprintf(glob, sizeof glob, "*");
    uint64_t start = hal_time_ns();
    test_run(glob);
    kprintf("figure: tests_ms %llu ms\n", (unsigned long long)((hal_time_ns() - start) / NS_PER_MS));
}

static void find_devices(void)
{
    if (info.fdt)
        fdt_bus_scan(info.fdt);
    if (info.rsdp)
        acpi_bus_scan(info.rsdp);
    cmdline_bus_scan(info.cmdline);
    port_bus_scan();
    device_start();
}

void kernel_main(const struct boot_info *boot)
{
    info = *boot;
    print_banner();
    page_init(&info);
    vm_init(&info);
    hal_irq_init();
    hal_time_init();
    sched_init();
    uint64_t init_ns = hal_time_ns();
    console_start();
    hal_irq_restore(true);
    net_init();
    find_devices();
    vfs_start();
    service_start_listed();
    slm_service_start();

    if (cmdline_has(info.cmdline, "test")) {
        print_figures(init_ns);
        run_tests();
    }
    if (cmdline_has(info.cmdline, "once"))
        power_off();
    console_run();
}
