/* Inside the neural engine: quantized vectors, matrices packed for a kernel, and the two tables of functions that an
   architecture may add to. Only this folder and the architectures' slm_*.c use floating point.

   A row times a vector is the sum over blocks of (integer dot product) * (weight scale) * (activation scale << shift).
   Scales are integers relative to the largest in their row (15 bits) or vector (11 bits, which is all a binary16 has, and
   a shift of at most 9 to 18, by the vector's length); a power of two (the unit) brings them back. So the sum is exact in
   64 bits (19 + 15 + 11 + 9 + 9), its order does not matter, and every kernel on every machine gives the same bits. Only
   scales below 2^-4 of a row's largest, or 2^-9 of a vector's, lose bits at all. */
#pragma once

#include "../slm.h"

#define SLM_PANEL 16u /* rows of a packed matrix that lie interleaved */
#define SLM_BATCH 32u /* tokens that go through the layers together */

struct slm_block { /* 32 activations, rounded as ggml's Q8_0 does */
    _Alignas(8) int8_t q[32];
    int32_t sum;   /* of q: takes back what makes weights unsigned */
    int16_t scale; /* times 2^shift and the vector's unit */
    uint16_t shift;
};

struct slm_input { /* `count` vectors of `blocks` blocks each */
    const struct slm_block *block;
    const float *unit; /* one a vector */
    uint32_t count, blocks;
};

/* out[v * stride + r] = row r times vector v, for whole panels. A panel holds SLM_PANEL rows:
     Q8_0: for each block and each 4 columns in it, 4 bytes of each row, each xored with the kernel's flip;
     Q4_0: for each block and each 4 columns in its first half, 4 of the file's bytes (low: column, high: column + 16);
   behind each two blocks their rows' int16 scales; at the end the rows' units, floats. So a matrix is read as one stream:
   with the scales in a place of their own it was read from memory at half the speed. */
typedef void slm_product(float *out, size_t stride, const uint8_t *panel, uint32_t panels, const struct slm_input *x);

/* Where a panel's parts lie; a block's weights have `bytes` bytes: SLM_Q8_BYTES or SLM_Q4_BYTES. */
#define SLM_Q8_BYTES (32u * SLM_PANEL)
#define SLM_Q4_BYTES (16u * SLM_PANEL)
static inline size_t slm_pair_at(uint32_t pair, uint32_t bytes) { return (size_t)pair * (2 * bytes + 4 * SLM_PANEL); }
static inline size_t slm_panel_size(uint32_t blocks, uint32_t bytes) { return slm_pair_at((blocks + 1) / 2, bytes) + 4 * SLM_PANEL; }
static inline const uint8_t *slm_weights(const uint8_t *panel, uint32_t b, uint32_t bytes)
{
    return panel + slm_pair_at(b / 2, bytes) + b % 2 * bytes;
}
static inline const int16_t *slm_scales(const uint8_t *panel, uint32_t b, uint32_t bytes)
{
    return (const int16_t *)(const void *)(panel + slm_pair_at(b / 2, bytes) + 2 * bytes) + b % 2 * SLM_PANEL;
}
static inline const float *slm_units(const uint8_t *panel, uint32_t blocks, uint32_t bytes)
{
    return (const float *)(const void *)(panel + slm_pair_at((blocks + 1) / 2, bytes));
}

/* Keys and values of one layer as integers of 23 bits: position t's at t * stride, its head h's unit at h * context + t. */
struct slm_cache {
    uint32_t heads, kv_heads, head, stride, context;
    const int32_t *keys, *values;
    const float *key_units, *value_units;
};
#define SLM_MOST_HEAD 256

/* Work on activations. One source (vector.h) compiled for different registers; all give the same bits. */
struct slm_vector {
    void (*quantize)(struct slm_block *out, float *unit, const float *x, uint32_t n);
    void (*norm)(float *out, const float *x, const uint8_t *weight, uint32_t n, float eps);
    void (*swiglu)(float *gate, const float *up, uint32_t n); /* gate = gate * sigmoid(gate) * up */
    void (*add)(float *x, const float *y, uint32_t n);
    /* one position's keys or values into their places in the cache */
    void (*keep)(int32_t *out, float *units, const float *x, const struct slm_cache *cache);
    /* one token's heads over `count` keys and values; scores has room for 2 * count and 32 */
    void (*attend)(float *out, const float *q, const struct slm_cache *cache, uint32_t count, float *scores);
};
extern const struct slm_vector slm_vector_plain;

struct slm_kernel {
    const char *name;
    bool (*usable)(void); /* NULL: everywhere */
    slm_product *q8, *q4; /* NULL: the file's rows as they lie, by slm_rows */
    uint8_t flip;         /* 0x80 where Q8_0 weights are wanted unsigned */
    const struct slm_vector *vector;
};
/* Portable ones first, then the architecture's own (its slm_*.c); NULL behind the last. The first is the reference. */
const struct slm_kernel *slm_kernel_at(unsigned index);
const struct slm_kernel *slm_arch_kernel(unsigned index);
/* Does it give the reference's very bits on made-up rows? scratch: SLM_SCRATCH bytes, aligned to 64. */
#define SLM_SCRATCH (64u << 10)
bool slm_kernel_right(const struct slm_kernel *kernel, void *scratch);
slm_product slm_q8_swar, slm_q4_swar;

/* The reference, from the file's own rows [first, first + rows): also for F32, whose input is `floats` (count, cols). */
void slm_rows(float *out, size_t stride, const struct slm_tensor *w, uint32_t first, uint32_t rows, const struct slm_input *x,
              const float *floats);

size_t slm_packed_size(enum slm_type type, uint32_t rows, uint32_t cols);
/* False when a scale is not a finite number. */
bool slm_pack(uint8_t *out, const struct slm_tensor *w, uint8_t flip);
/* A row's scales as integers and their unit; false when one is not finite. */
bool slm_row_scales(int16_t *out, float *unit, const uint8_t *row, uint32_t blocks, uint32_t block_size);
#define SLM_MOST_BLOCKS 512 /* 16384 columns, the most that gguf.c takes */

static inline float slm_power(int32_t e) /* 2^e; 0 below the normal numbers, infinite above */
{
    union { uint32_t u; float f; } v = {e < -126 ? 0 : (uint32_t)(e > 127 ? 255 : e + 127) << 23};
    return v.f;
}
static inline uint32_t slm_block_size(enum slm_type type) { return type == SLM_Q8_0 ? 34 : type == SLM_Q4_0 ? 18 : 128; }
