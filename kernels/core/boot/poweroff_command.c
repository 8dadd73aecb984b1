/* poweroff: leave the machine, with the verdict of this boot's tests. */
#include "power.h"
#include "console.h"

static void poweroff(int argc, char **argv)
{
    (void)argc, (void)argv;
    power_off();
}
COMMAND_IF(command_alone, poweroff, "switch the machine off", poweroff);
