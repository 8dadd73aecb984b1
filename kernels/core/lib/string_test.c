/* The C string functions, at the alignments and edges where word-wise code goes wrong. */
#include "string.h"
#include "test.h"

static uint8_t from[80], to[80];

static void fill(void)
{
    for (unsigned i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i + 1), to[i] = 0xee;
}

TEST(string, memcpy_copies_at_every_alignment)
{
    for (unsigned source = 0; source < 9; source++)
        for (unsigned target = 0; target < 9; target++)
            for (unsigned count = 0; count < 64; count += 7) {
                fill();
                memcpy(to + target, from + source, count);
                ASSERT_EQ(memcmp(to + target, from + source, count), 0);
                ASSERT_EQ(to[target + count], 0xee);
            }
}

TEST(string, memmove_survives_overlap)
{
    fill();
    memmove(from + 3, from, 30);
    EXPECT_EQ(from[3], 1);
    EXPECT_EQ(from[32], 30);
    fill();
    memmove(from, from + 3, 30);
    EXPECT_EQ(from[0], 4);
    EXPECT_EQ(from[29], 33);
    for (unsigned down = 1; down < 10; down++)
        for (unsigned start = down; start < down + 8; start++) {
            fill();
            memmove(from + start - down, from + start, 50);
            for (unsigned i = 0; i < 50; i++)
                ASSERT_EQ(from[start - down + i], start + i + 1);
        }
}

TEST(string, memset_stays_inside)
{
    for (unsigned at = 0; at < 9; at++)
        for (unsigned count = 0; count < 40; count += 7) {
            fill();
            memset(to + at, 0x5a, count);
            ASSERT_TRUE(at == 0 || to[at - 1] == 0xee);
            ASSERT_EQ(to[at + count], 0xee);
            for (unsigned i = 0; i < count; i++)
                ASSERT_EQ(to[at + i], 0x5a);
        }
}

TEST(string, compares_as_unsigned_bytes)
{
    EXPECT_TRUE(memcmp("\x01", "\xff", 1) < 0);
    EXPECT_TRUE(strcmp("\xff", "a") > 0);
    EXPECT_EQ(strcmp("same", "same"), 0);
    EXPECT_TRUE(strcmp("ab", "abc") < 0);
    EXPECT_EQ(strncmp("abX", "abY", 2), 0);
    EXPECT_TRUE(strncmp("abX", "abY", 3) < 0);
}

TEST(string, measures_and_finds)
{
    const char *text = "console";
    EXPECT_EQ(strlen(""), 0);
    EXPECT_EQ(strlen(text), 7);
    EXPECT_EQ(strnlen(text, 3), 3);
    EXPECT_EQ(strchr(text, 's') - text, 3);
    EXPECT_EQ(strchr(text, 0) - text, 7);
    EXPECT_TRUE(strchr(text, 'x') == NULL);
    EXPECT_TRUE(memchr(text, 'e', 6) == NULL);
}
