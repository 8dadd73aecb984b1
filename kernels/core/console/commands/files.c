/* Files by hand. modules: what the boot loader put into memory beside the kernel. */
#include "boot.h"
#include "console.h"
#include "cpio.h"
#include "print.h"

static void modules(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct boot_info *boot = boot_info();
    for (unsigned i = 0; i < boot->module_count; i++) {
        const struct boot_module *module = &boot->modules[i];
        kprintf("%-16s %10zu bytes at %#lx %s\n", module->name[0] ? module->name : "-", module->size,
                (unsigned long)module->base, cpio_is((const void *)module->base, module->size) ? "cpio" : "file");
    }
}
COMMAND(modules, "list what the boot loader brought: name, size, place", modules);
