/* From boot.S to kernel_main: the device tree, the console, the interrupt controller's place. Also the way out:
   semihosting's SYS_EXIT_EXTENDED (Arm Semihosting 2.0), else PSCI's SYSTEM_OFF (Arm DEN 0022, 5.10). */
#include "arm.h"
#include "fdt.h"
#include "panic.h"
#include "string.h"
#include "uart.h"

enum { SYS_EXIT_EXTENDED = 0x20, STOPPED_APPLICATION_EXIT = 0x20026, BOARD_UART = 0x09000000, BOARD_UART_LINE = 33 };
#define PSCI_SYSTEM_OFF 0x84000008ul

const char hal_arch[] = "aarch64";
static struct boot_info boot;
static bool psci_by_smc;
static bool leaving;

NORETURN void start(const void *device_tree);

static void semihosting_exit(int code)
{
    uint64_t block[2] = {STOPPED_APPLICATION_EXIT, (uint64_t)code};
    register uint64_t operation __asm__("x0") = SYS_EXIT_EXTENDED;
    register uint64_t *parameters __asm__("x1") = block;
    __asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(parameters) : "memory");
}

NORETURN void hal_exit(int code)
{
    if (!leaving) { /* without semihosting the hlt traps, and the trap's panic comes here again */
        leaving = true;
        semihosting_exit(code);
    }
    register uint64_t function __asm__("x0") = PSCI_SYSTEM_OFF;
    if (psci_by_smc)
        __asm__ volatile("smc #0" : "+r"(function));
    else
        __asm__ volatile("hvc #0" : "+r"(function));
    for (;;)
        __asm__ volatile("wfi");
}

uint8_t hal_port_read8(uint16_t port)
{
    (void)port;
    return 0xff;
}
void hal_port_write8(uint16_t port, uint8_t value) { (void)port, (void)value; }

void start(const void *device_tree)
{
    struct fdt fdt;
    bool opened = fdt_open(&fdt, device_tree, 16 << 20);
    struct serial *serial = opened ? uart_attach_fdt(&fdt) : NULL;
    console_attach(serial ? serial : pl011_attach(BOARD_UART, BOARD_UART_LINE));
    if (!opened || !boot_from_fdt(&boot, device_tree))
        panic("boot: expected a device tree at %p (x0), found none", device_tree);
    const char *method = fdt_string(&fdt, fdt_find(&fdt, "/psci"), "method");
    psci_by_smc = method && !strcmp(method, "smc");
    gic_setup(&fdt);
    kernel_main(&boot);
}
