/* The HAL as a process: enough of hal.h for the core to run its tests on this machine. RAM is a block of memory at
   whatever address it has; an interrupt is a function call from hal_irq_wait; nothing is preempted. */
#include "hal.h"
#include "console.h"
#include "mm.h"
#include "panic.h"
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { RAM_SIZE = 64 << 20 };

const char hal_arch[] = "host";
char __image_start[1], __text_end[1], __rodata_end[1], __image_end[1];
const unsigned hal_vm_bits = 47;
static bool enabled = true;
static uint64_t deadline = UINT64_MAX;
static struct boot_info info;

const struct boot_info *boot_info(void) { return &info; }

void host_init(void);
void host_init(void)
{
    void *ram = aligned_alloc(8 << 20, RAM_SIZE);
    boot_add_ram(&info, (uintptr_t)ram, RAM_SIZE);
    page_init(&info);
}

void hal_exit(int code) { exit(code); }

bool hal_irq_save(void)
{
    bool was = enabled;
    enabled = false;
    return was;
}
void hal_irq_restore(bool on) { enabled = on; }
void hal_irq_init(void) {}
void hal_irq_line(unsigned line, bool on) { (void)line, (void)on; }
void hal_irq_trigger(unsigned line, bool level, bool low) { (void)line, (void)level, (void)low; }
unsigned hal_irq_decode(const uint32_t *cells, unsigned count) { return count ? cells[0] : 0; }

void hal_irq_wait(void)
{
    if (deadline == UINT64_MAX)
        panic("waiting for an interrupt that cannot come");
    uint64_t now = hal_time_ns();
    if (deadline > now)
        nanosleep(&(struct timespec){0, (long)(deadline - now)}, NULL);
    deadline = UINT64_MAX;
    timer_raise();
    interrupt_done();
}

void hal_time_init(void) {}
uint64_t hal_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
void hal_timer_set(uint64_t deadline_ns) { deadline = deadline_ns; }

uint8_t hal_port_read8(uint16_t port) { return port ? 0xff : 0xff; }
void hal_port_write8(uint16_t port, uint8_t value) { (void)port, (void)value; }

void panic_at(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "panic: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, " at %s:%d\n", file, line);
    va_end(args);
    abort();
}
