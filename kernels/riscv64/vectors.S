/* The trap entry (PRIV 4.1) and the two halves of hal_setjmp. sscratch always holds the top of the trap stack. An
   exception is handled there, so that running into a stack's guard page can be reported; it never returns. An
   interrupt uses the thread's own stack, so that the thread can be switched away from inside it. */

    .macro each_register op
    \op x1, 8(sp)
    \op x3, 24(sp)
    \op x4, 32(sp)
    \op x5, 40(sp)
    \op x6, 48(sp)
    \op x7, 56(sp)
    \op x8, 64(sp)
    \op x9, 72(sp)
    \op x10, 80(sp)
    \op x11, 88(sp)
    \op x12, 96(sp)
    \op x13, 104(sp)
    \op x14, 112(sp)
    \op x15, 120(sp)
    \op x16, 128(sp)
    \op x17, 136(sp)
    \op x18, 144(sp)
    \op x19, 152(sp)
    \op x20, 160(sp)
    \op x21, 168(sp)
    \op x22, 176(sp)
    \op x23, 184(sp)
    \op x24, 192(sp)
    \op x25, 200(sp)
    \op x26, 208(sp)
    \op x27, 216(sp)
    \op x28, 224(sp)
    \op x29, 232(sp)
    \op x30, 240(sp)
    \op x31, 248(sp)
    .endm

    .macro each_float op
    \op f0, 0(a0)
    \op f1, 8(a0)
    \op f2, 16(a0)
    \op f3, 24(a0)
    \op f4, 32(a0)
    \op f5, 40(a0)
    \op f6, 48(a0)
    \op f7, 56(a0)
    \op f8, 64(a0)
    \op f9, 72(a0)
    \op f10, 80(a0)
    \op f11, 88(a0)
    \op f12, 96(a0)
    \op f13, 104(a0)
    \op f14, 112(a0)
    \op f15, 120(a0)
    \op f16, 128(a0)
    \op f17, 136(a0)
    \op f18, 144(a0)
    \op f19, 152(a0)
    \op f20, 160(a0)
    \op f21, 168(a0)
    \op f22, 176(a0)
    \op f23, 184(a0)
    \op f24, 192(a0)
    \op f25, 200(a0)
    \op f26, 208(a0)
    \op f27, 216(a0)
    \op f28, 224(a0)
    \op f29, 232(a0)
    \op f30, 240(a0)
    \op f31, 248(a0)
    .endm

    .text
    .balign 4
    .globl trap_entry
trap_entry:
    csrrw sp, sscratch, sp
    sd t0, -8(sp)
    csrr t0, scause
    bltz t0, interrupt          /* the top bit tells interrupts from exceptions */

    ld t0, -8(sp)
    addi sp, sp, -288
    each_register sd
    csrr t0, sscratch           /* the interrupted sp */
    sd t0, 16(sp)
    la t0, trap_stack_top
    csrw sscratch, t0
    csrr t0, sepc
    sd t0, 0(sp)
    csrr t0, sstatus
    sd t0, 256(sp)
    mv a0, sp
    call exception_entry
1:  j 1b

interrupt:
    ld t0, -8(sp)
    csrrw sp, sscratch, sp
    addi sp, sp, -272
    each_register sd
    csrr s0, sepc
    csrr s1, sstatus
    sd s0, 0(sp)
    sd s1, 256(sp)
    csrr a0, scause
    call interrupt_entry
    ld t0, 0(sp)
    ld t1, 256(sp)
    csrw sepc, t0
    csrw sstatus, t1
    each_register ld
    addi sp, sp, 272
    sret

    .globl hal_setjmp
hal_setjmp:
    sd ra, 0(a0)
    sd sp, 8(a0)
    sd s0, 16(a0)
    sd s1, 24(a0)
    sd s2, 32(a0)
    sd s3, 40(a0)
    sd s4, 48(a0)
    sd s5, 56(a0)
    sd s6, 64(a0)
    sd s7, 72(a0)
    sd s8, 80(a0)
    sd s9, 88(a0)
    sd s10, 96(a0)
    sd s11, 104(a0)
    li a0, 0
    ret

    .globl hal_longjmp
hal_longjmp:
    ld ra, 0(a0)
    ld sp, 8(a0)
    ld s0, 16(a0)
    ld s1, 24(a0)
    ld s2, 32(a0)
    ld s3, 40(a0)
    ld s4, 48(a0)
    ld s5, 56(a0)
    ld s6, 64(a0)
    ld s7, 72(a0)
    ld s8, 80(a0)
    ld s9, 88(a0)
    ld s10, 96(a0)
    ld s11, 104(a0)
    li a0, 1
    ret

    .globl hal_switch
hal_switch:
    addi sp, sp, -112
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    sd sp, 0(a0)
    mv sp, a1
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    addi sp, sp, 112
    ret

    /* Area: f0..f31, fcsr; with the vector extension (sstatus.VS is on) vstart, vcsr, vl, vtype, v0..v31. */
    .globl hal_fpu_save
hal_fpu_save:
    each_float fsd
    frcsr t0
    sd t0, 256(a0)
    csrr t0, sstatus
    andi t0, t0, 0x600
    beqz t0, 1f
    csrr t0, vstart
    sd t0, 264(a0)
    csrr t0, vcsr
    sd t0, 272(a0)
    csrr t0, vl
    sd t0, 280(a0)
    csrr t0, vtype
    sd t0, 288(a0)
    csrw vstart, zero
    csrr t0, vlenb
    slli t0, t0, 3
    addi a0, a0, 296
    vs8r.v v0, (a0)
    add a0, a0, t0
    vs8r.v v8, (a0)
    add a0, a0, t0
    vs8r.v v16, (a0)
    add a0, a0, t0
    vs8r.v v24, (a0)
1:  ret

    .globl hal_fpu_restore
hal_fpu_restore:
    each_float fld
    ld t0, 256(a0)
    fscsr t0
    csrr t0, sstatus
    andi t0, t0, 0x600
    beqz t0, 1f
    csrr t0, vlenb
    slli t0, t0, 3
    addi t1, a0, 296
    vl8re8.v v0, (t1)
    add t1, t1, t0
    vl8re8.v v8, (t1)
    add t1, t1, t0
    vl8re8.v v16, (t1)
    add t1, t1, t0
    vl8re8.v v24, (t1)
    ld t0, 280(a0)
    ld t1, 288(a0)
    vsetvl zero, t0, t1
    ld t0, 272(a0)
    csrw vcsr, t0
    ld t0, 264(a0)
    csrw vstart, t0
1:  ret
