/* Test helper: a cpio archive in memory. */
#pragma once

#include "base.h"

void cpio_image_begin(void);
void cpio_image_add(const char *name, uint32_t mode, const char *data);
void cpio_image_end(void);
/* The archive's bytes; they may be damaged. */
char *cpio_image_data(void);
size_t cpio_image_size(void);
