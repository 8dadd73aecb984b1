/* Page-table entries: 4 KiB granule, 39-bit addresses in TTBR0_EL1, three levels (ARM D8.3). */
#include "arm.h"
#include "mm.h"

#define VALID 0x1ull
#define TABLE_OR_PAGE 0x2ull
#define ATTRIBUTE_DEVICE (1ull << 2) /* index into MAIR */
#define READ_ONLY (1ull << 7)
#define INNER_SHAREABLE (3ull << 8)
#define ACCESS (1ull << 10)
#define NO_EXECUTE (3ull << 53) /* neither EL1 nor EL0 */
#define ADDRESS 0x0000fffffffff000ull

/* MAIR_EL1: attribute 0 normal write-back memory, 1 device nGnRE. TCR_EL1: T0SZ 25, walks cached and inner shareable,
   4 KiB granule, TTBR1 off, 40-bit physical addresses. SCTLR_EL1: RES1 bits, M, C, I. */
#define MAIR 0x04ffull
#define TCR (25ull | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23 | 2ull << 32)
#define SCTLR (0x30d00800ull | 1ull << 0 | 1ull << 2 | 1ull << 12)

const unsigned hal_vm_levels = 3;
const unsigned hal_vm_bits = 39;

uint64_t hal_vm_leaf(uintptr_t address, unsigned flags, unsigned level)
{
    return address | VALID | (level ? 0 : TABLE_OR_PAGE) | ACCESS | INNER_SHAREABLE |
           (flags & VM_WRITE ? 0 : READ_ONLY) | (flags & VM_EXEC ? 1ull << 54 : NO_EXECUTE) |
           (flags & VM_DEVICE ? ATTRIBUTE_DEVICE : 0);
}

uint64_t hal_vm_table(uintptr_t table) { return table | VALID | TABLE_OR_PAGE; }

enum vm_kind hal_vm_decode(uint64_t entry, unsigned level, uintptr_t *address, unsigned *flags)
{
    if (!(entry & VALID))
        return VM_NOTHING;
    *address = entry & ADDRESS;
    *flags = (entry & READ_ONLY ? 0 : VM_WRITE) | ((entry & NO_EXECUTE) == NO_EXECUTE ? 0 : VM_EXEC) |
             (entry & ATTRIBUTE_DEVICE ? VM_DEVICE : 0);
    return level && (entry & TABLE_OR_PAGE) ? VM_TABLE : VM_LEAF;
}

void hal_vm_enable(uintptr_t root)
{
    WRITE_SYSREG(mair_el1, MAIR);
    WRITE_SYSREG(tcr_el1, TCR);
    WRITE_SYSREG(ttbr0_el1, root);
    __asm__ volatile("dsb sy; tlbi vmalle1; ic iallu; dsb sy; isb" : : : "memory");
    WRITE_SYSREG(sctlr_el1, SCTLR);
}

void hal_vm_flush(uintptr_t address)
{
    __asm__ volatile("dsb ishst; tlbi vaae1, %0; dsb ish; isb" : : "r"(address >> 12) : "memory");
}
