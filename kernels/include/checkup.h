/* Check-ups: how TROUBLESHOOT looks for what is broken. One is CHECKUP(area, order, run) beside its subsystem, the area
   being a word of the grammar. run looks at live state and prints a fact a line; at the first thing that is broken it says so,
   and what to type next, and returns true. Without an area all are asked, in order. */
#pragma once

#include "action.h"

struct checkup {
    const char *area;
    unsigned order;
    bool (*run)(const struct action *action); /* action->name, action->role: whom the question is about */
};
#define CHECKUP(checkup_area, checkup_order, checkup_run) \
    REGISTER(checkups, struct checkup, checkup_area, {#checkup_area, checkup_order, checkup_run})
REGISTRY(checkups, struct checkup);
