/* The first disk, if the machine has one: what is written is read back, and its ends are kept. */
#include "block.h"
#include "mm.h"
#include "string.h"
#include "test.h"

enum { RUN = 16 };

TEST(block, reads_back_what_it_wrote)
{
    struct block_device *disk = block_first();
    if (!disk || disk->read_only)
        return;
    uint8_t *saved = kmalloc(RUN * SECTOR_SIZE), *data = kmalloc(RUN * SECTOR_SIZE);
    ASSERT_TRUE(saved && data);
    uint64_t at = disk->sectors - RUN;
    ASSERT_TRUE(block_read(disk, at, saved, RUN));
    for (unsigned i = 0; i < RUN * SECTOR_SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / SECTOR_SIZE);
    ASSERT_TRUE(block_write(disk, at, data, RUN));
    EXPECT_TRUE(block_flush(disk));
    memset(data, 0, RUN * SECTOR_SIZE);
    ASSERT_TRUE(block_read(disk, at + 1, data, 1));
    EXPECT_EQ(data[1], (uint8_t)(513 * 7 + 1));
    EXPECT_TRUE(block_write(disk, at, saved, RUN));
    kfree(saved);
    kfree(data);
}

TEST(block, refuses_runs_past_the_end)
{
    struct block_device *disk = block_first();
    uint8_t sector[SECTOR_SIZE];
    if (!disk)
        return;
    EXPECT_FALSE(block_read(disk, disk->sectors, sector, 1));
    EXPECT_FALSE(block_read(disk, UINT64_MAX, sector, 2));
    EXPECT_TRUE(block_read(disk, disk->sectors - 1, sector, 1));
}
