/* aarch64: NEON, which every ARMv8-A has, and its dot product, which ID_AA64ISAR0_EL1.DP announces (Arm ARM, D19). Four
   rows in a register, four registers a panel. What a product is: core/slm/neural/engine.h. */
#include <arm_neon.h>

#include "../core/slm/neural/vector.h"

#ifdef __clang__
#define WITH_DOTPROD __attribute__((target("dotprod")))
#else
#define WITH_DOTPROD __attribute__((target("+dotprod")))
#endif
#define INLINE __attribute__((always_inline)) static inline

static bool have_dotprod(void)
{
    uint64_t features;
    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(features));
    return features >> 44 & 15;
}

INLINE int8x16_t four(const int8_t *q) /* four activations in each lane */
{
    int32_t v;
    __builtin_memcpy(&v, q, 4);
    return vreinterpretq_s8_s32(vdupq_n_s32(v));
}

struct sums { int32x4_t low, high; }; /* NEON: halves of rows 0, 1 and of rows 2, 3; dot product: rows in low */

INLINE void dot_neon(struct sums *s, int8x16_t w, int8x16_t y)
{
    s->low = vpadalq_s16(s->low, vmull_s8(vget_low_s8(w), vget_low_s8(y)));
    s->high = vpadalq_s16(s->high, vmull_high_s8(w, y));
}

WITH_DOTPROD INLINE void dot_dotprod(struct sums *s, int8x16_t w, int8x16_t y)
{
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(s->low) : "w"(w), "w"(y));
}

INLINE int32x4_t rows_neon(struct sums s) { return vpaddq_s32(s.low, s.high); }
INLINE int32x4_t rows_dotprod(struct sums s) { return s.low; }

INLINE void settle(int64x2_t totals[2], int32x4_t sum, const int16_t *scales, const struct slm_block *y)
{
    int32x4_t by = vmull_n_s16(vld1_s16(scales), y->scale);
    int64x2_t shift = vdupq_n_s64(y->shift);
    totals[0] = vaddq_s64(totals[0], vshlq_s64(vmull_s32(vget_low_s32(sum), vget_low_s32(by)), shift));
    totals[1] = vaddq_s64(totals[1], vshlq_s64(vmull_high_s32(sum, by), shift));
}

INLINE void block8(struct sums s[4], const int8_t *w, const int8_t *q, void (*dot)(struct sums *, int8x16_t, int8x16_t))
{
    for (unsigned g = 0; g < 8; g++, w += 64, q += 4)
        for (unsigned i = 0; i < 4; i++) dot(s + i, vld1q_s8(w + 16 * i), four(q));
}

INLINE void block4(struct sums s[4], const int8_t *w, const int8_t *q, void (*dot)(struct sums *, int8x16_t, int8x16_t))
{
    for (unsigned g = 0; g < 4; g++, w += 64, q += 4)
        for (unsigned i = 0; i < 4; i++) {
            uint8x16_t both = vreinterpretq_u8_s8(vld1q_s8(w + 16 * i));
            dot(s + i, vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15))), four(q));
            dot(s + i, vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), four(q + 16));
        }
}

#define PRODUCT(target, bits, bytes, over, way)                                                                         \
    target static void q##bits##_##way(float *out, size_t stride, const uint8_t *at, uint32_t panels, const struct slm_input *x) \
    {                                                                                                                   \
        for (; panels; panels--, at += slm_panel_size(x->blocks, bytes), out += SLM_PANEL)                              \
            for (uint32_t v = 0; v < x->count; v++) {                                                                   \
                const struct slm_block *y = x->block + (size_t)v * x->blocks;                                           \
                const float *units = slm_units(at, x->blocks, bytes);                                                   \
                int64x2_t totals[8] = {{0}};                                                                            \
                for (uint32_t b = 0; b < x->blocks; b++, y++) {                                                         \
                    struct sums s[4] = {{{0}, {0}}};                                                                    \
                    const int16_t *scales = slm_scales(at, b, bytes);                                                   \
                    block##bits(s, (const int8_t *)slm_weights(at, b, bytes), y->q, dot_##way);                         \
                    for (unsigned i = 0; i < 4; i++)                                                                    \
                        settle(totals + 2 * i, vsubq_s32(rows_##way(s[i]), vdupq_n_s32((over) * y->sum)), scales + 4 * i, y); \
                }                                                                                                       \
                for (unsigned r = 0; r < SLM_PANEL; r++)                                                                \
                    out[v * stride + r] = (float)totals[r / 2][r % 2] * (units[r] * x->unit[v]);                        \
            }                                                                                                           \
    }
PRODUCT(, 8, SLM_Q8_BYTES, 0, neon)
PRODUCT(, 4, SLM_Q4_BYTES, 8, neon)
PRODUCT(WITH_DOTPROD, 8, SLM_Q8_BYTES, 0, dotprod)
PRODUCT(WITH_DOTPROD, 4, SLM_Q4_BYTES, 8, dotprod)

static const struct slm_kernel kernels[] = {
    {"neon", NULL, q8_neon, q4_neon, 0, &slm_vector_plain},
    {"neon-dotprod", have_dotprod, q8_dotprod, q4_dotprod, 0, &slm_vector_plain},
};

const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    return index < sizeof kernels / sizeof *kernels ? &kernels[index] : NULL;
}
