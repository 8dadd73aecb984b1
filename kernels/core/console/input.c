/* What was typed ahead (input.h). Who is refused is called again at half full, not at the first free place: a flood then
   costs one call for 128 characters. That never comes too late, since a reader sleeps only when the ring is empty. */
#include "input.h"
#include "panic.h"

bool input_wants(struct input *input)
{
    bool room = input->put - input->taken < INPUT_MAX;
    input->refused |= !room;
    return room;
}

void input_put(struct input *input, char c)
{
    ASSERT(input->put - input->taken < INPUT_MAX);
    input->text[input->put++ % INPUT_MAX] = c;
}

char input_take(struct input *input, bool *ask_again)
{
    ASSERT(input_waits(input));
    char c = input->text[input->taken++ % INPUT_MAX];
    *ask_again = input->refused && input->put - input->taken <= INPUT_MAX / 2;
    if (*ask_again)
        input->refused = false;
    return c;
}
