/* The console over TCP: whoever connects types lines and gets what they print, as at the serial line, but without echo.
   Off until `remote serve PORT` is typed, since there is no password: whoever reaches the port owns the machine. */
#include "console.h"
#include "line.h"
#include "mm.h"
#include "net.h"
#include "print.h"
#include "string.h"
#include "text.h"

enum { SESSIONS_MAX = 4, ANSWER_MAX = 32 << 10, REMOTE_INPUT = 512 };
#define REMOTE_IDLE_NS (300 * NS_PER_S)
#define REMOTE_ANSWER_NS (30 * NS_PER_S)

struct session {
    struct tcp *tcp;
    struct dialogue dialogue;
    char input[REMOTE_INPUT], line[LINE_MAX];
    size_t used, taken;     /* of input */
    char answer[ANSWER_MAX];
};

static struct mutex remote_lock;    /* guards what follows */
static struct tcp *remote_listener;
static struct thread *remote_thread;
static unsigned sessions;

static bool say(struct session *session, const char *text)
{
    return tcp_write(session->tcp, text, strlen(text), hal_time_ns() + REMOTE_ANSWER_NS) >= 0;
}

/* The next byte; false when the other side has left or says nothing for too long. */
static bool next_byte(struct session *session, char *byte)
{
    if (session->taken == session->used) {
        long size = tcp_read(session->tcp, session->input, sizeof session->input, hal_time_ns() + REMOTE_IDLE_NS);
        if (size <= 0)
            return false;
        session->used = (size_t)size;
        session->taken = 0;
    }
    *byte = session->input[session->taken++];
    return true;
}

/* A line into session->line, without its end and without control characters; *whole is false when it was too long. */
static bool read_line(struct session *session, bool *whole)
{
    size_t length = 0;
    *whole = true;
    for (char byte; next_byte(session, &byte);) {
        if (byte == '\n') {
            session->line[length] = 0;
            return true;
        }
        if ((unsigned char)byte < ' ' || byte == 127)
            continue;
        *whole = *whole && length < LINE_MAX - 1;
        if (*whole)
            session->line[length++] = byte;
    }
    return false;
}

static void talk(void *arg)
{
    struct session *session = arg;
    bool whole, going = say(session, "auton> ");
    while (going && read_line(session, &whole)) {
        if (whole)
            console_answer(&session->dialogue, session->line, session->answer, ANSWER_MAX);
        else
            ksnprintf(session->answer, ANSWER_MAX, "expected at most %d characters, found more\n", LINE_MAX - 1);
        going = say(session, session->answer) && say(session, "auton> ");
    }
    tcp_close(session->tcp);
    kfree(session);
    mutex_take(&remote_lock);
    sessions--;
    mutex_give(&remote_lock);
}

static void start_session(struct tcp *tcp)
{
    mutex_take(&remote_lock);
    struct session *session = sessions < SESSIONS_MAX ? kzalloc(sizeof *session) : NULL;
    struct thread *thread = NULL;
    if (session) {
        session->tcp = tcp;
        thread = thread_start("remote", CLASS_SYSTEM, talk, session);
    }
    if (thread) {
        thread_detach(thread);
        sessions++;
    } else {
        kfree(session);
        tcp_abort(tcp);
    }
    mutex_give(&remote_lock);
}

static void accept_sessions(void *arg)
{
    for (struct tcp *tcp; (tcp = tcp_accept(arg, UINT64_MAX));)
        start_session(tcp);
}

static bool remote_start(uint16_t port)
{
    mutex_take(&remote_lock);
    if (!remote_thread && (remote_listener = tcp_listen(port, SESSIONS_MAX))) {
        remote_thread = thread_start("remoted", CLASS_SYSTEM, accept_sessions, remote_listener);
        if (!remote_thread)
            tcp_close(remote_listener);
    } else {
        port = 0;
    }
    bool started = port && remote_thread;
    mutex_give(&remote_lock);
    return started;
}

/* Nobody new; who is connected stays. */
static void remote_stop(void)
{
    mutex_take(&remote_lock);
    struct thread *thread = remote_thread;
    if (thread)
        tcp_shut(remote_listener);
    remote_thread = NULL;
    mutex_give(&remote_lock);
    if (thread) {
        thread_join(thread);
        tcp_close(remote_listener);
    }
}

static void remote(int argc, char **argv)
{
    uint64_t port;
    if (argc == 2 && !strcmp(argv[1], "stop"))
        remote_stop();
    else if (argc == 3 && !strcmp(argv[1], "serve") && text_to_u64(argv[2], &port) && port && port <= 65535)
        kprintf(remote_start((uint16_t)port) ? "the console answers on port %s\n" : "cannot serve on port %s\n", argv[2]);
    else
        kprintf("expected: remote serve PORT | remote stop\n");
}
COMMAND(remote, "the console over TCP: remote serve PORT | stop", remote);
