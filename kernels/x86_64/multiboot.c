/* Multiboot2 boot information (GNU Multiboot2 Specification 2.0, 3.6): a list of tags, each aligned to 8. */
#include "panic.h"
#include "x86.h"

enum { LOADER_MAGIC = 0x36d76289, MULTIBOOT_RAM = 1 };
enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_MODULE = 3, TAG_MEMORY = 6, TAG_RSDP_OLD = 14, TAG_RSDP_NEW = 15 };

struct tag {
    uint32_t type, size;
};
struct module_tag {
    struct tag tag;
    uint32_t start, end;
};
struct memory_entry {
    uint64_t start, size;
    uint32_t type, reserved;
};
struct memory_tag {
    struct tag tag;
    uint32_t entry_size, version;
};

static void read_memory(struct boot_info *boot, const struct memory_tag *memory)
{
    const char *at = (const char *)(memory + 1), *end = (const char *)memory + memory->tag.size;
    for (; memory->entry_size >= sizeof(struct memory_entry) && at + memory->entry_size <= end; at += memory->entry_size) {
        const struct memory_entry *entry = (const void *)at;
        if (entry->type == MULTIBOOT_RAM)
            boot_add_ram(boot, entry->start, entry->size);
    }
}

static void read_tag(struct boot_info *boot, const struct tag *tag)
{
    const struct module_tag *module = (const void *)tag;
    switch (tag->type) {
    case TAG_CMDLINE:
        boot_set_cmdline(boot, (const char *)(tag + 1), tag->size - sizeof *tag);
        break;
    case TAG_MEMORY:
        read_memory(boot, (const void *)tag);
        break;
    case TAG_MODULE:
        if (tag->size >= sizeof *module && module->end > module->start)
            boot_add_module(boot, module->start, module->end - module->start, (const char *)(module + 1),
                            tag->size - sizeof *module);
        break;
    case TAG_RSDP_OLD:
    case TAG_RSDP_NEW:
        boot->rsdp = (uintptr_t)(tag + 1); /* a copy; the newer comes last */
        break;
    default:
        break;
    }
}

void read_multiboot(struct boot_info *boot, const void *info, uint32_t magic)
{
    if (magic != LOADER_MAGIC)
        panic("boot: expected Multiboot2 (magic %#x), found %#x", LOADER_MAGIC, magic);
    uint32_t size = *(const uint32_t *)info;
    boot_add_reserved(boot, (uintptr_t)info, size);
    for (uint32_t at = 8; at + sizeof(struct tag) <= size;) {
        const struct tag *tag = (const void *)((const char *)info + at);
        if (tag->type == TAG_END || tag->size < sizeof *tag || tag->size > size - at)
            break;
        read_tag(boot, tag);
        at += (uint32_t)ALIGN_UP(tag->size, 8);
    }
}
