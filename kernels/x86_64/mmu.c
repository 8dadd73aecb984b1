/* Page-table entries: 4-level paging (SDM vol. 3, 4.5). */
#include "mm.h"
#include "x86.h"

#define PRESENT 0x1ull
#define WRITABLE 0x2ull
#define UNCACHED 0x18ull /* write through, cache disable */
#define ACCESSED_DIRTY 0x60ull
#define LARGE 0x80ull
#define GLOBAL 0x100ull
#define NO_EXECUTE (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull

const unsigned hal_vm_levels = 4;
const unsigned hal_vm_bits = 47;

uint64_t hal_vm_leaf(uintptr_t address, unsigned flags, unsigned level)
{
    return address | PRESENT | ACCESSED_DIRTY | GLOBAL | (level ? LARGE : 0) | (flags & VM_WRITE ? WRITABLE : 0) |
           (flags & VM_EXEC ? 0 : NO_EXECUTE) | (flags & VM_DEVICE ? UNCACHED : 0);
}

uint64_t hal_vm_table(uintptr_t table) { return table | PRESENT | WRITABLE; }

enum vm_kind hal_vm_decode(uint64_t entry, unsigned level, uintptr_t *address, unsigned *flags)
{
    if (!(entry & PRESENT))
        return VM_NOTHING;
    *address = entry & ADDRESS;
    *flags = (entry & WRITABLE ? VM_WRITE : 0) | (entry & NO_EXECUTE ? 0 : VM_EXEC) | (entry & UNCACHED ? VM_DEVICE : 0);
    return level && !(entry & LARGE) ? VM_TABLE : VM_LEAF;
}

void hal_vm_enable(uintptr_t root) { __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory"); }
void hal_vm_flush(uintptr_t address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }
