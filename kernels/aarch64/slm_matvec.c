/* aarch64: NEON, which every ARMv8-A has. Four rows in four lanes, added in the order of the blocks as scalar does. */
#ifdef SLM_FLOAT
#include <arm_neon.h>

#include "../core/slm/float.h"
#include "../core/slm/slm.h"

static inline int32_t dot32(int8x16_t a0, int8x16_t a1, int8x16_t b0, int8x16_t b1)
{
    int32x4_t s = vpaddlq_s16(vmull_s8(vget_low_s8(a0), vget_low_s8(b0)));
    s = vpadalq_s16(s, vmull_high_s8(a0, b0));
    s = vpadalq_s16(s, vmull_s8(vget_low_s8(a1), vget_low_s8(b1)));
    return vaddvq_s32(vpadalq_s16(s, vmull_high_s8(a1, b1)));
}

static void slm_q8_neon(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    for (uint32_t r = 0; r < rows; r++) {
        float total = 0;
        for (uint32_t b = 0; b < blocks; b++, w += 34) {
            const int8_t *q = (const int8_t *)w + 2;
            int32_t sum = dot32(vld1q_s8(q), vld1q_s8(q + 16), vld1q_s8(x[b].q), vld1q_s8(x[b].q + 16));
            total += (float)sum * (slm_half(w) * x[b].scale);
        }
        out[r] = total;
    }
}

static void slm_q4_neon(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    for (uint32_t r = 0; r < rows; r++) {
        float total = 0;
        for (uint32_t b = 0; b < blocks; b++, w += 18) {
            uint8x16_t q = vld1q_u8(w + 2);
            int8x16_t low = vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15))), high = vreinterpretq_s8_u8(vshrq_n_u8(q, 4));
            int32_t sum = dot32(low, high, vld1q_s8(x[b].q), vld1q_s8(x[b].q + 16)) - 8 * x[b].sum;
            total += (float)sum * (slm_half(w) * x[b].scale);
        }
        out[r] = total;
    }
}

static const struct slm_kernel kernels[] = {{"neon", slm_q8_neon, slm_q4_neon, NULL}};

const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    return index < sizeof kernels / sizeof *kernels ? &kernels[index] : NULL;
}
#endif
