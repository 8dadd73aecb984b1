/* From boot.S to kernel_main: console, the PVH start info (Xen public/arch-x86/hvm/start_info.h), processor tables.
   Also the way out: QEMU's isa-debug-exit, else a triple fault. */
#include "panic.h"
#include "string.h"
#include "uart.h"
#include "x86.h"

enum { START_MAGIC = 0x336ec578, PVH_RAM = 1, DEBUG_EXIT_PORT = 0xf4, LOW_MEMORY = 1 << 20 };
enum { COM1_PORT = 0x3f8, COM1_LINE = 4 };

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp;
    uint64_t memory_map; /* from version 1 on */
    uint32_t memory_count, reserved;
};
struct start_module {
    uint64_t start, size, cmdline, reserved;
};
struct start_memory {
    uint64_t start, size;
    uint32_t type, reserved;
};

const char hal_arch[] = "x86_64";
static struct boot_info boot;

NORETURN void start(const void *info, uint32_t magic);

NORETURN void hal_exit(int code)
{
    out32(DEBUG_EXIT_PORT, (uint32_t)code >> 1); /* QEMU leaves with value << 1 | 1 */
    struct PACKED { uint16_t limit; uint64_t base; } none = {0, 0};
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    for (;;)
        __asm__ volatile("cli; hlt");
}

uint8_t hal_port_read8(uint16_t port) { return in8(port); }
void hal_port_write8(uint16_t port, uint8_t value) { out8(port, value); }

static void read_start_info(const struct start_info *info)
{
    if (info->magic != START_MAGIC || info->version < 1)
        panic("boot: expected PVH start info (magic %#x, version 1) at %p, found magic %#x, version %u", START_MAGIC,
              (const void *)info, info->magic, info->version);
    if (info->cmdline)
        boot_set_cmdline(&boot, (const char *)info->cmdline, CMDLINE_MAX);
    boot.rsdp = info->rsdp;
    const struct start_memory *memory = (const void *)info->memory_map;
    for (uint32_t i = 0; i < info->memory_count; i++)
        if (memory[i].type == PVH_RAM)
            boot_add_ram(&boot, memory[i].start, memory[i].size);
    const struct start_module *module = (const void *)info->modules;
    for (uint32_t i = 0; i < info->module_count; i++)
        boot_add_module(&boot, module[i].start, module[i].size, (const char *)module[i].cmdline, CMDLINE_MAX);
}

void start(const void *info, uint32_t magic)
{
    console_attach(uart16550_attach((struct io){.base = COM1_PORT, .port = true}, COM1_LINE));
    cpu_init();
    fpu_init();
    if (magic)
        read_multiboot(&boot, info, magic);
    else
        read_start_info(info);
    boot_add_reserved(&boot, 0, LOW_MEMORY); /* boot information, firmware tables and the BIOS's data live there */
    kernel_main(&boot);
}
