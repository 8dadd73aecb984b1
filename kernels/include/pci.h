/* PCI functions found by ECAM (PCI Express Base Specification 5.0, 7.2.2), and what their drivers ask of them. Sections of
   "PCI" are the PCI Local Bus Specification 3.0's. Configuration space comes from the device: all of it is checked. */
#pragma once

#include "device.h"

enum { PCI_BARS = 6, PCI_SLOTS = 32, PCI_FUNCTIONS = 8, PCI_CONFIG_SIZE = 4096 };
enum { PCI_CAPABILITY_VENDOR = 0x09 };
enum { PCI_VENDOR = 0x00, PCI_DEVICE = 0x02, PCI_SUBSYSTEM = 0x2e };

/* Addresses that functions are given: as the processor sees them and as the bus does. next is the first one free. */
struct pci_window {
    uint64_t base, size, bus, next;
};

struct pci_function;
struct pci_host {
    uintptr_t ecam;             /* configuration space of first_bus */
    uint8_t first_bus, last_bus;
    struct pci_window memory;   /* size 0: whoever brought the machine up has given out all there is */
    uintptr_t mapped;           /* configuration space below this address can be read */
    /* The interrupt line that pin A..D (1..4) of a slot is wired to; false when it is not known. */
    bool (*line)(const struct pci_host *host, const struct pci_function *function, unsigned pin, unsigned *line);
    struct device *device;
};

struct pci_function {
    struct device *device;
    struct pci_host *host;
    uintptr_t config;
    uint8_t bus, slot, number;
    struct device_range bars[PCI_BARS]; /* size 0: none, or without an address */
};

/* Adds a device below host->device for every function that answers, with the ids "pci:<vendor>:<device>" and
   "pci-class:<class>:<subclass>", its memory and its interrupt line. */
void pci_scan(struct pci_host *host);

uint8_t pci_read8(const struct pci_function *function, unsigned offset);
uint16_t pci_read16(const struct pci_function *function, unsigned offset);
uint32_t pci_read32(const struct pci_function *function, unsigned offset);
/* The offset of the first capability of that kind behind `after` (0: of all); 0 when there is none (PCI 6.7). */
unsigned pci_capability(const struct pci_function *function, uint8_t kind, unsigned after);
/* Lets the function answer in memory and reach memory itself (PCI 6.2.2). */
void pci_enable(const struct pci_function *function);
/* Part of a memory BAR, mapped; 0 when that part does not lie inside. */
uintptr_t pci_map(const struct pci_function *function, unsigned bar, uint64_t offset, uint64_t size);
