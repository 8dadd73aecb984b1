/* Reader for flattened device trees (Devicetree Specification 0.4, chapter 5). The blob is hostile until proven
   otherwise: every offset is checked against its block before it is followed. */
#pragma once

#include "base.h"

struct fdt {
    const uint8_t *blob;
    uint32_t size;
    uint32_t structure, structure_end;  /* offsets into blob */
    uint32_t strings, strings_end;
    uint32_t reservations;
};

/* A node is the offset of its FDT_BEGIN_NODE token; FDT_NONE is no node. */
typedef uint32_t fdt_node;
#define FDT_NONE 0u

/* What a property holds: `size` bytes at `data` inside the blob. data is NULL when there is no such property. */
struct fdt_property {
    const char *name;
    const uint8_t *data;
    uint32_t size;
};

bool fdt_open(struct fdt *fdt, const void *blob, size_t max);
fdt_node fdt_root(const struct fdt *fdt);
fdt_node fdt_child(const struct fdt *fdt, fdt_node parent);       /* the first one */
fdt_node fdt_sibling(const struct fdt *fdt, fdt_node node);       /* the next one below the same parent */
const char *fdt_name(const struct fdt *fdt, fdt_node node);       /* with its unit address: "memory@80000000" */
/* By path ("/soc/serial@10000000"); a component without @ also matches a name with one. */
fdt_node fdt_find(const struct fdt *fdt, const char *path);
fdt_node fdt_find_parent(const struct fdt *fdt, const char *path, fdt_node *parent); /* likewise, and its parent */
/* The first node in file order whose `compatible` lists `with`, and its parent. */
fdt_node fdt_find_compatible(const struct fdt *fdt, const char *with, fdt_node *parent);
fdt_node fdt_find_phandle(const struct fdt *fdt, uint32_t phandle);

struct fdt_property fdt_property(const struct fdt *fdt, fdt_node node, const char *name);
/* The index-th property of a node, in file order; data is NULL past the end. */
struct fdt_property fdt_property_at(const struct fdt *fdt, fdt_node node, unsigned index);
const char *fdt_string(const struct fdt *fdt, fdt_node node, const char *name); /* NULL unless terminated text */
uint32_t fdt_u32(const struct fdt *fdt, fdt_node node, const char *name, uint32_t otherwise);
bool fdt_compatible(const struct fdt *fdt, fdt_node node, const char *with);

/* The index-th (address, size) of a node's `reg`, read with its parent's #address-cells and #size-cells. */
bool fdt_reg(const struct fdt *fdt, fdt_node parent, fdt_node node, unsigned index, uint64_t *address, uint64_t *size);
/* The index-th entry of the memory reservation block; false past the end. */
bool fdt_reservation(const struct fdt *fdt, unsigned index, uint64_t *address, uint64_t *size);
