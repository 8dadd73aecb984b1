/* The kernel's own functions by name, for backtraces: a table of lines "<address> <name>" in order of address, which the
   second link (Makefile) puts behind the constants. Read only when something is wrong, so it is searched as it stands. */
#include "panic.h"

extern const char __symbols_start[], __symbols_end[];

static const char *read_address(const char *at, uintptr_t *address)
{
    for (*address = 0; at < __symbols_end && *at != ' '; at++)
        *address = *address << 4 | (uintptr_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return at + 1;
}

const char *symbol_at(uintptr_t address, size_t *length, uintptr_t *offset)
{
    const char *found = NULL;
    uintptr_t start;
    if (address < (uintptr_t)__image_start || address >= (uintptr_t)__text_end)
        return NULL;
    for (const char *at = __symbols_start; at < __symbols_end; at++) {
        const char *name = read_address(at, &start);
        if (start > address)
            break;
        for (at = name; at < __symbols_end && *at != '\n'; at++)
            ;
        found = name;
        *length = (size_t)(at - name);
        *offset = address - start;
    }
    return found;
}
