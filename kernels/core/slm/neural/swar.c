/* Integer arithmetic two rows at a time: one 64-bit multiplication makes two products, since a sum of 32 products of a
   byte and a signed byte fits 21 bits. Eight bytes of a panel are four columns of two rows, so one shift and one mask
   make a pair. Under QEMU without KVM this beats every vector unit. */
#include "engine.h"

/* The sums of two packed rows: low half as it is, high half less what the low one borrowed. */
#define LOW(s) ((int32_t)(uint32_t)(s))
#define HIGH(s) ((int32_t)(((s) - LOW(s)) >> 32))
#define INLINE __attribute__((always_inline)) static inline

enum { AT_ONCE = 4 };

INLINE uint64_t load(const uint8_t *at)
{
    uint64_t v;
    __builtin_memcpy(&v, __builtin_assume_aligned(at, 8), 8);
    return v;
}

/* Adds `pairs` pairs of rows, each times `vectors` vectors, over one block; sums[v][pair]. */
INLINE void block8(int64_t *sums, const uint8_t *w, const int8_t *const *x, const unsigned pairs, const unsigned vectors)
{
    const uint64_t mask = 0x000000ff000000ff;
    for (unsigned i = 0; i < pairs * vectors; i++) sums[i] = 0;
    for (unsigned g = 0; g < 32; g += 4, w += 4 * SLM_PANEL)
        for (unsigned k = 0; k < 4; k++)
            for (unsigned v = 0; v < vectors; v++) {
                int64_t y = x[v][g + k];
                for (unsigned p = 0; p < pairs; p++) sums[v * pairs + p] += (int64_t)(load(w + 8 * p) >> 8 * k & mask) * y;
            }
}

INLINE void block4(int64_t *sums, const uint8_t *w, const int8_t *const *x, const unsigned pairs, const unsigned vectors)
{
    const uint64_t mask = 0x0000000f0000000f;
    for (unsigned i = 0; i < pairs * vectors; i++) sums[i] = 0;
    for (unsigned g = 0; g < 16; g += 4, w += 4 * SLM_PANEL)
        for (unsigned k = 0; k < 4; k++)
            for (unsigned v = 0; v < vectors; v++) {
                int64_t low = x[v][g + k], high = x[v][g + k + 16];
                for (unsigned p = 0; p < pairs; p++) {
                    uint64_t pair = load(w + 8 * p);
                    sums[v * pairs + p] += (int64_t)(pair >> 8 * k & mask) * low + (int64_t)(pair >> (8 * k + 4) & mask) * high;
                }
            }
}

/* The panel's rows from `row` on, `pairs` times two of them, times `vectors` vectors. `less` is what the unsigned weights
   are too large by. */
#define ROWS(name, block_, less, bytes)                                                                                     \
    INLINE void name(float *out, size_t stride, const uint8_t *panel, unsigned row, const struct slm_input *x, uint32_t first, \
                     const unsigned pairs, const unsigned vectors)                                                          \
    {                                                                                                                       \
        int64_t totals[2 * AT_ONCE * 2] = {0}, sums[2 * AT_ONCE];                                                           \
        const struct slm_block *at = x->block + (size_t)first * x->blocks;                                                  \
        const float *units = slm_units(panel, x->blocks, bytes) + row;                                                      \
        for (uint32_t b = 0; b < x->blocks; b++, at++) {                                                                    \
            const int8_t *q[AT_ONCE];                                                                                       \
            const int16_t *scales = slm_scales(panel, b, bytes) + row;                                                      \
            for (unsigned v = 0; v < vectors; v++) q[v] = at[(size_t)v * x->blocks].q;                                      \
            block_(sums, slm_weights(panel, b, bytes) + 4 * row, q, pairs, vectors);                                        \
            for (unsigned v = 0; v < vectors; v++) {                                                                        \
                const struct slm_block *y = at + (size_t)v * x->blocks;                                                     \
                int32_t over = (less) * y->sum;                                                                             \
                for (unsigned p = 0; p < pairs; p++) {                                                                      \
                    int64_t s = sums[v * pairs + p], *t = totals + 2 * (v * pairs + p);                                     \
                    t[0] += (int64_t)(LOW(s) - over) * (scales[2 * p] * y->scale);                                          \
                    t[1] += (int64_t)(HIGH(s) - over) * (scales[2 * p + 1] * y->scale);                                     \
                }                                                                                                           \
            }                                                                                                               \
        }                                                                                                                   \
        for (unsigned v = 0; v < vectors; v++)                                                                              \
            for (unsigned r = 0; r < 2 * pairs; r++)                                                                        \
                out[(first + v) * stride + row + r] = (float)totals[v * 2 * pairs + r] * (units[r] * x->unit[first + v]);   \
    }
ROWS(rows8, block8, 128, SLM_Q8_BYTES)
ROWS(rows4, block4, 8, SLM_Q4_BYTES)

/* One vector: eight rows at once; more: four rows and two vectors, so that a pair is taken apart once for both. On a
   page of its own: a loop across two guest pages costs 2.5 times as much there. */
#define PRODUCT(name, rows_, bytes)                                                                                         \
    __attribute__((aligned(4096))) void name(float *out, size_t stride, const uint8_t *panel, uint32_t panels,              \
                                             const struct slm_input *x)                                                     \
    {                                                                                                                       \
        for (; panels; panels--, panel += slm_panel_size(x->blocks, bytes), out += SLM_PANEL) {                             \
            uint32_t v = 0;                                                                                                 \
            for (; v + 2 <= x->count; v += 2)                                                                               \
                for (unsigned row = 0; row < SLM_PANEL; row += 4) rows_(out, stride, panel, row, x, v, 2, 2);               \
            for (; v < x->count; v++)                                                                                       \
                for (unsigned row = 0; row < SLM_PANEL; row += 8) rows_(out, stride, panel, row, x, v, 4, 1);               \
        }                                                                                                                   \
    }
PRODUCT(slm_q8_swar, rows8, SLM_Q8_BYTES)
PRODUCT(slm_q4_swar, rows4, SLM_Q4_BYTES)
