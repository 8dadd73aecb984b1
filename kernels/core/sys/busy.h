/* How busy the processor is, by a sample of the threads' time on it. */
#pragma once

#include "sched.h"

struct busy {
    uint64_t sample_ms, busiest_ms;
    unsigned now, since_boot;       /* per cent */
    char busiest[THREAD_NAME_MAX];  /* the thread that had the processor for longest since boot */
};
struct busy busy_sample(void);      /* takes a fifth of a second */
