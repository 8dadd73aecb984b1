/* Locks, wait queues, mutexes with priority inheritance, conditions (sync.h). */
#include "sync.h"
#include "panic.h"

void lock_take(struct lock *lock)
{
    bool interrupts = hal_irq_save();
    ASSERT(!lock->held); /* on one processor nobody else can hold it: we do */
    lock->held = true;
    lock->interrupts = interrupts;
}

void lock_give(struct lock *lock)
{
    ASSERT(lock->held);
    bool interrupts = lock->interrupts;
    lock->held = false;
    if (interrupts)
        sched_preempt();
    hal_irq_restore(interrupts);
}

bool wait_sleep(struct wait_queue *queue, struct lock *lock, uint64_t deadline_ns)
{
    ASSERT(lock->held);
    bool interrupts = lock->interrupts;
    lock->held = false;
    bool woken = sched_wait(queue, deadline_ns);
    lock->held = true;
    lock->interrupts = interrupts;
    return woken;
}

void wait_wake_one(struct wait_queue *queue)
{
    struct thread *best = queue->first;
    for (struct thread *thread = best; thread; thread = thread->next)
        if (thread->class < best->class)
            best = thread;
    if (best)
        sched_wake(best);
}

void wait_wake_all(struct wait_queue *queue)
{
    while (queue->first)
        sched_wake(queue->first);
}

static void become_owner(struct mutex *mutex)
{
    mutex->owner = thread_current();
    mutex->next = mutex->owner->mutexes;
    mutex->owner->mutexes = mutex;
}

void mutex_take(struct mutex *mutex)
{
    lock_take(&mutex->lock);
    ASSERT(mutex->owner != thread_current());
    while (mutex->owner) {
        if (thread_current()->class < mutex->owner->class)
            sched_set_class(mutex->owner, thread_current()->class);
        wait_sleep(&mutex->waiters, &mutex->lock, UINT64_MAX);
    }
    become_owner(mutex);
    lock_give(&mutex->lock);
}

bool mutex_try(struct mutex *mutex)
{
    lock_take(&mutex->lock);
    bool is_free = !mutex->owner;
    if (is_free)
        become_owner(mutex);
    lock_give(&mutex->lock);
    return is_free;
}

/* A thread's own class, or the highest that waits for a mutex of its. */
static enum thread_class class_due(const struct thread *thread)
{
    enum thread_class due = thread->base;
    for (const struct mutex *held = thread->mutexes; held; held = held->next)
        for (const struct thread *waiter = held->waiters.first; waiter; waiter = waiter->next)
            if (waiter->class < due)
                due = waiter->class;
    return due;
}

void mutex_give(struct mutex *mutex)
{
    lock_take(&mutex->lock);
    struct thread *me = thread_current();
    ASSERT(mutex->owner == me);
    struct mutex **at = &me->mutexes;
    while (*at != mutex)
        at = &(*at)->next;
    *at = mutex->next;
    mutex->owner = NULL;
    wait_wake_one(&mutex->waiters);
    if (me->class != class_due(me))
        sched_set_class(me, class_due(me));
    lock_give(&mutex->lock);
}

bool condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline_ns)
{
    lock_take(&condition->lock);
    mutex_give(mutex); /* whoever signals now finds the lock held, so no signal is lost */
    bool woken = wait_sleep(&condition->waiters, &condition->lock, deadline_ns);
    lock_give(&condition->lock);
    mutex_take(mutex);
    return woken;
}

void condition_signal(struct condition *condition)
{
    lock_take(&condition->lock);
    wait_wake_one(&condition->waiters);
    lock_give(&condition->lock);
}

void condition_broadcast(struct condition *condition)
{
    lock_take(&condition->lock);
    wait_wake_all(&condition->waiters);
    lock_give(&condition->lock);
}
