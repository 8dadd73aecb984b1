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
/* How a line signals, where the hardware has to be told: for as long as it is wanted (level) or once (edge), and whether
   that is a low or a high signal. Called before the line is enabled. */
void hal_irq_trigger(unsigned line, bool level, bool low);
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

/* -- Page tables ------------------------------------------------------------------------------------------ */

/* Radix tables of 512 eight-byte entries: hal_vm_levels of them above each other, level 0 holds pages of 4 KiB, level 1
   blocks of 2 MiB. The core builds and walks the tables (core/mm/vm.c); the architecture says what an entry looks like.
   flags are VM_WRITE, VM_EXEC, VM_DEVICE of mm.h; everything mapped is readable, by the kernel only. */
extern const unsigned hal_vm_levels;
extern const unsigned hal_vm_bits;      /* addresses below 1 << hal_vm_bits can be mapped one to one */
enum vm_kind { VM_NOTHING, VM_LEAF, VM_TABLE };
enum vm_kind hal_vm_decode(uint64_t entry, unsigned level, uintptr_t *address, unsigned *flags);
uint64_t hal_vm_leaf(uintptr_t address, unsigned flags, unsigned level);
uint64_t hal_vm_table(uintptr_t table);
void hal_vm_enable(uintptr_t root);
void hal_vm_flush(uintptr_t address);   /* forget what was cached for that page */

/* -- Contexts --------------------------------------------------------------------------------------------- */

/* Callee-saved registers, stack and program counter. hal_setjmp returns 0, then 1 when hal_longjmp comes back;
   the frame that called hal_setjmp must still be live. Interrupts are the caller's business. */
struct hal_jump {
    uintptr_t regs[32];
};
int hal_setjmp(struct hal_jump *here) __attribute__((returns_twice));
NORETURN void hal_longjmp(const struct hal_jump *there);

/* Threads: saves the callee-saved registers on this stack and its stack pointer in *from, continues at `to`. A new
   thread's first stack pointer makes hal_switch call entry(), with interrupts off, on the stack below stack_top. */
void hal_switch(uintptr_t *from, uintptr_t to);
uintptr_t hal_context_init(uintptr_t stack_top, void (*entry)(void));

/* All floating-point and vector state, in an area of hal_fpu_size() bytes that is aligned to 64 and cleared once. */
size_t hal_fpu_size(void);
void hal_fpu_save(void *area);
void hal_fpu_restore(const void *area);

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
void interrupt_done(void);                  /* last in every interrupt, still off: may switch to another thread */

/* -- Symbols of the linker script ------------------------------------------------------------------------- */

enum { BOOT_STACK_SIZE = 32 << 10 };
extern char hal_boot_stack[];   /* page-aligned; its lowest page becomes the guard */
extern char __image_start[], __text_end[], __rodata_end[], __image_end[]; /* each on a page boundary */
