/* riscv64: the vector extension, where there is one: sstatus.VS is off without (context.c). The loops are in
   slm_vector.S; what a product is: core/slm/neural/engine.h. */
#include "../core/slm/neural/engine.h"

enum { SSTATUS_VS = 3 << 9, NARROWEST = 16 /* bytes of a vector register: 16 rows of 32 bits in four of them */ };

void slm_rvv_q8(int64_t totals[SLM_PANEL], const uint8_t *panel, const struct slm_block *x, uint32_t blocks);
void slm_rvv_q4(int64_t totals[SLM_PANEL], const uint8_t *panel, const struct slm_block *x, uint32_t blocks);

static bool have_vectors(void)
{
    uint64_t status, bytes;
    __asm__ volatile("csrr %0, sstatus" : "=r"(status));
    if (!(status & SSTATUS_VS)) return false;
    __asm__ volatile("csrr %0, 0xc22" : "=r"(bytes)); /* vlenb */
    return bytes >= NARROWEST;
}

#define PRODUCT(bits, bytes)                                                                                            \
    static void q##bits##_rvv(float *out, size_t stride, const uint8_t *panel, uint32_t panels, const struct slm_input *x) \
    {                                                                                                                   \
        for (; panels; panels--, panel += slm_panel_size(x->blocks, bytes), out += SLM_PANEL)                           \
            for (uint32_t v = 0; v < x->count; v++) {                                                                   \
                const float *units = slm_units(panel, x->blocks, bytes);                                                \
                int64_t totals[SLM_PANEL];                                                                              \
                slm_rvv_q##bits(totals, panel, x->block + (size_t)v * x->blocks, x->blocks);                            \
                for (unsigned r = 0; r < SLM_PANEL; r++) out[v * stride + r] = (float)totals[r] * (units[r] * x->unit[v]); \
            }                                                                                                           \
    }
PRODUCT(8, SLM_Q8_BYTES)
PRODUCT(4, SLM_Q4_BYTES)

static const struct slm_kernel kernels[] = {{"rvv", have_vectors, q8_rvv, q4_rvv, 0, &slm_vector_plain}};

const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    return index < sizeof kernels / sizeof *kernels ? &kernels[index] : NULL;
}
