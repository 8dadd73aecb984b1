/* The test runner (test.h): KTAP version 1 (docs.kernel.org/dev-tools/ktap.html). Suites in the order of their first
   case; each is a top-level case whose own cases are nested two spaces deep. */
#include "test.h"
#include "print.h"
#include "string.h"
#include "text.h"

static unsigned failures_since_boot;

static bool wanted(const struct test_case *test, const char *glob)
{
    char full[96];
    ksnprintf(full, sizeof full, "%s.%s", test->suite, test->name);
    return text_glob(glob, test->suite) || text_glob(glob, full);
}

/* Is this the first wanted case of its suite? */
static bool opens_suite(const struct test_case *const *entry, const char *glob)
{
    const struct test_case *const *earlier;
    if (!wanted(*entry, glob))
        return false;
    for (earlier = __start_tests; earlier < entry; earlier++)
        if (!strcmp((*earlier)->suite, (*entry)->suite) && wanted(*earlier, glob))
            return false;
    return true;
}

static bool in_suite(const struct test_case *test, const char *suite, const char *glob)
{
    return !strcmp(test->suite, suite) && wanted(test, glob);
}

/* Runs one suite and returns how many of its cases failed. */
static unsigned run_suite(const char *suite, const char *glob)
{
    const struct test_case *const *entry;
    unsigned cases = 0, number = 0, failed = 0;
    FOR_REGISTERED(entry, tests)
        cases += in_suite(*entry, suite, glob);
    kprintf("  KTAP version 1\n  1..%u\n", cases);
    FOR_REGISTERED(entry, tests) {
        if (!in_suite(*entry, suite, glob))
            continue;
        struct test test = {0};
        (*entry)->run(&test);
        failed += test.failures > 0;
        kprintf("  %s %u %s\n", test.failures ? "not ok" : "ok", ++number, (*entry)->name);
    }
    return failed;
}

unsigned test_run(const char *glob)
{
    const struct test_case *const *entry;
    unsigned suites = 0, number = 0, failed = 0;
    FOR_REGISTERED(entry, tests)
        suites += opens_suite(entry, glob);
    kprintf("KTAP version 1\n1..%u\n", suites);
    FOR_REGISTERED(entry, tests) {
        if (!opens_suite(entry, glob))
            continue;
        unsigned bad = run_suite((*entry)->suite, glob);
        kprintf("%s %u %s\n", bad ? "not ok" : "ok", ++number, (*entry)->suite);
        failed += bad;
    }
    if (!suites) {
        kprintf("# expected a suite that matches '%s', found none\n", glob);
        failed++;
    }
    failures_since_boot += failed;
    return failed;
}

unsigned test_failures(void)
{
    return failures_since_boot;
}

/* -- Expectations: each prints what it found and where, as a comment before the case's `not ok` -------------- */

static bool is_small(uint64_t value)
{
    return (int64_t)value > -100000 && (int64_t)value < 100000;
}

static void print_value(uint64_t value)
{
    if (is_small(value))
        kprintf("%lld", (long long)value);
    else
        kprintf("%#llx", (unsigned long long)value);
}

bool test_equal(struct test *test, const char *file, int line, const char *what, uint64_t found, uint64_t expected)
{
    if (found == expected)
        return true;
    test->failures++;
    kprintf("  # %s:%d: expected %s == ", file, line, what);
    print_value(expected);
    kprintf(", found ");
    print_value(found);
    kprintf("\n");
    return false;
}

bool test_text(struct test *test, const char *file, int line, const char *what, const char *found,
               const char *expected)
{
    if (found && !strcmp(found, expected))
        return true;
    test->failures++;
    kprintf("  # %s:%d: expected %s == \"%s\", found \"%s\"\n", file, line, what, expected, found ? found : "(null)");
    return false;
}

bool test_bool(struct test *test, const char *file, int line, const char *what, bool found, bool expected)
{
    static const char *const words[] = {"false", "true"};
    if (found == expected)
        return true;
    test->failures++;
    kprintf("  # %s:%d: expected %s to be %s, found %s\n", file, line, what, words[expected], words[found]);
    return false;
}
