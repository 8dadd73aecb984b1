/* 16550 UART, in ports or in memory. National Semiconductor PC16550D data sheet, section 8 (registers).
   Speed and format are left as the firmware set them, except on the port variant, which is set to 115200 8N1. The
   FIFO is left alone too: switching it on or off drops what was typed ahead. */
#include "irq.h"
#include "mm.h"
#include "uart.h"

enum { DATA = 0, IER = 1, LCR = 3, MCR = 4, LSR = 5 };
enum { IER_RECEIVED = 1, LCR_8N1 = 3, LCR_DLAB = 0x80, MCR_DTR_RTS_OUT2 = 0x0b };
enum { LSR_DATA = 0x01, LSR_SPACE = 0x20, UART16550_SPIN_MAX = 10000000 };

static struct uart16550 {
    struct serial serial;
    struct io io;
    unsigned irq_line;
} uart16550;

static void uart16550_write(struct serial *serial, const char *data, size_t size)
{
    (void)serial;
    for (; size; size--, data++) {
        for (int spin = 0; !(io_read8(&uart16550.io, LSR) & LSR_SPACE) && spin < UART16550_SPIN_MAX; spin++)
            ;
        io_write8(&uart16550.io, DATA, (uint8_t)*data);
    }
}

static void uart16550_receive(void *arg)
{
    (void)arg;
    while (io_read8(&uart16550.io, LSR) & LSR_DATA) {
        if (!console_wants()) {
            io_write8(&uart16550.io, IER, 0);
            return;
        }
        console_input((char)io_read8(&uart16550.io, DATA));
    }
}

static void uart16550_resume(struct serial *serial)
{
    (void)serial;
    io_write8(&uart16550.io, IER, IER_RECEIVED);
    uart16550_receive(NULL);
}

static void uart16550_start(struct serial *serial)
{
    irq_register(uart16550.irq_line, uart16550_receive, NULL);
    io_write8(&uart16550.io, MCR, MCR_DTR_RTS_OUT2);
    uart16550_resume(serial);
}

struct serial *uart16550_attach(struct io io, unsigned irq_line)
{
    if (!io.port)
        io_map(io.base, 8u << io.shift);
    uart16550 = (struct uart16550){.serial = {NULL, uart16550_write, uart16550_start, uart16550_resume}, .io = io,
                                   .irq_line = irq_line};
    io_write8(&io, IER, 0);
    if (io.port) {
        io_write8(&io, LCR, LCR_DLAB);
        io_write8(&io, DATA, 1); /* divisor of the 115200 Hz base clock */
        io_write8(&io, IER, 0);
    }
    io_write8(&io, LCR, LCR_8N1);
    return &uart16550.serial;
}
