/* /health: for probes. */
#include "net.h"
#include "print.h"

static size_t render(char *body, size_t size)
{
    return ksnprintf(body, size, "ok\n");
}
PAGE(health, "/health", "text/plain", render);
