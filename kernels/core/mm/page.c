/* Physical pages: a buddy allocator (Knuth, TAOCP vol. 1, 2.5) over the RAM the boot protocol reported. One small
   record per page says what a page is the head of, so that a wrong free is caught at once. The records lie in the
   RAM they describe. Addresses below describe one span from the lowest to the highest page; holes stay unusable. */
#include "mm_page.h"
#include "hal.h"
#include "panic.h"
#include "string.h"

enum { LARGEST = PAGE_SIZE << (PAGE_ORDERS - 1) }; /* bytes of a block */

static struct page *records; /* of page number `base` and up */
static size_t base, count;   /* page numbers */
static size_t total_pages, free_pages;
static uint32_t free_list[PAGE_ORDERS]; /* index into records + 1; 0 is empty */

static size_t index_of(const struct page *page) { return (size_t)(page - records); }

static void list_push(size_t index, unsigned order)
{
    struct page *page = &records[index];
    *page = (struct page){.kind = PAGE_FREE, .order = (uint8_t)order, .next = free_list[order]};
    if (page->next)
        records[page->next - 1].previous = (uint32_t)index + 1;
    free_list[order] = (uint32_t)index + 1;
}

static void list_remove(size_t index)
{
    struct page *page = &records[index];
    if (page->previous)
        records[page->previous - 1].next = page->next;
    else
        free_list[page->order] = page->next;
    if (page->next)
        records[page->next - 1].previous = page->previous;
    page->kind = PAGE_TAIL;
}

static bool is_free_block(size_t index, unsigned order)
{
    return index < count && records[index].kind == PAGE_FREE && records[index].order == order;
}

/* Buddies pair up by page number, not by index, so that blocks are aligned in memory. */
static size_t buddy_of(size_t index, unsigned order)
{
    return ((index + base) ^ ((size_t)1 << order)) - base;
}

static void give(size_t index, unsigned order)
{
    free_pages += (size_t)1 << order;
    for (; order + 1 < PAGE_ORDERS; order++) {
        size_t buddy = buddy_of(index, order);
        if (!is_free_block(buddy, order))
            break;
        list_remove(buddy);
        records[index].kind = PAGE_TAIL;
        index = MIN(index, buddy);
    }
    list_push(index, order);
}

void *page_alloc(unsigned order)
{
    bool interrupts = hal_irq_save();
    unsigned have = order;
    while (have < PAGE_ORDERS && !free_list[have])
        have++;
    void *found = NULL;
    if (have < PAGE_ORDERS) {
        size_t index = free_list[have] - 1;
        list_remove(index);
        for (; have > order; have--)
            list_push(index + ((size_t)1 << (have - 1)), have - 1);
        records[index] = (struct page){.kind = PAGE_USED, .order = (uint8_t)order};
        free_pages -= (size_t)1 << order;
        found = (void *)((base + index) << PAGE_SHIFT);
    }
    hal_irq_restore(interrupts);
    return found;
}

/* Blocks of the largest order that stand side by side, the first of them at index. */
static bool is_free_stretch(size_t index, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        if (!is_free_block(index + (i << (PAGE_ORDERS - 1)), PAGE_ORDERS - 1))
            return false;
    return true;
}

void *page_alloc_stretch(size_t bytes)
{
    size_t blocks = (bytes + LARGEST - 1) / LARGEST;
    bool interrupts = hal_irq_save();
    uint32_t at = free_list[PAGE_ORDERS - 1];
    while (at && !is_free_stretch(at - 1, blocks))
        at = records[at - 1].next;
    for (size_t i = 0; at && i < blocks; i++) {
        size_t index = at - 1 + (i << (PAGE_ORDERS - 1));
        list_remove(index);
        records[index] = (struct page){.kind = PAGE_USED, .order = PAGE_ORDERS - 1};
        free_pages -= (size_t)1 << (PAGE_ORDERS - 1);
    }
    hal_irq_restore(interrupts);
    return at ? (void *)((base + at - 1) << PAGE_SHIFT) : NULL;
}

struct page *page_record(const void *address)
{
    size_t number = (uintptr_t)address >> PAGE_SHIFT;
    return number >= base && number - base < count ? &records[number - base] : NULL;
}

uint32_t page_link(const struct page *page)
{
    return page ? (uint32_t)index_of(page) + 1 : 0;
}

struct page *page_linked(uint32_t link)
{
    return link ? &records[link - 1] : NULL;
}

void *page_address(const struct page *page)
{
    return (void *)((base + index_of(page)) << PAGE_SHIFT);
}

