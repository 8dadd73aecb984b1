/* A word that is almost a command's name: which one was meant? Words of two letters are near too much (ram is near rm, ps
   near ls) to be asked about; of longer ones one letter may be wrong, of six and more two. */
#include "console.h"
#include "string.h"
#include "text.h"

enum { COMMAND_WORD_MIN = 3, COMMAND_WORD_LONG = 6 };

static bool runs_alone(const struct command *command, char *word)
{
    char *argv[] = {word, NULL};
    return !command->fits || command->fits(1, argv);
}

/* The only word of a line, in small letters; false when it has none, or more. */
static bool only_word(const char *text, char word[TEXT_DISTANCE_MAX + 1])
{
    size_t length = 0;
    while (text_is_space(*text))
        text++;
    for (; *text && !text_is_space(*text) && length < TEXT_DISTANCE_MAX; text++)
        word[length++] = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    word[length] = 0;
    while (text_is_space(*text))
        text++;
    return length && !*text;
}

static unsigned slips_allowed(const char *word, const char *name)
{
    size_t shorter = MIN(strlen(word), strlen(name));
    return shorter < COMMAND_WORD_LONG ? 1 : 2;
}

const struct command *command_like(const char *text)
{
    char word[TEXT_DISTANCE_MAX + 1];
    const struct command *const *entry, *found = NULL;
    unsigned nearest = TEXT_DISTANCE_MAX;
    if (!only_word(text, word) || strlen(word) < COMMAND_WORD_MIN)
        return NULL;
    FOR_REGISTERED(entry, commands) {
        const char *name = (*entry)->name;
        unsigned distance = text_distance(word, name);
        if (strlen(name) >= COMMAND_WORD_MIN && distance < nearest && distance <= slips_allowed(word, name) &&
            runs_alone(*entry, word)) {
            nearest = distance;
            found = *entry;
        }
    }
    return found;
}
