/* Devices from ACPI's tables: one for each table that is whole, with the id "acpi:<signature>", so that a driver takes
   it as it takes any other. And the clock that sits in port space wherever there is a port space. */
#include "acpi.h"
#include "device.h"
#include "hal.h"
#include "mm.h"
#include "string.h"

enum { CMOS_PORT = 0x70, CMOS_STATUS_D = 0x0d, NO_CMOS = 0xff };

static struct acpi_override overrides[16];
static bool lacks_cmos;

unsigned acpi_line(unsigned old)
{
    if (!old || old >= ARRAY_LEN(overrides))
        return ACPI_NO_LINE;
    return overrides[old].given ? overrides[old].line : old;
}

/* Firmware keeps its tables outside of what it calls RAM, so that nothing maps them yet. */
static const void *map_firmware(uint64_t address, size_t size)
{
    unsigned flags;
    if (address < PAGE_SIZE || address >> hal_vm_bits || size > (1ull << hal_vm_bits) - address)
        return NULL;
    for (uintptr_t page = ALIGN_DOWN(address, PAGE_SIZE); page < address + size; page += PAGE_SIZE)
        if (!vm_lookup(page, &flags) && !vm_map(page, PAGE_SIZE, VM_READ))
            return NULL;
    return (const void *)(uintptr_t)address;
}

static void read_table(const struct acpi_header *table, struct device *device)
{
    uint64_t base, size;
    if (!memcmp(table->signature, "MCFG", 4) && acpi_read_mcfg(table, &base, &size))
        device_add_range(device, base, size, false);
    if (!memcmp(table->signature, "FACP", 4))
        lacks_cmos = acpi_lacks_cmos(table);
    if (memcmp(table->signature, "APIC", 4))
        return;
    acpi_read_overrides(table, overrides);
    for (unsigned i = 0; i < ARRAY_LEN(overrides); i++)
        if (overrides[i].given)
            hal_irq_trigger(overrides[i].line, overrides[i].level, overrides[i].low);
}

void acpi_bus_scan(uint64_t rsdp)
{
    struct acpi acpi;
    struct device *above = acpi_open(&acpi, rsdp, map_firmware) ? device_add(device_root(), "acpi") : NULL;
    for (unsigned i = 0; above && i < acpi.count; i++) {
        uint64_t address = 0;
        const struct acpi_header *table = acpi_table(&acpi, i, &address);
        struct device *device = table ? device_add(above, "%.4s", table->signature) : NULL;
        if (!device)
            continue;
        device_add_id(device, "acpi:%.4s", table->signature);
        read_table(table, device);
    }
}

void port_bus_scan(void)
{
    hal_port_write8(CMOS_PORT, CMOS_STATUS_D);
    if (lacks_cmos || hal_port_read8(CMOS_PORT + 1) == NO_CMOS)
        return;
    struct device *device = device_add(device_root(), "rtc@%x", CMOS_PORT);
    if (!device)
        return;
    device_add_id(device, "motorola,mc146818");
    device_add_range(device, CMOS_PORT, 2, true);
}
