/* Console lines into words, and commands as they are typed. */
#include "line.h"
#include "string.h"
#include "test.h"
#include "text.h"

static char text[64];
static char *words[4];

static int split(const char *line)
{
    text_copy(text, sizeof text, line);
    return words_split(text, words, ARRAY_LEN(words));
}

TEST(console, splits_at_blanks)
{
    ASSERT_EQ(split("  one two\tthree "), 3);
    EXPECT_STR(words[0], "one");
    EXPECT_STR(words[1], "two");
    EXPECT_STR(words[2], "three");
    EXPECT_EQ(split(""), 0);
    EXPECT_EQ(split("   "), 0);
}

TEST(console, quotes_and_backslashes_hold_blanks)
{
    ASSERT_EQ(split("a 'b c' \"d \\\" e\" f\\ g"), 4);
    EXPECT_STR(words[1], "b c");
    EXPECT_STR(words[2], "d \" e");
    EXPECT_STR(words[3], "f g");
    ASSERT_EQ(split("x''y '' z"), 3);
    EXPECT_STR(words[0], "xy");
    EXPECT_STR(words[1], "");
}

TEST(console, refuses_open_quotes_and_too_many_words)
{
    EXPECT_EQ(split("a 'b"), -1);
    EXPECT_EQ(split("a \"b"), -1);
    EXPECT_EQ(split("1 2 3 4"), 4);
    EXPECT_EQ(split("1 2 3 4 5"), -2);
}

TEST(console, runs_commands)
{
    EXPECT_STR(test_console("echo one 'two  three'"), "one two  three\n");
    EXPECT_STR(test_console(""), "");
    EXPECT_FALSE(text_glob("*expected*", test_console("a line that's no command"))); /* its quote is no open one */
    EXPECT_STR(test_console("echo 'open"), "expected a closing quote, found the end of the line\n");
}

TEST(console, help_lists_every_command_with_its_help)
{
    const char *help = test_console("help");
    EXPECT_TRUE(text_glob("*echo *print its arguments*poweroff *", help));
}
