/* From a device to its driver, by the SLM's interface: the question "which driver for <id>" gets an intent and an action,
   and the kernel performs the action DRIVER_SELECT `find id=<id>` on its table of drivers. At boot the rule engine is the
   one that answers, at once and always alike; whatever it says, only a driver that lists an id of the device is taken.
   Ids that are no sentence's business (a device tree's names, virtio's types) are looked up as they are. */
#include "device.h"
#include "print.h"
#include "string.h"
#include "text.h"

#include "../slm/slm.h"

static const char pci_bus[] = "pci:";

static bool driver_has_id(const struct driver *driver, const char *id)
{
    for (const char *const *at = driver->ids; *at; at++)
        if (!strcmp(*at, id))
            return true;
    return false;
}

const struct driver *driver_for_id(const char *id)
{
    const struct driver *const *entry;
    FOR_REGISTERED(entry, drivers)
        if (driver_has_id(*entry, id))
            return *entry;
    return NULL;
}

const struct driver *driver_find(const char *name)
{
    const struct driver *const *entry;
    FOR_REGISTERED(entry, drivers)
        if (!strcmp((*entry)->name, name))
            return *entry;
    return NULL;
}

bool driver_takes(const struct driver *driver, const struct device *device)
{
    for (unsigned i = 0; i < device->id_count; i++)
        if (driver_has_id(driver, device->ids[i]))
            return true;
    return false;
}

const struct driver *driver_perform(const struct device *device, const char *action)
{
    static const char find[] = "find id=";
    char id[DEVICE_ID_MAX];
    if (!text_starts(action, find))
        return NULL;
    ksnprintf(id, sizeof id, "%s%s", pci_bus, action + strlen(find));
    return device_has_id(device, id) ? driver_for_id(id) : NULL;
}

const struct driver *driver_select(struct device *device)
{
    static struct slm_answer answer; /* devices are started by one thread */
    if (device->id_count && text_starts(device->ids[0], pci_bus)) {
        char question[64];
        ksnprintf(question, sizeof question, "which driver for %s", device->ids[0] + strlen(pci_bus));
        slm_rules(question, &answer);
        const struct driver *driver = NULL;
        if (!strcmp(slm_intents[answer.intent], "DRIVER_SELECT"))
            driver = driver_perform(device, answer.action);
        if (driver && text_copy(device->action, sizeof device->action, answer.action))
            return driver;
    }
    for (unsigned i = 0; i < device->id_count; i++) {
        const struct driver *driver = driver_for_id(device->ids[i]);
        if (driver)
            return driver;
    }
    return NULL;
}
