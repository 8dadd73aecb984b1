/* A web client: one GET, one answer (net.h). */
#include "http_message.h"
#include "net.h"
#include "print.h"
#include "string.h"

/* Reads an answer whose header is collected in header[], its body in out; the body's length or -1. */
static long read_answer(struct tcp *tcp, char *out, size_t size, unsigned *status, uint64_t deadline_ns)
{
    static char header[HTTP_HEADER_MAX];
    struct http_answer answer;
    size_t used = 0;
    enum http_parse parsed;
    while ((parsed = http_parse_answer(header, used, &answer)) == HTTP_MORE) {
        long got = tcp_read(tcp, header + used, sizeof header - used, deadline_ns);
        if (got <= 0)
            return -1;
        used += (size_t)got;
    }
    if (parsed == HTTP_BAD)
        return -1;
    *status = answer.status;
    size_t want = answer.has_length ? (size_t)MIN(answer.body, (uint64_t)size) : size;
    size_t have = MIN(used - answer.header, want);
    memcpy(out, header + answer.header, have);
    while (have < want) {
        long got = tcp_read(tcp, out + have, want - have, deadline_ns);
        if (got < 0 || (!got && answer.has_length))
            return -1;
        if (!got)
            break;
        have += (size_t)got;
    }
    return (long)have;
}

long http_get(const char *host, uint16_t port, const char *path, char *out, size_t size, unsigned *status,
              uint64_t deadline_ns)
{
    static struct mutex one_at_a_time;
    char request[HTTP_PATH_MAX + DNS_NAME_MAX + 64];
    ip4 address;
    long result = -1;
    size_t length = ksnprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                              path, host);
    if (length >= sizeof request || !dns_resolve(host, &address, deadline_ns))
        return -1;
    struct tcp *tcp = tcp_connect(address, port, deadline_ns);
    if (!tcp)
        return -1;
    mutex_take(&one_at_a_time);
    if (tcp_write(tcp, request, length, deadline_ns) >= 0)
        result = read_answer(tcp, out, size, status, deadline_ns);
    mutex_give(&one_at_a_time);
    tcp_close(tcp);
    return result;
}
