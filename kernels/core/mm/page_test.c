/* The page allocator: alignment, distinctness, merging, running out. */
#include "mm.h"
#include "string.h"
#include "test.h"

TEST(page, blocks_are_aligned_to_their_size)
{
    for (unsigned order = 0; order < PAGE_ORDERS; order++) {
        void *block = page_alloc(order);
        ASSERT_TRUE(block != NULL);
        EXPECT_EQ((uintptr_t)block % ((uintptr_t)PAGE_SIZE << order), 0);
        page_free(block, order);
    }
}

TEST(page, blocks_do_not_overlap)
{
    enum { COUNT = 32 };
    uint32_t *blocks[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        blocks[i] = page_alloc(i % 3);
        ASSERT_TRUE(blocks[i] != NULL);
        memset(blocks[i], (int)i, (size_t)PAGE_SIZE << i % 3);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        EXPECT_EQ(blocks[i][0], i * 0x01010101u);
        EXPECT_EQ(blocks[i][(PAGE_SIZE << i % 3) / 4 - 1], i * 0x01010101u);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        page_free(blocks[i], i % 3);
}

TEST(page, freeing_merges_back_to_large_blocks)
{
    enum { COUNT = 64 };
    void *blocks[COUNT];
    size_t before = page_stats().free;
    for (unsigned i = 0; i < COUNT; i++)
        blocks[i] = page_alloc(0);
    EXPECT_EQ(page_stats().free, before - COUNT);
    for (unsigned i = 0; i < COUNT; i += 2)
        page_free(blocks[i], 0);
    for (unsigned i = 1; i < COUNT; i += 2)
        page_free(blocks[i], 0);
    EXPECT_EQ(page_stats().free, before);
    void *large = page_alloc(PAGE_ORDERS - 1);
    EXPECT_TRUE(large != NULL);
    page_free(large, PAGE_ORDERS - 1);
}

/* Takes the largest blocks until there are none, chained through their first word; gives them all back. */
TEST(page, running_out_is_an_error_and_heals)
{
    void **chain = NULL;
    size_t before = page_stats().free;
    for (unsigned order = PAGE_ORDERS; order-- > 0;)
        for (void **block; (block = page_alloc(order)); chain = block) {
            block[0] = chain;
            block[1] = (void *)(uintptr_t)order;
        }
    EXPECT_EQ(page_stats().free, 0);
    EXPECT_TRUE(page_alloc(0) == NULL);
    while (chain) {
        void **next = chain[0];
        page_free(chain, (unsigned)(uintptr_t)chain[1]);
        chain = next;
    }
    EXPECT_EQ(page_stats().free, before);
}

TEST(page, a_stretch_spans_blocks)
{
    size_t before = page_stats().free, bytes = ((size_t)PAGE_SIZE << PAGE_ORDERS) - PAGE_SIZE; /* two of the largest */
    char *stretch = page_alloc_stretch(bytes);
    ASSERT_TRUE(stretch != NULL);
    EXPECT_EQ(before - page_stats().free, 1u << PAGE_ORDERS);
    stretch[0] = stretch[bytes - 1] = 1;
    page_free(stretch, PAGE_ORDERS - 1);
    page_free(stretch + ((size_t)PAGE_SIZE << (PAGE_ORDERS - 1)), PAGE_ORDERS - 1);
    EXPECT_EQ(page_stats().free, before);
    EXPECT_TRUE(page_alloc_stretch((size_t)1 << 46) == NULL);
}
