/* Flattened device trees (Devicetree Specification 0.4, chapter 5): the reader behind fdt.h. All access goes through
   next_token, which checks the token and its payload against the structure block. */
#include "fdt.h"
#include "string.h"
#include "text.h"

enum { MAGIC = 0xd00dfeed, HEADER_SIZE = 40, OLDEST_VERSION = 16, FDT_DEPTH_MAX = 32 };
enum token { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4, END = 9, BROKEN = 0 };

struct item {
    enum token token;
    uint32_t at;    /* offset of the token itself */
    uint32_t next;  /* offset of the token after it */
    const char *name;
    const uint8_t *data;
    uint32_t size;
};

static bool fdt_inside(uint32_t offset, uint32_t size, uint32_t end)
{
    return offset <= end && size <= end - offset;
}

/* The terminated text at an offset below end, or NULL. */
static const char *text_at(const struct fdt *fdt, uint32_t offset, uint32_t end)
{
    if (offset >= end || !memchr(fdt->blob + offset, 0, end - offset))
        return NULL;
    return (const char *)fdt->blob + offset;
}

bool fdt_open(struct fdt *fdt, const void *blob, size_t max)
{
    const uint8_t *b = blob;
    if (!blob || max < HEADER_SIZE || load_be32(b) != MAGIC)
        return false;
    uint32_t size = load_be32(b + 4), version = load_be32(b + 20), compatible = load_be32(b + 24);
    uint32_t structure = load_be32(b + 8), strings = load_be32(b + 12);
    uint32_t strings_size = load_be32(b + 32), structure_size = load_be32(b + 36);
    if (size < HEADER_SIZE || size > max || version < OLDEST_VERSION || compatible > 17)
        return false;
    if (version == OLDEST_VERSION) /* has no size of the structure block yet */
        structure_size = structure < size ? size - structure : 0;
    if (structure % 4 || !fdt_inside(structure, structure_size, size) || !fdt_inside(strings, strings_size, size))
        return false;
    *fdt = (struct fdt){
        .blob = b,
        .size = size,
        .structure = structure,
        .structure_end = structure + structure_size,
        .strings = strings,
        .strings_end = strings + strings_size,
        .reservations = load_be32(b + 16),
    };
    return fdt_root(fdt) != FDT_NONE;
}

static struct item broken(uint32_t at)
{
    return (struct item){.token = BROKEN, .at = at, .next = at};
}

static struct item read_begin(const struct fdt *fdt, struct item item)
{
    item.name = text_at(fdt, item.at + 4, fdt->structure_end);
    if (!item.name)
        return broken(item.at);
    item.next = (uint32_t)ALIGN_UP(item.at + 4 + strlen(item.name) + 1, 4);
    return item;
}

static struct item read_property(const struct fdt *fdt, struct item item)
{
    if (!fdt_inside(item.at, 12, fdt->structure_end))
        return broken(item.at);
    item.size = load_be32(fdt->blob + item.at + 4);
    uint32_t name = load_be32(fdt->blob + item.at + 8);
    if (!fdt_inside(item.at + 12, item.size, fdt->structure_end) || name >= fdt->strings_end - fdt->strings)
        return broken(item.at);
    item.data = fdt->blob + item.at + 12;
    item.name = text_at(fdt, fdt->strings + name, fdt->strings_end);
    if (!item.name)
        return broken(item.at);
    item.next = (uint32_t)ALIGN_UP((uint64_t)item.at + 12 + item.size, 4);
    return item;
}

/* The item at an offset; NOPs are skipped. */
static struct item next_token(const struct fdt *fdt, uint32_t at)
{
    while (fdt_inside(at, 4, fdt->structure_end)) {
        struct item item = {.token = load_be32(fdt->blob + at), .at = at, .next = at + 4};
        switch (item.token) {
        case NOP: at += 4; continue;
        case BEGIN_NODE: return read_begin(fdt, item);
        case PROPERTY: return read_property(fdt, item);
        case END_NODE:
        case END: return item;
        default: return broken(at);
        }
    }
    return broken(at);
}

fdt_node fdt_root(const struct fdt *fdt)
{
    struct item item = next_token(fdt, fdt->structure);
    return item.token == BEGIN_NODE ? item.at : FDT_NONE;
}

fdt_node fdt_child(const struct fdt *fdt, fdt_node parent)
{
    struct item item = next_token(fdt, next_token(fdt, parent).next);
    while (item.token == PROPERTY)
        item = next_token(fdt, item.next);
    return item.token == BEGIN_NODE ? item.at : FDT_NONE;
}

fdt_node fdt_sibling(const struct fdt *fdt, fdt_node node)
{
    struct item item = next_token(fdt, node);
    int depth = 0;
    for (; item.token != BROKEN && item.token != END; item = next_token(fdt, item.next)) {
        if (item.token == BEGIN_NODE) {
            if (depth == 0 && item.at != node)
                return item.at;
            if (++depth > FDT_DEPTH_MAX)
                return FDT_NONE;
        } else if (item.token == END_NODE && --depth < 0) {
            return FDT_NONE;
        }
    }
    return FDT_NONE;
}

const char *fdt_name(const struct fdt *fdt, fdt_node node)
{
    struct item item = next_token(fdt, node);
    return item.token == BEGIN_NODE ? item.name : "";
}

static bool name_matches(const char *name, const char *wanted, size_t length)
{
    if (strncmp(name, wanted, length))
        return false;
    return !name[length] || (name[length] == '@' && !memchr(wanted, '@', length));
}

