/* Traps: caught ones come back with what happened, and the kernel goes on. */
#include "panic.h"
#include "string.h"
#include "test.h"

static void execute_trap(void *arg)
{
    (void)arg;
    __builtin_trap();
}

static void do_nothing(void *arg)
{
    *(int *)arg = 1;
}

TEST(trap, catches_an_illegal_instruction)
{
    struct trap trap = {0};
    ASSERT_TRUE(trap_catch(execute_trap, NULL, &trap));
    EXPECT_TRUE(trap.kind == TRAP_ILLEGAL || trap.kind == TRAP_BREAKPOINT);
    EXPECT_TRUE(trap.cause && trap.cause[0]);
    EXPECT_TRUE(trap.pc >= (uintptr_t)execute_trap && trap.pc < (uintptr_t)execute_trap + 64);
}

TEST(trap, functions_have_names)
{
    size_t length = 0;
    uintptr_t offset = 0;
    const char *name = symbol_at((uintptr_t)execute_trap + 1, &length, &offset);
    ASSERT_TRUE(name != NULL);
    EXPECT_EQ(length, strlen("execute_trap"));
    EXPECT_TRUE(!strncmp(name, "execute_trap", length));
    EXPECT_EQ(offset, 1);
    EXPECT_TRUE(symbol_at((uintptr_t)__text_end, &length, &offset) == NULL);
}

TEST(trap, reports_nothing_when_nothing_happens)
{
    struct trap trap = {0};
    int ran = 0;
    EXPECT_FALSE(trap_catch(do_nothing, &ran, &trap));
    EXPECT_EQ(ran, 1);
}

TEST(trap, can_be_caught_again_and_again)
{
    struct trap trap;
    for (int i = 0; i < 100; i++)
        ASSERT_TRUE(trap_catch(execute_trap, NULL, &trap));
}

TEST(trap, leaves_interrupts_as_they_were)
{
    struct trap trap;
    trap_catch(execute_trap, NULL, &trap);
    bool enabled = hal_irq_save();
    EXPECT_TRUE(enabled);
    trap_catch(execute_trap, NULL, &trap);
    EXPECT_FALSE(hal_irq_save());
    hal_irq_restore(enabled);
}
