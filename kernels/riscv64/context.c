/* A new thread's stack, as hal_switch in vectors.S expects it, and what hal_fpu_save there writes. */
#include "fdt.h"
#include "riscv.h"
#include "string.h"

enum { SAVED = 14, SAVED_RA = 0, FPU_SIZE = 32 * 8 + 8, VECTOR_STATE = 4 * 8, VECTOR_REGISTERS = 32 };

/* Switches the vector unit off where the device tree's riscv,isa names none (its one-letter extensions end at "_"). */
void vector_setup(const struct fdt *fdt)
{
    fdt_node cpus = fdt_find(fdt, "/cpus");
    for (fdt_node cpu = cpus ? fdt_child(fdt, cpus) : 0; cpu; cpu = fdt_sibling(fdt, cpu)) {
        const char *isa = fdt_string(fdt, cpu, "riscv,isa");
        const char *end = isa ? strchr(isa, '_') : NULL, *v = isa && strlen(isa) > 4 ? strchr(isa + 4, 'v') : NULL;
        if (v && (!end || v < end))
            return;
    }
    CLEAR_CSR(sstatus, SSTATUS_VS);
}

size_t hal_fpu_size(void)
{
    if (!(READ_CSR(sstatus) & SSTATUS_VS))
        return FPU_SIZE;
    return FPU_SIZE + VECTOR_STATE + VECTOR_REGISTERS * READ_CSR(0xc22); /* vlenb */
}

uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void))
{
    uint64_t *saved = (uint64_t *)(stack_top & ~15ul) - SAVED; /* ra, s0 to s11, and one to keep sp aligned */
    memset(saved, 0, SAVED * sizeof *saved);
    saved[SAVED_RA] = (uintptr_t)entry;
    return (uintptr_t)saved;
}
