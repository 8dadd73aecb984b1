/* A new thread's stack, as hal_switch in vectors.S expects it. */
#include "arm.h"
#include "string.h"

enum { SAVED = 12, SAVED_LR = 11, FPU_SIZE = 32 * 16 + 16 };

size_t hal_fpu_size(void) { return FPU_SIZE; }

uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void))
{
    uint64_t *saved = (uint64_t *)(stack_top & ~15ul) - SAVED; /* x19 to x30 */
    memset(saved, 0, SAVED * sizeof *saved);
    saved[SAVED_LR] = (uintptr_t)entry;
    return (uintptr_t)saved;
}
