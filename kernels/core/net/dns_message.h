/* DNS messages (RFC 1035, 4.1) as bytes: written and read, nothing else. */
#pragma once

#include "net_internal.h"

enum { DNS_PORT = 53, DNS_MESSAGE_MAX = 512, DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_CLASS_IN = 1 };
enum dns_code { DNS_OK = 0, DNS_FORMAT = 1, DNS_NO_NAME = 3, DNS_NOT_IMPLEMENTED = 4, DNS_REFUSED = 5 };

struct dns_question {
    uint16_t id, flags, type, class;
    char name[DNS_NAME_MAX];
    size_t end; /* offset behind the question */
};

/* A query for name's address; its size, or 0 when the name cannot be written. */
size_t dns_write_query(uint8_t out[DNS_MESSAGE_MAX], uint16_t id, const char *name);
/* The one question of a query; false when it is none. */
bool dns_read_question(const uint8_t *message, size_t size, struct dns_question *question);
/* The answer to it: an address when code is DNS_OK and address is not 0, else none. */
size_t dns_write_answer(uint8_t out[DNS_MESSAGE_MAX], const uint8_t *query, const struct dns_question *question,
                        enum dns_code code, ip4 address, uint32_t ttl);
/* Is this an answer to the query (id, name)? Then *address is the name's, through any CNAMEs, or 0 for none. */
bool dns_read_answer(const uint8_t *message, size_t size, uint16_t id, const char *name, ip4 *address, uint32_t *ttl);
bool dns_same_name(const char *a, const char *b);
