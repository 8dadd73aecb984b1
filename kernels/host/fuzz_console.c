/* libFuzzer: any keys at the console's line editor, then the line through the word splitter. */
#include "line.h"
#include "string.h"

static void drop(const char *data, size_t size) { (void)data, (void)size; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line line;
    char *words[8];
    memset(&line, 0, sizeof line);
    line.echo = drop;
    line.prompt = "> ";
    line_begin(&line);
    for (size_t i = 0; i < size; i++) {
        if (!line_feed(&line, (char)data[i]))
            continue;
        int count = words_split(line.text, words, 8);
        for (int w = 0; w < count; w++)
            if (strlen(words[w]) >= LINE_MAX)
                __builtin_trap();
        line_begin(&line);
    }
    return 0;
}
