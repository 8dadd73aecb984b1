/* Threads: starting, joining, taking turns, classes, sleeping, FPU-free switching, running out of stack. */
#include "mm.h"
#include "panic.h"
#include "sched.h"
#include "test.h"

static volatile int steps;
static volatile char trace[16];

static void note(void *arg)
{
    trace[steps++ % 16] = (char)(uintptr_t)arg;
}

static void note_twice(void *arg)
{
    note(arg);
    thread_yield();
    note(arg);
}

TEST(sched, runs_a_thread_and_joins_it)
{
    steps = 0;
    size_t before = page_stats().free;
    struct thread *thread = thread_start("one", CLASS_SYSTEM, note, (void *)'a');
    ASSERT_TRUE(thread != NULL);
    thread_join(thread);
    EXPECT_EQ(steps, 1);
    for (int i = 0; i < 200; i++)
        thread_join(thread_start("many", CLASS_SYSTEM, note, NULL));
    EXPECT_EQ(steps, 201);
    EXPECT_TRUE(page_stats().free + 520 >= before); /* at most a first block of stacks and its table */
}

TEST(sched, threads_of_a_class_take_turns)
{
    steps = 0;
    struct thread *a = thread_start("a", CLASS_SYSTEM, note_twice, (void *)'a');
    struct thread *b = thread_start("b", CLASS_SYSTEM, note_twice, (void *)'b');
    thread_join(a);
    thread_join(b);
    EXPECT_EQ(steps, 4);
    EXPECT_TRUE(trace[0] == 'a' && trace[1] == 'b' && trace[2] == 'a' && trace[3] == 'b');
}

TEST(sched, a_higher_class_runs_first_and_at_once)
{
    steps = 0;
    struct thread *low = thread_start("low", CLASS_BACKGROUND, note, (void *)'l');
    struct thread *user = thread_start("user", CLASS_USER, note, (void *)'u');
    EXPECT_EQ(steps, 0);
    struct thread *high = thread_start("high", CLASS_KERNEL, note, (void *)'h');
    EXPECT_EQ(steps, 1); /* took over inside thread_start */
    thread_join(low);
    thread_join(user);
    thread_join(high);
    EXPECT_TRUE(trace[0] == 'h' && trace[1] == 'u' && trace[2] == 'l');
}

static volatile bool stop;
static volatile uint64_t spins[2];

static void spin(void *arg)
{
    while (!stop)
        spins[(uintptr_t)arg]++;
}

TEST(sched, is_preemptive)
{
    stop = false;
    spins[0] = spins[1] = 0;
    struct thread *a = thread_start("a", CLASS_USER, spin, (void *)0);
    struct thread *b = thread_start("b", CLASS_USER, spin, (void *)1);
    for (int i = 0; i < 100 && !(spins[0] && spins[1]); i++)
        time_sleep_ns(2 * SLICE_NS); /* main is of a higher class: its timer takes the processor back */
    stop = true;
    thread_join(a);
    thread_join(b);
    EXPECT_TRUE(spins[0] > 0 && spins[1] > 0);
}

TEST(sched, detached_threads_free_themselves)
{
    steps = 0;
    for (int i = 0; i < 200; i++) {
        struct thread *thread = thread_start("gone", CLASS_SYSTEM, note, NULL);
        ASSERT_TRUE(thread != NULL);
        thread_detach(thread);
        thread_yield();
    }
    EXPECT_EQ(steps, 200);
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next)
        EXPECT_TRUE(thread->name[0] != 'g');
}

TEST(sched, an_idle_wait_costs_no_thread_time)
{
    bool cheap = false;
    for (int i = 0; i < 10 && !cheap; i++) { /* the machine below us may stall at any moment */
        thread_yield();
        uint64_t before = thread_current()->run_ns;
        time_sleep_ns(10 * NS_PER_MS);
        thread_yield();
        cheap = thread_current()->run_ns - before < 5 * NS_PER_MS;
    }
    EXPECT_TRUE(cheap);
}

static volatile int depth;

static NO_SANITIZE int recurse(int n)
{
    volatile char bulk[512];
    bulk[0] = (char)n;
    depth = n;
    return n < 1000000 ? recurse(n + 1) + bulk[0] : 0;
}

static void overflow(void *arg)
{
    (void)arg;
    recurse(0);
}

static struct trap caught;
static bool was_caught;

static void overflow_in_thread(void *arg)
{
    (void)arg;
    was_caught = trap_catch(overflow, NULL, &caught);
}

TEST(sched, running_out_of_stack_is_a_trap_at_the_guard_page)
{
    was_caught = false;
    struct thread *thread = thread_start("deep", CLASS_SYSTEM, overflow_in_thread, NULL);
    uintptr_t guard = (uintptr_t)thread->stack;
    thread_join(thread);
    ASSERT_TRUE(was_caught);
    EXPECT_EQ(caught.kind, TRAP_ACCESS);
    EXPECT_TRUE(caught.address >= guard && caught.address < guard + PAGE_SIZE);
    EXPECT_TRUE(depth > 20);
}
