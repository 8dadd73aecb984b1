/* Panics and traps (panic.h): the last words of the kernel, and the one way to survive a trap on purpose. */
#include "panic.h"
#include "mm.h"
#include "print.h"
#include "sched.h"

enum { BACKTRACE_MAX = 24 };

static bool dying;

/* `  0x0000000000103a4e tcp_input+0x1be`, the name by the address `within`. */
static void print_frame(uintptr_t pc, uintptr_t within)
{
    size_t length;
    uintptr_t offset;
    const char *name = symbol_at(within, &length, &offset);
    kprintf("  %#018lx ", (unsigned long)pc);
    if (name)
        kprintf("%.*s+%#lx\n", (int)length, name, (unsigned long)(offset + pc - within));
    else
        kprintf("?\n");
}

/* A damaged chain of frames ends where it leaves mapped memory: a trap now would hide the first one. */
static bool is_stack(uintptr_t frame_pointer)
{
    unsigned flags;
    return frame_pointer >= PAGE_SIZE && vm_lookup(frame_pointer - 2 * sizeof(uintptr_t), &flags) &&
           vm_lookup(frame_pointer + 2 * sizeof(uintptr_t) - 1, &flags) && !(flags & VM_DEVICE);
}

static void print_backtrace(uintptr_t frame_pointer)
{
    uintptr_t pc;
    for (int i = 0; i < BACKTRACE_MAX && is_stack(frame_pointer) && hal_backtrace_step(&frame_pointer, &pc); i++)
        print_frame(pc, pc - 1); /* a call that does not return may be the last of its function */
}

/* A panic while panicking: printing is what fails, so do no more of it. */
static void die_once(void)
{
    hal_irq_save();
    if (dying)
        hal_exit(EXIT_PANIC);
    dying = true;
}

void panic_at(const char *file, int line, const char *format, ...)
{
    die_once();
    va_list args;
    va_start(args, format);
    kprintf("\npanic: ");
    kvprintf(format, args);
    kprintf(" at %s:%d\n", file, line);
    va_end(args);
    kprintf("backtrace:\n");
    print_backtrace((uintptr_t)__builtin_frame_address(0));
    hal_exit(EXIT_PANIC);
}

void trap_raise(const struct trap *trap)
{
    struct thread *thread = thread_current();
    if (thread->catcher) {
        struct hal_jump *catcher = thread->catcher;
        *thread->caught = *trap;
        thread->catcher = NULL;
        hal_longjmp(catcher);
    }
    die_once();
    uintptr_t guard = (uintptr_t)(thread->stack ? thread->stack : hal_boot_stack);
    if (trap->kind == TRAP_ACCESS && trap->address - guard < PAGE_SIZE)
        kprintf("\nthread %s ran out of stack", thread->name);
    kprintf("\npanic: trap: %s at pc %#lx address %#lx\n", trap->cause, (unsigned long)trap->pc,
            (unsigned long)trap->address);
    hal_frame_print(trap->frame);
    kprintf("backtrace:\n");
    print_frame(trap->pc, trap->pc);
    print_backtrace(trap->frame_pointer);
    hal_exit(EXIT_PANIC);
}

bool trap_catch(void (*fn)(void *), void *arg, struct trap *trap)
{
    struct thread *thread = thread_current();
    struct hal_jump here;
    ASSERT(!thread->catcher);
    bool interrupts = hal_irq_save();
    bool trapped = hal_setjmp(&here) != 0;
    if (!trapped) {
        thread->caught = trap;
        thread->catcher = &here;
        hal_irq_restore(interrupts);
        fn(arg);
        hal_irq_save();
        thread->catcher = NULL;
    }
    hal_irq_restore(interrupts);
    return trapped;
}
