/* Traps by their cause (PRIV table 4.2), interrupt masking, backtraces. */
#include "print.h"
#include "riscv.h"

enum { INTERRUPT_TIMER = 5, INTERRUPT_EXTERNAL = 9 };

static const struct {
    const char *name;
    enum trap_kind kind;
} causes[] = {
    [0] = {"instruction address misaligned", TRAP_ACCESS},
    [1] = {"instruction access fault", TRAP_ACCESS},
    [2] = {"illegal instruction", TRAP_ILLEGAL},
    [3] = {"breakpoint", TRAP_BREAKPOINT},
    [4] = {"load address misaligned", TRAP_ACCESS},
    [5] = {"load access fault", TRAP_ACCESS},
    [6] = {"store address misaligned", TRAP_ACCESS},
    [7] = {"store access fault", TRAP_ACCESS},
    [12] = {"instruction page fault", TRAP_ACCESS},
    [13] = {"load page fault", TRAP_ACCESS},
    [15] = {"store page fault", TRAP_ACCESS},
};

void exception_entry(struct hal_frame *frame)
{
    uint64_t cause = READ_CSR(scause);
    bool known = cause < ARRAY_LEN(causes) && causes[cause].name;
    enum trap_kind kind = known ? causes[cause].kind : TRAP_OTHER;
    struct trap trap = {
        .kind = kind,
        .cause = known ? causes[cause].name : "exception",
        .pc = frame->x[0],
        .address = kind == TRAP_ACCESS ? READ_CSR(stval) : 0,
        .frame_pointer = frame->x[8],
        .frame = frame,
    };
    trap_raise(&trap);
}

void interrupt_entry(uint64_t cause)
{
    switch (cause & 0xff) {
    case INTERRUPT_TIMER:
        CLEAR_CSR(sie, SIE_TIMER); /* stays due until the next hal_timer_set, which enables it again */
        timer_raise();
        break;
    case INTERRUPT_EXTERNAL:
        plic_take();
        break;
    default:
        break;
    }
    interrupt_done();
}

void hal_frame_print(const struct hal_frame *frame)
{
    static const char *const names[32] = {
        "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
        "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
    };
    for (unsigned i = 0; i < 32; i++)
        kprintf("%4s %016lx%s", names[i], (unsigned long)frame->x[i], i % 4 == 3 ? "\n" : " ");
    kprintf("sstatus %016lx  scause %016lx\n", (unsigned long)frame->status, (unsigned long)READ_CSR(scause));
}

/* With -fno-omit-frame-pointer, s0 points just above the saved ra and s0. */
bool hal_backtrace_step(uintptr_t *frame_pointer, uintptr_t *return_address)
{
    const uintptr_t *frame = (const uintptr_t *)*frame_pointer;
    if (!frame || (uintptr_t)frame % sizeof *frame)
        return false;
    *return_address = frame[-1];
    *frame_pointer = frame[-2] > (uintptr_t)frame ? frame[-2] : 0; /* stacks grow down: callers lie above */
    return *return_address != 0;
}

bool hal_irq_save(void)
{
    uint64_t status;
    __asm__ volatile("csrrci %0, sstatus, 2" : "=r"(status) : : "memory");
    return status & SSTATUS_SIE;
}

void hal_irq_restore(bool enabled)
{
    if (enabled)
        SET_CSR(sstatus, SSTATUS_SIE);
    else
        CLEAR_CSR(sstatus, SSTATUS_SIE);
}

void hal_irq_wait(void)
{
    /* wfi wakes for a masked interrupt too, so none slips between it and the unmasking */
    __asm__ volatile("wfi; csrsi sstatus, 2; nop; csrci sstatus, 2" : : : "memory");
}
