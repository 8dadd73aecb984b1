/* help: the commands there are, by name. */
#include "console.h"
#include "print.h"
#include "string.h"

static const struct command *first_after(const char *name)
{
    const struct command *const *entry, *first = NULL;
    FOR_REGISTERED(entry, commands)
        if (strcmp((*entry)->name, name) > 0 && (!first || strcmp((*entry)->name, first->name) < 0))
            first = *entry;
    return first;
}

static void help(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (const struct command *command = first_after(""); command; command = first_after(command->name))
        kprintf("%-10s %s\n", command->name, command->help);
}
COMMAND_IF(command_alone, help, "list the commands", help);
