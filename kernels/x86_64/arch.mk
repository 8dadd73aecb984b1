# x86_64: an ELF64 with a PVH note, booted as it is. Interrupt handlers do not save vector registers, so no code but
# the SLM engine's may use them; the red zone would be overwritten by interrupts.
TARGET := x86_64-unknown-none-elf
GNU_PREFIX :=
ARCH_CFLAGS := -mno-red-zone -mcmodel=small -mgeneral-regs-only -mstack-protector-guard=global
ARCH_GCC_FLAGS := -fcf-protection=none