void page_free(void *pages, unsigned order)
{
    struct page *page = page_record(pages);
    if (!page || ((uintptr_t)pages & (PAGE_SIZE - 1)))
        panic("page_free: %p is not a page of this machine", pages);
    if (page->kind == PAGE_FREE)
        panic("page_free: %p freed twice", pages);
    if (page->kind != PAGE_USED || page->order != order)
        panic("page_free: %p: expected a block of order %u, found %s of order %u", pages, order,
              page->kind == PAGE_USED ? "one" : "the inside of one", page->order);
    bool interrupts = hal_irq_save();
    give(index_of(page), order);
    hal_irq_restore(interrupts);
}

struct page_stats page_stats(void)
{
    return (struct page_stats){.total = total_pages, .free = free_pages};
}

/* -- Setting up ------------------------------------------------------------------------------------------- */

static bool reserved(const struct boot_info *boot, uintptr_t start, uintptr_t end, uintptr_t *past)
{
    if (start < (uintptr_t)__image_end && end > (uintptr_t)__image_start) {
        *past = (uintptr_t)__image_end;
        return true;
    }
    for (unsigned i = 0; i < boot->reserved_count; i++) {
        const struct mem_range *r = &boot->reserved[i];
        if (start < r->end && end > r->start) {
            *past = r->end;
            return true;
        }
    }
    return start < PAGE_SIZE ? (*past = PAGE_SIZE, true) : false; /* page 0 is never handed out: it is NULL */
}

/* The lowest place for `bytes` in RAM that nobody claims; 0 when there is none. */
static uintptr_t find_room(const struct boot_info *boot, size_t bytes)
{
    for (unsigned i = 0; i < boot->ram_count; i++) {
        uintptr_t at = ALIGN_UP(boot->ram[i].start, PAGE_SIZE), past;
        while (at < boot->ram[i].end && bytes <= boot->ram[i].end - at) {
            if (!reserved(boot, at, at + bytes, &past))
                return at;
            at = ALIGN_UP(past, PAGE_SIZE);
        }
    }
    return 0;
}

/* Gives [start, end) to the free lists in the largest aligned blocks. */
static void give_range(uintptr_t start, uintptr_t end)
{
    size_t at = start >> PAGE_SHIFT, past = end >> PAGE_SHIFT;
    while (at < past) {
        unsigned order = PAGE_ORDERS - 1;
        while ((at & (((size_t)1 << order) - 1)) || at + ((size_t)1 << order) > past)
            order--;
        give(at - base, order);
        at += (size_t)1 << order;
    }
}

/* The next stretch of one RAM range that is not reserved, from `at` on. */
static bool next_stretch(const struct boot_info *boot, uintptr_t at, uintptr_t end, struct mem_range *out)
{
    uintptr_t past;
    while (at < end && reserved(boot, at, at + PAGE_SIZE, &past))
        at = ALIGN_UP(past, PAGE_SIZE);
    if (at >= end)
        return false;
    out->start = at;
    uintptr_t stop = end; /* the nearest reserved start above at */
    if ((uintptr_t)__image_start > at)
        stop = MIN(stop, (uintptr_t)__image_start);
    for (unsigned i = 0; i < boot->reserved_count; i++)
        if (boot->reserved[i].start > at)
            stop = MIN(stop, boot->reserved[i].start);
    out->end = ALIGN_DOWN(stop, PAGE_SIZE);
    return out->end > out->start;
}

void page_init(const struct boot_info *boot)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (unsigned i = 0; i < boot->ram_count; i++) {
        low = MIN(low, boot->ram[i].start);
        high = MAX(high, boot->ram[i].end);
        total_pages += (boot->ram[i].end - boot->ram[i].start) >> PAGE_SHIFT;
    }
    if (high <= low)
        panic("no memory: expected RAM ranges from the boot protocol, found none");
    base = ALIGN_UP(low, PAGE_SIZE) >> PAGE_SHIFT;
    count = (high >> PAGE_SHIFT) - base;

    size_t bytes = ALIGN_UP(count * sizeof(struct page), PAGE_SIZE);
    uintptr_t room = find_room(boot, bytes);
    if (!room)
        panic("no memory: expected %zu KiB for page records, found no such stretch", bytes / 1024);
    records = (struct page *)room;
    memset(records, 0, bytes); /* all PAGE_TAIL */

    struct boot_info claimed = *boot;
    boot_add_reserved(&claimed, room, bytes);
    for (unsigned i = 0; i < boot->ram_count; i++) {
        struct mem_range stretch;
        uintptr_t at = ALIGN_UP(boot->ram[i].start, PAGE_SIZE), end = ALIGN_DOWN(boot->ram[i].end, PAGE_SIZE);
        for (; next_stretch(&claimed, at, end, &stretch); at = stretch.end)
            give_range(stretch.start, stretch.end);
    }
}
