/* A new thread's stack, as hal_switch in vectors.S expects it, and FPU state by XSAVE (SDM vol. 1, chapter 13) or, on
   processors without it, FXSAVE. */
#include "x86.h"

enum { CPUID_FEATURES = 1, CPUID_XSAVE = 0xd, FEATURE_XSAVE = 1 << 26, FXSAVE_SIZE = 512 };
enum { CR4_OSXSAVE = 1 << 18, XCR0_VECTORS = 0xe7 /* x87, SSE, AVX, AVX-512 */ };

static size_t xsave_size; /* 0: there is no XSAVE */

static uint32_t cpuid(uint32_t leaf, uint32_t *ebx)
{
    uint32_t a = leaf, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(*ebx), "+c"(c), "=d"(d));
    return leaf == CPUID_FEATURES ? c : a;
}

void fpu_init(void)
{
    uint32_t ebx, supported;
    if (!(cpuid(CPUID_FEATURES, &ebx) & FEATURE_XSAVE))
        return;
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    supported = cpuid(CPUID_XSAVE, &ebx);
    __asm__ volatile("xsetbv" : : "a"(supported & XCR0_VECTORS), "d"(0), "c"(0));
    cpuid(CPUID_XSAVE, &ebx);
    xsave_size = ebx; /* of what XCR0 allows now */
}

size_t hal_fpu_size(void) { return xsave_size ? xsave_size : FXSAVE_SIZE; }

void hal_fpu_save(void *area)
{
    if (xsave_size)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void hal_fpu_restore(const void *area)
{
    if (xsave_size)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void))
{
    uint64_t *top = (uint64_t *)(stack_top & ~15ul);
    *--top = 0; /* entry's return address: backtraces end here */
    *--top = (uintptr_t)entry;
    for (int i = 0; i < 6; i++)
        *--top = 0;
    return (uintptr_t)top;
}
