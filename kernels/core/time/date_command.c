/* date: the time of day, in UTC. */
#include "console.h"
#include "print.h"
#include "wall.h"

static void date(int argc, char **argv)
{
    uint64_t now;
    (void)argc, (void)argv;
    if (!wall_now(&now)) {
        kprintf("no clock told the time\n");
        return;
    }
    struct calendar at = wall_calendar(now);
    kprintf("%u-%02u-%02u %02u:%02u:%02u UTC\n", at.year, at.month, at.day, at.hour, at.minute, at.second);
}
COMMAND_IF(command_alone, date, "tell the time of day", date);
