/* ksnprintf against what C11 7.21.6.1 says. */
#include "print.h"
#include "string.h"
#include "test.h"

static char out[128];

#define FORMAT(...) (ksnprintf(out, sizeof out, __VA_ARGS__), out)

TEST(printf, prints_integers_of_every_length)
{
    EXPECT_STR(FORMAT("%d %i %u", -42, 0, 42u), "-42 0 42");
    EXPECT_STR(FORMAT("%lld", (long long)INT64_MIN), "-9223372036854775808");
    EXPECT_STR(FORMAT("%llu", (unsigned long long)UINT64_MAX), "18446744073709551615");
    EXPECT_STR(FORMAT("%hhd %hd", (signed char)-1, (short)-2), "-1 -2");
    EXPECT_STR(FORMAT("%zu %ld", (size_t)7, -7l), "7 -7");
}

TEST(printf, prints_other_bases)
{
    EXPECT_STR(FORMAT("%x %X %o", 0xbeefu, 0xbeefu, 8u), "beef BEEF 10");
    EXPECT_STR(FORMAT("%#x %#X %#x", 255u, 255u, 0u), "0xff 0XFF 0");
    EXPECT_STR(FORMAT("%p", (void *)0x1000), "0x1000");
}

TEST(printf, honours_width_precision_and_flags)
{
    EXPECT_STR(FORMAT("[%5d][%-5d][%05d]", 42, 42, -42), "[   42][42   ][-0042]");
    EXPECT_STR(FORMAT("[%+d][% d]", 1, 1), "[+1][ 1]");
    EXPECT_STR(FORMAT("[%.3d][%5.3d][%.0d]", 7, 7, 0), "[007][  007][]");
    EXPECT_STR(FORMAT("[%*d][%-*d]", 4, 1, 4, 1), "[   1][1   ]");
    EXPECT_STR(FORMAT("%016llx", 0x123456789abcdefull), "0123456789abcdef");
}

TEST(printf, prints_text)
{
    const char *volatile nothing = NULL;
    EXPECT_STR(FORMAT("[%s][%5s][%-5s]", "ab", "ab", "ab"), "[ab][   ab][ab   ]");
    EXPECT_STR(FORMAT("[%.2s][%.*s]", "abcdef", 3, "abcdef"), "[ab][abc]");
    EXPECT_STR(FORMAT("%s %c%%", nothing, 'x'), "(null) x%");
}

TEST(printf, cuts_and_counts)
{
    char small[4] = "zzz";
    EXPECT_EQ(ksnprintf(small, sizeof small, "%s", "abcdef"), 6);
    EXPECT_STR(small, "abc");
    EXPECT_EQ(ksnprintf(NULL, 0, "%d", 12345), 5);
}
