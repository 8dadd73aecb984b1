/* The kernel's page tables: what may be written and run, and what happens otherwise. Needs a booted machine. */
#include "hal.h"
#include "mm.h"
#include "panic.h"
#include "string.h"
#include "test.h"

static const char constant[] = "constant";
static uint32_t writable[4];
static volatile char sink;

static NO_SANITIZE void read_byte(void *at) { sink = *(volatile char *)at; }
static NO_SANITIZE void write_byte(void *at) { *(volatile char *)at = 1; }
static void call(void *at) { ((void (*)(void))(uintptr_t)at)(); }

TEST(vm, a_null_pointer_traps)
{
    struct trap trap = {0};
    ASSERT_TRUE(trap_catch(read_byte, NULL, &trap));
    EXPECT_EQ(trap.kind, TRAP_ACCESS);
    EXPECT_EQ(trap.address, 0);
    ASSERT_TRUE(trap_catch(write_byte, (void *)8, &trap));
    EXPECT_EQ(trap.address, 8);
}

TEST(vm, code_and_constants_cannot_be_written)
{
    struct trap trap = {0};
    ASSERT_TRUE(trap_catch(write_byte, (void *)(uintptr_t)vm_map, &trap));
    EXPECT_EQ(trap.address, vm_map);
    ASSERT_TRUE(trap_catch(write_byte, (void *)(uintptr_t)constant, &trap));
    EXPECT_EQ(trap.address, constant);
    EXPECT_STR(constant, "constant");
}

TEST(vm, data_cannot_be_run)
{
    struct trap trap = {0};
    void *page = page_alloc(0);
    ASSERT_TRUE(trap_catch(call, writable, &trap));
    EXPECT_EQ(trap.kind, TRAP_ACCESS);
    EXPECT_EQ(trap.pc, writable);
    ASSERT_TRUE(trap_catch(call, page, &trap));
    EXPECT_EQ(trap.pc, page);
    page_free(page, 0);
}

TEST(vm, nothing_is_both_writable_and_executable)
{
    const struct boot_info *boot = boot_info();
    unsigned flags;
    for (unsigned i = 0; i < boot->ram_count; i++)
        for (uintptr_t at = boot->ram[i].start; at < boot->ram[i].end; at += PAGE_SIZE)
            if (vm_lookup(at, &flags))
                ASSERT_TRUE((flags & (VM_WRITE | VM_EXEC)) != (VM_WRITE | VM_EXEC));
    ASSERT_TRUE(vm_lookup((uintptr_t)vm_map, &flags));
    EXPECT_EQ(flags, VM_EXEC);
    ASSERT_TRUE(vm_lookup((uintptr_t)constant, &flags));
    EXPECT_EQ(flags, VM_READ);
    EXPECT_FALSE(vm_lookup((uintptr_t)hal_boot_stack, &flags));
}

TEST(vm, a_page_can_be_taken_out_of_a_block_and_put_back)
{
    enum { BLOCK_ORDER = 9 };
    struct trap trap = {0};
    unsigned flags;
    char *block = page_alloc(BLOCK_ORDER);
    ASSERT_TRUE(block != NULL);
    memset(block, 0x5a, (size_t)PAGE_SIZE << BLOCK_ORDER);
    vm_unmap((uintptr_t)block + PAGE_SIZE, PAGE_SIZE);
    EXPECT_TRUE(trap_catch(read_byte, block + PAGE_SIZE, &trap));
    EXPECT_EQ(trap.address, block + PAGE_SIZE);
    EXPECT_EQ(block[PAGE_SIZE - 1], 0x5a);
    EXPECT_EQ(block[2 * PAGE_SIZE], 0x5a);
    EXPECT_TRUE(vm_map((uintptr_t)block + PAGE_SIZE, PAGE_SIZE, VM_READ));
    EXPECT_EQ(block[PAGE_SIZE], 0x5a);
    EXPECT_TRUE(trap_catch(write_byte, block + PAGE_SIZE, &trap));
    EXPECT_TRUE(vm_map((uintptr_t)block + PAGE_SIZE, PAGE_SIZE, VM_WRITE));
    block[PAGE_SIZE] = 1;
    EXPECT_TRUE(vm_lookup((uintptr_t)block + PAGE_SIZE, &flags));
    page_free(block, BLOCK_ORDER);
}

TEST(vm, modules_can_be_read_only)
{
    unsigned flags;
    const struct boot_info *boot = boot_info();
    for (unsigned i = 0; i < boot->module_count; i++) {
        EXPECT_TRUE(vm_lookup(boot->modules[i].base, &flags) && flags == VM_READ);
        EXPECT_TRUE(vm_lookup(boot->modules[i].base + boot->modules[i].size - 1, &flags) && flags == VM_READ);
    }
}
