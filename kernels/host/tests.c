/* Runs the core's own KTAP cases in a process: tests [glob]. Exit status 0 only if all pass. */
#include "console.h"
#include "net.h"
#include "test.h"

#include <unistd.h>

void host_init(void);

static void write_out(struct serial *serial, const char *data, size_t size)
{
    (void)serial;
    for (ssize_t done; size && (done = write(STDOUT_FILENO, data, size)) > 0; data += done, size -= (size_t)done)
        ;
}

int main(int argc, char **argv)
{
    static struct serial standard_output = {.write = write_out};
    console_attach(&standard_output);
    host_init();
    net_init();
    return test_run(argc > 1 ? argv[1] : "*") ? 1 : 0;
}
