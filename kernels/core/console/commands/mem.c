/* mem: how much memory there is and who has it. */
#include "mm.h"
#include "console.h"
#include "print.h"

static void mem(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct page_stats pages = page_stats();
    kprintf("%zu KiB total, %zu KiB free, %zu bytes in the heap\n", pages.total * (PAGE_SIZE / 1024),
            pages.free * (PAGE_SIZE / 1024), heap_used());
}
COMMAND(mem, "show memory in use", mem);
