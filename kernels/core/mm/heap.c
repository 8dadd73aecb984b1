/* The heap: blocks of 32 to 2048 bytes cut from single pages, larger ones straight from the page allocator.
   Which blocks of a page live is a bitmap in the page's record, outside the blocks themselves: an overrun cannot
   break the allocator, and every double free is seen. Freed blocks are filled with a poison that the next
   allocation checks, so that a write after free is seen too. */
#include "hal.h"
#include "mm_page.h"
#include "panic.h"
#include "string.h"

enum { SMALLEST_SHIFT = 5, CLASSES = 7, POISON = 0xdd };

static struct page *partial[CLASSES]; /* pages with room, linked through their records */
static size_t used_bytes;

static size_t class_size(unsigned class) { return (size_t)1 << (SMALLEST_SHIFT + class); }
static unsigned class_blocks(unsigned class) { return PAGE_SIZE >> (SMALLEST_SHIFT + class); }

static void link_page(struct page *page, unsigned class)
{
    page->previous = 0;
    page->next = page_link(partial[class]);
    if (partial[class])
        partial[class]->previous = page_link(page);
    partial[class] = page;
}

static void unlink_page(struct page *page, unsigned class)
{
    if (page->previous)
        page_linked(page->previous)->next = page->next;
    else
        partial[class] = page_linked(page->next);
    if (page->next)
        page_linked(page->next)->previous = page->previous;
    page->next = page->previous = 0;
}

static struct page *new_page(unsigned class)
{
    void *memory = page_alloc(0);
    if (!memory)
        return NULL;
    memset(memory, POISON, PAGE_SIZE);
    struct page *page = page_record(memory);
    page->slab = (uint8_t)(class + 1);
    unsigned blocks = class_blocks(class);
    page->used[0] = blocks < 64 ? ~0ull << blocks : 0; /* bits past the last block count as taken */
    page->used[1] = blocks < 128 ? ~0ull : 0;
    link_page(page, class);
    return page;
}

static void check_poison(const void *block, size_t size)
{
    const uint64_t *word = block, poison = POISON * 0x0101010101010101ull;
    uint64_t wrong = 0;
    for (size_t i = 0; i < size / sizeof *word; i += 4) /* no block is smaller than four */
        wrong |= (word[i] ^ poison) | (word[i + 1] ^ poison) | (word[i + 2] ^ poison) | (word[i + 3] ^ poison);
    if (!wrong)
        return;
    while (*word == poison)
        word++;
    panic("heap: block %p was written %zu bytes in after it was freed", block, (size_t)((const char *)word - (const char *)block));
}

static void *alloc_small(unsigned class)
{
    struct page *page = partial[class] ? partial[class] : new_page(class);
    if (!page)
        return NULL;
    unsigned half = ~page->used[0] ? 0 : 1;
    unsigned bit = (unsigned)__builtin_ctzll(~page->used[half]);
    page->used[half] |= 1ull << bit;
    if (++page->live == class_blocks(class))
        unlink_page(page, class);
    used_bytes += class_size(class);
    char *block = (char *)page_address(page) + (half * 64 + bit) * class_size(class);
    check_poison(block, class_size(class));
    return block;
}

static unsigned order_for(size_t size)
{
    unsigned order = 0;
    while (((size_t)PAGE_SIZE << order) < size)
        order++;
    return order;
}

void *kmalloc(size_t size)
{
    if (size > (size_t)PAGE_SIZE << (PAGE_ORDERS - 1))
        return NULL;
    bool interrupts = hal_irq_save();
    void *block = NULL;
    if (size <= class_size(CLASSES - 1)) {
        unsigned class = 0;
        while (class_size(class) < size)
            class++;
        block = alloc_small(class);
    } else {
        unsigned order = order_for(size);
        block = page_alloc(order);
        if (block)
            used_bytes += (size_t)PAGE_SIZE << order;
    }
    hal_irq_restore(interrupts);
    return block;
}

void *kzalloc(size_t size)
{
    void *block = kmalloc(size);
    if (block)
        memset(block, 0, size);
    return block;
}

static void free_small(struct page *page, char *block)
{
    unsigned class = page->slab - 1u;
    size_t offset = (uintptr_t)block & (PAGE_SIZE - 1), index = offset / class_size(class);
    uint64_t bit = 1ull << (index % 64);
    if (offset % class_size(class))
        panic("kfree: %p points inside a block of %zu bytes", (void *)block, class_size(class));
    if (!(page->used[index / 64] & bit))
        panic("kfree: %p freed twice", (void *)block);
    memset(block, POISON, class_size(class));
    page->used[index / 64] &= ~bit;
    used_bytes -= class_size(class);
    if (page->live-- == class_blocks(class))
        link_page(page, class);
    if (!page->live && (page->next || page->previous)) { /* keep the last one: the next kmalloc wants it */
        unlink_page(page, class);
        page->slab = SLAB_NONE;
        page_free(page_address(page), 0);
    }
}

void kfree(void *block)
{
    if (!block)
        return;
    bool interrupts = hal_irq_save();
    struct page *page = page_record(block);
    if (!page || page->kind == PAGE_FREE)
        panic("kfree: %p is not allocated", block);
    if (page->slab != SLAB_NONE) {
        free_small(page, block);
    } else {
        used_bytes -= (size_t)PAGE_SIZE << page->order;
        page_free(block, page->order);
    }
    hal_irq_restore(interrupts);
}

size_t heap_used(void)
{
    return used_bytes;
}
