/* The log ring (log.h). */
#include "log.h"
#include "print.h"
#include "string.h"
#include "vfs.h"

static char kernel_ring[LOG_SIZE];
struct log kernel_log = {.ring = kernel_ring, .size = LOG_SIZE};

void log_write(struct log *log, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];
    uint64_t us = hal_time_ns() / NS_PER_US;
    size_t length = ksnprintf(line, sizeof line, "[%5llu.%06llu] ", (unsigned long long)(us / 1000000),
                              (unsigned long long)(us % 1000000));
    length += kvsnprintf(line + length, sizeof line - length, format, args);
    length = MIN(length, sizeof line - 2);
    line[length++] = '\n';
    lock_take(&log->lock);
    for (size_t i = 0; i < length; i++)
        log->ring[log->written++ % log->size] = line[i];
    lock_give(&log->lock);
}

void klog(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_write(&kernel_log, format, args);
    va_end(args);
}

/* Where the first whole line from `at` on begins. */
static uint64_t line_start(const struct log *log, uint64_t at)
{
    if (log->written <= log->size || at >= log->written - log->size)
        return at;
    at = log->written - log->size;
    while (at < log->written && log->ring[at++ % log->size] != '\n')
        ;
    return at;
}

size_t log_read(struct log *log, uint64_t *at, char *out, size_t size)
{
    size_t whole = 0, length = 0;
    lock_take(&log->lock);
    uint64_t from = line_start(log, *at);
    for (; length < size && from + length < log->written; length++) {
        out[length] = log->ring[(from + length) % log->size];
        if (out[length] == '\n')
            whole = length + 1;
    }
    *at = from + whole;
    lock_give(&log->lock);
    return whole;
}

static void print_log(struct proc_text *text)
{
    char piece[2 * LOG_LINE_MAX];
    uint64_t at = 0;
    for (size_t size; (size = log_read(&kernel_log, &at, piece, sizeof piece));)
        proc_print(text, "%.*s", (int)size, piece);
}
PROC_FILE(log, print_log);
