/* libFuzzer: any bytes as DNS and HTTP messages. */
#include "dns_message.h"
#include "http_message.h"
#include "string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_question question;
    struct http_request request;
    struct http_answer http;
    uint8_t answer[DNS_MESSAGE_MAX];
    ip4 address;
    uint32_t ttl;
    if (dns_read_question(data, size, &question) &&
        dns_write_answer(answer, data, &question, DNS_OK, IP4(1, 2, 3, 4), 1) &&
        (!dns_read_answer(answer, question.end + 16, question.id, question.name, &address, &ttl)))
        __builtin_trap();
    dns_read_answer(data, size, size > 1 ? load_be16(data) : 0, "a.example", &address, &ttl);
    if (http_parse_request((const char *)data, size, &request) == HTTP_DONE && request.header > size)
        __builtin_trap();
    http_parse_answer((const char *)data, size, &http);
    return 0;
}
