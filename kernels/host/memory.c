/* Mapping and threads as a process has them: mprotect for the page tables, swapcontext for hal_switch. */
#include "hal.h"
#include "mm.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* Guard pages are in the way of the leak checker, which has nothing to check: the core has its own allocator. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:detect_stack_use_after_return=0"; }

bool vm_map(uintptr_t start, size_t size, unsigned flags)
{
    return !mprotect((void *)start, size, flags & VM_WRITE ? PROT_READ | PROT_WRITE : PROT_READ);
}

void vm_unmap(uintptr_t start, size_t size)
{
    if (mprotect((void *)start, size, PROT_NONE))
        abort();
}

bool vm_lookup(uintptr_t address, unsigned *flags)
{
    (void)address, (void)flags;
    return false;
}

uintptr_t io_map(uint64_t base, uint64_t size) { return size ? (uintptr_t)base : 0; }

/* A stack pointer here is the address of a ucontext_t: a local of hal_switch, or one on top of a new stack. */
void hal_switch(uintptr_t *from, uintptr_t to)
{
    ucontext_t here;
    *from = (uintptr_t)&here;
    swapcontext(&here, (ucontext_t *)to);
}

uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void))
{
    ucontext_t *context = (ucontext_t *)(stack_top - ALIGN_UP(sizeof *context, 64));
    uintptr_t low = stack_top / STACK_SLOT * STACK_SLOT + PAGE_SIZE;
    getcontext(context);
    context->uc_stack.ss_sp = (void *)low;
    context->uc_stack.ss_size = (uintptr_t)context - low;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return (uintptr_t)context;
}

size_t hal_fpu_size(void) { return 64; }
void hal_fpu_save(void *area) { (void)area; }
void hal_fpu_restore(const void *area) { (void)area; }
