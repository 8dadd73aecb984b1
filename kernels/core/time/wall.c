/* The time of day (wall.h): set once from a clock, carried on by hal_time_ns. The calendar is the proleptic Gregorian
   one, as in POSIX's "seconds since the Epoch" (Base Definitions 4.16); years start in March here, so that the leap day
   comes last. */
#include "wall.h"
#include "hal.h"
#include "timer.h"

enum { DAY = 86400, DAYS_TO_1970 = 719468 /* from 0000-03-01 */, DAYS_400_YEARS = 146097, YEAR_MIN = 1970, YEAR_MAX = 9999 };

static uint64_t base;   /* seconds at boot */
static bool known;

void wall_set(uint64_t seconds)
{
    base = seconds - hal_time_ns() / NS_PER_S;
    known = true;
}

bool wall_now(uint64_t *seconds)
{
    *seconds = base + hal_time_ns() / NS_PER_S;
    return known;
}

struct calendar wall_calendar(uint64_t seconds)
{
    uint64_t days = seconds / DAY + DAYS_TO_1970;
    unsigned rest = (unsigned)(seconds % DAY);
    unsigned era_day = (unsigned)(days % DAYS_400_YEARS);
    unsigned era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    unsigned year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    unsigned month = (5 * year_day + 2) / 153; /* from March */
    unsigned year = (unsigned)(days / DAYS_400_YEARS) * 400 + era_year + (month >= 10);
    return (struct calendar){year, month < 10 ? month + 3 : month - 9, year_day - (153 * month + 2) / 5 + 1,
                             rest / 3600, rest / 60 % 60, rest % 60};
}

bool wall_from_calendar(const struct calendar *at, uint64_t *seconds)
{
    if (at->year < YEAR_MIN || at->year > YEAR_MAX || at->month < 1 || at->month > 12 || at->day < 1 || at->day > 31 ||
        at->hour > 23 || at->minute > 59 || at->second > 59)
        return false;
    unsigned year = at->year - (at->month < 3), month = at->month < 3 ? at->month + 9 : at->month - 3;
    uint64_t days = 365ull * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + at->day - 1;
    *seconds = (days - DAYS_TO_1970) * DAY + at->hour * 3600ul + at->minute * 60 + at->second;
    return wall_calendar(*seconds).day == at->day; /* there is no 31st of April */
}
