/* "What time is it", "how long have you been up". */
#include "action.h"
#include "hal.h"
#include "print.h"
#include "timer.h"
#include "wall.h"

static void say_time(const struct action *action)
{
    uint64_t now;
    (void)action;
    if (!wall_now(&now)) {
        kprintf("I do not know: no clock told this machine the time.\n");
        return;
    }
    struct calendar at = wall_calendar(now);
    kprintf("It is %02u:%02u:%02u UTC on %u-%02u-%02u.\n", at.hour, at.minute, at.second, at.year, at.month, at.day);
}
ACTION(SYSTEM_MANAGE, time, "tell the time", say_time);

static void say_uptime(const struct action *action)
{
    uint64_t seconds = hal_time_ns() / NS_PER_S;
    (void)action;
    if (seconds >= 86400)
        kprintf("I have been up for %llu days, ", (unsigned long long)(seconds / 86400));
    else
        kprintf("I have been up for ");
    if (seconds >= 3600)
        kprintf("%llu hours, ", (unsigned long long)(seconds / 3600 % 24));
    if (seconds >= 60)
        kprintf("%llu minutes and ", (unsigned long long)(seconds / 60 % 60));
    kprintf("%llu seconds.\n", (unsigned long long)(seconds % 60));
}
ACTION(SYSTEM_MANAGE, uptime, "tell how long the machine has been up", say_uptime);
