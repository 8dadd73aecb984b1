/* The generator: its block function by the RFC's example, its output by what it must not be. */
#include "device.h"
#include "random.h"
#include "string.h"
#include "test.h"
#include "timer.h"

TEST(random, matches_the_block_of_rfc_8439)
{
    uint32_t key[8], out[16];
    const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
    for (unsigned i = 0; i < 32; i++)
        ((uint8_t *)key)[i] = (uint8_t)i;
    chacha20_block(key, 1, nonce, out);
    EXPECT_EQ(out[0], 0xe4e7f110);
    EXPECT_EQ(out[1], 0x15593bd1);
    EXPECT_EQ(out[15], 0x4e3c50a2);
}

TEST(random, is_seeded_where_there_is_a_source)
{
    struct device *device = device_root();
    while (device && !device_has_id(device, "virtio:4"))
        device = device_next(device);
    for (int i = 0; i < 1000 && device && !random_is_seeded(); i++)
        time_sleep_ns(NS_PER_MS);
    EXPECT_TRUE(!device || random_is_seeded());
}

TEST(random, never_repeats_itself)
{
    uint32_t seen[64];
    for (unsigned i = 0; i < 64; i++) {
        seen[i] = random_u32();
        for (unsigned j = 0; j < i; j++)
            EXPECT_TRUE(seen[i] != seen[j]); /* wrong once in two million runs */
    }
}

TEST(random, fills_every_byte)
{
    uint8_t bytes[100], all[100] = {0};
    for (int round = 0; round < 16; round++) {
        random_bytes(bytes, sizeof bytes);
        for (unsigned i = 0; i < sizeof bytes; i++)
            all[i] |= bytes[i];
    }
    for (unsigned i = 0; i < sizeof all; i++)
        EXPECT_TRUE(all[i] != 0);
}
