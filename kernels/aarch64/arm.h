/* System registers and numbers of the processor, for this folder only. ARM: Arm Architecture Reference Manual,
   DDI 0487. */
#pragma once

#include "hal.h"

struct fdt;

#define READ_SYSREG(name)                                            \
    ({                                                               \
        uint64_t value_;                                             \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));           \
        value_;                                                      \
    })
#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %0; isb" : : "r"((uint64_t)(value)) : "memory")

/* What vectors.S saves, lowest address first. */
struct hal_frame {
    uint64_t x[31];
    uint64_t sp, pc, pstate;
};

enum { TIMER_LINE = 27 }; /* the virtual timer's private interrupt */

void gic_setup(const struct fdt *fdt);
void exception_entry(struct hal_frame *frame);
void interrupt_entry(void);
