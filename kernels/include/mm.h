/* Memory: physical pages in powers of two, and a heap on top. All allocation may fail and then returns NULL;
   pages and heap blocks are not cleared unless it says so. */
#pragma once

#include "boot.h"

enum { PAGE_SIZE = 4096, PAGE_SHIFT = 12, PAGE_ORDERS = 12 }; /* largest block: 2^11 pages, 8 MiB */

void page_init(const struct boot_info *boot);
void *page_alloc(unsigned order);              /* 2^order pages, aligned to their own size */
void page_free(void *pages, unsigned order);   /* panics on a double free or a wrong order */

struct page_stats {
    size_t total, free; /* pages */
};
struct page_stats page_stats(void);

void *kmalloc(size_t size);    /* aligned to 16; sizes above half a page to a whole page */
void *kzalloc(size_t size);    /* cleared */
void kfree(void *block);       /* NULL is fine; panics on a block that is not allocated */
size_t heap_used(void);        /* bytes in live blocks, rounded up to their size classes */
