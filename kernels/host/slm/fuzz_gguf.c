/* libFuzzer over the GGUF reader and, where a file passes, one question to the model it holds: hostile bytes may be
   refused, never more. */
#include <stdlib.h>

#include "../../core/slm/slm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct slm s;
    struct slm_answer a;
    if (slm_gguf_read(&s.g, data, size)) return 0;
    size_t need = slm_arena_size(&s.g, true);
    if (need > 64u << 20) return 0;
    void *arena = malloc(need);
    if (arena && !slm_open(&s, data, size, arena, need, NULL, NULL)) slm_ask(&s, "install nginx on port 80", true, NULL, &a);
    free(arena);
    return 0;
}
