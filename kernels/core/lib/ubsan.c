/* What code compiled with -fsanitize=undefined calls when it meets undefined behaviour (clang's ubsan_handlers.h).
   Only linked in with `make UBSAN=1`. Every finding is a panic with the source line. */
#ifdef UBSAN
#include "panic.h"

struct source {
    const char *file;
    uint32_t line, column;
};

/* Most handlers' data begins with the place; the rest is of no use without the compiler's type table. */
#define HANDLER(name, text)                                                       \
    void __ubsan_handle_##name(const struct source *at);                          \
    void __ubsan_handle_##name(const struct source *at)                           \
    {                                                                             \
        panic_at(at->file ? at->file : "?", (int)at->line, "undefined behaviour: " text); \
    }

HANDLER(add_overflow, "signed addition overflows")
HANDLER(sub_overflow, "signed subtraction overflows")
HANDLER(mul_overflow, "signed multiplication overflows")
HANDLER(negate_overflow, "negation overflows")
HANDLER(divrem_overflow, "division by zero or overflow")
HANDLER(shift_out_of_bounds, "shift by a negative or too large amount")
HANDLER(out_of_bounds, "array index out of bounds")
HANDLER(builtin_unreachable, "reached the unreachable")
HANDLER(missing_return, "no value returned")
HANDLER(vla_bound_not_positive, "array of no or negative size")
HANDLER(load_invalid_value, "value that its type does not have")
HANDLER(type_mismatch_v1, "misaligned or null pointer")
HANDLER(pointer_overflow, "pointer arithmetic overflows")
HANDLER(nonnull_arg, "null for an argument that must not be")
HANDLER(nonnull_return_v1, "null returned where it must not be")
HANDLER(invalid_builtin, "builtin called with an invalid argument")
HANDLER(alignment_assumption, "wrong alignment assumed")
HANDLER(float_cast_overflow, "floating-point value that does not fit its integer")
HANDLER(function_type_mismatch, "call through a pointer of the wrong type")
#endif
