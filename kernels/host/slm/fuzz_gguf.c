/* libFuzzer over the GGUF reader and, where a file passes, one question to the model it holds, with its matrices packed
   and in place: hostile bytes may be refused, never more. */
#include <stdlib.h>

#include "../../core/slm/slm.h"

static void ask(struct slm *s, const uint8_t *data, size_t size, bool packed)
{
    struct slm_answer a;
    size_t need = slm_arena_size(&s->g, packed);
    void *arena = need > 64u << 20 ? NULL : malloc(need);
    if (arena && !slm_open(s, data, size, arena, need, NULL, NULL)) slm_ask(s, "install nginx on port 80", true, NULL, &a);
    free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct slm s;
    if (slm_gguf_read(&s.g, data, size)) return 0;
    ask(&s, data, size, true);
    if (!slm_gguf_read(&s.g, data, size)) ask(&s, data, size, false);
    return 0;
}
