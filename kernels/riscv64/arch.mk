# riscv64: an ELF that OpenSBI enters in supervisor mode. The core is compiled for the integer registers only; the
# calling convention is lp64, so that the SLM engine's files may use floating point inside.
TARGET := riscv64-unknown-none-elf
GNU_PREFIX := riscv64-linux-gnu-
ARCH_CFLAGS := -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax
ARCH_FLOAT_CFLAGS := -march=rv64gc
ARCH_ASFLAGS := -march=rv64gcv
ARCH_GCC_FLAGS :=
