/* What the boot protocol told us, in one shape for every architecture. Filled by the architecture's entry code,
   read-only afterwards (boot_info() returns it). */
#pragma once

#include "base.h"

struct mem_range {
    uintptr_t start;
    uintptr_t end; /* one past the last byte */
};

enum { BOOT_RANGES = 32, CMDLINE_MAX = 1024 };

struct boot_info {
    char cmdline[CMDLINE_MAX];  /* always terminated; cut when longer */
    const void *fdt;            /* flattened device tree, or NULL */
    uintptr_t rsdp;             /* ACPI's root pointer, or 0 */
    struct mem_range initrd;    /* empty when there is none */
    struct mem_range ram[BOOT_RANGES];
    unsigned ram_count;
    struct mem_range reserved[BOOT_RANGES]; /* inside RAM, but somebody's: firmware, device tree, initrd */
    unsigned reserved_count;
};

const struct boot_info *boot_info(void);

/* Add [start, start+size) to the map; a range that wraps or does not fit the table is dropped (ram) or a panic
   (reserved: forgetting one would hand out memory that is in use). */
void boot_add_ram(struct boot_info *boot, uint64_t start, uint64_t size);
void boot_add_reserved(struct boot_info *boot, uint64_t start, uint64_t size);
void boot_set_cmdline(struct boot_info *boot, const char *text, size_t max);

/* Fill `boot` from a flattened device tree: command line, memory, reservations, initrd. False if it is not one. */
bool boot_from_fdt(struct boot_info *boot, const void *fdt);

/* The kernel's command line is words separated by blanks: `name` or `name=value`. */
bool cmdline_has(const char *cmdline, const char *name);
/* Copies the value of the last `name=value` into out; false (and out empty) without one. */
bool cmdline_get(const char *cmdline, const char *name, char *out, size_t size);
