/* The scheduler (sched.h): a ready line per class, one running thread. When nobody is ready, whoever asked last sleeps
   in place until an interrupt makes somebody ready; there is no idle thread. */
#include "sched.h"
#include "mm.h"
#include "panic.h"
#include "text.h"

static struct thread boot_thread = {.name = "main", .class = CLASS_SYSTEM, .base = CLASS_SYSTEM,
                                    .state = THREAD_RUNNING};
static struct thread *current = &boot_thread;
static struct thread *all = &boot_thread;
static struct wait_queue ready[CLASS_COUNT];
static struct timer slice;
static bool must_switch;        /* a better thread is ready, or the slice is over */
static bool idling;
static struct thread *leaving;  /* a detached thread that finished: freed by whoever runs next */

struct thread *thread_current(void) { return current; }
struct thread *thread_first(void) { return all; }

const char *thread_class_name(enum thread_class class)
{
    static const char *const names[CLASS_COUNT] = {"KERNEL", "SLM", "SYSTEM", "USER", "BACKGROUND"};
    return names[class];
}

/* -- Lines of threads ------------------------------------------------------------------------------------- */

static void join_line(struct wait_queue *queue, struct thread *thread, bool in_front)
{
    thread->waits_in = queue;
    thread->next = in_front ? queue->first : NULL;
    if (!queue->first)
        queue->first = queue->last = thread;
    else if (in_front)
        queue->first = thread;
    else
        queue->last = queue->last->next = thread;
}

static void leave_line(struct thread *thread)
{
    struct wait_queue *queue = thread->waits_in;
    struct thread **at = &queue->first, *before = NULL;
    for (; *at != thread; at = &(*at)->next)
        before = *at;
    *at = thread->next;
    if (queue->last == thread)
        queue->last = before;
    thread->waits_in = NULL;
}

static struct thread *best_ready(void)
{
    for (unsigned class = 0; class < CLASS_COUNT; class++)
        if (ready[class].first)
            return ready[class].first;
    return NULL;
}

/* -- Switching -------------------------------------------------------------------------------------------- */

static void slice_over(void *arg)
{
    (void)arg;
    must_switch = true;
}

/* A slice is only timed while another thread of the running one's class waits for its turn. */
static void time_slice(void)
{
    if (!ready[current->class].first)
        timer_cancel(&slice);
    else if (!slice.armed)
        timer_start(&slice, hal_time_ns() + SLICE_NS, slice_over, NULL);
}

static void free_thread(struct thread *thread)
{
    kfree(thread->fpu);
    stack_free(thread->stack); /* the thread itself lies at the top of its stack */
}

static void run(struct thread *next)
{
    struct thread *previous = current;
    uint64_t now = hal_time_ns();
    previous->run_ns += now - previous->since_ns;
    next->since_ns = now;
    next->state = THREAD_RUNNING;
    if (next == previous)
        return;
    if (previous->fpu)
        hal_fpu_save(previous->fpu);
    current = next;
    timer_cancel(&slice);
    hal_switch(&previous->stack_pointer, next->stack_pointer);
    /* here again: some other thread switched back to previous, which is current */
    if (current->fpu)
        hal_fpu_restore(current->fpu);
}

/* What a thread does first after it got the processor, wherever it was before. */
static void arrived(void)
{
    if (leaving) {
        free_thread(leaving);
        leaving = NULL;
    }
    time_slice();
}

/* Hands the processor to the best ready thread; the caller has put current where it belongs. Interrupts off. */
static void schedule(void)
{
    struct thread *next;
    must_switch = false;
    while (!(next = best_ready())) {
        idling = true;
        uint64_t slept = hal_time_ns();
        hal_irq_wait();
        current->since_ns += hal_time_ns() - slept; /* idling is nobody's time */
        idling = false;
    }
    must_switch = false;
    leave_line(next);
    run(next);
    arrived();
}

static void make_ready(struct thread *thread, bool in_front)
{
    thread->state = THREAD_READY;
    join_line(&ready[thread->class], thread, in_front);
}

void sched_preempt(void)
{
    if (!must_switch || idling)
        return;
    struct thread *best = best_ready();
    bool turn_over = best && best->class == current->class;
    if (best && best->class <= current->class) {
        make_ready(current, !turn_over); /* taken from in mid-turn, it stays first in line */
        schedule();
    }
    must_switch = false;
}

void interrupt_done(void)
{
    sched_preempt();
}

