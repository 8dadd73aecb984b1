/* Linux Image header (Documentation/arch/arm64/booting.rst): x0 = device tree, MMU off, EL2 or EL1.
   Drops to EL1, where threads run on SP_EL0 and exceptions arrive on SP_EL1 (vectors.S), and calls start(x0). */

    .section .text.boot, "ax"
    .globl _start
_start:
    b entry
    .long 0
    .quad 0x80000               /* text_offset */
    .quad __image_size
    .quad 0x2                   /* little endian, 4 KiB pages, near the start of RAM */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

entry:
    msr daifset, #0xf
    mrs x1, CurrentEL
    cmp x1, #(2 << 2)
    b.ne at_el1
    mov x1, #(1 << 31)          /* HCR_EL2.RW: EL1 is 64-bit */
    msr hcr_el2, x1
    mov x1, #3                  /* EL1 may use the counter and the timer */
    msr cnthctl_el2, x1
    msr cntvoff_el2, xzr
    mov x1, #0x33ff             /* CPTR_EL2: trap no FP, RES1 bits */
    msr cptr_el2, x1
    ldr x1, =0x30d00800         /* SCTLR_EL1: RES1 bits, MMU off */
    msr sctlr_el1, x1
    mov x1, #0x3c4              /* SPSR: EL1t, all masked */
    msr spsr_el2, x1
    adr x1, at_el1
    msr elr_el2, x1
    eret
at_el1:
    mov x1, #(3 << 20)          /* CPACR_EL1.FPEN */
    msr cpacr_el1, x1
    ldr x1, =vectors
    msr vbar_el1, x1
    msr spsel, #1
    ldr x1, =exception_stack_top
    mov sp, x1
    msr spsel, #0
    ldr x1, =hal_boot_stack + 32768     /* BOOT_STACK_SIZE */
    mov sp, x1
    isb

    ldr x1, =__bss_start
    ldr x2, =__bss_end
1:  stp xzr, xzr, [x1], #16
    cmp x1, x2
    b.lo 1b
    mov x29, #0                 /* where backtraces end */
    mov x30, #0
    bl start
    b .

    .bss
    .balign 4096
    .globl hal_boot_stack
hal_boot_stack: .skip 32768
    .skip 16384
    .globl exception_stack_top
exception_stack_top:
