/* The record of a physical page, shared by the page allocator and the heap only. */
#pragma once

#include "mm.h"

enum page_kind {
    PAGE_TAIL = 0,  /* not the first page of a block, or no RAM at all */
    PAGE_FREE,      /* first page of a free block, on free_list[order] */
    PAGE_USED,      /* first page of an allocated block */
};

enum { SLAB_NONE = 0 };

struct page {
    uint8_t kind;
    uint8_t order;
    uint8_t slab;       /* heap: size class + 1, or SLAB_NONE */
    uint8_t live;       /* heap: blocks in use */
    uint32_t next, previous;    /* list links: index + 1, or 0 */
    uint64_t used[2];   /* heap: one bit per block */
};

struct page *page_record(const void *address); /* NULL outside RAM */
void *page_address(const struct page *page);
uint32_t page_link(const struct page *page);   /* what next and previous hold for this page; 0 for NULL */
struct page *page_linked(uint32_t link);
