/* test [glob]: run the in-kernel tests of the suites that match. */
#include "test.h"
#include "console.h"

static void test(int argc, char **argv)
{
    test_run(argc > 1 ? argv[1] : "*");
}
COMMAND(test, "run the in-kernel tests: test [glob]", test);
