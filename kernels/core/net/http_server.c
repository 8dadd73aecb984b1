/* The web server (net.h): a thread that accepts, and one for each connection, at most WORKERS_MAX. Every wait has an end, so a
   silent client costs one thread for IDLE_NS; when all threads are taken, who has been silent for longest makes room. */
#include "http_message.h"
#include "mm.h"
#include "net.h"
#include "print.h"
#include "server.h"
#include "string.h"
#include "text.h"

enum { ANSWER_HEADER_MAX = 256, WORKERS_MAX = 64, BACKLOG = 128, REQUESTS_MAX = 100000 };
#define IDLE_NS (10 * NS_PER_S)     /* between requests, and for the whole of a request's header */
#define ANSWER_NS (30 * NS_PER_S)
#define PATIENCE_NS (NS_PER_S / 2)  /* for a request, when others wait for their turn */

struct worker {
    struct worker *next;
    struct tcp *tcp;
    uint64_t waits_since; /* for a request; 0 while it answers one, or was sent away */
    char input[HTTP_HEADER_MAX];
    size_t used;
    char out[ANSWER_HEADER_MAX + HTTP_BODY_MAX]; /* the header ends where the body begins: both go out as one */
};

static struct mutex lock;           /* guards what follows */
static struct condition worker_left;
static struct tcp *listener;
static struct thread *acceptor;
static uint16_t port;
static struct worker *first_worker;
static unsigned workers;

static const struct page_entry *find_page(const char *path)
{
    const struct page_entry *const *entry;
    FOR_REGISTERED(entry, pages)
        if (!strcmp((*entry)->path, path))
            return *entry;
    return NULL;
}

static const char METHOD_NOT_ALLOWED[] = "405 Method Not Allowed";

static char *body_of(struct worker *worker)
{
    return worker->out + ANSWER_HEADER_MAX;
}

