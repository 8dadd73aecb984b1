/* /16k: as much as a page can hold, for measuring. */
#include "net.h"
#include "string.h"

static size_t render_sixteen(char *body, size_t size)
{
    memset(body, 'x', size);
    return size;
}
PAGE(sixteen, "/16k", "text/plain", render_sixteen);
