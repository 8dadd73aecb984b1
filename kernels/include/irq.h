/* Device interrupts: one handler per line, called with interrupts off. */
#pragma once

#include "base.h"

enum { IRQ_LINES = 256 };

void irq_register(unsigned line, void (*handler)(void *arg), void *arg);
uint64_t irq_spurious(void); /* interrupts that no handler wanted */
