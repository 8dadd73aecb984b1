/* Leaving the machine on purpose. */
#pragma once

#include "hal.h"

NORETURN void power_off(void); /* EXIT_PASS, or EXIT_FAIL when a test failed since boot */
