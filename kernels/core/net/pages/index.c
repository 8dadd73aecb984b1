/* /: what this machine is. */
#include "hal.h"
#include "mm.h"
#include "net.h"
#include "print.h"
#include "version.h"

static size_t render_index(char *body, size_t size)
{
    struct page_stats pages = page_stats();
    return ksnprintf(body, size,
                     "<!doctype html><title>auton</title><h1>auton %s on %s</h1>\n"
                     "<p>Up %llu s, %zu KiB of memory free.</p>\n",
                     AUTON_VERSION, hal_arch, (unsigned long long)(hal_time_ns() / NS_PER_S),
                     pages.free * (PAGE_SIZE / 1024));
}
PAGE(index, "/", "text/html", render_index);
