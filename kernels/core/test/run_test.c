/* What a failed expectation prints: two that fail on purpose, with a count of their own. */
#include "console.h"
#include "test.h"
#include "text.h"

static void fails_twice(struct test *test)
{
    bool torn = true;
    EXPECT_FALSE(torn);
    EXPECT_TRUE(!torn);
}

TEST(test, a_failed_condition_says_what_was_expected_and_what_was_found)
{
    char said[256];
    struct test inner = {0};
    console_capture(said, sizeof said);
    fails_twice(&inner);
    console_capture(NULL, 0);
    EXPECT_EQ(inner.failures, 2);
    EXPECT_TRUE(text_glob("  # *run_test.c:*: expected torn to be false, found true\n"
                          "  # *run_test.c:*: expected !torn to be true, found false\n", said));
}
