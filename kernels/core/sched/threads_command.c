/* threads: who runs, in which class, and for how long it had the processor. */
#include "console.h"
#include "print.h"
#include "sched.h"

static void threads(int argc, char **argv)
{
    static const char *const states[] = {"ready", "running", "waiting", "finished"};
    (void)argc, (void)argv;
    for (struct thread *thread = thread_first(); thread; thread = thread->all_next)
        kprintf("%-16s %-10s %-8s %8llu us\n", thread->name, thread_class_name(thread->class), states[thread->state],
                (unsigned long long)(thread->run_ns / NS_PER_US));
}
COMMAND_IF(command_alone, threads, "list the threads", threads);
