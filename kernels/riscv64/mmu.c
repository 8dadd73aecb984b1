/* Page-table entries: Sv39 (PRIV 4.4). Identity mapping reaches the lower half: 256 GiB. */
#include "mm.h"
#include "riscv.h"

#define VALID 0x01ull
#define READABLE 0x02ull
#define WRITABLE 0x04ull
#define EXECUTABLE 0x08ull
#define GLOBAL 0x20ull
#define ACCESSED_DIRTY 0xc0ull
#define SOFT_DEVICE 0x100ull /* for software; caching follows the physical address here */
#define SATP_SV39 (8ull << 60)

const unsigned hal_vm_levels = 3;
const unsigned hal_vm_bits = 38;

static uint64_t number(uintptr_t address) { return address >> 12 << 10; }

uint64_t hal_vm_leaf(uintptr_t address, unsigned flags, unsigned level)
{
    (void)level;
    return number(address) | VALID | READABLE | GLOBAL | ACCESSED_DIRTY | (flags & VM_WRITE ? WRITABLE : 0) |
           (flags & VM_EXEC ? EXECUTABLE : 0) | (flags & VM_DEVICE ? SOFT_DEVICE : 0);
}

uint64_t hal_vm_table(uintptr_t table) { return number(table) | VALID; }

enum vm_kind hal_vm_decode(uint64_t entry, unsigned level, uintptr_t *address, unsigned *flags)
{
    (void)level;
    if (!(entry & VALID))
        return VM_NOTHING;
    *address = (entry >> 10 & 0xfffffffffffull) << 12;
    *flags = (entry & WRITABLE ? VM_WRITE : 0) | (entry & EXECUTABLE ? VM_EXEC : 0) |
             (entry & SOFT_DEVICE ? VM_DEVICE : 0);
    return entry & (READABLE | EXECUTABLE) ? VM_LEAF : VM_TABLE;
}

void hal_vm_enable(uintptr_t root)
{
    __asm__ volatile("sfence.vma; csrw satp, %0; sfence.vma" : : "r"(SATP_SV39 | root >> 12) : "memory");
}

void hal_vm_flush(uintptr_t address) { __asm__ volatile("sfence.vma %0, zero" : : "r"(address) : "memory"); }
