/* panic [trap|hang]: die on purpose, to see how the kernel dies. */
#include "panic.h"
#include "console.h"
#include "string.h"

static void hang_here(void)
{
    for (;;)
        __asm__ volatile("");
}

static void panic_command(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "trap"))
        __builtin_trap();
    if (argc > 1 && !strcmp(argv[1], "hang"))
        hang_here();
    panic("asked to");
}

static bool panic_fits(int argc, char **argv)
{
    return argc == 1 || (argc == 2 && (!strcmp(argv[1], "trap") || !strcmp(argv[1], "hang")));
}
COMMAND_IF(panic_fits, panic, "die on purpose: panic [trap|hang]", panic_command);
