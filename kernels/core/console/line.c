/* The line editor (line.h). Keys: the control characters of Emacs and readline, and the VT100 sequences
   ESC [ A B C D H F and ESC [ 3 ~ (ECMA-48, 5.4). */
#include "line.h"
#include "print.h"
#include "string.h"

enum { CTRL_A = 1, CTRL_B = 2, CTRL_C = 3, CTRL_D = 4, CTRL_E = 5, CTRL_F = 6, BACKSPACE = 8, CTRL_K = 11,
       CTRL_L = 12, CTRL_N = 14, CTRL_P = 16, CTRL_U = 21, CTRL_W = 23, ESCAPE = 27, DELETE = 127 };

static void echo(struct line *line, const char *data, size_t size)
{
    if (size)
        line->echo(data, size);
}

static void move(struct line *line, size_t to)
{
    for (; line->cursor > to; line->cursor--)
        echo(line, "\b", 1);
    echo(line, line->text + line->cursor, to - line->cursor);
    line->cursor = to;
}

/* Replaces the text from cursor to end by tail, and shows it; the cursor stays. */
static void redraw_tail(struct line *line, size_t erased)
{
    echo(line, line->text + line->cursor, line->length - line->cursor);
    for (size_t i = 0; i < erased; i++)
        echo(line, " ", 1);
    for (size_t i = line->length - line->cursor + erased; i; i--)
        echo(line, "\b", 1);
}

static void erase(struct line *line, size_t from, size_t to)
{
    move(line, from);
    memmove(line->text + from, line->text + to, line->length - to);
    line->length -= to - from;
    redraw_tail(line, to - from);
}

static void insert(struct line *line, char c)
{
    if (line->length + 1 >= LINE_MAX) {
        echo(line, "\a", 1);
        return;
    }
    memmove(line->text + line->cursor + 1, line->text + line->cursor, line->length - line->cursor);
    line->text[line->cursor] = c;
    line->length++;
    echo(line, &c, 1);
    line->cursor++;
    if (line->cursor < line->length)
        redraw_tail(line, 0);
}

static void replace(struct line *line, const char *text)
{
    erase(line, 0, line->length);
    while (*text)
        insert(line, *text++);
}

static void recall(struct line *line, int step)
{
    unsigned oldest = MIN(line->kept, LINE_HISTORY);
    if (step > 0 ? line->back >= oldest : line->back == 0)
        return;
    line->back += (unsigned)step;
    replace(line, line->back ? line->history[(line->kept - line->back) % LINE_HISTORY] : "");
}

static void remember(struct line *line)
{
    const char *last = line->history[(line->kept - 1) % LINE_HISTORY];
    if (line->length && (!line->kept || strcmp(last, line->text)))
        memcpy(line->history[line->kept++ % LINE_HISTORY], line->text, line->length + 1);
}

static size_t word_start(const struct line *line)
{
    size_t at = line->cursor;
    while (at && line->text[at - 1] == ' ')
        at--;
    while (at && line->text[at - 1] != ' ')
        at--;
    return at;
}

static void feed_escape(struct line *line, char c)
{
    if (line->escape_length + 1 < sizeof line->escape)
        line->escape[line->escape_length++] = c;
    if (line->escape_length == 2 && c == '[')
        return;
    if (c >= '0' && c <= '9')
        return;
    bool simple = line->escape_length == 3;
    bool delete = line->escape_length == 4 && line->escape[2] == '3' && c == '~';
    line->escape_length = 0;
    if (delete && line->cursor < line->length)
        erase(line, line->cursor, line->cursor + 1);
    if (!simple)
        return;
    switch (c) {
    case 'A': recall(line, 1); break;
    case 'B': recall(line, -1); break;
    case 'C': move(line, MIN(line->cursor + 1, line->length)); break;
    case 'D': move(line, line->cursor ? line->cursor - 1 : 0); break;
    case 'H': move(line, 0); break;
    case 'F': move(line, line->length); break;
    default: break;
    }
}

static bool finish(struct line *line)
{
    line->text[line->length] = 0;
    echo(line, "\n", 1);
    remember(line);
    return true;
}

void line_begin(struct line *line)
{
    line->length = line->cursor = 0;
    line->back = 0;
    line->escape_length = 0;
}

static void feed_control(struct line *line, char c)
{
    switch (c) {
    case CTRL_A: move(line, 0); break;
    case CTRL_B: move(line, line->cursor ? line->cursor - 1 : 0); break;
    case CTRL_E: move(line, line->length); break;
    case CTRL_F: move(line, MIN(line->cursor + 1, line->length)); break;
    case CTRL_N: recall(line, -1); break;
    case CTRL_P: recall(line, 1); break;
    case CTRL_K: erase(line, line->cursor, line->length); break;
    case CTRL_U: erase(line, 0, line->cursor); break;
    case CTRL_W: erase(line, word_start(line), line->cursor); break;
    case CTRL_D:
        if (line->cursor < line->length)
            erase(line, line->cursor, line->cursor + 1);
        break;
    case BACKSPACE:
    case DELETE:
        if (line->cursor)
            erase(line, line->cursor - 1, line->cursor);
        break;
    case CTRL_L: {
        size_t cursor = line->cursor;
        echo(line, "\x1b[H\x1b[2J", 7);
        echo(line, line->prompt, strlen(line->prompt));
        line->cursor = 0;
        move(line, line->length);
        move(line, cursor);
        break;
    }
    default: break; /* other control characters mean nothing here */
    }
}

bool line_feed(struct line *line, char c)
{
    bool after_return = line->after_return;
    line->after_return = c == '\r';
    if (line->escape_length) {
        feed_escape(line, c);
        return false;
    }
    if (c == '\n' && after_return)
        return false;
    if (c == '\r' || c == '\n')
        return finish(line);
    if (c == CTRL_C) { /* give the line up */
        echo(line, "^C", 2);
        line->length = line->cursor = 0;
        return finish(line);
    }
    if (c == ESCAPE)
        line->escape[line->escape_length++] = c;
    else if ((unsigned char)c < ' ' || c == DELETE)
        feed_control(line, c);
    else
        insert(line, c);
    return false;
}
