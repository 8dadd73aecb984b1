/* The heap: sizes, distinctness, accounting, running out. */
#include "mm.h"
#include "string.h"
#include "test.h"

TEST(heap, blocks_are_aligned_and_large_enough)
{
    static const size_t sizes[] = {0, 1, 31, 32, 33, 100, 1024, 2048, 2049, 4096, 10000};
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        char *block = kmalloc(sizes[i]);
        ASSERT_TRUE(block != NULL);
        EXPECT_EQ((uintptr_t)block % 16, 0);
        memset(block, 0x5a, sizes[i]);
        kfree(block);
    }
}

TEST(heap, blocks_do_not_overlap)
{
    enum { COUNT = 200 };
    static uint8_t *blocks[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        blocks[i] = kmalloc(i + 1);
        ASSERT_TRUE(blocks[i] != NULL);
        memset(blocks[i], (int)i, i + 1);
    }
    for (unsigned i = 0; i < COUNT; i++)
        EXPECT_TRUE(blocks[i][0] == i && blocks[i][i] == i);
    for (unsigned i = 0; i < COUNT; i++)
        kfree(blocks[(i * 77) % COUNT]); /* 77 and 200 have no common divisor: all of them, out of order */
}

TEST(heap, accounts_for_every_byte)
{
    size_t before = heap_used();
    void *small = kmalloc(40), *large = kmalloc(5000);
    EXPECT_EQ(heap_used(), before + 64 + 8192);
    kfree(small);
    kfree(large);
    EXPECT_EQ(heap_used(), before);
}

TEST(heap, zeroes_on_request)
{
    char *dirty = kmalloc(64);
    ASSERT_TRUE(dirty != NULL);
    memset(dirty, 0xff, 64);
    kfree(dirty);
    char *clean = kzalloc(64);
    ASSERT_TRUE(clean != NULL);
    for (int i = 0; i < 64; i++)
        EXPECT_EQ(clean[i], 0);
    kfree(clean);
}

TEST(heap, refuses_what_cannot_be)
{
    EXPECT_TRUE(kmalloc(SIZE_MAX) == NULL);
    EXPECT_TRUE(kmalloc((size_t)1 << 40) == NULL);
    kfree(NULL);
}
