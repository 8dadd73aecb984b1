/* PCI scanning and capabilities, on a bus that is plain memory: what a device says can be anything. */
#include "pci.h"
#include "mm.h"
#include "string.h"
#include "test.h"

enum { BUS_ORDER = 8 /* 1 MiB: one bus */ };

static uint8_t *bus;
static struct pci_host host;

static uint8_t *config(unsigned slot, unsigned number) { return bus + (slot << 15) + (number << 12); }

static void config_put(uint8_t *at, uint32_t value, unsigned size) { memcpy(at, &value, size); }

static uint8_t *card(unsigned slot, unsigned number, uint32_t id)
{
    uint8_t *at = config(slot, number);
    memset(at, 0, 256);
    config_put(at, id, 4);
    config_put(at + 8, 0x02000000, 4); /* a network card */
    return at;
}

static bool bus_begin(void)
{
    bus = page_alloc(BUS_ORDER);
    if (!bus)
        return false;
    memset(bus, 0xff, PAGE_SIZE << BUS_ORDER);
    host = (struct pci_host){.ecam = (uintptr_t)bus, .mapped = UINTPTR_MAX, .memory = {.base = 0x1000, .size = 0x100000}};
    host.device = device_add(device_root(), "test-bus");
    return host.device != NULL;
}

static void bus_end(void)
{
    device_remove(host.device);
    page_free(bus, BUS_ORDER);
}

TEST(pci, finds_functions_and_their_ids)
{
    ASSERT_TRUE(bus_begin());
    card(1, 0, 0x100e8086)[0x0e] = 0x80; /* many functions */
    card(1, 7, 0x12345678);
    card(3, 0, 0x10411af4);
    pci_scan(&host);
    struct device *first = host.device->child, *second = first ? first->sibling : NULL;
    ASSERT_TRUE(second && second->sibling && !second->sibling->sibling);
    EXPECT_STR(first->name, "00:01.0");
    EXPECT_STR(first->ids[0], "pci:8086:100e");
    EXPECT_STR(first->ids[1], "pci-class:02:00");
    EXPECT_STR(second->name, "00:01.7");
    EXPECT_STR(second->sibling->ids[0], "pci:1af4:1041");
    bus_end();
}

TEST(pci, gives_addresses_inside_the_window_only)
{
    ASSERT_TRUE(bus_begin());
    card(0, 0, 0x100e8086);
    host.memory.size = 24; /* plain memory looks like BARs of 16 bytes: one fits */
    pci_scan(&host);
    struct device *device = host.device->child;
    ASSERT_TRUE(device != NULL);
    EXPECT_EQ(device->range_count, 1);
    EXPECT_EQ(device->ranges[0].base, 0x1000);
    EXPECT_EQ(pci_map(device->bus, 0, 8, 16), 0);
    EXPECT_EQ(pci_map(device->bus, 0, UINT64_MAX, 2), 0);
    EXPECT_EQ(pci_map(device->bus, 9, 0, 4), 0);
    bus_end();
}

TEST(pci, walks_capabilities_and_survives_a_loop)
{
    ASSERT_TRUE(bus_begin());
    uint8_t *at = card(0, 0, 0x10411af4);
    at[0x06] = 0x10;
    at[0x34] = 0x40;
    memcpy(at + 0x40, (uint8_t[]){0x09, 0x50}, 2);
    memcpy(at + 0x50, (uint8_t[]){0x11, 0x60}, 2);
    memcpy(at + 0x60, (uint8_t[]){0x09, 0x40}, 2); /* and round again */
    struct pci_function function = {.config = (uintptr_t)at};
    EXPECT_EQ(pci_capability(&function, 0x09, 0), 0x40);
    EXPECT_EQ(pci_capability(&function, 0x09, 0x40), 0x60);
    EXPECT_EQ(pci_capability(&function, 0x09, 0x60), 0); /* not 0x40 again */
    EXPECT_EQ(pci_capability(&function, 0x05, 0), 0);
    at[0x34] = 0x10; /* into the header */
    EXPECT_EQ(pci_capability(&function, 0x09, 0), 0);
    bus_end();
}

TEST(pci, does_not_follow_a_bridge_in_circles)
{
    ASSERT_TRUE(bus_begin());
    uint8_t *at = card(2, 0, 0x00011b36);
    at[0x0e] = 1;
    at[0x19] = 0; /* its own bus lies behind it */
    pci_scan(&host);
    ASSERT_TRUE(host.device->child != NULL);
    EXPECT_STR(host.device->child->failure, "has no bus number");
    bus_end();
}
