/* Reading and writing DNS messages (dns_message.h). A compressed name may only point backwards, so reading one ends. */
#include "dns_message.h"
#include "string.h"

enum { DNS_HEADER = 12, LABEL_MAX = 63, FLAG_RESPONSE = 0x8000, FLAG_AUTHORITATIVE = 0x0400, FLAG_RECURSE = 0x0100,
       OPCODE_MASK = 0x7800, CODE_MASK = 0x000f, POINTER = 0xc0 };

static char dns_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }

bool dns_same_name(const char *a, const char *b)
{
    while (*a && dns_lower(*a) == dns_lower(*b))
        a++, b++;
    return !*a && !*b;
}

/* The name at an offset, dotted, into out; the offset behind it, or 0 when it is broken. */
static size_t read_name(const uint8_t *message, size_t size, size_t at, char out[DNS_NAME_MAX])
{
    size_t used = 0, end = 0, limit = at; /* pointers must lead below limit */
    for (;;) {
        if (at >= size)
            return 0;
        uint8_t length = message[at++];
        if ((length & POINTER) == POINTER) {
            size_t target = at < size ? (size_t)(length & ~POINTER) << 8 | message[at] : size;
            end = end ? end : at + 1;
            if (target >= limit || target < DNS_HEADER)
                return 0;
            at = limit = target;
            continue;
        }
        if (length > LABEL_MAX || at + length > size || used + length + 1u >= DNS_NAME_MAX)
            return 0;
        if (!length)
            break;
        if (used)
            out[used++] = '.';
        for (; length; length--) {
            char c = (char)message[at++];
            out[used++] = c > ' ' && c < 127 && c != '.' ? c : '?';
        }
    }
    out[used] = 0;
    return end ? end : at;
}

/* Labels at out + at; the offset behind them, or 0. */
static size_t write_name(uint8_t *out, size_t at, const char *name)
{
    for (;;) {
        const char *dot = strchr(name, '.');
        size_t length = dot ? (size_t)(dot - name) : strlen(name);
        if (!length || length > LABEL_MAX || at + length + 6 > DNS_MESSAGE_MAX)
            return 0;
        out[at++] = (uint8_t)length;
        memcpy(out + at, name, length);
        at += length;
        if (!dot || !dot[1])
            break;
        name = dot + 1;
    }
    out[at++] = 0;
    return at;
}

size_t dns_write_query(uint8_t out[DNS_MESSAGE_MAX], uint16_t id, const char *name)
{
    memset(out, 0, DNS_HEADER);
    store_be16(out, id);
    store_be16(out + 2, FLAG_RECURSE);
    store_be16(out + 4, 1);
    size_t at = strlen(name) < DNS_NAME_MAX ? write_name(out, DNS_HEADER, name) : 0;
    if (!at)
        return 0;
    store_be16(out + at, DNS_TYPE_A);
    store_be16(out + at + 2, DNS_CLASS_IN);
    return at + 4;
}

bool dns_read_question(const uint8_t *message, size_t size, struct dns_question *question)
{
    if (size < DNS_HEADER || load_be16(message + 2) & FLAG_RESPONSE || load_be16(message + 4) != 1)
        return false;
    size_t at = read_name(message, size, DNS_HEADER, question->name);
    if (!at || at + 4 > size)
        return false;
    question->id = load_be16(message);
    question->flags = load_be16(message + 2);
    question->type = load_be16(message + at);
    question->class = load_be16(message + at + 2);
    question->end = at + 4;
    return true;
}

size_t dns_write_answer(uint8_t out[DNS_MESSAGE_MAX], const uint8_t *query, const struct dns_question *question,
                        enum dns_code code, ip4 address, uint32_t ttl)
{
    size_t at = question->end;
    bool has_address = code == DNS_OK && address;
    if (at + 16 > DNS_MESSAGE_MAX)
        return 0;
    memcpy(out, query, at);
    uint16_t kept = question->flags & (OPCODE_MASK | FLAG_RECURSE);
    store_be16(out + 2, (uint16_t)(FLAG_RESPONSE | FLAG_AUTHORITATIVE | kept | (uint16_t)code));
    store_be16(out + 6, has_address);
    memset(out + 8, 0, 4);
    if (!has_address)
        return at;
    store_be16(out + at, (uint16_t)(POINTER << 8 | DNS_HEADER)); /* the question's name */
    store_be16(out + at + 2, DNS_TYPE_A);
    store_be16(out + at + 4, DNS_CLASS_IN);
    store_be32(out + at + 6, ttl);
    store_be16(out + at + 10, 4);
    store_be32(out + at + 12, address);
    return at + 16;
}

/* Looks through the answers for `wanted`'s address; a CNAME changes what is wanted and is followed once per record. */
static ip4 find_address(const uint8_t *message, size_t size, size_t at, unsigned records, char wanted[DNS_NAME_MAX],
                        uint32_t *ttl)
{
    char name[DNS_NAME_MAX];
    for (unsigned i = 0; i < records; i++) {
        at = read_name(message, size, at, name);
        if (!at || at + 10 > size || at + 10 + load_be16(message + at + 8) > size)
            return 0;
        uint16_t type = load_be16(message + at), length = load_be16(message + at + 8);
        bool ours = dns_same_name(name, wanted) && load_be16(message + at + 2) == DNS_CLASS_IN;
        *ttl = load_be32(message + at + 4);
        at += 10;
        if (ours && type == DNS_TYPE_A && length == 4)
            return load_be32(message + at);
        if (ours && type == DNS_TYPE_CNAME && !read_name(message, size, at, wanted))
            return 0;
        at += length;
    }
    return 0;
}

bool dns_read_answer(const uint8_t *message, size_t size, uint16_t id, const char *name, ip4 *address, uint32_t *ttl)
{
    char asked[DNS_NAME_MAX];
    if (size < DNS_HEADER || load_be16(message) != id || !(load_be16(message + 2) & FLAG_RESPONSE) ||
        load_be16(message + 4) != 1)
        return false;
    size_t at = read_name(message, size, DNS_HEADER, asked);
    if (!at || at + 4 > size || !dns_same_name(asked, name))
        return false;
    bool good = (load_be16(message + 2) & CODE_MASK) == DNS_OK;
    *address = good ? find_address(message, size, at + 4, load_be16(message + 6), asked, ttl) : 0;
    return true;
}
