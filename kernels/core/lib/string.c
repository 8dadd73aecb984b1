/* memcpy and its family. The compiler may call these by itself, so they must not be compiled into calls to
   themselves (-fno-builtin in the Makefile). Word-wise where both sides are aligned alike: the memory of a machine
   is moved through here. */
#include "string.h"

typedef uint64_t __attribute__((may_alias)) word;

static bool aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word) - 1)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (aligned(t, f))
        for (; count >= sizeof(word); count -= sizeof(word), t += sizeof(word), f += sizeof(word))
            *(word *)(void *)t = *(const word *)(const void *)f;
    while (count--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= count)
        return memcpy(to, from, count);
    while (count--)
        t[count] = f[count];
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    uint8_t *t = to;
    word pattern = (uint8_t)byte * 0x0101010101010101ull;
    for (; count && ((uintptr_t)t & (sizeof(word) - 1)); count--)
        *t++ = (uint8_t)byte;
    for (; count >= sizeof(word); count -= sizeof(word), t += sizeof(word))
        *(word *)(void *)t = pattern;
    while (count--)
        *t++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;
    for (; count; count--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memchr(const void *data, int byte, size_t count)
{
    for (const uint8_t *d = data; count; count--, d++)
        if (*d == (uint8_t)byte)
            return (void *)(uintptr_t)d;
    return NULL;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

size_t strnlen(const char *text, size_t max)
{
    size_t length = 0;
    while (length < max && text[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
    while (max && *a && *a == *b)
        a++, b++, max--;
    return max ? (uint8_t)*a - (uint8_t)*b : 0;
}

char *strchr(const char *text, int c)
{
    for (;; text++) {
        if (*text == (char)c)
            return (char *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}
