/* The processor's use (busy.h). */
#include "busy.h"
#include "text.h"

#define SAMPLE_NS (200 * NS_PER_MS)

/* Time that the threads which live had the processor; notes which had most of it. */
static uint64_t time_run(struct busy *busy)
{
    uint64_t now = hal_time_ns(), sum = 0, most = 0;
    bool interrupts = hal_irq_save();
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next) {
        uint64_t ran = thread->run_ns + (thread->state == THREAD_RUNNING ? now - thread->since_ns : 0);
        sum += ran;
        if (ran < most)
            continue;
        most = ran;
        text_copy(busy->busiest, sizeof busy->busiest, thread->name);
    }
    hal_irq_restore(interrupts);
    busy->busiest_ms = most / NS_PER_MS;
    return sum;
}

struct busy busy_sample(void)
{
    struct busy busy = {0};
    uint64_t began = hal_time_ns(), before = time_run(&busy);
    time_sleep_ns(SAMPLE_NS);
    uint64_t after = time_run(&busy), now = hal_time_ns(), took = MAX(now - began, 1ull);
    uint64_t ran = after > before ? MIN(after - before, took) : 0; /* a thread that ended takes its time with it */
    busy.sample_ms = took / NS_PER_MS;
    busy.now = (unsigned)(ran * 100 / took);
    busy.since_boot = (unsigned)(MIN(after, now) * 100 / MAX(now, 1ull));
    return busy;
}
