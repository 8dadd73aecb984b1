/* In-kernel tests, printed as KTAP version 1: one top-level case per suite, its cases nested.

       TEST(heap, gives_distinct_blocks)
       {
           void *a = kmalloc(32);
           ASSERT_TRUE(a != NULL);
           EXPECT_EQ((uintptr_t)a % 16, 0);
       }

   EXPECT notes a failure and goes on, ASSERT notes it and leaves the test. The found value stands first. */
#pragma once

#include "action_keys.h"
#include "base.h"

struct test {
    unsigned failures;
};

struct test_case {
    const char *suite;
    const char *name;
    void (*run)(struct test *test);
};
REGISTRY(tests, struct test_case);

#define TEST(suite, name)                                                                 \
    static void test_##suite##_##name(struct test *test);                                 \
    REGISTER(tests, struct test_case, suite##_##name, {#suite, #name, test_##suite##_##name}); \
    static void test_##suite##_##name(struct test *test __attribute__((unused)))

/* Runs the cases whose suite, or suite.case, matches the glob; returns the number that failed (no match fails). */
unsigned test_run(const char *glob);
unsigned test_failures(void); /* since boot */

/* Runs a console line and returns what it printed (at most 4 KiB; valid until the next call). */
const char *test_console(const char *line);
/* Performs an action as its handler does, "http port=8080" of ACTION_APP_INSTALL_serve, and returns what that printed; with
   a handler that warns, the warning and what follows a yes. */
const char *test_action(enum action_which op, const char *arguments);

bool test_equal(struct test *test, const char *file, int line, const char *what, uint64_t found, uint64_t expected);
bool test_text(struct test *test, const char *file, int line, const char *what, const char *found,
               const char *expected);
bool test_bool(struct test *test, const char *file, int line, const char *what, bool found, bool expected);

#define TEST_U64(value) ((uint64_t)(uintptr_t)(value))
#define EXPECT_EQ(found, expected) \
    test_equal(test, __FILE__, __LINE__, #found, TEST_U64(found), TEST_U64(expected))
#define EXPECT_STR(found, expected) test_text(test, __FILE__, __LINE__, #found, found, expected)
#define EXPECT_TRUE(condition) test_bool(test, __FILE__, __LINE__, #condition, condition, true)
#define EXPECT_FALSE(condition) test_bool(test, __FILE__, __LINE__, #condition, condition, false)
#define ASSERT_EQ(found, expected) do { if (!EXPECT_EQ(found, expected)) return; } while (0)
#define ASSERT_TRUE(condition) do { if (!EXPECT_TRUE(condition)) return; } while (0)
