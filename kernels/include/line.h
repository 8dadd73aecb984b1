/* A line editor as a pure state machine: characters in, echo out, a finished line at the end. Knows the keys of a
   VT100: arrows, Home, End, Delete, Ctrl-A B C D E F H K L N P U W. Keeps a history. */
#pragma once

#include "base.h"

enum { LINE_MAX = 512, LINE_HISTORY = 16 };

struct line {
    char text[LINE_MAX];    /* terminated once line_feed returned true */
    size_t length, cursor;
    char history[LINE_HISTORY][LINE_MAX];
    unsigned kept;          /* lines ever put into history */
    unsigned back;          /* how far up in history we are; 0 is the line being typed */
    char escape[8];         /* an unfinished escape sequence */
    unsigned escape_length;
    bool after_return;      /* the last character was \r, so a \n that follows belongs to it */
    void (*echo)(const char *data, size_t size);
    const char *prompt;     /* printed again by Ctrl-L */
};

void line_begin(struct line *line); /* empties the text, keeps the history */
bool line_feed(struct line *line, char c); /* true when the line is complete */

/* Cuts text into words at blanks; '…' and "…" hold blanks, backslash takes the next character as it is. Returns
   the number of words, or -1 for an unfinished quote, -2 for more than max words. argv points into text. */
int words_split(char *text, char **argv, int max);
