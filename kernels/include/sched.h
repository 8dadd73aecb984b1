/* Threads: preemptive, five priority classes. The ready thread of the highest class runs; threads of one class take
   turns of SLICE_NS. A thread that wakes takes over at once from one of a lower class. Nothing ticks: the timer is set
   only while somebody waits for a turn. One processor so far; every piece of state here is touched with interrupts
   off, which is where a second one would take a spin lock. */
#pragma once

#include "hal.h"
#include "timer.h"

/* Highest first. */
enum thread_class { CLASS_KERNEL, CLASS_SLM, CLASS_SYSTEM, CLASS_USER, CLASS_BACKGROUND, CLASS_COUNT };
enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_FINISHED };

#define SLICE_NS (10 * NS_PER_MS)
enum { THREAD_NAME_MAX = 16 };

/* Threads in line, for the processor or for an event; a thread is in one line at most. */
struct wait_queue {
    struct thread *first, *last;
};

struct thread {
    uintptr_t stack_pointer;        /* while it does not run */
    struct thread *next;            /* in the line it stands in */
    struct wait_queue *waits_in;
    struct thread *all_next;        /* in the list of all threads */
    enum thread_state state;
    enum thread_class class, base;  /* base is what it was started with; a mutex may lift class above it */
    struct mutex *mutexes;          /* held, by `next` */
    bool timed_out, detached;
    struct timer timeout;
    struct wait_queue joiners;
    uint64_t run_ns, since_ns;      /* time on the processor; when it last got it */
    void *stack;                    /* NULL for the boot thread */
    void *fpu;                      /* saved FPU state, or NULL: this thread uses none */
    struct hal_jump *catcher;       /* where a trap goes instead of into a panic */
    struct trap *caught;
    void (*run)(void *arg);
    void *arg;
    char name[THREAD_NAME_MAX];
};

void sched_init(void); /* what runs becomes the thread "main", of class SYSTEM */

/* NULL when there is no memory. Every thread must be joined or detached, once. */
struct thread *thread_start(const char *name, enum thread_class class, void (*run)(void *arg), void *arg);
void thread_join(struct thread *thread);    /* waits until it finished, then frees it */
void thread_detach(struct thread *thread);  /* frees itself when it finishes */
NORETURN void thread_exit(void);            /* returning from run does the same */
void thread_yield(void);
struct thread *thread_current(void);
bool thread_use_fpu(void);                  /* from now on this thread may; false without memory */
struct thread *thread_first(void);          /* of all threads; follow all_next, interrupts off */
const char *thread_class_name(enum thread_class class);

/* -- For sync.c, which builds on these; interrupts off ---------------------------------------------------- */

/* Stands in line until woken, or until deadline_ns (UINT64_MAX: for ever): then false. */
bool sched_wait(struct wait_queue *queue, uint64_t deadline_ns);
void sched_wake(struct thread *thread);
void sched_set_class(struct thread *thread, enum thread_class class);
void sched_preempt(void); /* let a better thread run, if one was woken */
