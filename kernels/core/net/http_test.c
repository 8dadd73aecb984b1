/* HTTP headers by the byte, and client and server against each other over loopback. */
#include "http_message.h"
#include "net.h"
#include "string.h"
#include "test.h"
#include "text.h"

enum { HTTP_TEST_PORT = 7080 };
#define HERE IP4(127, 0, 0, 1)
#define SOON (hal_time_ns() + 20 * NS_PER_S)

static struct http_request request;

static enum http_parse parse(const char *text) { return http_parse_request(text, strlen(text), &request); }

TEST(http, reads_a_request)
{
    ASSERT_EQ(parse("GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\nnext"), HTTP_DONE);
    EXPECT_STR(request.method, "GET");
    EXPECT_STR(request.path, "/a/b");
    EXPECT_TRUE(request.keep_alive);
    EXPECT_EQ(request.header, 47);
    ASSERT_EQ(parse("GET / HTTP/1.1\r\nhost: x\r\nconnection: CLOSE\r\n\r\n"), HTTP_DONE);
    EXPECT_FALSE(request.keep_alive);
    ASSERT_EQ(parse("GET / HTTP/1.0\r\n\r\n"), HTTP_DONE);
    EXPECT_FALSE(request.keep_alive);
}

TEST(http, waits_for_the_whole_header)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t size = 0; size + 1 < sizeof text; size++)
        EXPECT_EQ(http_parse_request(text, size, &request), HTTP_MORE);
}

TEST(http, refuses_what_is_wrong_or_ambiguous)
{
    static const char *const wrong[] = {
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nnocolon\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n", "VERYLONGMETHOD / HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
        EXPECT_EQ(parse(wrong[i]), HTTP_BAD);
}

TEST(http, serves_pages_to_its_own_client)
{
    static char body[256];
    unsigned status = 0;
    ASSERT_TRUE(http_server_start(HTTP_TEST_PORT));
    EXPECT_FALSE(http_server_start(HTTP_TEST_PORT));
    EXPECT_EQ(http_server_port(), HTTP_TEST_PORT);
    EXPECT_EQ(http_get("127.0.0.1", HTTP_TEST_PORT, "/health", body, sizeof body, &status, SOON), 3);
    EXPECT_EQ(status, 200);
    EXPECT_EQ(memcmp(body, "ok\n", 3), 0);
    EXPECT_TRUE(http_get("127.0.0.1", HTTP_TEST_PORT, "/nothing", body, sizeof body, &status, SOON) > 0);
    EXPECT_EQ(status, 404);
    http_server_stop();
    EXPECT_EQ(http_get("127.0.0.1", HTTP_TEST_PORT, "/health", body, sizeof body, &status, SOON), (uint64_t)-1);
}

/* Everything the server says to these bytes, until it closes. */
static const char *converse(const char *bytes)
{
    static char answer[1024];
    struct tcp *tcp = tcp_connect(HERE, HTTP_TEST_PORT, SOON);
    size_t used = 0;
    answer[0] = 0;
    if (!tcp)
        return answer;
    tcp_write(tcp, bytes, strlen(bytes), SOON);
    for (long size; used < sizeof answer - 1 && (size = tcp_read(tcp, answer + used, sizeof answer - 1 - used, SOON)) > 0;)
        used += (size_t)size;
    answer[used] = 0;
    tcp_close(tcp);
    return answer;
}

TEST(http, answers_pipelined_and_broken_requests)
{
    ASSERT_TRUE(http_server_start(HTTP_TEST_PORT));
    EXPECT_TRUE(text_glob("HTTP/1.1 200 OK*ok\nHTTP/1.1 404 Not Found*Connection: close*404 Not Found\n",
                          converse("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /no HTTP/1.0\r\n\r\n")));
    EXPECT_TRUE(text_glob("HTTP/1.1 400 *", converse("garbage\r\n\r\n")));
    EXPECT_TRUE(text_glob("HTTP/1.1 405 *\r\nAllow: GET, HEAD\r\n*", converse("PUT / HTTP/1.0\r\n\r\n")));
    EXPECT_TRUE(text_glob("HTTP/1.1 200 *Content-Length: 3\r\n*\r\n\r\n", converse("HEAD /health HTTP/1.0\r\n\r\n")));
    EXPECT_TRUE(text_glob("HTTP/1.1 404 *Content-Length: 14\r\n*\r\n\r\nHTTP/1.1 200 *ok\n", /* no body between them */
                          converse("HEAD /no HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.0\r\n\r\n")));
    http_server_stop();
}

TEST(http, silent_clients_block_nobody)
{
    enum { SILENT = 20 };
    static struct tcp *silent[SILENT];
    static char body[64];
    unsigned status = 0;
    ASSERT_TRUE(http_server_start(HTTP_TEST_PORT));
    for (unsigned i = 0; i < SILENT; i++) {
        silent[i] = tcp_connect(HERE, HTTP_TEST_PORT, SOON);
        ASSERT_TRUE(silent[i] != NULL);
        tcp_write(silent[i], "GET / HT", i % 9, SOON);
    }
    EXPECT_EQ(http_get("127.0.0.1", HTTP_TEST_PORT, "/health", body, sizeof body, &status, SOON), 3);
    for (unsigned i = 0; i < SILENT; i++)
        tcp_abort(silent[i]);
    http_server_stop();
}
