/* Filling boot_info: shared by every boot protocol (boot.h). */
#include "boot.h"
#include "cpio.h"
#include "fdt.h"
#include "panic.h"
#include "string.h"

static bool add(struct mem_range *ranges, unsigned *count, uint64_t start, uint64_t size)
{
    uint64_t end;
    if (!size)
        return true;
    if (__builtin_add_overflow(start, size, &end) || end > UINTPTR_MAX)
        return false;
    if (*count && ranges[*count - 1].end == start) { /* firmware likes to report RAM in many small pieces */
        ranges[*count - 1].end = (uintptr_t)end;
        return true;
    }
    if (*count == BOOT_RANGES)
        return false;
    ranges[(*count)++] = (struct mem_range){(uintptr_t)start, (uintptr_t)end};
    return true;
}

void boot_add_ram(struct boot_info *boot, uint64_t start, uint64_t size)
{
    add(boot->ram, &boot->ram_count, start, size);
}

void boot_add_reserved(struct boot_info *boot, uint64_t start, uint64_t size)
{
    if (!add(boot->reserved, &boot->reserved_count, start, size))
        panic("cannot reserve %#lx bytes at %#lx: expected at most %d ranges inside the address space",
              (unsigned long)size, (unsigned long)start, BOOT_RANGES);
}

/* "/boot/slm.gguf quiet" is called slm.gguf. */
static void name_module(struct boot_module *module, const char *name, size_t max)
{
    const char *last = name;
    size_t end = 0;
    for (; end < max && name[end] && name[end] != ' '; end++)
        if (name[end] == '/')
            last = name + end + 1;
    size_t length = MIN((size_t)(name + end - last), sizeof module->name - 1);
    memcpy(module->name, last, length);
}

void boot_add_module(struct boot_info *boot, uint64_t base, uint64_t size, const char *name, size_t max)
{
    uint64_t end;
    if (!size || !base || __builtin_add_overflow(base, size, &end) || end > UINTPTR_MAX)
        return;
    boot_add_reserved(boot, base, size);
    if (boot->module_count == BOOT_MODULES)
        return;
    struct boot_module *module = &boot->modules[boot->module_count++];
    *module = (struct boot_module){.base = (uintptr_t)base, .size = (size_t)size};
    if (name)
        name_module(module, name, max);
}

static bool find_in_archive(const struct boot_module *module, const char *name, struct boot_module *found)
{
    struct cpio archive = {(const void *)module->base, module->size, 0};
    struct cpio_entry entry;
    while (cpio_next(&archive, &entry)) {
        if (strcmp(entry.name, name) || !cpio_is_file(&entry))
            continue;
        *found = (struct boot_module){.base = (uintptr_t)entry.data, .size = entry.size};
        return true;
    }
    return false;
}

bool boot_module_find(const char *name, const char *magic, struct boot_module *found)
{
    const struct boot_info *boot = boot_info();
    size_t length = strlen(magic);
    for (unsigned i = 0; i < boot->module_count; i++) {
        const struct boot_module *module = &boot->modules[i];
        if (find_in_archive(module, name, found))
            return true;
        bool fits = module->size >= length && !memcmp((const void *)module->base, magic, length);
        if (module->name[0] ? strcmp(module->name, name) : !fits)
            continue;
        *found = *module;
        return true;
    }
    return false;
}

void boot_set_cmdline(struct boot_info *boot, const char *text, size_t max)
{
    size_t length = strnlen(text, MIN(max, CMDLINE_MAX - 1));
    memcpy(boot->cmdline, text, length);
    boot->cmdline[length] = 0;
}

/* `linux,initrd-start` and its like may have one cell or two. */
static uint64_t cells(const struct fdt *fdt, fdt_node node, const char *name)
{
    struct fdt_property p = fdt_property(fdt, node, name);
    uint64_t value = 0;
    for (uint32_t i = 0; i < p.size && i < 8; i++)
        value = value << 8 | p.data[i];
    return value;
}

static void read_chosen(struct boot_info *boot, const struct fdt *fdt, fdt_node chosen)
{
    const char *args = fdt_string(fdt, chosen, "bootargs");
    if (args)
        boot_set_cmdline(boot, args, CMDLINE_MAX);
    uint64_t start = cells(fdt, chosen, "linux,initrd-start"), end = cells(fdt, chosen, "linux,initrd-end");
    if (end > start)
        boot_add_module(boot, start, end - start, NULL, 0);
}

bool boot_from_fdt(struct boot_info *boot, const void *blob)
{
    struct fdt fdt;
    uint64_t start, size;
    if (!fdt_open(&fdt, blob, 16u << 20))
        return false;
    boot->fdt = blob;
    boot_add_reserved(boot, (uintptr_t)blob, fdt.size);
    for (unsigned i = 0; fdt_reservation(&fdt, i, &start, &size); i++)
        boot_add_reserved(boot, start, size);

    fdt_node root = fdt_root(&fdt);
    for (fdt_node node = fdt_child(&fdt, root); node; node = fdt_sibling(&fdt, node)) {
        const char *type = fdt_string(&fdt, node, "device_type");
        if (type && !strcmp(type, "memory"))
            for (unsigned i = 0; fdt_reg(&fdt, root, node, i, &start, &size); i++)
                boot_add_ram(boot, start, size);
    }
    fdt_node reserved = fdt_find(&fdt, "/reserved-memory");
    if (reserved)
        for (fdt_node node = fdt_child(&fdt, reserved); node; node = fdt_sibling(&fdt, node))
            for (unsigned i = 0; fdt_reg(&fdt, reserved, node, i, &start, &size); i++)
                boot_add_reserved(boot, start, size);
    fdt_node chosen = fdt_find(&fdt, "/chosen");
    if (chosen)
        read_chosen(boot, &fdt, chosen);
    return true;
}
