/* What the compiler's stack protector calls: a value on the stack changed, so somebody wrote past an array. */
#include "panic.h"

uintptr_t __stack_chk_guard = (uintptr_t)0x9b1d5e27c4a3f100ull; /* the low zero byte stops runaway strings */

NORETURN void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
    panic("stack smashed in the function that returns to %p", __builtin_return_address(0));
}
