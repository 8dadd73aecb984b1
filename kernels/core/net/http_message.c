/* Reading HTTP/1.1 headers (RFC 9112, sections 3 to 6). What could be read in two ways is refused: two lengths, a
   transfer coding, a bare CR, a space before a colon. */
#include "http_message.h"
#include "string.h"
#include "text.h"

struct span {
    const char *text;
    size_t size;
};

static char http_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }

static bool same(struct span a, const char *b)
{
    size_t i = 0;
    while (i < a.size && b[i] && http_lower(a.text[i]) == http_lower(b[i]))
        i++;
    return i == a.size && !b[i];
}

/* The offset behind the empty line that ends the header, or 0. */
static size_t header_end(const char *text, size_t size)
{
    for (size_t i = 3; i < size; i++)
        if (text[i] == '\n' && !memcmp(text + i - 3, "\r\n\r\n", 4))
            return i + 1;
    return 0;
}

/* Cuts the next line off [*at, end); false when there is none or it holds control characters. */
static bool next_line(const char **at, const char *end, struct span *line)
{
    const char *start = *at;
    for (const char *c = start; c + 1 < end; c++) {
        if (c[0] == '\r' && c[1] == '\n') {
            *line = (struct span){start, (size_t)(c - start)};
            *at = c + 2;
            return true;
        }
        if ((unsigned char)*c < ' ' && *c != '\t')
            return false;
    }
    return false;
}

/* Cuts the next word, up to a single space, off a line. */
static struct span next_word(struct span *line)
{
    size_t size = 0;
    while (size < line->size && line->text[size] != ' ')
        size++;
    struct span word = {line->text, size};
    size_t past = size < line->size ? size + 1 : size;
    *line = (struct span){line->text + past, line->size - past};
    return word;
}

static bool split_field(struct span line, struct span *name, struct span *value)
{
    const char *colon = memchr(line.text, ':', line.size);
    if (!colon || colon == line.text || colon[-1] == ' ' || colon[-1] == '\t')
        return false;
    *name = (struct span){line.text, (size_t)(colon - line.text)};
    *value = (struct span){colon + 1, line.size - name->size - 1};
    while (value->size && (*value->text == ' ' || *value->text == '\t'))
        value->text++, value->size--;
    while (value->size && (value->text[value->size - 1] == ' ' || value->text[value->size - 1] == '\t'))
        value->size--;
    return true;
}

static bool to_number(struct span value, uint64_t *number)
{
    char digits[20];
    if (!value.size || value.size >= sizeof digits)
        return false;
    memcpy(digits, value.text, value.size);
    digits[value.size] = 0;
    return text_is_digit(digits[0]) && !strchr(digits, 'x') && text_to_u64(digits, number);
}

struct fields {
    bool has_length, has_host, close, keep_alive;
    uint64_t length;
};

/* What requests and answers have in common. */
struct message {
    struct span first;      /* the line before the fields */
    struct fields fields;
    size_t header;          /* bytes up to and with the empty line */
};

static bool read_fields(const char *at, const char *end, struct fields *fields)
{
    struct span line, name, value;
    while (at + 2 < end) {
        uint64_t length;
        if (!next_line(&at, end, &line) || !split_field(line, &name, &value))
            return false;
        if (same(name, "content-length")) {
            if (fields->has_length || !to_number(value, &length))
                return false;
            fields->has_length = true;
            fields->length = length;
        } else if (same(name, "transfer-encoding")) {
            return false;
        } else if (same(name, "host")) {
            if (fields->has_host)
                return false;
            fields->has_host = true;
        } else if (same(name, "connection")) {
            fields->close = fields->close || same(value, "close");
            fields->keep_alive = fields->keep_alive || same(value, "keep-alive");
        }
    }
    return true;
}

static bool copy(char *out, size_t size, struct span from)
{
    if (!from.size || from.size >= size)
        return false;
    memcpy(out, from.text, from.size);
    out[from.size] = 0;
    return true;
}

static enum http_parse read_message(const char *text, size_t size, struct message *message)
{
    *message = (struct message){.header = header_end(text, size)};
    if (!message->header)
        return size >= HTTP_HEADER_MAX ? HTTP_BAD : HTTP_MORE;
    const char *at = text, *end = text + message->header;
    return next_line(&at, end, &message->first) && read_fields(at, end, &message->fields) ? HTTP_DONE : HTTP_BAD;
}

enum http_parse http_parse_request(const char *text, size_t size, struct http_request *request)
{
    struct message message;
    enum http_parse parsed = read_message(text, size, &message);
    if (parsed != HTTP_DONE)
        return parsed;
    struct span method = next_word(&message.first), target = next_word(&message.first);
    bool newer = same(message.first, "HTTP/1.1"), older = same(message.first, "HTTP/1.0");
    const char *query = memchr(target.text, '?', target.size);
    if (query)
        target.size = (size_t)(query - target.text);
    *request = (struct http_request){
        .keep_alive = newer ? !message.fields.close : message.fields.keep_alive,
        .has_host = message.fields.has_host, .body = message.fields.length, .header = message.header};
    bool good = (newer || older) && copy(request->method, sizeof request->method, method) &&
                copy(request->path, sizeof request->path, target) && request->path[0] == '/' &&
                (older || request->has_host);
    return good ? HTTP_DONE : HTTP_BAD;
}

enum http_parse http_parse_answer(const char *text, size_t size, struct http_answer *answer)
{
    struct message message;
    enum http_parse parsed = read_message(text, size, &message);
    if (parsed != HTTP_DONE)
        return parsed;
    uint64_t status = 0;
    struct span version = next_word(&message.first), code = next_word(&message.first);
    if (!(same(version, "HTTP/1.1") || same(version, "HTTP/1.0")) || code.size != 3 || !to_number(code, &status))
        return HTTP_BAD;
    *answer = (struct http_answer){(unsigned)status, message.fields.has_length, message.fields.length, message.header};
    return HTTP_DONE;
}
