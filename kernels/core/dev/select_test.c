/* From a device's ids to its driver. */
#include "device.h"
#include "string.h"
#include "test.h"

static struct device *make(const char *first, const char *second)
{
    struct device *device = device_add(device_root(), "test");
    if (device) {
        device_add_id(device, "%s", first);
        if (second)
            device_add_id(device, "%s", second);
    }
    return device;
}

TEST(select, a_pci_card_gets_its_driver_by_an_action)
{
    struct device *device = make("pci:8086:100e", "pci-class:02:00");
    ASSERT_TRUE(device != NULL);
    const struct driver *driver = driver_select(device);
    EXPECT_TRUE(driver && !strcmp(driver->name, "e1000"));
    EXPECT_STR(device->action, "find id=8086:100e");
    device_remove(device);
}

TEST(select, the_most_specific_id_with_a_driver_wins)
{
    struct device *device = make("vendor,board-uart", "arm,pl031");
    ASSERT_TRUE(device != NULL);
    const struct driver *driver = driver_select(device);
    EXPECT_TRUE(driver && !strcmp(driver->name, "rtc_pl031"));
    EXPECT_STR(device->action, "");
    device_remove(device);
}

TEST(select, an_action_about_another_device_is_not_performed)
{
    struct device *device = make("pci:1234:5678", NULL);
    ASSERT_TRUE(device != NULL);
    EXPECT_TRUE(driver_perform(device, "find id=8086:100e") == NULL);
    EXPECT_TRUE(driver_perform(device, "unload e1000") == NULL);
    EXPECT_TRUE(driver_select(device) == NULL);
    device_remove(device);
}
