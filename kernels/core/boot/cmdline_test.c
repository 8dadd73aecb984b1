/* The kernel's command line. */
#include "boot.h"
#include "test.h"

static char value[8];

TEST(cmdline, finds_whole_words_only)
{
    EXPECT_TRUE(cmdline_has("test once", "once"));
    EXPECT_TRUE(cmdline_has("  test=page*  ", "test"));
    EXPECT_FALSE(cmdline_has("testing nonce=1", "test"));
    EXPECT_FALSE(cmdline_has("nonce=1", "once"));
    EXPECT_FALSE(cmdline_has("", "test"));
}

TEST(cmdline, gives_values)
{
    EXPECT_TRUE(cmdline_get("a=1 b=two c", "b", value, sizeof value));
    EXPECT_STR(value, "two");
    EXPECT_FALSE(cmdline_get("a=1 b=two c", "c", value, sizeof value));
    EXPECT_STR(value, "");
}

TEST(cmdline, last_value_wins_and_long_ones_are_cut)
{
    EXPECT_TRUE(cmdline_get("a=1 a=2", "a", value, sizeof value));
    EXPECT_STR(value, "2");
    EXPECT_TRUE(cmdline_get("a=0123456789", "a", value, sizeof value));
    EXPECT_STR(value, "0123456");
    EXPECT_TRUE(cmdline_get("a=", "a", value, sizeof value));
    EXPECT_STR(value, "");
}

TEST(cmdline, drops_memory_that_wraps)
{
    static struct boot_info boot;
    boot.ram_count = 0;
    boot_add_ram(&boot, UINT64_MAX - 1, 4096);
    boot_add_ram(&boot, 0x1000, 0);
    EXPECT_EQ(boot.ram_count, 0);
    boot_add_ram(&boot, 0x1000, 0x2000);
    EXPECT_EQ(boot.ram_count, 1);
    EXPECT_EQ(boot.ram[0].end, 0x3000);
}
