/* echo: print the words given. */
#include "console.h"
#include "print.h"

static void echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        kprintf("%s%s", i > 1 ? " " : "", argv[i]);
    kprintf("\n");
}
COMMAND(echo, "print its arguments", echo);
