/* Integer arithmetic two rows at a time: one 64-bit multiplication makes two products, since a sum of 32 products of a
   byte and a signed byte fits 21 bits. Eight bytes of a panel are four columns of two rows, so one shift and one mask
   make a pair. Under QEMU without KVM this beats every vector unit; what keeps it fast there is that nothing spills:
   weights are shifted in their registers, and vectors are taken one by one (two at once were slower). */
#include "engine.h"

/* The sums of two packed rows: low half as it is, high half less what the low one borrowed. */
#define LOW(s) ((int32_t)(uint32_t)(s))
#define HIGH(s) ((int32_t)(((s) - LOW(s)) >> 32))
#define INLINE __attribute__((always_inline)) static inline

enum { PAIRS = 4 }; /* rows at a time, by two */

INLINE uint64_t load(const uint8_t *at)
{
    uint64_t v;
    __builtin_memcpy(&v, __builtin_assume_aligned(at, 8), 8);
    return v;
}

/* sums of PAIRS pairs of rows over one block */
INLINE void block8(int64_t *sums, const uint8_t *w, const int8_t *x)
{
    const uint64_t mask = 0x000000ff000000ff;
    for (unsigned p = 0; p < PAIRS; p++) sums[p] = 0;
    for (const uint8_t *end = w + SLM_Q8_BYTES; w != end; w += 4 * SLM_PANEL, x += 4) {
        uint64_t q[PAIRS];
        for (unsigned p = 0; p < PAIRS; p++) q[p] = load(w + 8 * p);
        for (unsigned k = 0; k < 4; k++) {
            int64_t y = x[k];
            for (unsigned p = 0; p < PAIRS; p++) sums[p] += (int64_t)(q[p] & mask) * y;
            for (unsigned p = 0; p < PAIRS; p++) q[p] >>= 8;
        }
    }
}

INLINE void block4(int64_t *sums, const uint8_t *w, const int8_t *x)
{
    const uint64_t mask = 0x0000000f0000000f;
    for (unsigned p = 0; p < PAIRS; p++) sums[p] = 0;
    for (const uint8_t *end = w + SLM_Q4_BYTES; w != end; w += 4 * SLM_PANEL, x += 4) {
        uint64_t q[PAIRS];
        for (unsigned p = 0; p < PAIRS; p++) q[p] = load(w + 8 * p);
        for (unsigned k = 0; k < 8; k++) { /* low half: column k / 2, high half: the one 16 behind it */
            int64_t y = x[k / 2 + k % 2 * 16];
            for (unsigned p = 0; p < PAIRS; p++) sums[p] += (int64_t)(q[p] & mask) * y;
            for (unsigned p = 0; p < PAIRS; p++) q[p] >>= 4;
        }
    }
}

/* totals (2 * PAIRS) += a block's sums, less what unsigned weights made too much, times its scales */
INLINE void settle(int64_t *totals, const int64_t *sums, int32_t over, const int16_t *scales, const struct slm_block *y)
{
    int64_t by = (int64_t)y->scale << y->shift;
    for (unsigned p = 0; p < PAIRS; p++) {
        totals[2 * p] += (int64_t)(LOW(sums[p]) - over) * (scales[2 * p] * by);
        totals[2 * p + 1] += (int64_t)(HIGH(sums[p]) - over) * (scales[2 * p + 1] * by);
    }
}

/* On a page of its own: a loop across two guest pages costs 2.5 times as much there. */
#define PRODUCT(name, block_, bytes, less)                                                                                \
    __attribute__((aligned(4096))) void name(float *out, size_t stride, const uint8_t *panel, uint32_t panels,            \
                                             const struct slm_input *x)                                                   \
    {                                                                                                                     \
        for (; panels; panels--, panel += slm_panel_size(x->blocks, bytes), out += SLM_PANEL)                             \
            for (uint32_t v = 0; v < x->count; v++)                                                                       \
                for (unsigned row = 0; row < SLM_PANEL; row += 2 * PAIRS) {                                               \
                    const struct slm_block *y = x->block + (size_t)v * x->blocks;                                         \
                    const float *units = slm_units(panel, x->blocks, bytes) + row;                                        \
                    int64_t totals[2 * PAIRS] = {0}, sums[PAIRS];                                                         \
                    for (uint32_t b = 0; b < x->blocks; b++, y++) {                                                       \
                        block_(sums, slm_weights(panel, b, bytes) + 4 * row, y->q);                                       \
                        settle(totals, sums, (less) * y->sum, slm_scales(panel, b, bytes) + row, y);                      \
                    }                                                                                                     \
                    for (unsigned r = 0; r < 2 * PAIRS; r++)                                                              \
                        out[v * stride + row + r] = (float)totals[r] * (units[r] * x->unit[v]);                           \
                }                                                                                                         \
    }
PRODUCT(slm_q8_swar, block8, SLM_Q8_BYTES, 128)
PRODUCT(slm_q4_swar, block4, SLM_Q4_BYTES, 8)
