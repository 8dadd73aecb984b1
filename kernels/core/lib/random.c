/* ChaCha20 (RFC 8439, 2.3) as a generator with fast key erasure: each call's first block replaces the key, so what was
   given out cannot be computed back from what is kept. */
#include "random.h"
#include "hal.h"
#include "string.h"

static uint32_t key[8];
static uint64_t calls;
static bool seeded;

static uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

static void quarter(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 7);
}

void chacha20_block(const uint32_t with[8], uint32_t counter, const uint32_t nonce[3], uint32_t out[16])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(start + 4, with, 32);
    start[12] = counter;
    memcpy(start + 13, nonce, 12);
    memcpy(out, start, 64);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            quarter(out, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++)
            quarter(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int i = 0; i < 16; i++)
        out[i] += start[i];
}

static void refill(uint32_t out[16], uint32_t counter)
{
    uint64_t now = hal_time_ns();
    uint32_t nonce[3] = {(uint32_t)calls, (uint32_t)now, (uint32_t)(now >> 32)};
    chacha20_block(key, counter, nonce, out);
}

void random_bytes(void *out, size_t size)
{
    uint32_t block[16], next[16];
    uint8_t *to = out;
    bool interrupts = hal_irq_save();
    calls++;
    refill(next, 0);
    for (uint32_t counter = 1; size; counter++) {
        size_t count = MIN(size, sizeof block);
        refill(block, counter);
        memcpy(to, block, count);
        to += count;
        size -= count;
    }
    memcpy(key, next, sizeof key);
    hal_irq_restore(interrupts);
}

uint32_t random_u32(void)
{
    uint32_t value;
    random_bytes(&value, sizeof value);
    return value;
}

void random_stir(const void *data, size_t size, bool trusted)
{
    const uint8_t *from = data;
    uint32_t next[16];
    bool interrupts = hal_irq_save();
    while (size) {
        size_t count = MIN(size, sizeof key);
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)key)[i] ^= from[i];
        calls++;
        refill(next, 0);
        memcpy(key, next, sizeof key);
        from += count;
        size -= count;
    }
    seeded = seeded || trusted;
    hal_irq_restore(interrupts);
}

bool random_is_seeded(void) { return seeded; }
