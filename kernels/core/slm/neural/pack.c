/* Weights for the kernels (layout in engine.h): rows side by side in panels, half-precision scales as integers. */
#include "engine.h"

enum { SCALE_BITS = 15 };

/* A binary16 is mantissa * 2^(exponent - 25), subnormals having exponent 1. */
static uint32_t exponent(const uint8_t *half)
{
    uint32_t e = (uint32_t)half[1] >> 2 & 31;
    return e ? e : 1;
}

static int16_t integer(const uint8_t *half, uint32_t top)
{
    uint32_t h = (uint32_t)half[0] | (uint32_t)half[1] << 8, e = exponent(half), mantissa = (h & 1023) | (h >> 10 & 31 ? 1024 : 0);
    uint32_t shift = top - e, wide = mantissa << (SCALE_BITS - 11);
    if (shift) wide = ((wide >> (shift - 1)) + 1) >> 1;
    return (int16_t)(h & 0x8000 ? -(int32_t)wide : (int32_t)wide);
}

bool slm_row_scales(int16_t *out, float *unit, const uint8_t *row, uint32_t blocks, uint32_t block_size)
{
    uint32_t top = 1;
    for (uint32_t b = 0; b < blocks; b++) {
        uint32_t e = exponent(row + (size_t)b * block_size);
        if (e > top) top = e;
    }
    if (top == 31) return false;
    for (uint32_t b = 0; b < blocks; b++) out[b] = integer(row + (size_t)b * block_size, top);
    *unit = slm_power((int32_t)top - 25 - (SCALE_BITS - 11));
    return true;
}

static uint32_t bytes_of(enum slm_type type) { return type == SLM_Q8_0 ? SLM_Q8_BYTES : SLM_Q4_BYTES; }

size_t slm_packed_size(enum slm_type type, uint32_t rows, uint32_t cols)
{
    return (rows + SLM_PANEL - 1) / SLM_PANEL * slm_panel_size(cols / 32, bytes_of(type));
}

/* A block's bytes to every SLM_PANEL-th group of 4. The file's blocks lie at even addresses only. */
static void spread(uint8_t *out, const uint8_t *block, uint32_t groups, uint32_t flip)
{
    for (uint32_t g = 0; g < groups; g++, block += 4, out += 4 * SLM_PANEL) {
        uint16_t low, high;
        __builtin_memcpy(&low, __builtin_assume_aligned(block, 2), 2);
        __builtin_memcpy(&high, __builtin_assume_aligned(block + 2, 2), 2);
        uint32_t four = ((uint32_t)low | (uint32_t)high << 16) ^ flip;
        __builtin_memcpy(__builtin_assume_aligned(out, 4), &four, 4);
    }
}

bool slm_pack(uint8_t *out, const struct slm_tensor *w, uint8_t flip)
{
    static int16_t scales[SLM_MOST_BLOCKS];
    uint32_t blocks = w->cols / 32, block_size = slm_block_size(w->type), bytes = bytes_of(w->type);
    uint32_t flips = w->type == SLM_Q8_0 ? flip * 0x01010101u : 0;
    for (uint32_t r = 0; r < w->rows; r++) {
        uint32_t lane = r % SLM_PANEL;
        uint8_t *panel = out + r / SLM_PANEL * slm_panel_size(blocks, bytes);
        const uint8_t *row = w->data + (size_t)r * blocks * block_size;
        if (!lane) __builtin_memset(panel, 0, slm_panel_size(blocks, bytes));
        if (!slm_row_scales(scales, (float *)slm_units(panel, blocks, bytes) + lane, row, blocks, block_size)) return false;
        for (uint32_t b = 0; b < blocks; b++, row += block_size) {
            spread((uint8_t *)slm_weights(panel, b, bytes) + 4 * lane, row + 2, (block_size - 2) / 4, flips);
            ((int16_t *)slm_scales(panel, b, bytes))[lane] = scales[b];
        }
    }
    return true;
}
