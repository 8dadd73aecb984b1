/* Power off with the verdict of this boot's tests (power.h). */
#include "power.h"
#include "service.h"
#include "test.h"
#include "vfs.h"

void power_off(void)
{
    service_stop_all();
    vfs_stop();
    hal_exit(test_failures() ? EXIT_FAIL : EXIT_PASS);
}
