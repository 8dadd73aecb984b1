/* What a device is, in words: by its ids. */
#pragma once

#include "device.h"

struct device_kind {
    const char *id;         /* a glob */
    const char *class;      /* of the grammar (SLM/grammar.toml) */
    const char *what;       /* "a network card" */
};
/* NULL when it is not known, or only the way to another device. */
const struct device_kind *device_kind(const struct device *device);
void device_describe(const struct device *device, const struct device_kind *kind); /* a line */
