/* The two formats a package is made of (pkg.h): ustar, and the manifest. Both are hostile. */
#include "pkg.h"
#include "print.h"
#include "string.h"
#include "text.h"

/* -- ustar ------------------------------------------------------------------------------------------------ */

enum { RECORD = 512, AT_SIZE = 124, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257, AT_PREFIX = 345 };

/* Octal digits, ended by a blank or a zero. */
static bool read_octal(const uint8_t *at, unsigned width, uint64_t *value)
{
    *value = 0;
    unsigned i = 0;
    for (; i < width && at[i] >= '0' && at[i] <= '7'; i++)
        *value = *value << 3 | (uint64_t)(at[i] - '0');
    return i && (i == width || at[i] == ' ' || !at[i]);
}

static bool sum_is_right(const uint8_t *header)
{
    uint64_t expected, sum = 8 * ' ';
    for (unsigned i = 0; i < RECORD; i++)
        sum += i >= AT_SUM && i < AT_SUM + 8 ? 0 : header[i];
    return read_octal(header + AT_SUM, 8, &expected) && sum == expected;
}

static void read_path(const uint8_t *header, char *path)
{
    size_t prefix = strnlen((const char *)header + AT_PREFIX, 155), name = strnlen((const char *)header, 100);
    memcpy(path, header + AT_PREFIX, prefix);
    if (prefix)
        path[prefix++] = '/';
    memcpy(path + prefix, header, name);
    path[prefix + name] = 0;
}

bool ustar_next(struct ustar *archive, struct ustar_entry *entry, bool *broken)
{
    const uint8_t *header = archive->data + archive->at;
    size_t left = archive->size - archive->at;
    uint64_t size;
    *broken = false;
    if (left < RECORD || !header[0])
        return false; /* the end is records of zeros */
    *broken = true;
    if (memcmp(header + AT_MAGIC, "ustar", 5) || !sum_is_right(header) || !read_octal(header + AT_SIZE, 12, &size) ||
        size > left - RECORD)
        return false;
    *broken = false;
    read_path(header, entry->path);
    entry->type = header[AT_TYPE] ? (char)header[AT_TYPE] : '0';
    entry->data = header + RECORD;
    entry->size = (size_t)size;
    archive->at += MIN(RECORD + ALIGN_UP((size_t)size, RECORD), left);
    return true;
}

/* -- The manifest ----------------------------------------------------------------------------------------- */

static bool fail(char *reason, const char *expected, const char *found)
{
    ksnprintf(reason, PKG_REASON_MAX, "manifest: expected %s, found '%.64s'", expected, found);
    return false;
}

/* Lower-case letters, digits and + - . , beginning with one of the first two kinds. */
static bool is_package_name(const char *name)
{
    size_t length = 0;
    for (; name[length]; length++) {
        char c = name[length];
        bool plain = (c >= 'a' && c <= 'z') || text_is_digit(c);
        if (!plain && (!length || (c != '+' && c != '-' && c != '.')))
            return false;
    }
    return length && length < PKG_NAME_MAX;
}

/* A path of names below the root: nothing absolute, empty, `.` or `..`. */
static bool is_file_path(const char *path)
{
    if (strlen(path) > 200 || text_starts(path, "packages/"))
        return false;
    for (const char *at = path;; at++) {
        const char *end = strchr(at, '/');
        size_t length = end ? (size_t)(end - at) : strlen(at);
        if (!length || (at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.'))))
            return false;
        if (!end)
            return true;
        at = end;
    }
}

static bool is_digest(const char *text)
{
    size_t length = 0;
    while (text_is_digit(text[length]) || (text[length] >= 'a' && text[length] <= 'f'))
        length++;
    return length == 64 && !text[length];
}

/* Cuts the next word off a line. */
static char *word_of(char **line)
{
    char *word = *line;
    while (*word == ' ')
        word++;
    char *end = word;
    while (*end && *end != ' ')
        end++;
    *line = end + (*end != 0);
    *end = 0;
    return word;
}

static bool add_file(struct pkg_manifest *manifest, char *rest, char *reason)
{
    const char *digest = word_of(&rest), *path = rest;
    if (!is_digest(digest))
        return fail(reason, "64 hexadecimal digits", digest);
    if (!is_file_path(path))
        return fail(reason, "a path below the root, not in packages/", path);
    if (manifest->file_count == PKG_FILES)
        return fail(reason, "at most 256 files", path);
    manifest->files[manifest->file_count++] = (struct pkg_file){digest, path};
    return true;
}

static bool parse_line(struct pkg_manifest *manifest, char *line, char *reason)
{
    const char *key = word_of(&line);
    if (!*key || *key == '#')
        return true;
    if (!strcmp(key, "name") && !manifest->name) {
        manifest->name = word_of(&line);
        return is_package_name(manifest->name) || fail(reason, "a package name", manifest->name);
    }
    if (!strcmp(key, "version") && !manifest->version) {
        manifest->version = word_of(&line);
        size_t length = strlen(manifest->version);
        return (length && length < PKG_VERSION_MAX) || fail(reason, "a version", manifest->version);
    }
    if (!strcmp(key, "file"))
        return add_file(manifest, line, reason);
    if (strcmp(key, "depends"))
        return fail(reason, "name, version, depends or file", key);
    for (const char *name; *(name = word_of(&line));) {
        if (!is_package_name(name) || manifest->depend_count == PKG_DEPENDS)
            return fail(reason, "at most 16 package names", name);
        manifest->depends[manifest->depend_count++] = name;
    }
    return true;
}

bool pkg_parse(struct pkg_manifest *manifest, char *text, char reason[PKG_REASON_MAX])
{
    *manifest = (struct pkg_manifest){.text = text};
    while (*text) {
        char *line = text, *end = strchr(text, '\n');
        text = end ? end + 1 : text + strlen(text);
        if (end)
            *end = 0;
        if (!parse_line(manifest, line, reason))
            return false;
    }
    if (!manifest->name || !manifest->version)
        return fail(reason, "a name and a version", manifest->name ? manifest->name : "");
    return true;
}
