/* PL011 UART. Arm PrimeCell UART (PL011) Technical Reference Manual, DDI 0183G, chapter 3.
   Speed is left as the firmware set it. The FIFO is left alone too: switching it on or off drops what was typed ahead. */
#include "irq.h"
#include "mm.h"
#include "uart.h"

enum { DR = 0x00, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IMSC = 0x38, ICR = 0x44 };
enum { FR_RX_EMPTY = 1 << 4, FR_TX_FULL = 1 << 5, LCR_FIFO = 1 << 4, LCR_8BIT = 3 << 5, CR_UART_TX_RX = 0x301 };
enum { INT_RX = 1 << 4, INT_RX_TIMEOUT = 1 << 6, INT_ALL = 0x7ff, PL011_SPIN_MAX = 10000000 };

static struct pl011 {
    struct serial serial;
    uintptr_t base;
    unsigned irq_line;
} pl011;

static void pl011_write(struct serial *serial, const char *data, size_t size)
{
    (void)serial;
    for (; size; size--, data++) {
        for (int spin = 0; (mmio_read32(pl011.base + FR) & FR_TX_FULL) && spin < PL011_SPIN_MAX; spin++)
            ;
        mmio_write32(pl011.base + DR, (uint8_t)*data);
    }
}

/* The interrupt is cleared before the FIFO is drained: a character that comes in between raises it anew. Cleared
   afterwards it would stay in the FIFO without an interrupt, and where the interrupt is raised only when the FIFO
   goes from empty to its trigger level (QEMU), no later character would be heard either. */
static void pl011_receive(void *arg)
{
    (void)arg;
    mmio_write32(pl011.base + ICR, INT_RX | INT_RX_TIMEOUT);
    while (!(mmio_read32(pl011.base + FR) & FR_RX_EMPTY)) {
        if (!console_wants()) {
            mmio_write32(pl011.base + IMSC, 0);
            return;
        }
        console_input((char)mmio_read32(pl011.base + DR));
    }
}

/* What was held back raises no interrupt, since its own was cleared: it is fetched here. */
static void pl011_resume(struct serial *serial)
{
    (void)serial;
    mmio_write32(pl011.base + IMSC, INT_RX | INT_RX_TIMEOUT);
    pl011_receive(NULL);
}

static void pl011_start(struct serial *serial)
{
    irq_register(pl011.irq_line, pl011_receive, NULL);
    pl011_resume(serial);
}

struct serial *pl011_attach(uintptr_t base, unsigned irq_line)
{
    io_map(base, 0x1000);
    pl011 = (struct pl011){.serial = {NULL, pl011_write, pl011_start, pl011_resume}, .base = base, .irq_line = irq_line};
    mmio_write32(base + IMSC, 0);
    mmio_write32(base + ICR, INT_ALL);
    mmio_write32(base + LCR_H, LCR_8BIT | (mmio_read32(base + LCR_H) & LCR_FIFO));
    mmio_write32(base + CR, CR_UART_TX_RX);
    return &pl011.serial;
}
