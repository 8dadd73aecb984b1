/* panic [trap|stack]: die on purpose, to see how the kernel dies. */
#include "panic.h"
#include "console.h"
#include "string.h"

static void panic_command(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "trap"))
        __builtin_trap();
    panic("asked to");
}
COMMAND(panic, "die on purpose: panic [trap]", panic_command);
