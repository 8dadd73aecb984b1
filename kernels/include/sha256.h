/* SHA-256 (FIPS 180-4). */
#pragma once

#include "base.h"

enum { SHA256_SIZE = 32, SHA256_TEXT = 2 * SHA256_SIZE + 1 };

struct sha256 {
    uint32_t state[8];
    uint64_t length;        /* bytes so far */
    uint8_t block[64];
};
void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);
/* All at once, as lower-case hexadecimal digits; returns text. */
char *sha256_text(const void *data, size_t size, char text[SHA256_TEXT]);
