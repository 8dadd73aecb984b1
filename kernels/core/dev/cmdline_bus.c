/* Devices from the kernel's command line, for machines whose firmware describes none: words
   virtio_mmio.device=<size>@<base>:<line>, as Linux and QEMU's microvm write them. <size> may end in K or M. */
#include "boot.h"
#include "device.h"
#include "string.h"
#include "text.h"

enum { WORD_MAX = 64 };

static bool parse_size(char *text, uint64_t *size)
{
    size_t length = strlen(text);
    unsigned shift = 0;
    if (length && (text[length - 1] == 'K' || text[length - 1] == 'M')) {
        shift = text[length - 1] == 'K' ? 10 : 20;
        text[length - 1] = 0;
    }
    if (!text_to_u64(text, size) || *size > (1ull << 32))
        return false;
    *size <<= shift;
    return true;
}

/* <size>@<base>:<line>; changes text */
static void add_virtio(char *text)
{
    uint64_t size, base, line;
    char *at = strchr(text, '@'), *colon = at ? strchr(at, ':') : NULL;
    if (!colon)
        return;
    *at = *colon = 0;
    if (!parse_size(text, &size) || !text_to_u64(at + 1, &base) || !text_to_u64(colon + 1, &line) || line > 255)
        return;
    struct device *device = device_add(device_root(), "virtio_mmio@%llx", (unsigned long long)base);
    if (!device)
        return;
    device_add_id(device, "virtio,mmio");
    device_add_range(device, base, size, false);
    device_add_line(device, (unsigned)line);
}

void cmdline_bus_scan(const char *cmdline)
{
    static const char key[] = "virtio_mmio.device=";
    while (*cmdline) {
        while (text_is_space(*cmdline))
            cmdline++;
        size_t length = 0;
        while (cmdline[length] && !text_is_space(cmdline[length]))
            length++;
        if (text_starts(cmdline, key) && length - strlen(key) < WORD_MAX) {
            char word[WORD_MAX];
            memcpy(word, cmdline + strlen(key), length - strlen(key));
            word[length - strlen(key)] = 0;
            add_virtio(word);
        }
        cmdline += length;
    }
}
