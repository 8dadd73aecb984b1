/* libFuzzer: any text as the kernel's command line; a glob and a number out of the same bytes. */
#include "boot.h"
#include "string.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info boot;
    char value[16];
    uint64_t number;
    size_t length = size < CMDLINE_MAX - 1 ? size : CMDLINE_MAX - 1;
    memcpy(boot.cmdline, data, length);
    boot.cmdline[length] = 0;
    cmdline_has(boot.cmdline, "test");
    if (cmdline_get(boot.cmdline, "test", value, sizeof value))
        text_glob(value, boot.cmdline);
    text_to_u64(boot.cmdline, &number);
    return 0;
}
