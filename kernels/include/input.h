/* What was typed ahead: a ring of characters that refuses what it has no room for, and says when to ask again. A plain
   state machine; console_read and console_input (console.h) put a lock around one. */
#pragma once

#include "base.h"

enum { INPUT_MAX = 256 };

struct input {
    char text[INPUT_MAX];
    unsigned put, taken;    /* free-running; their difference is what waits */
    bool refused;           /* who has a character was sent away, and is to be called when there is room */
};
static inline bool input_waits(const struct input *input) { return input->put != input->taken; }

bool input_wants(struct input *input);      /* is there room for a character? A no is remembered */
void input_put(struct input *input, char c); /* after that was true */
/* The oldest; input_waits. *ask_again: somebody was refused, and half of the ring is free now. */
char input_take(struct input *input, bool *ask_again);
