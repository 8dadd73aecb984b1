/* Power off with the verdict of this boot's tests (power.h). */
#include "power.h"
#include "test.h"

void power_off(void)
{
    hal_exit(test_failures() ? EXIT_FAIL : EXIT_PASS);
}
