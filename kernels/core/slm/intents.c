/* The intents in the order of their tokens: SLM/intents.py. */
#include "slm.h"

const char *const slm_intents[] = {"HARDWARE_IDENTIFY", "DRIVER_SELECT", "INSTALL_CONFIGURE", "APP_INSTALL",
                                   "SYSTEM_MANAGE", "TROUBLESHOOT", "NONE"};
const unsigned slm_intent_count = sizeof slm_intents / sizeof *slm_intents;
