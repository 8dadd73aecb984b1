/* What the boot protocol told us, in one shape for every architecture. Filled by the architecture's entry code,
   read-only afterwards (boot_info() returns it). */
#pragma once

#include "base.h"

struct mem_range {
    uintptr_t start;
    uintptr_t end; /* one past the last byte */
};

enum { BOOT_RANGES = 32, BOOT_MODULES = 8, BOOT_NAME_MAX = 32, CMDLINE_MAX = 1024 };

/* A file that the boot loader put into memory: an initrd, a Multiboot module. It stays where it is, mapped read-only. */
struct boot_module {
    char name[BOOT_NAME_MAX];   /* its last path component, if the protocol gives one; else empty */
    uintptr_t base;
    size_t size;
};

struct boot_info {
    char cmdline[CMDLINE_MAX];  /* always terminated; cut when longer */
    const void *fdt;            /* flattened device tree, or NULL */
    uintptr_t rsdp;             /* ACPI's root pointer, or 0 */
    struct boot_module modules[BOOT_MODULES];
    unsigned module_count;
    struct mem_range ram[BOOT_RANGES];
    unsigned ram_count;
    struct mem_range reserved[BOOT_RANGES]; /* inside RAM, but somebody's: firmware, device tree, modules */
    unsigned reserved_count;
};

const struct boot_info *boot_info(void);

/* Add [start, start+size) to the map; a range that wraps or does not fit the table is dropped (ram) or a panic
   (reserved: forgetting one would hand out memory that is in use). */
void boot_add_ram(struct boot_info *boot, uint64_t start, uint64_t size);
void boot_add_reserved(struct boot_info *boot, uint64_t start, uint64_t size);
/* Also reserves it. `name` may be NULL, a path, or a path and arguments; it ends within max bytes. An empty module, one
   outside the address space, or one too many is dropped. */
void boot_add_module(struct boot_info *boot, uint64_t base, uint64_t size, const char *name, size_t max);
void boot_set_cmdline(struct boot_info *boot, const char *text, size_t max);

/* Fill `boot` from a flattened device tree: command line, memory, reservations, modules. False if it is not one. */
bool boot_from_fdt(struct boot_info *boot, const void *fdt);

/* A file that came with the kernel: the module of that name; else the file of that name (its path in the archive) in a
   module that is a cpio archive; else a module without a name that begins with `magic`. The bytes lie in place, on no
   alignment better than 4, and are read-only. False when there is none. */
bool boot_module_find(const char *name, const char *magic, struct boot_module *found);

/* The kernel's command line is words separated by blanks: `name` or `name=value`. */
bool cmdline_has(const char *cmdline, const char *name);
/* Copies the value of the last `name=value` into out; false (and out empty) without one. */
bool cmdline_get(const char *cmdline, const char *name, char *out, size_t size);