static bool answer(struct worker *worker, const char *status, const char *type, size_t size, bool keep, bool body)
{
    char header[ANSWER_HEADER_MAX];
    const char *allow = status == METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : ""; /* RFC 9110, 15.5.6 */
    size_t length = ksnprintf(header, sizeof header,
                              "HTTP/1.1 %s\r\nServer: auton\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                              "Connection: %s\r\n\r\n", status, type, size, allow, keep ? "keep-alive" : "close");
    if (length >= sizeof header)
        return false;
    char *start = body_of(worker) - length;
    memcpy(start, header, length);
    return tcp_write(worker->tcp, start, length + (body ? size : 0), hal_time_ns() + ANSWER_NS) >= 0;
}

static bool answer_error(struct worker *worker, const char *status, bool keep, bool body)
{
    size_t size = ksnprintf(body_of(worker), HTTP_BODY_MAX, "%s\n", status);
    return answer(worker, status, "text/plain", size, keep, body);
}

/* Answers one request; false when the connection should end. */
static bool http_answer(struct worker *worker, const struct http_request *request)
{
    bool head = !strcmp(request->method, "HEAD");
    if (request->body) /* nothing here takes one, and skipping it could take for ever */
        return answer_error(worker, "413 Content Too Large", false, !head) && false;
    if (!head && strcmp(request->method, "GET"))
        return answer_error(worker, METHOD_NOT_ALLOWED, request->keep_alive, true) && request->keep_alive;
    const struct page_entry *page = find_page(request->path);
    if (!page)
        return answer_error(worker, "404 Not Found", request->keep_alive, !head) && request->keep_alive;
    size_t size = page->render(body_of(worker), HTTP_BODY_MAX);
    return answer(worker, "200 OK", page->type, MIN(size, (size_t)HTTP_BODY_MAX), request->keep_alive, !head) && request->keep_alive;
}

static void waits(struct worker *worker, bool for_a_request)
{
    mutex_take(&lock);
    worker->waits_since = for_a_request ? hal_time_ns() : 0;
    mutex_give(&lock);
}

/* Reads until a whole header has come; what follows it stays in input for the next round. */
static enum http_parse read_request(struct worker *worker, struct http_request *request)
{
    uint64_t deadline = hal_time_ns() + IDLE_NS;
    for (;;) {
        enum http_parse parsed = http_parse_request(worker->input, worker->used, request);
        if (parsed != HTTP_MORE)
            return parsed;
        long size = tcp_read(worker->tcp, worker->input + worker->used, sizeof worker->input - worker->used, deadline);
        if (size <= 0)
            return HTTP_MORE;
        worker->used += (size_t)size;
    }
}

static void leave(struct worker *worker)
{
    mutex_take(&lock);
    struct worker **at = &first_worker;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
    workers--;
    condition_signal(&worker_left);
    mutex_give(&lock);
}

static void work(void *arg)
{
    struct worker *worker = arg;
    struct http_request request;
    bool going = true;
    for (int i = 0; i < REQUESTS_MAX && going; i++) {
        waits(worker, true);
        enum http_parse parsed = read_request(worker, &request);
        waits(worker, false);
        if (parsed == HTTP_BAD)
            answer_error(worker, "400 Bad Request", false, true);
        if (parsed != HTTP_DONE)
            break;
        worker->used -= request.header;
        memmove(worker->input, worker->input + request.header, worker->used);
        request.keep_alive = request.keep_alive && i + 1 < REQUESTS_MAX;
        going = http_answer(worker, &request);
    }
    leave(worker);
    tcp_close(worker->tcp);
    kfree(worker);
}

/* The client that has let us wait for longest, if that is long; lock held. */
static void send_one_away(void)
{
    struct worker *slowest = NULL;
    for (struct worker *worker = first_worker; worker; worker = worker->next)
        if (worker->waits_since && (!slowest || worker->waits_since < slowest->waits_since))
            slowest = worker;
    if (slowest && hal_time_ns() - slowest->waits_since >= PATIENCE_NS) {
        slowest->waits_since = 0;
        tcp_cut(slowest->tcp);
    }
}

static void join(struct worker *worker)
{
    mutex_take(&lock);
    while (workers >= WORKERS_MAX) {
        send_one_away();
        condition_wait(&worker_left, &lock, hal_time_ns() + PATIENCE_NS / 8);
    }
    workers++;
    worker->next = first_worker;
    first_worker = worker;
    mutex_give(&lock);
}

static void start_worker(struct tcp *tcp)
{
    struct worker *worker = kmalloc(sizeof *worker);
    if (!worker) {
        tcp_abort(tcp);
        return;
    }
    worker->tcp = tcp;
    worker->used = worker->waits_since = 0;
    join(worker);
    struct thread *thread = thread_start("http", CLASS_USER, work, worker);
    if (thread) {
        thread_detach(thread);
        return;
    }
    leave(worker);
    tcp_abort(tcp);
    kfree(worker);
}

static void accept_all(void *arg)
{
    for (struct tcp *tcp; (tcp = tcp_accept(arg, UINT64_MAX));)
        start_worker(tcp);
}

bool http_server_start(uint16_t on)
{
    mutex_take(&lock);
    bool started = false;
    if (!acceptor && (listener = tcp_listen(on, BACKLOG))) {
        acceptor = thread_start("httpd", CLASS_USER, accept_all, listener);
        started = acceptor != NULL;
        if (started)
            port = on;
        else
            tcp_close(listener);
    }
    mutex_give(&lock);
    return started;
}

void http_server_stop(void)
{
    mutex_take(&lock);
    struct thread *thread = acceptor;
    if (thread) {
        tcp_shut(listener);
        acceptor = NULL;
        port = 0;
    }
    mutex_give(&lock);
    if (thread) {
        thread_join(thread);
        tcp_close(listener);
    }
}

uint16_t http_server_port(void) { return port; }
SERVER(http, .name = "web server", .service = "web", .port = 80, .start = http_server_start, .stop = http_server_stop,
       .running = http_server_port);
