/* libFuzzer: any bytes as a device tree. */
#include "boot.h"
#include "fdt.h"
#include "string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fdt fdt;
    uint64_t address, length;
    fdt_node parent;
    if (!fdt_open(&fdt, data, size))
        return 0;
    for (unsigned i = 0; fdt_reservation(&fdt, i, &address, &length); i++)
        ;
    fdt_node node = fdt_find_compatible(&fdt, "ns16550a", &parent);
    if (node)
        fdt_reg(&fdt, parent, node, 0, &address, &length);
    node = fdt_find(&fdt, "/chosen");
    const char *text = node ? fdt_string(&fdt, node, "bootargs") : NULL;
    if (text)
        return strlen(text) > size ? -1 : 0;
    return 0;
}
