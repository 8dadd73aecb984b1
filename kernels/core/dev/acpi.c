/* Reader for ACPI's fixed tables (acpi.h). Knows no machine: memory comes through acpi->map, so that tests and fuzzers
   hand it any bytes. */
#include "acpi.h"
#include "string.h"

enum { RSDP_SIZE = 20, RSDP_EXTENDED = 36, RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_XSDT = 24, EXTENDED = 2 };
enum { MADT_ENTRIES = 44, MADT_OVERRIDE = 2, MADT_OVERRIDE_SIZE = 10, FLAG_LOW = 3, FLAG_LEVEL = 3 << 2 };
enum { MCFG_ENTRIES = 44, MCFG_ENTRY_SIZE = 16, FADT_BOOT_FLAGS = 109, FADT_NO_CMOS = 1 << 5, BUS_SHIFT = 20 };

/* Little-endian at any alignment. */
static uint64_t load(const void *from, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, from, size);
    return value;
}

static bool sums_to_zero(const uint8_t *at, size_t size)
{
    uint8_t sum = 0;
    while (size--)
        sum = (uint8_t)(sum + *at++);
    return !sum;
}

static const struct acpi_header *table_at(const struct acpi *acpi, uint64_t address)
{
    const struct acpi_header *header = address ? acpi->map(address, sizeof *header) : NULL;
    if (!header || header->length < sizeof *header || header->length > ACPI_LENGTH_MAX)
        return NULL;
    uint32_t length = header->length;
    header = acpi->map(address, length);
    return header && header->length == length && sums_to_zero((const uint8_t *)header, length) ? header : NULL;
}

static bool use_root(struct acpi *acpi, uint64_t address, const char *signature, unsigned entry_size)
{
    const struct acpi_header *root = table_at(acpi, address);
    if (!root || memcmp(root->signature, signature, 4))
        return false;
    acpi->root = (const uint8_t *)root;
    acpi->entry_size = entry_size;
    acpi->count = MIN((root->length - (uint32_t)sizeof *root) / entry_size, (uint32_t)ACPI_TABLES_MAX);
    return true;
}

bool acpi_open(struct acpi *acpi, uint64_t rsdp, const void *(*map)(uint64_t address, size_t size))
{
    *acpi = (struct acpi){.map = map};
    const uint8_t *root = rsdp ? map(rsdp, RSDP_SIZE) : NULL;
    if (!root || memcmp(root, "RSD PTR ", 8) || !sums_to_zero(root, RSDP_SIZE))
        return false;
    uint64_t rsdt = load(root + RSDP_RSDT, 4);
    if (root[RSDP_REVISION] >= EXTENDED) {
        root = map(rsdp, RSDP_EXTENDED);
        if (root && sums_to_zero(root, RSDP_EXTENDED) && use_root(acpi, load(root + RSDP_XSDT, 8), "XSDT", 8))
            return true;
    }
    return use_root(acpi, rsdt, "RSDT", 4);
}

const struct acpi_header *acpi_table(const struct acpi *acpi, unsigned index, uint64_t *address)
{
    if (index >= acpi->count)
        return NULL;
    *address = load(acpi->root + sizeof(struct acpi_header) + index * acpi->entry_size, acpi->entry_size);
    return table_at(acpi, *address);
}

void acpi_read_overrides(const struct acpi_header *madt, struct acpi_override overrides[16])
{
    const uint8_t *at = (const uint8_t *)madt + MADT_ENTRIES, *end = (const uint8_t *)madt + madt->length;
    for (; end - at >= 2 && at[1] >= 2 && at[1] <= end - at; at += at[1]) {
        if (at[0] != MADT_OVERRIDE || at[1] < MADT_OVERRIDE_SIZE || at[2] != 0 || at[3] >= 16)
            continue;
        uint16_t flags = (uint16_t)load(at + 8, 2);
        overrides[at[3]] = (struct acpi_override){(uint32_t)load(at + 4, 4), true,
                                                  (flags & FLAG_LEVEL) == FLAG_LEVEL, (flags & FLAG_LOW) == FLAG_LOW};
    }
}

bool acpi_read_mcfg(const struct acpi_header *mcfg, uint64_t *base, uint64_t *size)
{
    const uint8_t *entry = (const uint8_t *)mcfg + MCFG_ENTRIES;
    for (uint32_t left = mcfg->length; left >= MCFG_ENTRIES + MCFG_ENTRY_SIZE; left -= MCFG_ENTRY_SIZE) {
        if (!load(entry + 8, 2) && !entry[10]) { /* segment 0, from bus 0 on */
            *base = load(entry, 8);
            *size = (uint64_t)(entry[11] + 1) << BUS_SHIFT;
            return true;
        }
        entry += MCFG_ENTRY_SIZE;
    }
    return false;
}

bool acpi_lacks_cmos(const struct acpi_header *fadt)
{
    return fadt->length >= FADT_BOOT_FLAGS + 2 &&
           (load((const uint8_t *)fadt + FADT_BOOT_FLAGS, 2) & FADT_NO_CMOS);
}
