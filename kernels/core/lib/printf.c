/* kprintf, ksnprintf: C's formatted output (C11 7.21.6.1) without floating point. One formatter writes into a sink;
   the sinks are a bounded buffer and the console. An unknown conversion is printed as it stands, so that a wrong
   format shows instead of eating an argument. */
#include "print.h"
#include "console.h"
#include "string.h"

struct sink {
    char *buffer;
    size_t size, used;  /* used may pass size: it counts what the whole text would have */
    bool console;       /* flush instead of dropping */
};

struct spec {
    bool left, zero, plus, space, alternate, upper;
    int width, precision; /* precision -1: none given */
    enum { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG, LEN_LLONG } length;
};

static void put(struct sink *sink, char c)
{
    if (sink->console && sink->used == sink->size) {
        console_write(sink->buffer, sink->used);
        sink->used = 0;
    }
    if (sink->used < sink->size)
        sink->buffer[sink->used] = c;
    sink->used++;
}

static void put_bytes(struct sink *sink, const char *bytes, size_t count)
{
    if (count && !sink->console && sink->used + count <= sink->size) {
        memcpy(sink->buffer + sink->used, bytes, count);
        sink->used += count;
        return;
    }
    while (count--)
        put(sink, *bytes++);
}

static void put_run(struct sink *sink, char c, int count)
{
    while (count-- > 0)
        put(sink, c);
}

static void put_text(struct sink *sink, const struct spec *spec, const char *text, int length)
{
    int padding = spec->width > length ? spec->width - length : 0;
    if (!spec->left)
        put_run(sink, ' ', padding);
    put_bytes(sink, text, (size_t)length);
    if (spec->left)
        put_run(sink, ' ', padding);
}

/* prefix, zeros and digits; then blanks around them up to the width */
static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base, const char *prefix)
{
    char digits[24];
    int count = 0;
    const char *alphabet = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (; value; value /= base)
        digits[count++] = alphabet[value % base];
    int least = spec->precision < 0 ? 1 : spec->precision;
    int zeros = least > count ? least - count : 0;
    int signs = (int)strlen(prefix);
    if (spec->zero && !spec->left && spec->precision < 0 && spec->width > signs + zeros + count)
        zeros = spec->width - signs - count;
    int padding = spec->width - signs - zeros - count;
    if (!spec->left)
        put_run(sink, ' ', padding);
    while (*prefix)
        put(sink, *prefix++);
    put_run(sink, '0', zeros);
    while (count)
        put(sink, digits[--count]);
    if (spec->left)
        put_run(sink, ' ', padding);
}

static const char *parse_flags(const char *at, struct spec *spec)
{
    for (;; at++) {
        switch (*at) {
        case '-': spec->left = true; break;
        case '0': spec->zero = true; break;
        case '+': spec->plus = true; break;
        case ' ': spec->space = true; break;
        case '#': spec->alternate = true; break;
        default: return at;
        }
    }
}

static const char *parse_count(const char *at, int *count)
{
    for (*count = 0; *at >= '0' && *at <= '9'; at++)
        if (*count < 10000)
            *count = *count * 10 + (*at - '0');
    return at;
}

static const char *parse_length(const char *at, struct spec *spec)
{
    switch (*at) {
    case 'h':
        spec->length = at[1] == 'h' ? LEN_CHAR : LEN_SHORT;
        return at + (at[1] == 'h' ? 2 : 1);
    case 'l':
        spec->length = at[1] == 'l' ? LEN_LLONG : LEN_LONG;
        return at + (at[1] == 'l' ? 2 : 1);
    case 'z':
    case 't':
    case 'j':
        spec->length = LEN_LLONG;
        return at + 1;
    default:
        return at;
    }
}

static uint64_t narrow(uint64_t value, const struct spec *spec, bool is_signed)
{
    switch (spec->length) {
    case LEN_CHAR: return is_signed ? (uint64_t)(int64_t)(int8_t)value : (uint8_t)value;
    case LEN_SHORT: return is_signed ? (uint64_t)(int64_t)(int16_t)value : (uint16_t)value;
    case LEN_INT: return is_signed ? (uint64_t)(int64_t)(int32_t)value : (uint32_t)value;
    default: return value;
    }
}

