/* http serve PORT | stop | get HOST PORT PATH: the web server and client by hand. */
#include "console.h"
#include "net.h"
#include "print.h"
#include "string.h"
#include "text.h"

static void get(const char *host, const char *port, const char *path)
{
    static char body[HTTP_BODY_MAX];
    uint64_t number;
    unsigned status;
    if (!text_to_u64(port, &number) || !number || number > 65535) {
        kprintf("expected a port from 1 to 65535, found '%s'\n", port);
        return;
    }
    long size = http_get(host, (uint16_t)number, path, body, sizeof body, &status, hal_time_ns() + 20 * NS_PER_S);
    if (size < 0)
        kprintf("no answer from %s port %s\n", host, port);
    else
        kprintf("%u %ld bytes\n%.*s", status, size, (int)size, body);
}

static void http(int argc, char **argv)
{
    uint64_t port;
    if (argc == 5 && !strcmp(argv[1], "get"))
        get(argv[2], argv[3], argv[4]);
    else if (argc == 2 && !strcmp(argv[1], "stop"))
        http_server_stop();
    else if (argc == 3 && !strcmp(argv[1], "serve") && text_to_u64(argv[2], &port) && port && port <= 65535)
        kprintf(http_server_start((uint16_t)port) ? "serving on port %s\n" : "cannot serve on port %s\n", argv[2]);
    else
        kprintf("expected: http serve PORT | http stop | http get HOST PORT PATH\n");
}
COMMAND(http, "the web server: http serve PORT | stop | get HOST PORT PATH", http);
