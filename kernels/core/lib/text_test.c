/* Bounded copy, number parsing, globbing, byte order. */
#include "test.h"
#include "text.h"

TEST(text, copy_always_terminates)
{
    char out[4];
    EXPECT_TRUE(text_copy(out, sizeof out, "abc"));
    EXPECT_STR(out, "abc");
    EXPECT_FALSE(text_copy(out, sizeof out, "abcd"));
    EXPECT_STR(out, "abc");
    EXPECT_TRUE(text_copy(out, sizeof out, ""));
    EXPECT_STR(out, "");
}

TEST(text, parses_numbers)
{
    uint64_t value = 0;
    EXPECT_TRUE(text_to_u64("0", &value) && value == 0);
    EXPECT_TRUE(text_to_u64("18446744073709551615", &value) && value == UINT64_MAX);
    EXPECT_TRUE(text_to_u64("0xFfff", &value) && value == 0xffff);
}

TEST(text, refuses_what_is_no_number)
{
    static const char *const wrong[] = {"", "0x", "-1", "1a", " 1", "1 ", "18446744073709551616",
                                        "0x10000000000000000"};
    uint64_t value = 7;
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
        EXPECT_FALSE(text_to_u64(wrong[i], &value));
    EXPECT_EQ(value, 7);
}

TEST(text, globs)
{
    EXPECT_TRUE(text_glob("*", ""));
    EXPECT_TRUE(text_glob("page", "page"));
    EXPECT_FALSE(text_glob("page", "pages"));
    EXPECT_TRUE(text_glob("p?ge*", "page.alloc"));
    EXPECT_TRUE(text_glob("*.a*c", "page.abc.aac"));
    EXPECT_FALSE(text_glob("*.x", "page.y"));
    EXPECT_FALSE(text_glob("", "x"));
}

TEST(text, loads_big_endian_from_any_alignment)
{
    const uint8_t bytes[] = {0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0};
    EXPECT_EQ(load_be16(bytes + 1), 0x1234);
    EXPECT_EQ(load_be32(bytes + 1), 0x12345678);
    EXPECT_EQ(load_be64(bytes + 1), 0x123456789abcdef0);
}

TEST(text, counts_what_parts_two_words)
{
    EXPECT_EQ(text_distance("help", "help"), 0);
    EXPECT_EQ(text_distance("helpp", "help"), 1);
    EXPECT_EQ(text_distance("elp", "help"), 1);
    EXPECT_EQ(text_distance("halp", "help"), 1);
    EXPECT_EQ(text_distance("hepl", "help"), 1);
    EXPECT_EQ(text_distance("", "help"), 4);
    EXPECT_EQ(text_distance("sitting", "kitten"), 3);
    EXPECT_EQ(text_distance("kitten", "sitting"), 3);
    EXPECT_EQ(text_distance("a word of more than thirty-one letters", "a"), TEXT_DISTANCE_MAX);
}
