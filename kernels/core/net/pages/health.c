/* /health: for probes. */
#include "net.h"
#include "print.h"

static size_t render_health(char *body, size_t size)
{
    return ksnprintf(body, size, "ok\n");
}
PAGE(health, "/health", "text/plain", render_health);