void thread_yield(void)
{
    bool interrupts = hal_irq_save();
    make_ready(current, false);
    schedule();
    hal_irq_restore(interrupts);
}

/* -- Waiting and waking ----------------------------------------------------------------------------------- */

static void time_out(void *arg)
{
    struct thread *thread = arg;
    if (thread->state == THREAD_WAITING) {
        thread->timed_out = true;
        sched_wake(thread);
    }
}

bool sched_wait(struct wait_queue *queue, uint64_t deadline_ns)
{
    struct thread *me = current;
    ASSERT(!idling);
    me->state = THREAD_WAITING;
    me->timed_out = false;
    join_line(queue, me, false);
    if (deadline_ns != UINT64_MAX)
        timer_start(&me->timeout, deadline_ns, time_out, me);
    schedule();
    if (deadline_ns != UINT64_MAX)
        timer_cancel(&me->timeout);
    return !me->timed_out;
}

void sched_wake(struct thread *thread)
{
    ASSERT(thread->state == THREAD_WAITING);
    leave_line(thread);
    make_ready(thread, false);
    if (thread->class < current->class)
        must_switch = true;
    else if (!idling)
        time_slice();
}

void sched_set_class(struct thread *thread, enum thread_class class)
{
    bool is_ready = thread->state == THREAD_READY;
    if (is_ready)
        leave_line(thread);
    thread->class = class;
    if (is_ready)
        make_ready(thread, false);
    struct thread *best = best_ready();
    if (best && best->class < current->class)
        must_switch = true;
}

void time_sleep_ns(uint64_t duration_ns)
{
    struct wait_queue nobody = {0};
    bool interrupts = hal_irq_save();
    sched_wait(&nobody, hal_time_ns() + duration_ns);
    hal_irq_restore(interrupts);
}

/* -- Life and death --------------------------------------------------------------------------------------- */

void sched_init(void)
{
    current->since_ns = hal_time_ns();
}

static void thread_main(void)
{
    arrived();
    hal_irq_restore(true);
    current->run(current->arg);
    thread_exit();
}

struct thread *thread_start(const char *name, enum thread_class class, void (*run_it)(void *arg), void *arg)
{
    char *stack = stack_alloc();
    if (!stack)
        return NULL;
    struct thread *thread = (void *)(stack + STACK_SLOT - ALIGN_UP(sizeof(struct thread), 64));
    *thread = (struct thread){.state = THREAD_WAITING, .class = class, .base = class, .stack = stack,
                              .run = run_it, .arg = arg};
    text_copy(thread->name, sizeof thread->name, name);
    thread->stack_pointer = hal_context_init((uintptr_t)thread, thread_main);
    bool interrupts = hal_irq_save();
    thread->all_next = all;
    all = thread;
    make_ready(thread, false);
    if (class < current->class)
        must_switch = true;
    else
        time_slice();
    if (interrupts)
        sched_preempt();
    hal_irq_restore(interrupts);
    return thread;
}

static void forget(struct thread *thread)
{
    struct thread **at = &all;
    while (*at != thread)
        at = &(*at)->all_next;
    *at = thread->all_next;
}

void thread_exit(void)
{
    hal_irq_save();
    ASSERT(current->stack && !current->mutexes);
    current->state = THREAD_FINISHED;
    if (current->detached) {
        forget(current);
        leaving = current;
    }
    while (current->joiners.first)
        sched_wake(current->joiners.first);
    schedule();
    panic("a finished thread ran");
}

void thread_join(struct thread *thread)
{
    bool interrupts = hal_irq_save();
    ASSERT(thread != current && !thread->detached);
    while (thread->state != THREAD_FINISHED)
        sched_wait(&thread->joiners, UINT64_MAX);
    forget(thread);
    free_thread(thread);
    hal_irq_restore(interrupts);
}

void thread_detach(struct thread *thread)
{
    bool interrupts = hal_irq_save();
    thread->detached = true;
    if (thread->state == THREAD_FINISHED) {
        forget(thread);
        free_thread(thread);
    }
    hal_irq_restore(interrupts);
}

bool thread_use_fpu(void)
{
    if (!current->fpu) {
        void *area = kzalloc(hal_fpu_size());
        if (!area)
            return false;
        bool interrupts = hal_irq_save();
        hal_fpu_save(area);
        current->fpu = area;
        hal_irq_restore(interrupts);
    }
    return true;
}
