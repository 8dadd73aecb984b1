/* help: the commands there are. */
#include "console.h"
#include "print.h"

static void help(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct command *const *entry;
    FOR_REGISTERED(entry, commands)
        kprintf("%-10s %s\n", (*entry)->name, (*entry)->help);
}
COMMAND(help, "list the commands", help);
