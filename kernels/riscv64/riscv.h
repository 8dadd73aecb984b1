/* Control registers and the supervisor binary interface, for this folder only. PRIV: The RISC-V Instruction Set
   Manual, volume II (privileged), 20211203. SBI: RISC-V Supervisor Binary Interface 1.0. */
#pragma once

#include "hal.h"

struct fdt;

#define READ_CSR(name)                                     \
    ({                                                     \
        uint64_t value_;                                   \
        __asm__ volatile("csrr %0, " #name : "=r"(value_)); \
        value_;                                            \
    })
#define SET_CSR(name, bits) __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define CLEAR_CSR(name, bits) __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")

enum { SSTATUS_SIE = 1 << 1, SSTATUS_VS = 3 << 9, SIE_TIMER = 1 << 5, SIE_EXTERNAL = 1 << 9 };

/* What vectors.S saves, lowest address first: x[n] is register xn, x[0] the program counter. */
struct hal_frame {
    uint64_t x[32];
    uint64_t status;
};

void plic_setup(const struct fdt *fdt, uint64_t hart);
void plic_take(void);
void clock_setup(const struct fdt *fdt);
void vector_setup(const struct fdt *fdt);
void exception_entry(struct hal_frame *frame);
void interrupt_entry(uint64_t cause);

static inline long sbi_call(long extension, long function, long a, long b)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a6 __asm__("a6") = function;
    register long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return a0;
}
