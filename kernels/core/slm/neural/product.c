/* The reference products, from the file's own rows, and the list of all kernels. Weights are ggml's blocks of 32: Q8_0
   is a half-precision scale and 32 bytes, Q4_0 a scale and 16 bytes whose low halves are the first 16 values, each
   less 8. The other kernels must give these very bits (engine.h says why they can). */
#include "engine.h"

static int32_t dot8(const uint8_t *w, const struct slm_block *x)
{
    int32_t sum = 0;
    for (unsigned i = 0; i < 32; i++) sum += (int8_t)w[i] * x->q[i];
    return sum;
}

static int32_t dot4(const uint8_t *w, const struct slm_block *x)
{
    int32_t sum = -8 * x->sum;
    for (unsigned i = 0; i < 16; i++) sum += (w[i] & 15) * x->q[i] + (w[i] >> 4) * x->q[i + 16];
    return sum;
}

static void quantized_row(float *out, size_t stride, const uint8_t *row, enum slm_type type, const struct slm_input *x)
{
    static int16_t scales[SLM_MOST_BLOCKS]; /* of one row at a time; the engine is one thread's */
    float unit;
    uint32_t size = slm_block_size(type);
    bool finite = slm_row_scales(scales, &unit, row, x->blocks, size);
    for (uint32_t v = 0; v < x->count; v++) {
        const struct slm_block *at = x->block + (size_t)v * x->blocks;
        int64_t total = 0;
        for (uint32_t b = 0; b < x->blocks; b++) {
            const uint8_t *w = row + (size_t)b * size + 2;
            total += (int64_t)(type == SLM_Q8_0 ? dot8(w, at + b) : dot4(w, at + b)) * (scales[b] * at[b].scale) * ((int64_t)1 << at[b].shift);
        }
        out[v * stride] = finite ? (float)total * (unit * x->unit[v]) : __builtin_nanf("");
    }
}

static void float_row(float *out, size_t stride, const uint8_t *row, uint32_t n, uint32_t count, const float *x)
{
    for (uint32_t v = 0; v < count; v++, x += n) {
        float total = 0, w;
        for (uint32_t i = 0; i < n; i++) {
            __builtin_memcpy(&w, row + 4 * i, 4);
            total += w * x[i];
        }
        out[v * stride] = total;
    }
}

void slm_rows(float *out, size_t stride, const struct slm_tensor *w, uint32_t first, uint32_t rows, const struct slm_input *x,
              const float *floats)
{
    size_t size = (size_t)w->cols / 32 * slm_block_size(w->type);
    for (uint32_t r = 0; r < rows; r++) {
        const uint8_t *row = w->data + (first + r) * size;
        if (w->type == SLM_F32) float_row(out + r, stride, row, w->cols, x->count, floats);
        else quantized_row(out + r, stride, row, w->type, x);
    }
}

static const struct slm_kernel portable[] = {
    {"scalar", NULL, NULL, NULL, 0, &slm_vector_plain},
    {"swar", NULL, slm_q8_swar, slm_q4_swar, 0x80, &slm_vector_plain},
};

__attribute__((weak)) const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    (void)index;
    return NULL;
}

const struct slm_kernel *slm_kernel_at(unsigned index)
{
    unsigned count = sizeof portable / sizeof *portable;
    return index < count ? &portable[index] : slm_arch_kernel(index - count);
}

enum { TEST_ROWS = 40, TEST_BLOCKS = 5, TEST_VECTORS = 11 };

/* Everything a comparison needs, in the caller's scratch. */
struct trial {
    uint8_t packed[20 << 10] __attribute__((aligned(64)));
    uint8_t rows[TEST_ROWS * TEST_BLOCKS * 34 + 2];
    struct slm_block block[TEST_VECTORS * TEST_BLOCKS];
    float unit[TEST_VECTORS], expected[TEST_VECTORS][48], found[TEST_VECTORS][48];
};
_Static_assert(sizeof(struct trial) <= SLM_SCRATCH, "the scratch is too small");

static void make_up(struct trial *t)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof t->rows; i++) t->rows[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    for (unsigned b = 0; b < TEST_VECTORS * TEST_BLOCKS; b++) {
        t->block[b] = (struct slm_block){.scale = (int16_t)(2047 - 30 * b), .shift = (uint16_t)(b % 16)};
        for (unsigned i = 0; i < 32; i++) {
            seed = seed * 1664525u + 1013904223u;
            t->block[b].q[i] = (int8_t)((int)(seed >> 24) % 255 - 127);
            t->block[b].sum += t->block[b].q[i];
        }
    }
    for (unsigned v = 0; v < TEST_VECTORS; v++) t->unit[v] = slm_power(-20 - (int32_t)v);
}

bool slm_kernel_right(const struct slm_kernel *kernel, void *scratch)
{
    struct trial *t = scratch;
    if (kernel->usable && !kernel->usable()) return false;
    if (!kernel->q8) return true;
    make_up(t);
    for (unsigned kind = 0; kind < 2; kind++) {
        struct slm_tensor w = {t->rows, kind ? SLM_Q4_0 : SLM_Q8_0, TEST_ROWS, TEST_BLOCKS * 32, NULL};
        unsigned size = slm_block_size(w.type);
        for (unsigned i = 0; i < TEST_ROWS * TEST_BLOCKS; i++) t->rows[i * size + 1] = (uint8_t)((i & 1) * 0x80 + 0x20 + i % 24);
        if (slm_packed_size(w.type, w.rows, w.cols) > sizeof t->packed || !slm_pack(t->packed, &w, kernel->flip)) return false;
        for (unsigned count = 1; count <= TEST_VECTORS; count += 10) {
            struct slm_input x = {t->block, t->unit, count, TEST_BLOCKS};
            slm_rows(t->expected[0], 48, &w, 0, TEST_ROWS, &x, NULL);
            (kind ? kernel->q4 : kernel->q8)(t->found[0], 48, t->packed, 3, &x);
            for (unsigned v = 0; v < count; v++)
                if (__builtin_memcmp(t->expected[v], t->found[v], TEST_ROWS * sizeof(float))) return false;
        }
    }
    return true;
}
