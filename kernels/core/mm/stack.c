/* Kernel stacks: slots of STACK_SLOT bytes whose lowest page is not mapped. They are cut from whole 2 MiB blocks that
   nothing else uses, because splitting the mapping of a block that is in use is not safe on every processor. */
#include "hal.h"
#include "mm.h"
#include "panic.h"

enum { BLOCK_ORDER = 9, BLOCK_SIZE = PAGE_SIZE << BLOCK_ORDER, SLOTS = BLOCK_SIZE / STACK_SLOT, BLOCKS_MAX = 64 };
_Static_assert(SLOTS == 64, "one bit each in a word");

static struct block {
    uintptr_t start;
    uint64_t used;
} blocks[BLOCKS_MAX];
static unsigned block_count;

static struct block *new_block(void)
{
    void *memory = block_count < BLOCKS_MAX ? page_alloc(BLOCK_ORDER) : NULL;
    if (!memory)
        return NULL;
    struct block *block = &blocks[block_count++];
    *block = (struct block){.start = (uintptr_t)memory};
    for (unsigned slot = 0; slot < SLOTS; slot++)
        vm_unmap(block->start + slot * (uintptr_t)STACK_SLOT, PAGE_SIZE);
    return block;
}

static struct block *block_with_room(void)
{
    for (unsigned i = 0; i < block_count; i++)
        if (~blocks[i].used)
            return &blocks[i];
    return new_block();
}

void *stack_alloc(void)
{
    bool interrupts = hal_irq_save();
    struct block *block = block_with_room();
    void *slot = NULL;
    if (block) {
        unsigned bit = (unsigned)__builtin_ctzll(~block->used);
        block->used |= 1ull << bit;
        slot = (void *)(block->start + bit * (uintptr_t)STACK_SLOT);
    }
    hal_irq_restore(interrupts);
    return slot;
}

void stack_free(void *slot)
{
    bool interrupts = hal_irq_save();
    for (unsigned i = 0; i < block_count; i++) {
        uintptr_t offset = (uintptr_t)slot - blocks[i].start;
        if (offset >= BLOCK_SIZE)
            continue;
        uint64_t bit = 1ull << offset / STACK_SLOT;
        if (offset % STACK_SLOT || !(blocks[i].used & bit))
            break;
        blocks[i].used &= ~bit;
        hal_irq_restore(interrupts);
        return;
    }
    panic("stack_free: %p is not a stack in use", slot);
}
