/* Two entries, both in 32-bit protected mode with paging off. PVH (Xen "x86/HVM direct boot ABI"): ebx = struct
   hvm_start_info *. Multiboot2 (GNU Multiboot2 Specification 2.0, 3.3): eax = magic, ebx = boot information.
   Maps the first 4 GiB one to one, enters 64-bit mode, and calls start(ebx, magic or 0). */

    .section .multiboot, "a"
    .balign 8
multiboot_header:
    .long 0xe85250d6, 0         /* magic; architecture: i386, protected mode */
    .long multiboot_end - multiboot_header
    .long -(0xe85250d6 + (multiboot_end - multiboot_header))
    .short 3, 0                 /* tag: where to enter, since the ELF header names the PVH entry */
    .long 12
    .long multiboot_start
    .long 0
    .short 0, 0                 /* tag: end */
    .long 8
multiboot_end:

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18              /* name size, value size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_start

    .section .text.boot, "ax"
    .code32
multiboot_start:
    movl %eax, %ebp
    jmp enter
    .globl pvh_start
pvh_start:
    xorl %ebp, %ebp
enter:
    cld
    cli
    movl %ebx, %esi
    movl $__bss_start, %edi     /* the loader clears .bss too, but owes it to nobody */
    movl $__bss_end, %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    xorl %eax, %eax
    rep stosl

    movl $boot_pd, %edi         /* 2048 pages of 2 MiB: present, writable, large */
    movl $0x83, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $boot_pd + 3, %eax
    movl $boot_pdpt, %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $boot_pdpt + 3, boot_pml4
    movl $boot_pml4, %eax
    movl %eax, %cr3

    movl %cr4, %eax
    orl $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $0xc0000080, %ecx      /* EFER: long mode, no-execute */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    andl $~0x4, %eax            /* EM off: the FPU is real */
    orl $0x80010003, %eax       /* paging, write protect in ring 0, monitor, protection */
    movl %eax, %cr0
    lgdt boot_gdtr
    ljmp $8, $start64

    .code64
start64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq hal_boot_stack + 32768(%rip), %rsp     /* BOOT_STACK_SIZE */
    movl %esi, %edi
    movl %ebp, %esi
    xorl %ebp, %ebp             /* where backtraces end */
    call start
    ud2

    .section .rodata
    .balign 8
boot_gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdtr:
    .word 23
    .long boot_gdt

    .bss
    .balign 4096
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd: .skip 16384
    .globl hal_boot_stack
hal_boot_stack: .skip 32768
