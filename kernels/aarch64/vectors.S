/* Exception vectors (ARM D1.10.2) and the two halves of hal_setjmp. Threads run at EL1t. A synchronous exception
   stays on SP_EL1, a stack of its own, so that running into a stack's guard page can be reported; it never returns.
   An interrupt moves to the thread's own stack at once, so that the thread can be switched away from inside it. */

    .macro save_registers
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    mrs x1, elr_el1
    mrs x2, spsr_el1
    str x30, [sp, #240]
    stp x1, x2, [sp, #256]
    .endm

    .macro each_vector_pair op
    \op q0, q1, [x0, #0]
    \op q2, q3, [x0, #32]
    \op q4, q5, [x0, #64]
    \op q6, q7, [x0, #96]
    \op q8, q9, [x0, #128]
    \op q10, q11, [x0, #160]
    \op q12, q13, [x0, #192]
    \op q14, q15, [x0, #224]
    \op q16, q17, [x0, #256]
    \op q18, q19, [x0, #288]
    \op q20, q21, [x0, #320]
    \op q22, q23, [x0, #352]
    \op q24, q25, [x0, #384]
    \op q26, q27, [x0, #416]
    \op q28, q29, [x0, #448]
    \op q30, q31, [x0, #480]
    .endm

    .macro slot target
    .balign 128
    b \target
    .endm

    .text
    .balign 2048
    .globl vectors
vectors:
    slot from_thread            /* EL1t: synchronous, IRQ, FIQ, SError */
    slot interrupt
    slot from_thread
    slot from_thread
    .rept 12                    /* EL1h: a fault in a handler; lower levels: there are none */
    slot from_exception
    .endr

from_thread:
    sub sp, sp, #272
    save_registers
    mrs x1, sp_el0
    str x1, [sp, #248]
    mov x0, sp
    bl exception_entry
    b .

from_exception:
    sub sp, sp, #272
    save_registers
    add x1, sp, #272
    str x1, [sp, #248]
    mov x0, sp
    bl exception_entry
    b .

interrupt:
    msr spsel, #0
    sub sp, sp, #272
    save_registers
    bl interrupt_entry
    ldp x1, x2, [sp, #256]
    msr elr_el1, x1
    msr spsr_el1, x2
    ldp x0, x1, [sp, #0]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x19, [sp, #144]
    ldp x20, x21, [sp, #160]
    ldp x22, x23, [sp, #176]
    ldp x24, x25, [sp, #192]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    ldr x30, [sp, #240]
    add sp, sp, #272
    eret

    .globl hal_setjmp
hal_setjmp:
    stp x19, x20, [x0, #0]
    stp x21, x22, [x0, #16]
    stp x23, x24, [x0, #32]
    stp x25, x26, [x0, #48]
    stp x27, x28, [x0, #64]
    stp x29, x30, [x0, #80]
    mov x1, sp
    str x1, [x0, #96]
    mov x0, #0
    ret

    .globl hal_longjmp
hal_longjmp:
    msr spsel, #1               /* maybe from inside an exception: its stack starts anew */
    ldr x1, =exception_stack_top
    mov sp, x1
    msr spsel, #0
    ldp x19, x20, [x0, #0]
    ldp x21, x22, [x0, #16]
    ldp x23, x24, [x0, #32]
    ldp x25, x26, [x0, #48]
    ldp x27, x28, [x0, #64]
    ldp x29, x30, [x0, #80]
    ldr x1, [x0, #96]
    mov sp, x1
    mov x0, #1
    ret

    .globl hal_switch
hal_switch:
    stp x19, x20, [sp, #-96]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp x19, x20, [sp], #96
    ret

    /* Area: q0..q31, FPSR, FPCR. */
    .arch_extension fp /* newer clangs take -mgeneral-regs-only as a word to the assembler too */
    .arch_extension simd
    .globl hal_fpu_save
hal_fpu_save:
    each_vector_pair stp
    mrs x1, fpsr
    mrs x2, fpcr
    str x1, [x0, #512]
    str x2, [x0, #520]
    ret

    .globl hal_fpu_restore
hal_fpu_restore:
    each_vector_pair ldp
    ldr x1, [x0, #512]
    ldr x2, [x0, #520]
    msr fpsr, x1
    msr fpcr, x2
    ret
