/* Device interrupts: the handlers of a line, called with interrupts off. A line may be shared (PCI's are): each handler
   asks its own device whether it was the one. */
#pragma once

#include "base.h"

enum { IRQ_LINES = 256 };

void irq_register(unsigned line, void (*handler)(void *arg), void *arg);
uint64_t irq_spurious(void); /* interrupts of lines without a handler */