fdt_node fdt_find(const struct fdt *fdt, const char *path)
{
    fdt_node parent;
    return fdt_find_parent(fdt, path, &parent);
}

fdt_node fdt_find_parent(const struct fdt *fdt, const char *path, fdt_node *parent)
{
    fdt_node node = fdt_root(fdt);
    *parent = FDT_NONE;
    while (node && *path) {
        while (*path == '/')
            path++;
        size_t length = 0;
        while (path[length] && path[length] != '/' && path[length] != ':')
            length++;
        if (!length)
            break;
        *parent = node;
        for (node = fdt_child(fdt, node); node; node = fdt_sibling(fdt, node))
            if (name_matches(fdt_name(fdt, node), path, length))
                break;
        path += length;
        if (*path == ':') /* options of stdout-path */
            break;
    }
    return node;
}

struct fdt_property fdt_property_at(const struct fdt *fdt, fdt_node node, unsigned index)
{
    struct item item = next_token(fdt, next_token(fdt, node).next);
    for (; item.token == PROPERTY; item = next_token(fdt, item.next))
        if (!index--)
            return (struct fdt_property){item.name, item.data, item.size};
    return (struct fdt_property){0};
}

struct fdt_property fdt_property(const struct fdt *fdt, fdt_node node, const char *name)
{
    struct item item = next_token(fdt, next_token(fdt, node).next);
    for (; item.token == PROPERTY; item = next_token(fdt, item.next))
        if (!strcmp(item.name, name))
            return (struct fdt_property){item.name, item.data, item.size};
    return (struct fdt_property){0};
}

const char *fdt_string(const struct fdt *fdt, fdt_node node, const char *name)
{
    struct fdt_property p = fdt_property(fdt, node, name);
    return p.size && !p.data[p.size - 1] ? (const char *)p.data : NULL;
}

uint32_t fdt_u32(const struct fdt *fdt, fdt_node node, const char *name, uint32_t otherwise)
{
    struct fdt_property p = fdt_property(fdt, node, name);
    return p.size == 4 ? load_be32(p.data) : otherwise;
}

bool fdt_compatible(const struct fdt *fdt, fdt_node node, const char *with)
{
    struct fdt_property p = fdt_property(fdt, node, "compatible");
    for (uint32_t at = 0; at < p.size;) {
        const char *entry = (const char *)p.data + at;
        size_t length = strnlen(entry, p.size - at);
        if (length == strlen(with) && at + length < p.size && !memcmp(entry, with, length))
            return true;
        at += (uint32_t)length + 1;
    }
    return false;
}

/* A number of one or two cells at data, which has them. */
static uint64_t read_cells(const uint8_t *data, uint32_t count)
{
    return count == 2 ? load_be64(data) : count == 1 ? load_be32(data) : 0;
}

/* Does this node have what is looked for? */
typedef bool (*matches)(const struct fdt *fdt, fdt_node node, const void *what);

/* The first node in file order that matches, and its parent: a depth-first walk that keeps the path. */
static fdt_node find_first(const struct fdt *fdt, matches match, const void *what, fdt_node *parent)
{
    fdt_node path[FDT_DEPTH_MAX + 1];
    int depth = -1;
    struct item item = next_token(fdt, fdt->structure);
    for (; item.token != BROKEN && item.token != END; item = next_token(fdt, item.next)) {
        if (item.token == BEGIN_NODE) {
            if (++depth > FDT_DEPTH_MAX)
                return FDT_NONE;
            path[depth] = item.at;
            *parent = depth ? path[depth - 1] : FDT_NONE;
            if (match(fdt, item.at, what))
                return item.at;
        } else if (item.token == END_NODE && --depth < 0) {
            return FDT_NONE;
        }
    }
    return FDT_NONE;
}

static bool is_compatible(const struct fdt *fdt, fdt_node node, const void *with)
{
    return fdt_compatible(fdt, node, with);
}

static bool has_phandle(const struct fdt *fdt, fdt_node node, const void *phandle)
{
    return fdt_u32(fdt, node, "phandle", 0) == *(const uint32_t *)phandle;
}

fdt_node fdt_find_compatible(const struct fdt *fdt, const char *with, fdt_node *parent)
{
    return find_first(fdt, is_compatible, with, parent);
}

fdt_node fdt_find_phandle(const struct fdt *fdt, uint32_t phandle)
{
    fdt_node parent;
    return phandle ? find_first(fdt, has_phandle, &phandle, &parent) : FDT_NONE;
}

bool fdt_reg(const struct fdt *fdt, fdt_node parent, fdt_node node, unsigned index, uint64_t *address, uint64_t *size)
{
    uint32_t address_cells = fdt_u32(fdt, parent, "#address-cells", 2);
    uint32_t size_cells = fdt_u32(fdt, parent, "#size-cells", 1);
    struct fdt_property p = fdt_property(fdt, node, "reg");
    if (address_cells > 2 || size_cells > 2 || !(address_cells + size_cells))
        return false;
    uint64_t entry = 4 * (address_cells + size_cells), at = entry * index;
    if (at + entry > p.size)
        return false;
    *address = read_cells(p.data + at, address_cells);
    *size = read_cells(p.data + at + 4 * address_cells, size_cells);
    return true;
}

bool fdt_reservation(const struct fdt *fdt, unsigned index, uint64_t *address, uint64_t *size)
{
    uint64_t at = fdt->reservations + 16ull * index;
    if (at + 16 > fdt->size)
        return false;
    *address = load_be64(fdt->blob + at);
    *size = load_be64(fdt->blob + at + 8);
    return *address || *size;
}
