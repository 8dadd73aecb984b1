/* Processor tables (GDT, TSS, IDT: SDM vol. 3, chapters 3, 6 and 8) and what happens when a vector is taken.
   A double fault has a stack of its own, so that running into a stack's guard page can still be reported. */
#include "panic.h"
#include "print.h"
#include "x86.h"

enum { IST_FATAL = 1, GATE_INTERRUPT = 0x8e, TSS_TYPE = 0x89, FATAL_STACK_SIZE = 8192 };
enum { NMI = 2, BREAKPOINT = 3, ILLEGAL = 6, DOUBLE_FAULT = 8, STACK_FAULT = 12, PROTECTION = 13, PAGE_FAULT = 14,
       MACHINE_CHECK = 18 };

struct PACKED tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map;
};
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
struct PACKED table_pointer {
    uint16_t limit;
    uint64_t base;
};

extern char vector_stubs[];
static struct tss tss;
static struct gate idt[256];
static uint64_t gdt[5];
static char fatal_stack[FATAL_STACK_SIZE] __attribute__((aligned(16)));

static void set_gate(unsigned vector, unsigned ist)
{
    uint64_t at = (uintptr_t)vector_stubs + vector * 16ul;
    idt[vector] = (struct gate){(uint16_t)at, CODE_SELECTOR, (uint8_t)ist, GATE_INTERRUPT, (uint16_t)(at >> 16),
                                (uint32_t)(at >> 32), 0};
}

void cpu_init(void)
{
    uint64_t base = (uintptr_t)&tss;
    tss = (struct tss){.io_map = sizeof tss};
    tss.ist[IST_FATAL - 1] = (uintptr_t)fatal_stack + sizeof fatal_stack;
    gdt[1] = 0x00af9a000000ffff; /* code, 64 bit */
    gdt[2] = 0x00cf92000000ffff; /* data */
    gdt[3] = (sizeof tss - 1) | (base & 0xffffff) << 16 | (uint64_t)TSS_TYPE << 40 | (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
    for (unsigned vector = 0; vector < 256; vector++)
        set_gate(vector, vector == DOUBLE_FAULT || vector == NMI || vector == MACHINE_CHECK ? IST_FATAL : 0);
    struct table_pointer gdtr = {sizeof gdt - 1, (uintptr_t)gdt}, idtr = {sizeof idt - 1, (uintptr_t)idt};
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(TSS_SELECTOR));
}

static const char *page_fault_cause(uint64_t error)
{
    static const char *const causes[8] = {
        "page fault: read, not mapped",         "page fault: read, not allowed",
        "page fault: write, not mapped",        "page fault: write, not allowed",
        "page fault: execute, not mapped",      "page fault: execute, not allowed",
        "page fault: execute, not mapped",      "page fault: execute, not allowed",
    };
    return causes[(error & 3) | (error >> 2 & 4)];
}

static const char *cause_of(const struct hal_frame *frame)
{
    static const char *const names[32] = {
        "divide error", "debug", "non-maskable interrupt", "breakpoint", "overflow", "bound range exceeded",
        "invalid opcode", "device not available", "double fault", "coprocessor segment overrun", "invalid TSS",
        "segment not present", "stack segment fault", "general protection", "page fault", "reserved",
        "floating point error", "alignment check", "machine check", "SIMD floating point error", "virtualization",
        "control protection",
    };
    if (frame->vector == PAGE_FAULT)
        return page_fault_cause(frame->error);
    return frame->vector < 32 && names[frame->vector] ? names[frame->vector] : "unexpected vector";
}

static enum trap_kind kind_of(uint64_t vector)
{
    switch (vector) {
    case BREAKPOINT: return TRAP_BREAKPOINT;
    case ILLEGAL: return TRAP_ILLEGAL;
    case DOUBLE_FAULT:
    case STACK_FAULT:
    case PROTECTION:
    case PAGE_FAULT: return TRAP_ACCESS;
    default: return TRAP_OTHER;
    }
}

void frame_entry(struct hal_frame *frame)
{
    if (frame->vector == VECTOR_SPURIOUS)
        return; /* wants no end of interrupt: SDM vol. 3, 10.9 */
    if (frame->vector >= VECTOR_LINES) {
        if (frame->vector == VECTOR_TIMER)
            timer_raise();
        else
            irq_raise((unsigned)frame->vector - VECTOR_LINES);
        apic_end_of_interrupt(); /* after the handlers: a level line is quiet by now, and comes only once */
        interrupt_done();
        return;
    }
    uint64_t address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    bool paging = frame->vector == PAGE_FAULT || frame->vector == DOUBLE_FAULT;
    struct trap trap = {
        .kind = kind_of(frame->vector),
        .cause = cause_of(frame),
        .pc = frame->rip,
        .address = paging ? address : 0,
        .frame_pointer = frame->rbp,
        .frame = frame,
    };
    trap_raise(&trap);
}

void hal_frame_print(const struct hal_frame *f)
{
    const struct { const char *name; uint64_t value; } regs[] = {
        {"rax", f->rax}, {"rbx", f->rbx}, {"rcx", f->rcx}, {"rdx", f->rdx}, {"rsi", f->rsi}, {"rdi", f->rdi},
        {"rbp", f->rbp}, {"rsp", f->rsp}, {"r8", f->r8}, {"r9", f->r9}, {"r10", f->r10}, {"r11", f->r11},
        {"r12", f->r12}, {"r13", f->r13}, {"r14", f->r14}, {"r15", f->r15}, {"rip", f->rip},
        {"rflags", f->rflags}, {"vector", f->vector}, {"error", f->error},
    };
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
        kprintf("%6s %016lx%s", regs[i].name, (unsigned long)regs[i].value, i % 4 == 3 ? "\n" : " ");
}

bool hal_backtrace_step(uintptr_t *frame_pointer, uintptr_t *return_address)
{
    const uintptr_t *frame = (const uintptr_t *)*frame_pointer;
    if (!frame || (uintptr_t)frame % sizeof *frame)
        return false;
    *return_address = frame[1];
    *frame_pointer = frame[0] > (uintptr_t)frame ? frame[0] : 0; /* stacks grow down: callers lie above */
    return *return_address != 0;
}

bool hal_irq_save(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags & 0x200;
}

void hal_irq_restore(bool enabled)
{
    if (enabled)
        __asm__ volatile("sti" : : : "memory");
    else
        __asm__ volatile("cli" : : : "memory");
}

void hal_irq_wait(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory"); /* sti takes effect after hlt: no interrupt slips between */
}
