/* The kernel's page tables (mm.h): identity-mapped, nothing both writable and executable. The walk is the same on
   every architecture, whose part is the look of an entry (hal.h). Blocks of 2 MiB where a range covers them whole. */
#include "hal.h"
#include "mm.h"
#include "panic.h"
#include "string.h"

enum { INDEX_BITS = 9, ENTRIES = 1 << INDEX_BITS, EARLY_DEVICES = 16 };

static uint64_t *root;
static bool enabled;
static struct mem_range early[EARLY_DEVICES]; /* io_map before vm_init */
static unsigned early_count;

static size_t level_size(unsigned level) { return (size_t)PAGE_SIZE << (INDEX_BITS * level); }

static uint64_t *new_table(void)
{
    uint64_t *table = page_alloc(0);
    if (table)
        memset(table, 0, PAGE_SIZE);
    return table;
}

/* Replaces a block by a table of smaller ones that map the same. The entry is empty in between, as some processors
   demand ("break before make"), so nothing that runs this may lie in the block. */
static uint64_t *split(uint64_t *entry, unsigned level, uintptr_t address, unsigned flags)
{
    uint64_t *table = new_table();
    if (!table)
        return NULL;
    for (unsigned i = 0; i < ENTRIES; i++)
        table[i] = hal_vm_leaf(address + i * level_size(level - 1), flags, level - 1);
    *entry = 0;
    hal_vm_flush(address);
    *entry = hal_vm_table((uintptr_t)table);
    hal_vm_flush(address);
    return table;
}

/* The entry for an address at a level; makes tables and splits blocks on the way. NULL when memory ran out. */
static uint64_t *entry_at(uintptr_t address, unsigned want)
{
    uint64_t *table = root;
    for (unsigned level = hal_vm_levels - 1;; level--) {
        uint64_t *entry = &table[address / level_size(level) % ENTRIES];
        if (level == want)
            return entry;
        uintptr_t target;
        unsigned flags;
        switch (hal_vm_decode(*entry, level, &target, &flags)) {
        case VM_TABLE:
            table = (uint64_t *)target;
            break;
        case VM_LEAF:
            table = split(entry, level, target, flags);
            break;
        case VM_NOTHING:
            table = new_table();
            if (table)
                *entry = hal_vm_table((uintptr_t)table);
            break;
        }
        if (!table)
            return NULL;
    }
}

/* Level 1 where a whole block fits and no table stands in its place, else level 0. */
static unsigned best_level(uintptr_t at, uintptr_t end)
{
    uintptr_t target;
    unsigned flags;
    if (at % level_size(1) || end - at < level_size(1))
        return 0;
    const uint64_t *entry = entry_at(at, 1);
    return entry && hal_vm_decode(*entry, 1, &target, &flags) != VM_TABLE;
}

static bool set_range(uintptr_t start, size_t size, bool present, unsigned flags)
{
    uintptr_t at = ALIGN_DOWN(start, PAGE_SIZE), end = ALIGN_UP(start + size, PAGE_SIZE);
    bool interrupts = hal_irq_save();
    while (at < end) {
        unsigned level = best_level(at, end);
        uint64_t *entry = entry_at(at, level);
        if (!entry) {
            hal_irq_restore(interrupts);
            return false;
        }
        *entry = present ? hal_vm_leaf(at, flags, level) : 0;
        if (enabled)
            hal_vm_flush(at);
        at += level_size(level);
    }
    hal_irq_restore(interrupts);
    return true;
}

bool vm_map(uintptr_t start, size_t size, unsigned flags)
{
    ASSERT(!((flags & VM_WRITE) && (flags & VM_EXEC)));
    return set_range(start, size, true, flags);
}

void vm_unmap(uintptr_t start, size_t size)
{
    if (!set_range(start, size, false, 0))
        panic("vm: no memory for the table that unmapping %#lx takes", (unsigned long)start);
}

bool vm_lookup(uintptr_t address, unsigned *flags)
{
    const uint64_t *table = root;
    if (!root || address >> hal_vm_bits)
        return false;
    for (unsigned level = hal_vm_levels; level-- > 0;) {
        uintptr_t target;
        switch (hal_vm_decode(table[address / level_size(level) % ENTRIES], level, &target, flags)) {
        case VM_NOTHING: return false;
        case VM_LEAF: return true;
        case VM_TABLE: table = (const uint64_t *)target; break;
        }
    }
    return false;
}

uintptr_t io_map(uint64_t base, uint64_t size)
{
    if (base >> hal_vm_bits || size > (1ull << hal_vm_bits) - base)
        panic("io_map: %#llx bytes at %#llx lie outside the address space", (unsigned long long)size,
              (unsigned long long)base);
    if (!root) {
        ASSERT(early_count < EARLY_DEVICES);
        early[early_count++] = (struct mem_range){(uintptr_t)base, (uintptr_t)(base + size)};
    } else if (!vm_map((uintptr_t)base, (size_t)size, VM_WRITE | VM_DEVICE)) {
        panic("io_map: no memory for the tables of %#llx", (unsigned long long)base);
    }
    return (uintptr_t)base;
}

static void must_map(uintptr_t start, uintptr_t end, unsigned flags)
{
    if (end > start && !vm_map(start, end - start, flags))
        panic("vm: no memory for the kernel's own page tables");
}

/* RAM without page 0, which stays unmapped so that null pointers trap, and without the image. */
static void map_ram(const struct mem_range *ram)
{
    uintptr_t image = (uintptr_t)__image_start, image_end = (uintptr_t)__image_end;
    uintptr_t start = MAX(ALIGN_UP(ram->start, PAGE_SIZE), (uintptr_t)PAGE_SIZE);
    uintptr_t end = MIN(ALIGN_DOWN(ram->end, PAGE_SIZE), (uintptr_t)1 << hal_vm_bits);
    if (image >= end || image_end <= start) {
        must_map(start, end, VM_WRITE);
    } else {
        must_map(start, image, VM_WRITE);
        must_map(image_end, end, VM_WRITE);
    }
}

void vm_init(const struct boot_info *boot)
{
    root = new_table();
    if (!root)
        panic("vm: no memory for the kernel's own page tables");
    for (unsigned i = 0; i < boot->ram_count; i++)
        map_ram(&boot->ram[i]);
    for (unsigned i = 0; i < boot->module_count; i++)
        must_map(boot->modules[i].base, boot->modules[i].base + boot->modules[i].size, VM_READ);
    must_map((uintptr_t)__image_start, (uintptr_t)__text_end, VM_EXEC);
    must_map((uintptr_t)__text_end, (uintptr_t)__rodata_end, VM_READ);
    must_map((uintptr_t)__rodata_end, (uintptr_t)__image_end, VM_WRITE);
    vm_unmap((uintptr_t)hal_boot_stack, PAGE_SIZE);
    for (unsigned i = 0; i < early_count; i++)
        must_map(early[i].start, early[i].end, VM_WRITE | VM_DEVICE);
    hal_vm_enable((uintptr_t)root);
    enabled = true;
}
