/* memcpy and its family. The compiler may call these by itself, so they must not be compiled into calls to
   themselves (-fno-builtin in the Makefile). Word-wise, at any two alignments: the memory of a machine is moved
   through here. */
#include "string.h"

typedef uint64_t __attribute__((may_alias)) word;

enum { WORD = sizeof(word) };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* To a word's start from inside a word: each word that is written is put together from two that are read, and none is
   read that is not wholly there. What is left over is the caller's. */
static size_t copy_shifted(uint8_t *t, const uint8_t *f, size_t count)
{
    size_t done = 0, before = (uintptr_t)f % WORD, kept = WORD - before;
    word low = 0;
    for (size_t i = 0; i < kept; i++)
        low |= (word)f[i] << (8 * i);
    for (; count - done >= kept + WORD; done += WORD) {
        word high = *(const word *)(const void *)(f + done + kept);
        *(word *)(void *)(t + done) = low | high << (8 * kept);
        low = high >> (8 * before);
    }
    return done;
}
#else
static size_t copy_shifted(uint8_t *t, const uint8_t *f, size_t count) { (void)t, (void)f, (void)count; return 0; }
#endif

static size_t copy_words(uint8_t *t, const uint8_t *f, size_t count)
{
    size_t done = 0;
    for (; count - done >= 4 * WORD; done += 4 * WORD) {
        word *to = (void *)(t + done);
        const word *from = (const void *)(f + done);
        word a = from[0], b = from[1], c = from[2], d = from[3]; /* all read first: the two may overlap */
        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    }
    for (; count - done >= WORD; done += WORD)
        *(word *)(void *)(t + done) = *(const word *)(const void *)(f + done);
    return done;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (count >= 2 * WORD) {
        for (; (uintptr_t)t % WORD; count--)
            *t++ = *f++;
        size_t done = (uintptr_t)f % WORD ? copy_shifted(t, f, count) : copy_words(t, f, count);
        t += done, f += done, count -= done;
    }
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
    for (; count >= 4 * WORD; count -= 4 * WORD, t += 4 * WORD) { /* pages and poison come through here */
        word *four = (void *)t;
        four[0] = four[1] = four[2] = four[3] = pattern;
    }
    for (; count >= WORD; count -= WORD, t += WORD)
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
