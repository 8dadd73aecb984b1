/* Panics and traps (panic.h): the last words of the kernel, and the one way to survive a trap on purpose. */
#include "panic.h"
#include "print.h"

enum { BACKTRACE_MAX = 24 };

static struct hal_jump catcher;
static struct trap *caught; /* where trap_catch wants the trap; NULL when nobody does */
static bool dying;

static void print_backtrace(uintptr_t frame_pointer)
{
    kprintf("backtrace:");
    uintptr_t pc;
    for (int i = 0; i < BACKTRACE_MAX && hal_backtrace_step(&frame_pointer, &pc); i++)
        kprintf(" %#lx", (unsigned long)pc);
    kprintf("\n");
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
    print_backtrace((uintptr_t)__builtin_frame_address(0));
    hal_exit(EXIT_PANIC);
}

void trap_raise(const struct trap *trap)
{
    if (caught) {
        *caught = *trap;
        caught = NULL;
        hal_longjmp(&catcher);
    }
    die_once();
    kprintf("\npanic: trap: %s at pc %#lx address %#lx\n", trap->cause, (unsigned long)trap->pc,
            (unsigned long)trap->address);
    hal_frame_print(trap->frame);
    print_backtrace(trap->frame_pointer);
    hal_exit(EXIT_PANIC);
}

bool trap_catch(void (*fn)(void *), void *arg, struct trap *trap)
{
    ASSERT(!caught);
    bool interrupts = hal_irq_save();
    bool trapped = hal_setjmp(&catcher) != 0;
    if (!trapped) {
        caught = trap;
        hal_irq_restore(interrupts);
        fn(arg);
        hal_irq_save();
        caught = NULL;
    }
    hal_irq_restore(interrupts);
    return trapped;
}
