/* Filling boot_info: shared by every boot protocol (boot.h). */
#include "boot.h"
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
    if (start && end > start && end <= UINTPTR_MAX) {
        boot->initrd = (struct mem_range){(uintptr_t)start, (uintptr_t)end};
        boot_add_reserved(boot, start, end - start);
    }
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
