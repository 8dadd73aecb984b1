/* test [glob]: run the in-kernel tests of the suites that match. */
#include "test.h"
#include "console.h"

static void test(int argc, char **argv)
{
    test_run(argc > 1 ? argv[1] : "*");
}

static bool test_fits(int argc, char **argv)
{
    (void)argv;
    return argc <= 2;
}
COMMAND_IF(test_fits, test, "run the in-kernel tests: test [glob]", test);
