/* The time of day, as the machine's clock told it once: seconds since 1970-01-01 00:00:00 UTC. */
#pragma once

#include "base.h"

struct calendar {
    unsigned year, month, day, hour, minute, second; /* month and day from 1 */
};
struct calendar wall_calendar(uint64_t seconds);
/* False when it is no date (or before 1970, or after 9999). */
bool wall_from_calendar(const struct calendar *at, uint64_t *seconds);

void wall_set(uint64_t seconds);        /* for clock drivers: what it is now */
bool wall_now(uint64_t *seconds);       /* false when no clock told */
