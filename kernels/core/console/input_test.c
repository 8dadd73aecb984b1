/* What was typed ahead: order, refusal, and when to ask again. */
#include "input.h"
#include "test.h"

static struct input typed;

static void fill(void)
{
    unsigned near = 0u - 100; /* the counts run over on the way */
    typed = (struct input){.put = near, .taken = near};
    for (unsigned i = 0; i < INPUT_MAX && input_wants(&typed); i++)
        input_put(&typed, (char)i);
}

/* How many characters are taken until who was refused is to be called; 0: not until it is empty. */
static unsigned taken_until_called(void)
{
    bool ask_again = false;
    for (unsigned taken = 1; input_waits(&typed); taken++) {
        input_take(&typed, &ask_again);
        if (ask_again)
            return taken;
    }
    return 0;
}

TEST(input, comes_out_as_it_went_in)
{
    bool ask_again;
    fill();
    for (unsigned i = 0; i < INPUT_MAX; i++)
        EXPECT_EQ(input_take(&typed, &ask_again), (char)i);
    EXPECT_FALSE(input_waits(&typed));
}

TEST(input, a_full_ring_refuses_and_loses_nothing)
{
    bool ask_again;
    fill();
    EXPECT_FALSE(input_wants(&typed));
    EXPECT_FALSE(input_wants(&typed));
    EXPECT_EQ(input_take(&typed, &ask_again), 0);
    EXPECT_FALSE(ask_again);
    EXPECT_TRUE(input_wants(&typed));
}

TEST(input, who_was_refused_is_called_once_at_half_full)
{
    fill();
    input_wants(&typed);
    EXPECT_EQ(taken_until_called(), INPUT_MAX / 2);
    EXPECT_EQ(taken_until_called(), 0);
}

TEST(input, who_was_not_refused_is_not_called)
{
    fill();
    EXPECT_EQ(taken_until_called(), 0);
}

TEST(input, who_is_refused_again_is_called_again)
{
    for (int round = 0; round < 3; round++) {
        while (input_wants(&typed))
            input_put(&typed, 'x');
        EXPECT_EQ(taken_until_called(), INPUT_MAX / 2);
    }
}
