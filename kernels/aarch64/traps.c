/* Exceptions by their syndrome (ARM D17.2.37, ESR_EL1), interrupt masking, backtraces. */
#include "arm.h"
#include "print.h"

enum { EC_UNKNOWN = 0x00, EC_ILLEGAL_STATE = 0x0e, EC_FETCH = 0x21, EC_PC_ALIGN = 0x22, EC_DATA = 0x25,
       EC_SP_ALIGN = 0x26, EC_BRK = 0x3c, ISS_WRITE = 1 << 6, MASK_IRQ = 1 << 7 };

/* Fault status codes, ARM D17.2.37 "DFSC": the level in the two low bits is left off. */
static const char *abort_cause(uint64_t esr)
{
    bool write = esr & ISS_WRITE, fetch = esr >> 26 == EC_FETCH;
    switch (esr >> 2 & 0xf) {
    case 1: return fetch ? "translation fault: execute" : write ? "translation fault: write" : "translation fault: read";
    case 2: return "access flag fault";
    case 3: return fetch ? "permission fault: execute" : write ? "permission fault: write" : "permission fault: read";
    case 8: return (esr & 3) == 1 ? "alignment fault" : "abort";
    case 4: return "external abort";
    default: return "abort";
    }
}

static const char *cause_of(uint64_t esr)
{
    switch (esr >> 26) {
    case EC_UNKNOWN: return "undefined instruction";
    case EC_ILLEGAL_STATE: return "illegal execution state";
    case EC_PC_ALIGN: return "misaligned program counter";
    case EC_SP_ALIGN: return "misaligned stack pointer";
    case EC_BRK: return "breakpoint instruction";
    case EC_FETCH:
    case EC_DATA: return abort_cause(esr);
    default: return "exception";
    }
}

static enum trap_kind kind_of(uint64_t esr)
{
    switch (esr >> 26) {
    case EC_UNKNOWN:
    case EC_ILLEGAL_STATE: return TRAP_ILLEGAL;
    case EC_BRK: return TRAP_BREAKPOINT;
    case EC_FETCH:
    case EC_DATA:
    case EC_PC_ALIGN: return TRAP_ACCESS;
    default: return TRAP_OTHER;
    }
}

void exception_entry(struct hal_frame *frame)
{
    uint64_t esr = READ_SYSREG(esr_el1);
    struct trap trap = {
        .kind = kind_of(esr),
        .cause = cause_of(esr),
        .pc = frame->pc,
        .address = kind_of(esr) == TRAP_ACCESS ? READ_SYSREG(far_el1) : 0,
        .frame_pointer = frame->x[29],
        .frame = frame,
    };
    trap_raise(&trap);
}

void hal_frame_print(const struct hal_frame *frame)
{
    for (unsigned i = 0; i < 31; i++)
        kprintf("%sx%-2u %016lx%s", i < 10 ? " " : "", i, (unsigned long)frame->x[i], i % 4 == 3 ? "\n" : " ");
    kprintf(" sp %016lx\n  pc %016lx  pstate %016lx  esr %016lx\n", (unsigned long)frame->sp,
            (unsigned long)frame->pc, (unsigned long)frame->pstate, (unsigned long)READ_SYSREG(esr_el1));
}

/* AAPCS64, 6.4.6: x29 points at the caller's x29 and x30. */
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
    uint64_t daif = READ_SYSREG(daif);
    __asm__ volatile("msr daifset, #2" : : : "memory");
    return !(daif & MASK_IRQ);
}

void hal_irq_restore(bool enabled)
{
    if (enabled)
        __asm__ volatile("msr daifclr, #2" : : : "memory");
    else
        __asm__ volatile("msr daifset, #2" : : : "memory");
}

void hal_irq_wait(void)
{
    /* wfi wakes for a masked interrupt too, so none slips between it and the unmasking */
    __asm__ volatile("dsb sy; wfi; msr daifclr, #2; isb; msr daifset, #2" : : : "memory");
}
