/* libFuzzer: any bytes as a package's archive and as its manifest. */
#include "pkg.h"
#include "string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[4097], reason[PKG_REASON_MAX];
    static struct pkg_manifest manifest;
    struct ustar archive = {data, size, 0};
    struct ustar_entry entry;
    bool broken;
    volatile uint8_t sum = 0;
    while (ustar_next(&archive, &entry, &broken))
        for (size_t i = 0; i < entry.size; i++)
            sum = (uint8_t)(sum + ((const uint8_t *)entry.data)[i] + entry.path[0]);
    size = MIN(size, sizeof text - 1);
    memcpy(text, data, size);
    text[size] = 0;
    if (!pkg_parse(&manifest, text, reason))
        return strlen(reason) < PKG_REASON_MAX ? 0 : -1;
    for (unsigned i = 0; i < manifest.file_count; i++)
        if (strlen(manifest.files[i].digest) != 64 || manifest.files[i].path[0] == '/')
            __builtin_trap();
    return 0;
}
