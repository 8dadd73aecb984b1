/* Timers that call a function once at a time to come. Tickless: the hardware is set to the nearest one.
   The clock itself is hal_time_ns() in hal.h. */
#pragma once

#include "base.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* Owned by the caller, who must keep it alive until it fired or was cancelled. */
struct timer {
    struct timer *next;
    uint64_t deadline_ns;
    void (*fire)(void *arg); /* in interrupt context */
    void *arg;
    bool armed;
};

void timer_start(struct timer *timer, uint64_t deadline_ns, void (*fire)(void *arg), void *arg);
bool timer_cancel(struct timer *timer); /* false when it had fired already (or never been started) */
void time_sleep_ns(uint64_t duration_ns); /* at least that long; other threads run meanwhile */
