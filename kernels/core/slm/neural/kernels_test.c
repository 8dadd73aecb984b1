/* Every kernel that this processor has gives the scalar kernel's very bits; no model is needed for that. */
#include "engine.h"

#include "mm.h"
#include "sched.h"
#include "test.h"

static unsigned tried, right;

static void try_all(void *scratch)
{
    const struct slm_kernel *kernel;
    if (!thread_use_fpu())
        return;
    for (unsigned i = 0; (kernel = slm_kernel_at(i)); i++) {
        if (kernel->usable && !kernel->usable())
            continue;
        tried++;
        right += slm_kernel_right(kernel, scratch);
    }
}

TEST(slm, every_kernel_gives_the_bits_of_scalar)
{
    void *scratch = kmalloc(SLM_SCRATCH);
    ASSERT_TRUE(scratch != NULL);
    tried = right = 0;
    thread_join(thread_start("try_all", CLASS_SYSTEM, try_all, scratch));
    EXPECT_TRUE(tried >= 2);
    EXPECT_EQ(right, tried);
    kfree(scratch);
}
