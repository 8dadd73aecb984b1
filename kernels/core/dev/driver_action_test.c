/* Drivers that come and go, and what sentences about devices answer. */
#include "device.h"
#include "string.h"
#include "test.h"
#include "text.h"

static unsigned probed, removed;

static const char *gadget_probe(struct device *device)
{
    (void)device;
    probed++;
    return NULL;
}
static void gadget_remove(struct device *device)
{
    device_add(device, "left-behind");
    removed++;
}
static const char *const gadget_names[] = {"test:gadget", NULL};
static const struct driver gadget = {"gadget", gadget_names, gadget_probe, gadget_remove};
static const struct driver fixed = {"fixed", gadget_names, gadget_probe, NULL};

TEST(driver, is_loaded_for_devices_without_one_and_unloaded_again)
{
    probed = removed = 0;
    struct device *device = device_add(device_root(), "gadget");
    ASSERT_TRUE(device != NULL);
    device_add_id(device, "test:gadget");
    EXPECT_EQ(driver_load(&gadget), 1);
    EXPECT_TRUE(device->driver == &gadget);
    EXPECT_EQ(driver_load(&gadget), 0);
    EXPECT_EQ(driver_unload(&fixed), 0);
    EXPECT_EQ(driver_unload(&gadget), 1);
    EXPECT_EQ(removed, 1);
    EXPECT_TRUE(!device->driver && !device->child && device->unloaded);
    EXPECT_EQ(driver_load(&fixed), 1);
    EXPECT_EQ(driver_unload(&fixed), 0); /* it has no way to give a device up */
    EXPECT_EQ(probed, 2);
    device_remove(device);
}

TEST(driver, is_found_for_an_id)
{
    bool here = text_glob("*8086:100e*", test_console("lspci"));
    EXPECT_STR(test_action(ACTION_DRIVER_SELECT_find, "id=8086:100E"),
               here ? "The driver for 8086:100e is e1000.\nSuch a device is in this machine.\n"
                    : "The driver for 8086:100e is e1000.\nSuch a device is not in this machine.\n");
    EXPECT_TRUE(text_glob("No driver of this kernel is for dead:beef.\n*", test_action(ACTION_DRIVER_SELECT_find, "id=dead:beef")));
}

TEST(driver, unknown_ones_are_told_so)
{
    EXPECT_TRUE(text_glob("This kernel has no driver called nvidia.\n*", test_action(ACTION_DRIVER_SELECT_load, "nvidia")));
    EXPECT_TRUE(text_glob("This kernel has no driver called nvidia.\n*", test_action(ACTION_DRIVER_SELECT_unload, "nvidia")));
    EXPECT_TRUE(text_glob("*e1000 drives pci:8086:100e, *", test_action(ACTION_DRIVER_SELECT_list, "")));
    EXPECT_TRUE(text_glob("*It is for pci:8086:100e.\n*", test_action(ACTION_DRIVER_SELECT_info, "e1000")));
}

TEST(hardware, is_told_by_its_class)
{
    EXPECT_TRUE(text_glob("There is one processor in use, *", test_action(ACTION_HARDWARE_IDENTIFY_list, "cpu")));
    EXPECT_TRUE(text_glob("There are * MiB of memory.\n", test_action(ACTION_HARDWARE_IDENTIFY_list, "memory")));
    EXPECT_TRUE(text_glob("I find nothing of that kind (camera)*", test_action(ACTION_HARDWARE_IDENTIFY_list, "camera")));
    EXPECT_TRUE(text_glob("dead:beef is not in this machine.\n*", test_action(ACTION_HARDWARE_IDENTIFY_identify, "id=dead:beef")));
}
