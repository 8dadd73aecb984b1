/* The least that QEMU can be asked to do: a kernel that leaves at once (Linux Image header, semihosting, status 33). */
    .text
    .globl _start
_start:
    b 1f
    .long 0
    .quad 0x80000, 0x1000, 0xa, 0, 0, 0
    .ascii "ARM\x64"
    .long 0
1:  movz x2, #0x26              /* ADP_Stopped_ApplicationExit, 0x20026 */
    movk x2, #2, lsl #16
    mov x3, #33
    adr x1, 2f
    stp x2, x3, [x1]
    mov w0, #0x20               /* SYS_EXIT_EXTENDED */
    hlt #0xf000
    .balign 16
2:  .quad 0, 0
