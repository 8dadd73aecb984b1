/* The log: lines of what happened, each with its time since boot, in a ring that forgets the oldest. Nothing is printed on
   the console; `log`, /proc/log and whoever asks read it. Safe in interrupt handlers. */
#pragma once

#include "sync.h"

enum { LOG_SIZE = 16 << 10, LOG_LINE_MAX = 160 };

struct log {
    char *ring;
    size_t size;
    uint64_t written;   /* bytes, ever: a byte's place is its position modulo the size */
    struct lock lock;
};
extern struct log kernel_log;

void log_write(struct log *log, const char *format, va_list args);
/* Copies whole lines from *at (0: the oldest there is; moved on) and returns their size, 0 when there is nothing new. */
size_t log_read(struct log *log, uint64_t *at, char *out, size_t size);

void klog(const char *format, ...) PRINTF_LIKE(1, 2); /* one line, without its end, into kernel_log; cut when longer */
