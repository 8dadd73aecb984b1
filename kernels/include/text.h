/* Text helpers that the C library lacks or gets wrong: bounded copy, number parsing, globbing, byte order. */
#pragma once

#include "base.h"

/* Copies and always terminates; false when it had to cut. */
bool text_copy(char *to, size_t size, const char *from);
bool text_starts(const char *text, const char *prefix);
/* Decimal or 0x-hexadecimal, nothing else around it; false on anything wrong or out of range. */
bool text_to_u64(const char *text, uint64_t *value);
/* Does all of text match? `*` any run, `?` any one character. */
bool text_glob(const char *pattern, const char *text);

/* How many letters are to be put in, left out, changed or swapped with the next to make one of the other (optimal string
   alignment). Of more than TEXT_DISTANCE_MAX letters: TEXT_DISTANCE_MAX. */
enum { TEXT_DISTANCE_MAX = 31 };
unsigned text_distance(const char *one, const char *other);

static inline bool text_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool text_is_digit(char c) { return c >= '0' && c <= '9'; }

/* Big-endian loads from any alignment: the byte order of networks and device trees. */
static inline uint16_t load_be16(const void *from)
{
    const uint8_t *b = from;
    return (uint16_t)(b[0] << 8 | b[1]);
}
static inline uint32_t load_be32(const void *from)
{
    const uint8_t *b = from;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline uint64_t load_be64(const void *from)
{
    return (uint64_t)load_be32(from) << 32 | load_be32((const uint8_t *)from + 4);
}
