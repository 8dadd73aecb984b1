/* Reader for cpio archives in the "new ASCII" format (cpio(5), "newc"; Linux Documentation/driver-api/early-userspace/
   buffer-format.rst). The archive is hostile: every length is checked against its end before it is followed. */
#pragma once

#include "base.h"

struct cpio {
    const char *data;
    size_t size;
    size_t at; /* of the next header; begin with 0 */
};

/* One member. `name` is terminated and, like data, lies inside the archive; it may be any text, also "" or "../x". */
struct cpio_entry {
    const char *name;
    const void *data;
    uint32_t mode, mtime, size; /* mode: S_IFMT and permissions, as POSIX numbers them */
};

bool cpio_is(const void *data, size_t size);
/* The next member; false at the trailer, and at whatever is damaged. */
bool cpio_next(struct cpio *archive, struct cpio_entry *entry);

enum { CPIO_MODE_TYPE = 0170000, CPIO_MODE_FILE = 0100000, CPIO_MODE_FOLDER = 0040000 };
static inline bool cpio_is_file(const struct cpio_entry *entry)
{
    return (entry->mode & CPIO_MODE_TYPE) == CPIO_MODE_FILE;
}
