/* Test helper: a disk of 4 MiB in memory with a new ext2, mounted at /t. */
#pragma once

#include "base.h"

bool test_disk_begin(uint32_t block_size);
void test_disk_end(void); /* must follow a begin that succeeded */
