/* Bounded copy, number parsing, globbing and likeness (text.h). */
#include "text.h"
#include "string.h"

bool text_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    bool fits = length < size;
    if (size) {
        length = fits ? length : size - 1;
        memcpy(to, from, length);
        to[length] = 0;
    }
    return fits;
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int digit_value(char c)
{
    if (text_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_to_u64(const char *text, uint64_t *value)
{
    int base = text_starts(text, "0x") ? 16 : 10;
    if (base == 16)
        text += 2;
    if (!*text)
        return false;
    uint64_t sum = 0;
    for (; *text; text++) {
        int digit = digit_value(*text);
        if (digit < 0 || digit >= base || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

/* Linear in practice: only the last star is ever gone back to, which is enough because an earlier one that matched
   less could not make the rest match better. */
bool text_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern && (*pattern == '?' || *pattern == *text)) {
            pattern++, text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

unsigned text_distance(const char *one, const char *other)
{
    uint8_t rows[3][TEXT_DISTANCE_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    size_t height = strlen(one), width = strlen(other);
    if (height > TEXT_DISTANCE_MAX || width > TEXT_DISTANCE_MAX)
        return TEXT_DISTANCE_MAX;
    for (size_t j = 0; j <= width; j++)
        last[j] = (uint8_t)j;
    for (size_t i = 1; i <= height; i++) {
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= width; j++) {
            unsigned least = MIN(last[j], row[j - 1]) + 1u;
            least = MIN(least, last[j - 1] + (unsigned)(one[i - 1] != other[j - 1]));
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                least = MIN(least, before[j - 2] + 1u);
            row[j] = (uint8_t)least;
        }
        uint8_t *free = before;
        before = last, last = row, row = free;
    }
    return last[width];
}
