/* The two serial ports that most machines have. Each call makes one attached, polled for output at once; input
   starts with console_start(). */
#pragma once

#include "console.h"
#include "io.h"

struct serial *uart16550_attach(struct io io, unsigned irq_line);
struct serial *pl011_attach(uintptr_t base, unsigned irq_line);

/* The port that a device tree's /chosen stdout-path names, attached; NULL when it names none that we drive. */
struct fdt;
struct serial *uart_attach_fdt(const struct fdt *fdt);
