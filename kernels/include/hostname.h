/* The name of this machine: what it calls itself, and what its name server answers for. */
#pragma once

#include "base.h"

enum { HOSTNAME_MAX = 64 };
const char *hostname(void);
/* Letters, digits and inner hyphens (RFC 1123, 2.1), at most 63; false for anything else. Kept until the machine is left. */
bool hostname_set(const char *name);
