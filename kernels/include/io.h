/* Device registers, in memory or in the port space that some buses have. */
#pragma once

#include "hal.h"

struct io {
    uintptr_t base;
    bool port;      /* base is a port number, not an address */
    uint8_t shift;  /* registers lie 1 << shift bytes apart */
};

static inline void mmio_write32(uintptr_t at, uint32_t value) { *(volatile uint32_t *)at = value; }
static inline uint32_t mmio_read32(uintptr_t at) { return *(volatile uint32_t *)at; }
static inline void mmio_write8(uintptr_t at, uint8_t value) { *(volatile uint8_t *)at = value; }
static inline uint8_t mmio_read8(uintptr_t at) { return *(volatile uint8_t *)at; }

static inline uint8_t io_read8(const struct io *io, unsigned index)
{
    uintptr_t at = io->base + ((uintptr_t)index << io->shift);
    return io->port ? hal_port_read8((uint16_t)at) : mmio_read8(at);
}
static inline void io_write8(const struct io *io, unsigned index, uint8_t value)
{
    uintptr_t at = io->base + ((uintptr_t)index << io->shift);
    if (io->port)
        hal_port_write8((uint16_t)at, value);
    else
        mmio_write8(at, value);
}
