/* Channels: order, bounds, waiting, closing. */
#include "channel.h"
#include "test.h"

static struct channel channel;

TEST(channel, keeps_order_and_bounds)
{
    int value = 0;
    ASSERT_TRUE(channel_open(&channel, sizeof(int), 3));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            EXPECT_TRUE(channel_send(&channel, &(int){10 * round + i}, 0));
        EXPECT_FALSE(channel_send(&channel, &value, 0));
        for (int i = 0; i < 3; i++) {
            EXPECT_TRUE(channel_receive(&channel, &value, 0));
            EXPECT_EQ(value, 10 * round + i);
        }
        EXPECT_FALSE(channel_receive(&channel, &value, 0));
    }
    channel_free(&channel);
}

TEST(channel, refuses_what_cannot_be_allocated)
{
    EXPECT_FALSE(channel_open(&channel, SIZE_MAX / 2, 4));
    EXPECT_FALSE(channel_open(&channel, (size_t)1 << 40, 1));
}

static void send_many(void *arg)
{
    for (int i = 0; i < 100; i++)
        channel_send(&channel, &i, UINT64_MAX);
    (void)arg;
}

TEST(channel, blocks_senders_until_there_is_room)
{
    int value = 0, sum = 0;
    ASSERT_TRUE(channel_open(&channel, sizeof(int), 2));
    struct thread *a = thread_start("a", CLASS_SYSTEM, send_many, NULL);
    struct thread *b = thread_start("b", CLASS_SYSTEM, send_many, NULL);
    for (int i = 0; i < 200; i++) {
        ASSERT_TRUE(channel_receive(&channel, &value, UINT64_MAX));
        sum += value;
    }
    thread_join(a);
    thread_join(b);
    EXPECT_EQ(sum, 2 * 4950);
    channel_free(&channel);
}

TEST(channel, waits_no_longer_than_asked)
{
    int value = 0;
    ASSERT_TRUE(channel_open(&channel, sizeof(int), 1));
    uint64_t start = hal_time_ns();
    EXPECT_FALSE(channel_receive(&channel, &value, start + 2 * NS_PER_MS));
    EXPECT_TRUE(hal_time_ns() >= start + 2 * NS_PER_MS);
    channel_free(&channel);
}

static bool result;

static void receive_one(void *arg)
{
    result = channel_receive(&channel, arg, UINT64_MAX);
}

TEST(channel, closing_wakes_and_drains)
{
    int value = 0;
    ASSERT_TRUE(channel_open(&channel, sizeof(int), 2));
    result = true;
    struct thread *thread = thread_start("receiver", CLASS_SYSTEM, receive_one, &value);
    thread_yield();
    channel_close(&channel);
    thread_join(thread);
    EXPECT_FALSE(result);
    EXPECT_FALSE(channel_send(&channel, &value, UINT64_MAX));
    channel_free(&channel);

    ASSERT_TRUE(channel_open(&channel, sizeof(int), 2));
    EXPECT_TRUE(channel_send(&channel, &(int){7}, 0));
    channel_close(&channel);
    EXPECT_TRUE(channel_receive(&channel, &value, UINT64_MAX));
    EXPECT_EQ(value, 7);
    EXPECT_FALSE(channel_receive(&channel, &value, UINT64_MAX));
    channel_free(&channel);
}
