/* Locks, mutexes, conditions, wait queues. */
#include "sync.h"
#include "test.h"

static struct mutex mutex;
static struct condition changed;
static volatile int shared;

static void add_slowly(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++) {
        mutex_take(&mutex);
        int before = shared;
        thread_yield();
        shared = before + 1;
        mutex_give(&mutex);
    }
}

TEST(sync, a_mutex_keeps_others_out)
{
    shared = 0;
    struct thread *a = thread_start("a", CLASS_SYSTEM, add_slowly, NULL);
    struct thread *b = thread_start("b", CLASS_SYSTEM, add_slowly, NULL);
    add_slowly(NULL);
    thread_join(a);
    thread_join(b);
    EXPECT_EQ(shared, 150);
}

static volatile bool held, release;

static void hold(void *arg)
{
    (void)arg;
    mutex_take(&mutex);
    held = true;
    while (!release)
        time_sleep_ns(NS_PER_MS);
    mutex_give(&mutex);
}

static struct thread *start_holder(enum thread_class class)
{
    held = release = false;
    struct thread *thread = thread_start("holder", class, hold, NULL);
    while (!held)
        time_sleep_ns(NS_PER_MS);
    return thread;
}

TEST(sync, try_does_not_wait)
{
    struct thread *thread = start_holder(CLASS_SYSTEM);
    EXPECT_FALSE(mutex_try(&mutex));
    release = true;
    thread_join(thread);
    EXPECT_TRUE(mutex_try(&mutex));
    mutex_give(&mutex);
}

static volatile bool stop;

static void spin_until_told(void *arg)
{
    (void)arg;
    while (!stop)
        ;
}

static void wait_then_stop(void *arg)
{
    (void)arg;
    mutex_take(&mutex);
    mutex_give(&mutex);
    stop = true;
}

/* A low thread holds what a high one wants, while one in the middle never stops: without inheritance it would starve
   the low one, and with it the high one, for ever. */
TEST(sync, a_mutex_lends_its_owner_the_waiters_class)
{
    stop = false;
    struct thread *low = start_holder(CLASS_BACKGROUND);
    struct thread *middle = thread_start("middle", CLASS_USER, spin_until_told, NULL);
    struct thread *high = thread_start("high", CLASS_SYSTEM, wait_then_stop, NULL);
    release = true;
    thread_join(high);
    EXPECT_TRUE(stop);
    thread_join(middle);
    thread_join(low);
}

static struct mutex outer;
static volatile bool inner_given;

static void hold_one_and_give_another(void *arg)
{
    (void)arg;
    mutex_take(&outer);
    hold(NULL);
    inner_given = true;
    while (!stop)
        ;
    mutex_give(&outer);
}

/* A command that held the network's lock for a moment must not run above all others for as long as it lasts. */
TEST(sync, what_was_lent_goes_back_with_its_mutex_though_others_are_held)
{
    stop = inner_given = held = release = false;
    struct thread *low = thread_start("low", CLASS_USER, hold_one_and_give_another, NULL);
    while (!held)
        time_sleep_ns(NS_PER_MS);
    struct thread *high = thread_start("high", CLASS_SYSTEM, wait_then_stop, NULL);
    for (int i = 0; i < 10 && low->class == CLASS_USER; i++)
        time_sleep_ns(NS_PER_MS);
    EXPECT_EQ(low->class, CLASS_SYSTEM);
    release = true;
    thread_join(high);
    EXPECT_EQ(low->class, CLASS_USER);
    thread_join(low);
    EXPECT_TRUE(inner_given);
}

static void wait_for_three(void *arg)
{
    (void)arg;
    mutex_take(&mutex);
    while (shared != 3)
        condition_wait(&changed, &mutex, UINT64_MAX);
    shared = 4;
    mutex_give(&mutex);
}

TEST(sync, a_condition_wakes_its_waiter)
{
    shared = 0;
    struct thread *waiter = thread_start("waiter", CLASS_SYSTEM, wait_for_three, NULL);
    thread_yield();
    for (int i = 0; i < 3; i++) {
        mutex_take(&mutex);
        shared++;
        condition_signal(&changed);
        mutex_give(&mutex);
        thread_yield();
    }
    thread_join(waiter);
    EXPECT_EQ(shared, 4);
}

TEST(sync, waiting_ends_at_its_deadline)
{
    struct lock lock = {0};
    struct wait_queue queue = {0};
    lock_take(&lock);
    uint64_t start = hal_time_ns();
    EXPECT_FALSE(wait_sleep(&queue, &lock, start + 2 * NS_PER_MS));
    EXPECT_TRUE(hal_time_ns() - start >= 2 * NS_PER_MS);
    EXPECT_TRUE(queue.first == NULL);
    lock_give(&lock);
    mutex_take(&mutex);
    EXPECT_FALSE(condition_wait(&changed, &mutex, hal_time_ns() + NS_PER_MS));
    mutex_give(&mutex);
}
