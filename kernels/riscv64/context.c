/* A new thread's stack, as hal_switch in vectors.S expects it. Vector registers are not kept: nothing uses them. */
#include "riscv.h"
#include "string.h"

enum { SAVED = 14, SAVED_RA = 0, FPU_SIZE = 32 * 8 + 8 };

size_t hal_fpu_size(void) { return FPU_SIZE; }

uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void))
{
    uint64_t *saved = (uint64_t *)(stack_top & ~15ul) - SAVED; /* ra, s0 to s11, and one to keep sp aligned */
    memset(saved, 0, SAVED * sizeof *saved);
    saved[SAVED_RA] = (uintptr_t)entry;
    return (uintptr_t)saved;
}
