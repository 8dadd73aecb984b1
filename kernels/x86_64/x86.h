/* Instructions and numbers of the processor, for this folder only. SDM: Intel 64 Software Developer's Manual. */
#pragma once

#include "hal.h"

enum { CODE_SELECTOR = 0x08, DATA_SELECTOR = 0x10, TSS_SELECTOR = 0x18 };
/* Vectors: exceptions below 32, interrupt line n at VECTOR_LINES + n, then the local APIC's own. */
enum { VECTOR_LINES = 0x30, VECTOR_TIMER = 0xf0, VECTOR_SPURIOUS = 0xff };

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out32(uint16_t port, uint32_t value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* What the stubs in vectors.S save, lowest address first. */
struct hal_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

void read_multiboot(struct boot_info *boot, const void *info, uint32_t magic);
void cpu_init(void);            /* GDT, TSS, IDT */
void fpu_init(void);
void frame_entry(struct hal_frame *frame);
void apic_end_of_interrupt(void);
uint32_t apic_timer_left(void);
void apic_timer_start(uint32_t ticks); /* one shot; 0 stops it */
