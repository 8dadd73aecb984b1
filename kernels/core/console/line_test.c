/* The line editor: keys in, line out. */
#include "line.h"
#include "string.h"
#include "test.h"

static struct line line;
static char shown[256];
static size_t shown_length;

static void show(const char *data, size_t size)
{
    for (; size && shown_length + 1 < sizeof shown; size--)
        shown[shown_length++] = *data++;
    shown[shown_length] = 0;
}

/* Feeds keys; the finished line, or "…" when it is not finished. */
static const char *type(const char *keys)
{
    line.echo = show;
    line.prompt = "> ";
    shown_length = 0;
    line_begin(&line);
    while (*keys)
        if (line_feed(&line, *keys++))
            return line.text;
    return "…";
}

TEST(line, reads_a_line_and_echoes_it)
{
    EXPECT_STR(type("hello\n"), "hello");
    EXPECT_STR(shown, "hello\n");
    EXPECT_STR(type("hello"), "…");
}

TEST(line, takes_return_newline_or_both_as_one_end)
{
    EXPECT_STR(type("a\r"), "a");
    EXPECT_STR(type("\nb\r"), "b"); /* the \n belongs to the \r before */
    line.after_return = false;
    EXPECT_STR(type("\nb"), "");
}

TEST(line, edits_at_the_end)
{
    EXPECT_STR(type("abx\177c\n"), "abc");
    EXPECT_STR(type("\b\bok\n"), "ok");
    EXPECT_STR(type("wrong\025right\n"), "right");
    EXPECT_STR(type("one two three\027\027x\n"), "one x");
}

TEST(line, edits_in_the_middle)
{
    EXPECT_STR(type("held\x1b[Dl\n"), "helld");
    EXPECT_STR(type("hlo\x1b[D\x1b[De\x1b[Cl\n"), "hello");
    EXPECT_STR(type("bc\001a\005d\n"), "abcd");
    EXPECT_STR(type("abXc\x1b[D\x1b[D\x1b[3~\n"), "abc");
    EXPECT_STR(type("keep drop\x1b[D\x1b[D\x1b[D\x1b[D\013\n"), "keep ");
}

TEST(line, walks_the_history)
{
    type("first\n");
    type("second\n");
    EXPECT_STR(type("\x1b[A\n"), "second");
    EXPECT_STR(type("\x1b[A\x1b[A\n"), "first");
    EXPECT_STR(type("\x1b[A\x1b[B\n"), "");
}

TEST(line, gives_up_on_control_c)
{
    EXPECT_STR(type("rm everything\003"), "");
}

TEST(line, refuses_more_than_fits)
{
    line_begin(&line);
    line.echo = show;
    for (int i = 0; i < 2 * LINE_MAX; i++)
        line_feed(&line, 'x');
    EXPECT_TRUE(line_feed(&line, '\n'));
    EXPECT_EQ(strlen(line.text), LINE_MAX - 1);
}

TEST(line, ignores_unknown_escapes)
{
    EXPECT_STR(type("a\x1b[5~b\x1bOPc\n"), "abPc");
}
