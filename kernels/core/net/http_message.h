/* HTTP/1.1 messages (RFC 9112) as text: the parts that a small server and client need. */
#pragma once

#include "base.h"

enum { HTTP_HEADER_MAX = 4096, HTTP_PATH_MAX = 256, HTTP_METHOD_MAX = 8 };
enum http_parse { HTTP_MORE, HTTP_DONE, HTTP_BAD }; /* HTTP_MORE: the header has not ended yet */

struct http_request {
    char method[HTTP_METHOD_MAX];
    char path[HTTP_PATH_MAX];   /* without the query */
    bool keep_alive;
    bool has_host;
    uint64_t body;              /* Content-Length */
    size_t header;              /* bytes up to and with the empty line */
};
struct http_answer {
    unsigned status;
    bool has_length;
    uint64_t body;
    size_t header;
};
enum http_parse http_parse_request(const char *text, size_t size, struct http_request *request);
enum http_parse http_parse_answer(const char *text, size_t size, struct http_answer *answer);
