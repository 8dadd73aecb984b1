# aarch64: a raw image behind the 64-byte Linux header, because QEMU hands the device tree to nothing else. Interrupt
# handlers do not save vector registers, so no code but the SLM engine's may use them.
TARGET := aarch64-unknown-none-elf
GNU_PREFIX := aarch64-linux-gnu-
ARCH_CFLAGS := -mcpu=cortex-a72 -mstrict-align -mgeneral-regs-only
ARCH_GCC_FLAGS := -mno-outline-atomics
IMAGE := $(OUT)/kernel.img

$(IMAGE): $(OUT)/kernel.elf
	$(call say,IMG,$@)$(OBJCOPY) -O binary $< $@
