/* Entered by OpenSBI in supervisor mode, paging and interrupts off: a0 = hart, a1 = device tree. Sets the trap vector
   and its stack (vectors.S) and calls start(hart, device tree). */

    .section .text.boot, "ax"
    .globl _start
_start:
    csrw sie, zero
    li t0, 0x6600               /* sstatus: FS and VS dirty, so that FP and vector code may run */
    csrs sstatus, t0
    la sp, hal_boot_stack + 32768   /* BOOT_STACK_SIZE */
    la t0, trap_stack_top
    csrw sscratch, t0
    la t0, trap_entry
    csrw stvec, t0

    la t0, __bss_start
    la t1, __bss_end
1:  sd zero, 0(t0)
    addi t0, t0, 8
    bltu t0, t1, 1b
    li s0, 0                    /* where backtraces end */
    li ra, 0
    call start
2:  j 2b

    .bss
    .balign 4096
    .globl hal_boot_stack
hal_boot_stack: .skip 32768
    .skip 16384
    .globl trap_stack_top
trap_stack_top:
