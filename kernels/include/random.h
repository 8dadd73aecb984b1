/* Random numbers: ChaCha20 keyed from a pool that grows with everything unpredictable the kernel sees. Before a
   hardware source or a seed has come, only timing has: random_is_seeded tells. */
#pragma once

#include "base.h"

void random_bytes(void *out, size_t size);
uint32_t random_u32(void);
/* Stir something in; `trusted` when it comes from a source made for this. Safe in interrupt handlers. */
void random_stir(const void *data, size_t size, bool trusted);
bool random_is_seeded(void);

/* One block of RFC 8439, 2.3. */
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint32_t out[16]);
