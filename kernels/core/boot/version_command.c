/* version: which kernel this is. */
#include "version.h"
#include "console.h"
#include "hal.h"
#include "print.h"

static void version(int argc, char **argv)
{
    (void)argc, (void)argv;
    kprintf("auton %s %s\n", AUTON_VERSION, hal_arch);
}
COMMAND_IF(command_alone, version, "print the kernel's version and architecture", version);
