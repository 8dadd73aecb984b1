/* A console line into words (line.h): blanks part them; quotes and backslash keep blanks in. */
#include "line.h"
#include "text.h"

/* Copies one word down to *to without its quotes; NULL for a quote that does not end. */
static char *copy_word(char *from, char **to)
{
    char quote = 0;
    for (; *from && (quote || !text_is_space(*from)); from++) {
        if (*from == '\\' && from[1] && quote != '\'')
            *(*to)++ = *++from;
        else if (quote ? *from == quote : *from == '"' || *from == '\'')
            quote = quote ? 0 : *from;
        else
            *(*to)++ = *from;
    }
    return quote ? NULL : from;
}

int words_split(char *text, char **argv, int max)
{
    int count = 0;
    char *from = text, *to = text;
    for (;;) {
        while (text_is_space(*from))
            from++;
        if (!*from)
            return count;
        if (count == max)
            return -2;
        argv[count++] = to;
        from = copy_word(from, &to);
        if (!from)
            return -1;
        bool last = !*from;
        *to++ = 0; /* never past from: what was read is at least as long as what was written */
        if (last)
            return count;
        from++;
    }
}
