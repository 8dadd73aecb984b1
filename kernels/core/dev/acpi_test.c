/* ACPI's tables, which the test writes into a small memory of its own, whole and damaged. */
#include "acpi.h"
#include "string.h"
#include "test.h"

enum { BASE = 0x1000, ACPI_MEMORY = 1024, XSDT = BASE + 64, RSDT = BASE + 128, MADT = BASE + 256, MCFG = BASE + 512,
       FADT = BASE + 640 };

static uint8_t memory[ACPI_MEMORY];

static const void *acpi_test_map(uint64_t address, size_t size)
{
    return address >= BASE && address <= BASE + ACPI_MEMORY && size <= BASE + ACPI_MEMORY - address ? memory + (address - BASE) : NULL;
}

static void acpi_put(uint64_t at, uint64_t value, unsigned size) { memcpy(memory + (at - BASE), &value, size); }

/* Makes the bytes sum to zero by the one at `where`. */
static void seal(uint64_t at, size_t size, uint64_t where)
{
    uint8_t sum = 0;
    memory[where - BASE] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + memory[at - BASE + i]);
    memory[where - BASE] = (uint8_t)-sum;
}

static void acpi_put_table(uint64_t at, const char *signature, uint32_t length)
{
    memcpy(memory + (at - BASE), signature, 4);
    acpi_put(at + 4, length, 4);
    seal(at, length, at + 9);
}

static void acpi_build(void)
{
    memset(memory, 0, sizeof memory);
    memcpy(memory, "RSD PTR ", 8);
    memory[15] = 2;
    acpi_put(BASE + 16, RSDT, 4);
    acpi_put(BASE + 20, 36, 4);
    acpi_put(BASE + 24, XSDT, 8);
    seal(BASE, 20, BASE + 8);
    seal(BASE, 36, BASE + 32);
    acpi_put(XSDT + 36, MADT, 8);
    acpi_put(XSDT + 44, MCFG, 8);
    acpi_put_table(XSDT, "XSDT", 52);
    acpi_put(RSDT + 36, FADT, 4);
    acpi_put_table(RSDT, "RSDT", 40);
    static const uint8_t override[10] = {2, 10, 0, 9, 20, 0, 0, 0, 0x0f, 0};
    memcpy(memory + (MADT + 44 - BASE), (uint8_t[]){0, 8, 0, 0, 1, 0, 0, 0}, 8); /* a processor, to be skipped */
    memcpy(memory + (MADT + 52 - BASE), override, sizeof override);
    acpi_put_table(MADT, "APIC", 62);
    acpi_put(MCFG + 44, 0xb0000000, 8);
    acpi_put(MCFG + 55, 3, 1);
    acpi_put_table(MCFG, "MCFG", 60);
    acpi_put(FADT + 109, 1 << 5, 2);
    acpi_put_table(FADT, "FACP", 116);
}

TEST(acpi, finds_the_tables)
{
    struct acpi acpi;
    uint64_t address = 0, base = 0, size = 0;
    acpi_build();
    ASSERT_TRUE(acpi_open(&acpi, BASE, acpi_test_map));
    ASSERT_EQ(acpi.count, 2);
    EXPECT_TRUE(acpi_table(&acpi, 0, &address) && address == MADT);
    const struct acpi_header *mcfg = acpi_table(&acpi, 1, &address);
    ASSERT_TRUE(mcfg && acpi_read_mcfg(mcfg, &base, &size));
    EXPECT_EQ(base, 0xb0000000);
    EXPECT_EQ(size, 4 << 20);
    EXPECT_TRUE(acpi_table(&acpi, 2, &address) == NULL);
}

TEST(acpi, reads_interrupt_overrides)
{
    struct acpi_override overrides[16] = {0};
    acpi_build();
    acpi_read_overrides((const void *)(memory + (MADT - BASE)), overrides);
    EXPECT_FALSE(overrides[8].given);
    EXPECT_TRUE(overrides[9].given && overrides[9].level && overrides[9].low);
    EXPECT_EQ(overrides[9].line, 20);
}

TEST(acpi, falls_back_to_the_old_root_table)
{
    struct acpi acpi;
    uint64_t address;
    acpi_build();
    memory[XSDT - BASE] ^= 1;
    ASSERT_TRUE(acpi_open(&acpi, BASE, acpi_test_map));
    const struct acpi_header *fadt = acpi_table(&acpi, 0, &address);
    ASSERT_TRUE(fadt != NULL);
    EXPECT_TRUE(acpi_lacks_cmos(fadt));
}

TEST(acpi, refuses_what_is_damaged)
{
    struct acpi acpi;
    uint64_t address;
    acpi_build();
    memory[XSDT - BASE + 40] ^= 1; /* breaks the checksum of the XSDT, then of the RSDT */
    memory[RSDT - BASE + 36] ^= 1;
    EXPECT_FALSE(acpi_open(&acpi, BASE, acpi_test_map));
    acpi_build();
    memory[10] ^= 1;
    EXPECT_FALSE(acpi_open(&acpi, BASE, acpi_test_map));
    EXPECT_FALSE(acpi_open(&acpi, BASE + ACPI_MEMORY - 8, acpi_test_map));
    acpi_build();
    memory[MADT - BASE + 50] ^= 1;
    acpi_put(MCFG + 4, 0xffffffff, 4);
    ASSERT_TRUE(acpi_open(&acpi, BASE, acpi_test_map));
    EXPECT_TRUE(acpi_table(&acpi, 0, &address) == NULL);
    EXPECT_TRUE(acpi_table(&acpi, 1, &address) == NULL);
}
