/* Memory: physical pages in powers of two, and a heap on top. All allocation may fail and then returns NULL;
   pages and heap blocks are not cleared unless it says so. */
#pragma once

#include "boot.h"

enum { PAGE_SIZE = 4096, PAGE_SHIFT = 12, PAGE_ORDERS = 12 }; /* largest block: 2^11 pages, 8 MiB */

void page_init(const struct boot_info *boot);
void *page_alloc(unsigned order);              /* 2^order pages, aligned to their own size */
void page_free(void *pages, unsigned order);   /* panics on a double free or a wrong order */

/* At least that many bytes in one stretch, larger than any block can be; in whole blocks of the largest order, each of
   which page_free takes back. */
void *page_alloc_stretch(size_t bytes);

struct page_stats {
    size_t total, free; /* pages; what is not free is allocated, the image, or reserved */
};
struct page_stats page_stats(void);

void *kmalloc(size_t size);    /* aligned to 16; sizes above half a page to a whole page */
void *kzalloc(size_t size);    /* cleared */
void kfree(void *block);       /* NULL is fine; panics on a block that is not allocated */
size_t heap_used(void);        /* bytes in live blocks, rounded up to their size classes */

/* -- Mapping: the kernel's one address space, every address its own physical address ------------------------ */

enum { VM_READ = 0, VM_WRITE = 1, VM_EXEC = 2, VM_DEVICE = 4 };

/* Builds the tables and switches to them: text read and execute, constants and modules read, all other RAM read and write, page 0
   and the boot stack's guard page nothing. */
void vm_init(const struct boot_info *boot);
/* Maps whole pages, or changes how they are mapped; false when there is no memory for tables. */
bool vm_map(uintptr_t start, size_t size, unsigned flags);
void vm_unmap(uintptr_t start, size_t size); /* splitting a block may need a table; without memory it panics */
/* How the page at an address is mapped: false when it is not. */
bool vm_lookup(uintptr_t address, unsigned *flags);

/* Registers of a device, ready to use: maps them now, or with vm_init when that is still to come. Returns base. */
uintptr_t io_map(uint64_t base, uint64_t size);

/* -- Stacks ----------------------------------------------------------------------------------------------- */

enum { STACK_SLOT = 32 << 10 };
void *stack_alloc(void); /* STACK_SLOT bytes, the lowest page of which is a guard; NULL without memory */
void stack_free(void *slot);