static void put_signed(struct sink *sink, const struct spec *spec, uint64_t value)
{
    value = narrow(value, spec, true);
    bool negative = (int64_t)value < 0;
    const char *sign = negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    put_number(sink, spec, negative ? 0 - value : value, 10, sign);
}

static void put_unsigned(struct sink *sink, struct spec *spec, char conversion, uint64_t value)
{
    value = narrow(value, spec, false);
    bool hex = conversion == 'x' || conversion == 'X';
    spec->upper = conversion == 'X';
    const char *prefix = !(spec->alternate && hex && value) ? "" : spec->upper ? "0X" : "0x";
    put_number(sink, spec, value, hex ? 16 : conversion == 'o' ? 8 : 10, prefix);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    text = text ? text : "(null)";
    size_t max = spec->precision < 0 ? 1u << 20 : (size_t)spec->precision;
    put_text(sink, spec, text, (int)strnlen(text, max));
}

struct arguments {
    va_list list; /* in a structure, since a va_list that is an array can't be handed on by its address */
};

static const char *parse_number(const char *at, int *number, struct arguments *arguments)
{
    if (*at != '*')
        return parse_count(at, number);
    *number = va_arg(arguments->list, int);
    return at + 1;
}

/* What stands between % and the conversion. */
static const char *parse_spec(const char *at, struct spec *spec, struct arguments *arguments)
{
    *spec = (struct spec){.precision = -1};
    at = parse_number(parse_flags(at, spec), &spec->width, arguments);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*at == '.')
        at = parse_number(at + 1, &spec->precision, arguments);
    return parse_length(at, spec);
}

/* False when there is no such conversion; no argument is taken then. */
static bool put_conversion(struct sink *sink, char conversion, struct spec *spec, struct arguments *arguments)
{
    bool wide = spec->length >= LEN_LONG;
    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(sink, spec, wide ? va_arg(arguments->list, uint64_t) : va_arg(arguments->list, unsigned));
        return true;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        put_unsigned(sink, spec, conversion, wide ? va_arg(arguments->list, uint64_t) : va_arg(arguments->list, unsigned));
        return true;
    case 'p':
        put_number(sink, spec, (uintptr_t)va_arg(arguments->list, void *), 16, "0x");
        return true;
    case 'c':
        put_text(sink, spec, (char[]){(char)va_arg(arguments->list, int)}, 1);
        return true;
    case 's':
        put_string(sink, spec, va_arg(arguments->list, const char *));
        return true;
    case '%':
        put(sink, '%');
        return true;
    default:
        return false;
    }
}

static void format_into(struct sink *sink, const char *at, va_list list)
{
    struct arguments arguments;
    va_copy(arguments.list, list);
    while (*at) {
        const char *start = at;
        while (*at && *at != '%')
            at++;
        put_bytes(sink, start, (size_t)(at - start));
        if (!*at)
            break;
        struct spec spec;
        start = at;
        at = parse_spec(at + 1, &spec, &arguments);
        if (put_conversion(sink, *at, &spec, &arguments))
            at++;
        else
            put_bytes(sink, start, (size_t)(at - start));
    }
    va_end(arguments.list);
}

size_t kvsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct sink sink = {.buffer = to, .size = size};
    format_into(&sink, format, args);
    if (size)
        to[MIN(sink.used, size - 1)] = 0;
    return sink.used;
}

size_t ksnprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = kvsnprintf(to, size, format, args);
    va_end(args);
    return length;
}

void kvprintf(const char *format, va_list args)
{
    char buffer[128];
    struct sink sink = {.buffer = buffer, .size = sizeof buffer, .console = true};
    format_into(&sink, format, args);
    console_write(buffer, sink.used);
}

void kprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kvprintf(format, args);
    va_end(args);
}
