/* Members of a cpio archive (cpio.h): a header of 110 characters, the name, the data, each part padded to 4. */
#include "cpio.h"
#include "string.h"

enum { HEADER = 110, MAGIC = 6, FIELD = 8 };
enum { FIELD_MODE = 1, FIELD_MTIME = 5, FIELD_SIZE = 6, FIELD_NAME_SIZE = 11 };

bool cpio_is(const void *data, size_t size)
{
    return size >= HEADER && (!memcmp(data, "070701", MAGIC) || !memcmp(data, "070702", MAGIC));
}

/* The header's index-th number: eight hexadecimal digits. */
static bool read_field(const char *header, unsigned index, uint32_t *value)
{
    const char *digits = header + MAGIC + index * FIELD;
    *value = 0;
    for (unsigned i = 0; i < FIELD; i++) {
        char c = digits[i], letter = (char)(c | 0x20);
        bool is_letter = letter >= 'a' && letter <= 'f';
        if (!is_letter && (c < '0' || c > '9'))
            return false;
        *value = *value << 4 | (uint32_t)(is_letter ? letter - 'a' + 10 : c - '0');
    }
    return true;
}

bool cpio_next(struct cpio *archive, struct cpio_entry *entry)
{
    uint32_t name_size;
    if (archive->at > archive->size || !cpio_is(archive->data + archive->at, archive->size - archive->at))
        return false;
    const char *header = archive->data + archive->at;
    size_t left = archive->size - archive->at;
    if (!read_field(header, FIELD_MODE, &entry->mode) || !read_field(header, FIELD_MTIME, &entry->mtime) ||
        !read_field(header, FIELD_SIZE, &entry->size) || !read_field(header, FIELD_NAME_SIZE, &name_size))
        return false;
    if (!name_size || name_size > left - HEADER || header[HEADER + name_size - 1])
        return false;
    size_t data = ALIGN_UP((size_t)HEADER + name_size, 4);
    if (data > left || entry->size > left - data)
        return false;
    entry->name = header + HEADER;
    entry->data = header + data;
    archive->at += MIN(ALIGN_UP(data + entry->size, 4), left);
    return strcmp(entry->name, "TRAILER!!!") != 0;
}
