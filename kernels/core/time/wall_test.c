/* The calendar, against dates that anybody can look up. */
#include "wall.h"
#include "test.h"

static uint64_t at(unsigned year, unsigned month, unsigned day)
{
    uint64_t seconds = 1;
    struct calendar date = {year, month, day, 0, 0, 0};
    return wall_from_calendar(&date, &seconds) ? seconds : 1;
}

TEST(wall, knows_dates)
{
    EXPECT_EQ(at(1970, 1, 1), 0);
    EXPECT_EQ(at(2000, 2, 29), 951782400);
    EXPECT_EQ(at(2038, 1, 19), 2147472000);
    EXPECT_EQ(at(9999, 12, 31), 253402214400);
}

TEST(wall, goes_there_and_back)
{
    for (uint64_t day = 0; day < 200000; day += 97) {
        uint64_t seconds = day * 86400 + 86399, back;
        struct calendar date = wall_calendar(seconds);
        ASSERT_TRUE(wall_from_calendar(&date, &back));
        ASSERT_EQ(back, seconds);
    }
}

TEST(wall, refuses_what_is_no_date)
{
    EXPECT_EQ(at(2023, 2, 29), 1);
    EXPECT_EQ(at(2024, 4, 31), 1);
    EXPECT_EQ(at(2024, 13, 1), 1);
    EXPECT_EQ(at(2024, 0, 1), 1);
    EXPECT_EQ(at(1969, 12, 31), 1);
}
