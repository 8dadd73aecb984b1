/* From boot.S to kernel_main: the device tree, the console, the interrupt controller's place. Also the way out:
   the board's test device (SiFive "test finisher"), else SBI's system reset (SBI chapter 10). */
#include "fdt.h"
#include "io.h"
#include "mm.h"
#include "panic.h"
#include "riscv.h"
#include "uart.h"

enum { FINISHER_FAIL = 0x3333, SBI_EXT_RESET = 0x53525354 };
enum { BOARD_UART = 0x10000000, BOARD_UART_LINE = 10 };

const char hal_arch[] = "riscv64";
static struct boot_info boot;
static uintptr_t finisher;

NORETURN void start(uint64_t hart, const void *device_tree);

NORETURN void hal_exit(int code)
{
    if (finisher) /* QEMU leaves a while later: a reset asked for meanwhile would make its exit code 0 */
        mmio_write32(finisher, (uint32_t)code << 16 | FINISHER_FAIL);
    else
        sbi_call(SBI_EXT_RESET, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

uint8_t hal_port_read8(uint16_t port)
{
    (void)port;
    return 0xff;
}
void hal_port_write8(uint16_t port, uint8_t value) { (void)port, (void)value; }

static void find_finisher(const struct fdt *fdt)
{
    uint64_t base, size;
    fdt_node parent, node = fdt_find_compatible(fdt, "sifive,test0", &parent);
    if (node && fdt_reg(fdt, parent, node, 0, &base, &size))
        finisher = io_map(base, 0x1000);
}

void start(uint64_t hart, const void *device_tree)
{
    struct fdt fdt;
    bool opened = fdt_open(&fdt, device_tree, 16 << 20);
    struct serial *serial = opened ? uart_attach_fdt(&fdt) : NULL;
    console_attach(serial ? serial : uart16550_attach((struct io){.base = BOARD_UART}, BOARD_UART_LINE));
    if (!opened || !boot_from_fdt(&boot, device_tree))
        panic("boot: expected a device tree at %p (a1), found none", device_tree);
    find_finisher(&fdt);
    plic_setup(&fdt, hart);
    clock_setup(&fdt);
    vector_setup(&fdt);
    kernel_main(&boot);
}
