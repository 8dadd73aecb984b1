/* The kernel's command line: words `name` or `name=value` between blanks (boot.h). */
#include "boot.h"
#include "string.h"
#include "text.h"

/* The word at or after *at, its length in *length; NULL at the end. Moves *at behind it. */
static const char *next_word(const char **at, size_t *length)
{
    const char *word = *at;
    while (text_is_space(*word))
        word++;
    const char *end = word;
    while (*end && !text_is_space(*end))
        end++;
    *at = end;
    *length = (size_t)(end - word);
    return *length ? word : NULL;
}

bool cmdline_has(const char *cmdline, const char *name)
{
    size_t length, wanted = strlen(name);
    for (const char *word; (word = next_word(&cmdline, &length));)
        if (length >= wanted && !memcmp(word, name, wanted) && (length == wanted || word[wanted] == '='))
            return true;
    return false;
}

bool cmdline_get(const char *cmdline, const char *name, char *out, size_t size)
{
    bool found = false;
    size_t length, wanted = strlen(name);
    if (size)
        out[0] = 0;
    for (const char *word; (word = next_word(&cmdline, &length));) {
        if (length <= wanted || memcmp(word, name, wanted) || word[wanted] != '=' || !size)
            continue;
        size_t count = MIN(length - wanted - 1, size - 1);
        memcpy(out, word + wanted + 1, count);
        out[count] = 0;
        found = true;
    }
    return found;
}
