/* The end of the line: print why, where and how we got there, then leave with EXIT_PANIC. */
#pragma once

#include "hal.h"

/* Prints `panic: <message> at <file>:<line>`. */
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
NORETURN void panic_at(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);

/* The function that an address of the kernel's text lies in: its name, of *length characters, and how far inside. NULL
   when there is none. */
const char *symbol_at(uintptr_t address, size_t *length, uintptr_t *offset);

/* A broken invariant. Always checked: a kernel that goes on wrongly is worse than one that stops. */
#define ASSERT(condition) ((condition) ? (void)0 : panic("assertion failed: %s", #condition))

/* Runs fn(arg); if it traps, fills *trap and returns true instead of panicking. For tests and for probing
   hardware that may not be there. Each thread may have one at a time. */
bool trap_catch(void (*fn)(void *), void *arg, struct trap *trap);
