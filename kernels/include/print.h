/* Formatted output. Conversions: %d %i %u %x %X %o %c %s %p %%, flags - 0 + space #, width and precision (also *),
   lengths hh h l ll z t j. No floating point: the kernel has none. */
#pragma once

#include "base.h"

void kprintf(const char *format, ...) PRINTF_LIKE(1, 2);
void kvprintf(const char *format, va_list args);

/* As C's snprintf: terminates when size > 0, returns the length the whole text would have. */
size_t ksnprintf(char *to, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
size_t kvsnprintf(char *to, size_t size, const char *format, va_list args);
