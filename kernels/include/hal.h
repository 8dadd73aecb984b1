/* hal.h: everything an architecture owes the core, and everything it may call there.

   A port is one folder with a linker script, arch.mk, qemu.sh, and these functions. Its entry code must reach
   kernel_main() with a stack of BOOT_STACK_SIZE bytes at hal_boot_stack, .bss cleared, memory mapped one to one,
   interrupts off, and a console attached (console_attach), so that whatever goes wrong next can be read.

   Addresses are physical and virtual at once: the kernel runs identity-mapped. Interrupt lines are numbered by
   the architecture (GSI, GIC INTID, PLIC source); the core only hands the numbers back. */
#pragma once

#include "base.h"
#include "boot.h"

extern const char hal_arch[]; /* the folder's name: "x86_64" */

/* Leaves the machine with one of the exit codes below; if the machine has no such way, powers off or halts. */
NORETURN void hal_exit(int code);
enum { EXIT_PASS = 33, EXIT_FAIL = 35, EXIT_PANIC = 37 };

/* -- Interrupts ------------------------------------------------------------------------------------------- */

bool hal_irq_save(void);               /* disables interrupts; true when they were enabled */
void hal_irq_restore(bool enabled);    /* undoes hal_irq_save */
void hal_irq_wait(void);               /* interrupts off: sleeps until one is due, takes it, returns with them off */
void hal_irq_init(void);               /* brings up the interrupt controller, all lines masked */
void hal_irq_line(unsigned line, bool enabled);
/* The line that a device tree's `interrupts` cells (`count` of them, already in CPU byte order) stand for. */
unsigned hal_irq_decode(const uint32_t *cells, unsigned count);

/* -- Clock ------------------------------------------------------------------------------------------------ */

void hal_time_init(void);
uint64_t hal_time_ns(void);                 /* nanoseconds since boot; never runs backwards, needs no interrupt */
void hal_timer_set(uint64_t deadline_ns);   /* one timer interrupt at that time; UINT64_MAX: none */

/* -- Port space ------------------------------------------------------------------------------------------- */

/* Without port instructions: reads give all ones, writes go nowhere. */
uint8_t hal_port_read8(uint16_t port);
void hal_port_write8(uint16_t port, uint8_t value);

/* -- Contexts --------------------------------------------------------------------------------------------- */

/* Callee-saved registers, stack and program counter. hal_setjmp returns 0, then 1 when hal_longjmp comes back;
   the frame that called hal_setjmp must still be live. Interrupts are the caller's business. */
struct hal_jump {
    uintptr_t regs[32];
};
int hal_setjmp(struct hal_jump *here) __attribute__((returns_twice));
NORETURN void hal_longjmp(const struct hal_jump *there);

/* -- Traps ------------------------------------------------------------------------------------------------ */

struct hal_frame; /* the registers that a trap saved; only the architecture looks inside */
void hal_frame_print(const struct hal_frame *frame);

enum trap_kind { TRAP_OTHER, TRAP_ILLEGAL, TRAP_BREAKPOINT, TRAP_ACCESS };

struct trap {
    enum trap_kind kind;
    const char *cause;      /* in the architecture's own words: "page fault, write, not present" */
    uintptr_t pc;           /* the instruction that trapped */
    uintptr_t address;      /* what it tried to reach, for TRAP_ACCESS */
    uintptr_t frame_pointer;/* for the backtrace */
    const struct hal_frame *frame;
};

/* One step of a backtrace: from a frame pointer to its caller's frame pointer and return address. */
bool hal_backtrace_step(uintptr_t *frame_pointer, uintptr_t *return_address);

/* -- What an architecture calls --------------------------------------------------------------------------- */

NORETURN void kernel_main(const struct boot_info *boot);
void trap_raise(const struct trap *trap);   /* an exception; does not return unless the trap was caught */
void irq_raise(unsigned line);              /* a device's interrupt */
void timer_raise(void);                     /* the timer's */

/* -- Symbols of the linker script ------------------------------------------------------------------------- */

enum { BOOT_STACK_SIZE = 32 << 10 };
extern char hal_boot_stack[];
extern char __image_start[], __text_end[], __rodata_end[], __image_end[];
