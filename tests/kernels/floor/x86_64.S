/* The least that QEMU can be asked to do: a kernel that leaves at once (PVH entry, isa-debug-exit, status 33). */
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long _start
    .text
    .code32
    .globl _start
_start:
    movl $0x10, %eax
    outl %eax, $0xf4
1:  hlt
    jmp 1b
