/* Waiting for each other: locks, wait queues, mutexes, conditions. A lock is for a few instructions and keeps
   interrupts off; a mutex is for as long as it takes, and threads that wait for it sleep. */
#pragma once

#include "sched.h"

/* Guards data that interrupt handlers touch too. Not recursive: taking one twice is a panic. */
struct lock {
    bool held, interrupts;
};
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);

/* Sleep in a queue that `lock`, which is held, guards: it is given while asleep and taken again after. False when
   deadline_ns (UINT64_MAX: none) passed first. Check the condition again after waking. */
bool wait_sleep(struct wait_queue *queue, struct lock *lock, uint64_t deadline_ns);
void wait_wake_one(struct wait_queue *queue); /* of the highest class the one that waits longest; lock held */
void wait_wake_all(struct wait_queue *queue);

/* The thread that holds a mutex runs in the class of the highest that waits for it, so that a low thread in the
   middle cannot hold up a high one; it goes back when none of that class waits for any that it holds. */
struct mutex {
    struct lock lock;
    struct thread *owner;
    struct wait_queue waiters;
    struct mutex *next; /* of its owner's */
};
void mutex_take(struct mutex *mutex);
bool mutex_try(struct mutex *mutex);
void mutex_give(struct mutex *mutex);

struct condition {
    struct lock lock;
    struct wait_queue waiters;
};
bool condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline_ns);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);
