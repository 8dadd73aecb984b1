/* help, or ?: the commands there are, by name. */
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
    kprintf("Any other line is a sentence, answered from how the machine is now: what is my ip, which disks are in here,\n"
            "why is the network down, be a web server on port 8080, install NAME, restart the web server.\n");
}
COMMAND_IF(command_alone, help, "list the commands", help);
REGISTER(commands, struct command, question_mark, {"?", "the same as help", help, command_alone}); /* no name of C's */
