/* Integer arithmetic two rows at a time: one 64-bit multiplication makes two products, since a sum of 32 products of
   bytes fits 20 bits. Under QEMU without KVM this beats every vector unit; natively it is a modest gain. */
#include "slm.h"
#ifdef SLM_FLOAT
#include "float.h"

/* The sums of two packed rows: low half as it is, high half less what the low one borrowed. */
#define LOW(s) ((int32_t)(uint32_t)(s))
#define HIGH(s) ((int32_t)(((s) - LOW(s)) >> 32))

static inline int64_t pair(int8_t low, int8_t high) { return (int64_t)high * 4294967296 + low; }

void slm_q8_swar(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    size_t row = (size_t)blocks * 34;
    uint32_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const uint8_t *a = w + r * row;
        float t0 = 0, t1 = 0, t2 = 0, t3 = 0;
        for (uint32_t b = 0; b < blocks; b++, a += 34) {
            const int8_t *q0 = (const int8_t *)a + 2, *q1 = q0 + row, *q2 = q1 + row, *q3 = q2 + row;
            int64_t s01 = 0, s23 = 0;
            for (unsigned i = 0; i < 32; i++) {
                int64_t y = x[b].q[i];
                s01 += pair(q0[i], q1[i]) * y;
                s23 += pair(q2[i], q3[i]) * y;
            }
            float scale = x[b].scale;
            t0 += (float)LOW(s01) * (slm_half(a) * scale);
            t1 += (float)HIGH(s01) * (slm_half(a + row) * scale);
            t2 += (float)LOW(s23) * (slm_half(a + 2 * row) * scale);
            t3 += (float)HIGH(s23) * (slm_half(a + 3 * row) * scale);
        }
        out[r] = t0; out[r + 1] = t1; out[r + 2] = t2; out[r + 3] = t3;
    }
    if (r < rows) slm_kernels[0].q8(out + r, w + r * row, rows - r, blocks, x);
}

void slm_q4_swar(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    size_t row = (size_t)blocks * 18;
    uint32_t r = 0;
    for (; r + 2 <= rows; r += 2) {
        const uint8_t *a = w + r * row;
        float t0 = 0, t1 = 0;
        for (uint32_t b = 0; b < blocks; b++, a += 18) {
            const uint8_t *q0 = a + 2, *q1 = q0 + row;
            int64_t sum = 0;
            for (unsigned i = 0; i < 16; i++) {
                uint64_t both = q0[i] | (uint64_t)q1[i] << 32;
                sum += (int64_t)(both & 0x0000000f0000000f) * x[b].q[i] + (int64_t)(both >> 4 & 0x0000000f0000000f) * x[b].q[i + 16];
            }
            int32_t offset = 8 * x[b].sum;
            t0 += (float)(LOW(sum) - offset) * (slm_half(a) * x[b].scale);
            t1 += (float)(HIGH(sum) - offset) * (slm_half(a + row) * x[b].scale);
        }
        out[r] = t0; out[r + 1] = t1;
    }
    if (r < rows) slm_kernels[0].q4(out + r, w + r * row, rows - r, blocks, x);
}
#endif
