/* The device tree reader, on a small tree that the test writes itself, whole and damaged. */
#include "fdt.h"
#include "string.h"
#include "test.h"

enum { STRUCTURE = 64, STRINGS = 512, SIZE = 640 };

static uint8_t blob[SIZE];
static uint32_t at, strings;
static struct fdt fdt;

static void put32(uint32_t where, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        blob[where + (uint32_t)i] = (uint8_t)(value >> (24 - 8 * i));
}

static void token(uint32_t value)
{
    put32(at, value);
    at += 4;
}

static void begin(const char *name)
{
    token(1);
    memcpy(blob + at, name, strlen(name) + 1);
    at = (uint32_t)ALIGN_UP(at + strlen(name) + 1, 4);
}

static void property(const char *name, const void *data, uint32_t size)
{
    token(3);
    token(size);
    token(strings);
    memcpy(blob + STRINGS + strings, name, strlen(name) + 1);
    strings += (uint32_t)strlen(name) + 1;
    memcpy(blob + at, data, size);
    at = (uint32_t)ALIGN_UP(at + size, 4);
}

static void cell(const char *name, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    property(name, bytes, 4);
}

/* / { #address-cells = 2; #size-cells = 1; chosen { bootargs }; soc { serial@1000 { compatible; reg } } } */
static void build(void)
{
    static const uint8_t reg[12] = {0, 0, 0, 1, 0, 0, 0x10, 0, 0, 0, 1, 0};
    memset(blob, 0, sizeof blob);
    at = STRUCTURE, strings = 0;
    begin("");
    cell("#address-cells", 2);
    cell("#size-cells", 1);
    begin("chosen");
    property("bootargs", "test once", 10);
    token(2);
    begin("soc");
    cell("#address-cells", 2);
    cell("#size-cells", 1);
    token(4);
    begin("serial@1000");
    property("compatible", "acme,uart\0ns16550a", 19);
    property("reg", reg, sizeof reg);
    token(2);
    token(2);
    token(2);
    token(9);
    const uint32_t header[10] = {0xd00dfeed, SIZE, STRUCTURE, STRINGS, 40, 17, 16, 0, strings, at - STRUCTURE};
    for (uint32_t i = 0; i < 10; i++)
        put32(4 * i, header[i]);
}

TEST(fdt, finds_nodes_by_path)
{
    build();
    ASSERT_TRUE(fdt_open(&fdt, blob, sizeof blob));
    EXPECT_STR(fdt_name(&fdt, fdt_find(&fdt, "/soc/serial@1000")), "serial@1000");
    EXPECT_EQ(fdt_find(&fdt, "/soc/serial"), fdt_find(&fdt, "/soc/serial@1000:115200n8"));
    EXPECT_EQ(fdt_find(&fdt, "/"), fdt_root(&fdt));
    EXPECT_EQ(fdt_find(&fdt, "/soc/serial@2000"), FDT_NONE);
    EXPECT_EQ(fdt_find(&fdt, "/serial@1000"), FDT_NONE);
    EXPECT_EQ(fdt_sibling(&fdt, fdt_find(&fdt, "/chosen")), fdt_find(&fdt, "/soc"));
    EXPECT_EQ(fdt_sibling(&fdt, fdt_find(&fdt, "/soc")), FDT_NONE);
}

TEST(fdt, reads_properties)
{
    build();
    ASSERT_TRUE(fdt_open(&fdt, blob, sizeof blob));
    EXPECT_STR(fdt_string(&fdt, fdt_find(&fdt, "/chosen"), "bootargs"), "test once");
    EXPECT_TRUE(fdt_string(&fdt, fdt_find(&fdt, "/chosen"), "stdout-path") == NULL);
    EXPECT_EQ(fdt_u32(&fdt, fdt_root(&fdt), "#size-cells", 7), 1);
    EXPECT_EQ(fdt_u32(&fdt, fdt_root(&fdt), "#interrupt-cells", 7), 7);
    EXPECT_STR(fdt_property_at(&fdt, fdt_root(&fdt), 1).name, "#size-cells");
    EXPECT_TRUE(fdt_property_at(&fdt, fdt_root(&fdt), 2).data == NULL);
}

TEST(fdt, reads_reg_and_compatible)
{
    build();
    ASSERT_TRUE(fdt_open(&fdt, blob, sizeof blob));
    uint64_t address = 0, size = 0;
    fdt_node parent, node = fdt_find_compatible(&fdt, "ns16550a", &parent);
    EXPECT_EQ(node, fdt_find(&fdt, "/soc/serial"));
    EXPECT_EQ(parent, fdt_find(&fdt, "/soc"));
    EXPECT_TRUE(fdt_compatible(&fdt, node, "acme,uart"));
    EXPECT_FALSE(fdt_compatible(&fdt, node, "acme"));
    ASSERT_TRUE(fdt_reg(&fdt, parent, node, 0, &address, &size));
    EXPECT_EQ(address, 0x100001000);
    EXPECT_EQ(size, 0x100);
    EXPECT_FALSE(fdt_reg(&fdt, parent, node, 1, &address, &size));
}

TEST(fdt, refuses_what_is_no_tree)
{
    build();
    EXPECT_FALSE(fdt_open(&fdt, NULL, 0));
    EXPECT_FALSE(fdt_open(&fdt, blob, SIZE - 1));
    put32(0, 0xfeedd00d);
    EXPECT_FALSE(fdt_open(&fdt, blob, SIZE));
    build();
    put32(8, SIZE); /* structure block past the end */
    EXPECT_FALSE(fdt_open(&fdt, blob, SIZE));
}

/* Every single damaged byte: nothing may be read outside the blob, and every walk must end. */
TEST(fdt, survives_any_damaged_byte)
{
    uint64_t address, size;
    fdt_node parent;
    for (uint32_t i = 0; i < SIZE; i++) {
        build();
        blob[i] ^= 0xff;
        if (!fdt_open(&fdt, blob, SIZE))
            continue;
        fdt_find(&fdt, "/soc/serial");
        fdt_node node = fdt_find_compatible(&fdt, "ns16550a", &parent);
        if (node)
            fdt_reg(&fdt, parent, node, 0, &address, &size);
    }
    EXPECT_TRUE(true);
}
