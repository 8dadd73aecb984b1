/* The log ring, and services: order, restart, stop. */
#include "log.h"
#include "print.h"
#include "service.h"
#include "string.h"
#include "sync.h"
#include "test.h"
#include "text.h"

static char seen[64]; /* a letter for each thing that services did */
static unsigned failures_left;

static void see(char what)
{
    size_t length = strlen(seen);
    if (length + 1 < sizeof seen)
        seen[length] = what, seen[length + 1] = 0;
}

static bool run_a(struct service_control *control)
{
    see('A');
    service_wait(control, UINT64_MAX);
    see('a');
    return true;
}
SERVICE(test_a, .run = run_a);

static bool run_b(struct service_control *control)
{
    see('B');
    service_wait(control, UINT64_MAX);
    see('b');
    return true;
}
SERVICE(test_b, .run = run_b, .after = {"test_a"});

static bool run_fails(struct service_control *control)
{
    see('F');
    if (failures_left && failures_left--)
        return false;
    return service_wait(control, UINT64_MAX);
}
SERVICE(test_fails, .run = run_fails, .restart = RESTART_FAILED);

static bool run_loop(struct service_control *control)
{
    return service_wait(control, UINT64_MAX);
}
SERVICE(test_loop, .run = run_loop, .after = {"test_loop_too"});
SERVICE(test_loop_too, .run = run_loop, .after = {"test_loop"});

static struct service_status status_of(const char *name)
{
    struct service_status status = {0};
    for (unsigned i = 0; service_status(i, &status) && strcmp(status.service->name, name); i++)
        ;
    return status;
}

static void wait_for_text(const char *text)
{
    for (unsigned i = 0; i < 2000 && strcmp(seen, text); i++)
        time_sleep_ns(NS_PER_MS);
}

TEST(service, starts_what_it_needs_first_and_stops_it_last)
{
    char reason[SERVICE_REASON_MAX];
    seen[0] = 0;
    ASSERT_TRUE(service_start("test_b", reason));
    EXPECT_TRUE(service_start("test_b", reason));
    wait_for_text("AB");
    EXPECT_STR(seen, "AB");
    EXPECT_STR(status_of("test_a").state, "running");
    EXPECT_TRUE(service_stop("test_a", reason));
    EXPECT_STR(seen, "ABba");
    EXPECT_STR(status_of("test_b").state, "stopped");
    EXPECT_FALSE(service_stop("test_a", reason));
    EXPECT_STR(reason, "test_a does not run");
}

TEST(service, one_that_fails_is_started_again)
{
    char reason[SERVICE_REASON_MAX];
    seen[0] = 0;
    failures_left = 1;
    ASSERT_TRUE(service_start("test_fails", reason));
    wait_for_text("FF");
    EXPECT_STR(seen, "FF");
    struct service_status status = status_of("test_fails");
    EXPECT_STR(status.state, "running");
    EXPECT_TRUE(status.restarts >= 1);
    EXPECT_TRUE(service_stop("test_fails", reason));
    failures_left = 100;
    ASSERT_TRUE(service_start("test_fails", reason));
    EXPECT_TRUE(service_stop("test_fails", reason)); /* also in the pause before it starts again */
    EXPECT_STR(status_of("test_fails").state, "stopped");
}

TEST(service, unknown_ones_and_circles_are_refused)
{
    char reason[SERVICE_REASON_MAX];
    EXPECT_FALSE(service_start("nothing", reason));
    EXPECT_STR(reason, "no service 'nothing'");
    EXPECT_FALSE(service_start("test_loop", reason));
    EXPECT_STR(reason, "test_loop needs itself");
    EXPECT_STR(status_of("test_loop_too").state, "stopped");
}

static void write_line(struct log *log, const char *format, ...) PRINTF_LIKE(2, 3);
static void write_line(struct log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_write(log, format, args);
    va_end(args);
}

TEST(log, keeps_whole_lines_and_forgets_the_oldest)
{
    static char ring[1000], text[sizeof ring + 1];
    struct log log = {.ring = ring, .size = sizeof ring};
    uint64_t at = 0, from = 0;
    write_line(&log, "first %d", 1);
    write_line(&log, "second");
    text[log_read(&log, &at, text, sizeof text - 1)] = 0;
    EXPECT_TRUE(text_glob("[*] first 1\n[*] second\n", text));
    EXPECT_EQ(log_read(&log, &at, text, sizeof text - 1), 0);
    at = 0;
    text[log_read(&log, &at, text, 30)] = 0; /* room for one line and a bit */
    EXPECT_TRUE(text_glob("[*] first 1\n", text));
    for (unsigned i = 0; i < 200; i++)
        write_line(&log, "line %u", i);
    text[log_read(&log, &from, text, sizeof text - 1)] = 0;
    EXPECT_TRUE(text_glob("[*] line *\n[*] line 199\n", text));
    EXPECT_TRUE(strlen(text) > sizeof ring - 32);
}

TEST(log, has_what_happened_at_boot)
{
    klog("%s", "a line of the kernel's");
    EXPECT_TRUE(text_glob("*] a line of the kernel's\n", test_console("log 1")));
}
