/* ACPI tables, read only (Advanced Configuration and Power Interface Specification 6.5, chapter 5). No AML: only the
   fixed tables. What firmware left there is hostile: every pointer, length and checksum is checked before it is used. */
#pragma once

#include "base.h"

struct PACKED acpi_header { /* 5.2.6 */
    char signature[4];
    uint32_t length; /* with this header */
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
};

enum { ACPI_TABLES_MAX = 64, ACPI_LENGTH_MAX = 1 << 20, ACPI_NO_LINE = 0xffff };

struct acpi {
    /* `size` bytes of physical memory, readable; NULL when they cannot be. */
    const void *(*map)(uint64_t address, size_t size);
    const uint8_t *root;                /* the XSDT or RSDT */
    unsigned entry_size, count;
};

/* From the root pointer (5.2.5); false when it, or the table it names, is damaged. */
bool acpi_open(struct acpi *acpi, uint64_t rsdp, const void *(*map)(uint64_t address, size_t size));
/* The index-th table, whole; NULL when it is damaged. *address is where it lies. */
const struct acpi_header *acpi_table(const struct acpi *acpi, unsigned index, uint64_t *address);

/* MADT (5.2.12): how the index-th of the sixteen old interrupts reaches the controller, after the overrides (5.2.12.5). */
struct acpi_override {
    uint32_t line;
    bool given, level, low;
};
void acpi_read_overrides(const struct acpi_header *madt, struct acpi_override overrides[16]);
/* MCFG (PCI Firmware Specification 3.2, 4.1.2): configuration space of segment 0 from bus 0 on. */
bool acpi_read_mcfg(const struct acpi_header *mcfg, uint64_t *base, uint64_t *size);
/* FADT (5.2.9.3): is there no CMOS clock? */
bool acpi_lacks_cmos(const struct acpi_header *fadt);

/* The line of an old interrupt (0 to 15) as the tables say; ACPI_NO_LINE for any other. */
unsigned acpi_line(unsigned old);
