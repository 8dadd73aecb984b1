/* libFuzzer: any bytes as physical memory with ACPI tables in it. The first byte says whether checksums are put right
   where the tables are looked for, so that the fuzzer gets past them. */
#include "acpi.h"
#include "string.h"

enum { BASE = 0x1000, MEMORY = 4096, ROOT = 20, EXTENDED = 36 };

static uint8_t memory[MEMORY];
static size_t used;
static bool mend;

static void seal(uint8_t *at, size_t size, size_t where)
{
    uint8_t sum = 0;
    at[where] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + at[i]);
    at[where] = (uint8_t)-sum;
}

static const void *map(uint64_t address, size_t size)
{
    if (address < BASE || address - BASE > used || size > used - (address - BASE))
        return NULL;
    uint8_t *at = memory + (address - BASE);
    struct acpi_header *header = (struct acpi_header *)at;
    if (mend && address != BASE && size == sizeof *header && header->length >= sizeof *header &&
        header->length <= used - (address - BASE))
        seal(at, header->length, offsetof(struct acpi_header, checksum));
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acpi acpi;
    struct acpi_override overrides[16] = {0};
    uint64_t address, base, length;
    if (!size)
        return 0;
    mend = data[0] & 1;
    used = size - 1 < MEMORY ? size - 1 : MEMORY;
    memcpy(memory, data + 1, used);
    if (mend && used >= EXTENDED) {
        memcpy(memory, "RSD PTR ", 8);
        seal(memory, ROOT, 8);
        seal(memory, EXTENDED, 32);
    }
    if (!acpi_open(&acpi, BASE, map))
        return 0;
    for (unsigned i = 0; i < acpi.count; i++) {
        const struct acpi_header *table = acpi_table(&acpi, i, &address);
        if (!table)
            continue;
        acpi_read_overrides(table, overrides);
        acpi_read_mcfg(table, &base, &length);
        acpi_lacks_cmos(table);
    }
    return 0;
}
