/* The scalar kernels, and the list of all. Scalar is the reference: the others must give its very bits.
   Weights are ggml's blocks of 32: Q8_0 is a half-precision scale and 32 bytes, Q4_0 a scale and 16 bytes whose low
   halves are the first 16 values, each less 8. */
#include "slm.h"
#ifdef SLM_FLOAT
#include "float.h"

static void q8_scalar(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    for (uint32_t r = 0; r < rows; r++) {
        float total = 0;
        for (uint32_t b = 0; b < blocks; b++, w += 34) {
            const int8_t *q = (const int8_t *)w + 2;
            int32_t sum = 0;
            for (unsigned i = 0; i < 32; i++) sum += q[i] * x[b].q[i];
            total += (float)sum * (slm_half(w) * x[b].scale);
        }
        out[r] = total;
    }
}

static void q4_scalar(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    for (uint32_t r = 0; r < rows; r++) {
        float total = 0;
        for (uint32_t b = 0; b < blocks; b++, w += 18) {
            int32_t sum = -8 * x[b].sum;
            for (unsigned i = 0; i < 16; i++) sum += (w[2 + i] & 15) * x[b].q[i] + (w[2 + i] >> 4) * x[b].q[i + 16];
            total += (float)sum * (slm_half(w) * x[b].scale);
        }
        out[r] = total;
    }
}

const struct slm_kernel slm_kernels[] = {
    {"scalar", q8_scalar, q4_scalar, NULL},
    {"swar", slm_q8_swar, slm_q4_swar, NULL},
};
const unsigned slm_kernel_count = sizeof slm_kernels / sizeof *slm_kernels;

__attribute__((weak)) const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    (void)index;
    return NULL;
}

const struct slm_kernel *slm_kernel_at(unsigned index)
{
    return index < slm_kernel_count ? &slm_kernels[index] : slm_arch_kernel(index - slm_kernel_count);
}

#define TEST_ROWS 12
#define TEST_BLOCKS 3

bool slm_kernel_right(const struct slm_kernel *kernel)
{
    static uint8_t w[TEST_ROWS * TEST_BLOCKS * 34];
    static struct slm_block x[TEST_BLOCKS];
    float expected[TEST_ROWS], found[TEST_ROWS];
    uint32_t seed = 1;
    if (kernel->usable && !kernel->usable()) return false;
    for (unsigned i = 0; i < sizeof w; i++) w[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    for (unsigned b = 0; b < TEST_BLOCKS; b++) {
        x[b].scale = 0.0078125f * (float)(b + 1);
        x[b].sum = 0;
        for (unsigned i = 0; i < 32; i++) {
            seed = seed * 1664525u + 1013904223u;
            x[b].q[i] = (int8_t)((int)(seed >> 24) % 255 - 127);
            x[b].sum += x[b].q[i];
        }
    }
    for (unsigned kind = 0; kind < 2; kind++) {
        unsigned bytes = kind ? 18 : 34;
        for (unsigned i = 0; i < TEST_ROWS * TEST_BLOCKS; i++) w[i * bytes + 1] = (uint8_t)(0x20 + i % 24); /* scales that are finite */
        (kind ? q4_scalar : q8_scalar)(expected, w, TEST_ROWS, TEST_BLOCKS, x);
        (kind ? kernel->q4 : kernel->q8)(found, w, TEST_ROWS, TEST_BLOCKS, x);
        if (__builtin_memcmp(expected, found, sizeof expected)) return false;
    }
    return true;
}
#endif
