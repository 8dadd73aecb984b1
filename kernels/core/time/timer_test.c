/* The clock and the timers on it. */
#include "hal.h"
#include "test.h"
#include "timer.h"

static volatile int order[4];
static volatile int fired;

static void note(void *arg)
{
    order[fired++ % 4] = (int)(uintptr_t)arg;
}

TEST(timer, clock_never_runs_backwards)
{
    uint64_t last = hal_time_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = hal_time_ns();
        ASSERT_TRUE(now >= last);
        last = now;
    }
}

TEST(timer, sleeps_at_least_as_long_as_asked)
{
    uint64_t start = hal_time_ns();
    time_sleep_ns(2 * NS_PER_MS);
    uint64_t slept = hal_time_ns() - start;
    EXPECT_TRUE(slept >= 2 * NS_PER_MS);
    EXPECT_TRUE(slept < 10 * NS_PER_S);
}

TEST(timer, fires_in_order_of_deadline)
{
    struct timer late = {0}, early = {0}, middle = {0};
    bool interrupts = hal_irq_save(); /* so that none fires before all are set, however slow we are */
    uint64_t now = hal_time_ns();
    fired = 0;
    timer_start(&late, now + 3 * NS_PER_MS, note, (void *)3);
    timer_start(&early, now + 1 * NS_PER_MS, note, (void *)1);
    timer_start(&middle, now + 2 * NS_PER_MS, note, (void *)2);
    hal_irq_restore(interrupts);
    time_sleep_ns(4 * NS_PER_MS);
    EXPECT_EQ(fired, 3);
    EXPECT_EQ(order[0], 1);
    EXPECT_EQ(order[1], 2);
    EXPECT_EQ(order[2], 3);
}

TEST(timer, cancelled_ones_do_not_fire)
{
    struct timer timer = {0};
    fired = 0;
    timer_start(&timer, hal_time_ns() + 3600 * NS_PER_S, note, NULL);
    EXPECT_TRUE(timer_cancel(&timer));
    EXPECT_FALSE(timer_cancel(&timer));
    time_sleep_ns(2 * NS_PER_MS);
    EXPECT_EQ(fired, 0);
}

TEST(timer, past_deadlines_fire_at_once)
{
    struct timer timer = {0};
    fired = 0;
    timer_start(&timer, 0, note, NULL);
    time_sleep_ns(NS_PER_MS / 10);
    EXPECT_EQ(fired, 1);
}
