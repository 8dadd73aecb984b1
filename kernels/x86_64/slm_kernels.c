/* x86_64: SSE2, AVX2, AVX-512 VNNI. Which of them runs is measured, not read from CPUID: CPUID only says what would trap
   (Intel SDM volume 2, CPUID and XGETBV). Panels and what a product is: core/slm/neural/engine.h. */
#include <immintrin.h>

#include "../core/slm/neural/vector.h"

#define INLINE(instructions) __attribute__((target(instructions), always_inline)) static inline
#define AVX2 "avx2"
#define VNNI "avx2,avx512f,avx512vl,avx512bw,avx512dq,avx512vnni"

static inline int32_t four(const int8_t *q) /* four activations as they lie */
{
    int32_t v;
    __builtin_memcpy(&v, q, 4);
    return v;
}

static void cpuid(uint32_t leaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}

/* The state components that the operating system (or our own boot code) has switched on. */
static uint32_t enabled(void)
{
    uint32_t r[4], low, high;
    cpuid(1, r);
    if (!(r[2] >> 27 & 1)) return 0; /* OSXSAVE */
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool have_avx2(void)
{
    uint32_t r[4], one[4];
    cpuid(0, r);
    if (r[0] < 7 || (enabled() & 6) != 6) return false;
    cpuid(1, one);
    cpuid(7, r);
    return r[1] >> 5 & 1 && one[2] >> 28 & 1; /* AVX2, AVX */
}

static bool have_vnni(void)
{
    uint32_t r[4];
    if (!have_avx2() || (enabled() & 0xe6) != 0xe6) return false;
    cpuid(7, r);
    return r[1] >> 16 & r[1] >> 17 & r[1] >> 30 & r[1] >> 31 & r[2] >> 11 & 1; /* AVX512 F, DQ, BW, VL, VNNI */
}

/* ---- SSE2: four rows in a register, as 16-bit products added in pairs ---- */

/* lo += columns 0, 1 and 2, 3 of rows 0 and 1, hi of rows 2 and 3; y: four activations, twice, in 16 bits. */
static inline void dot_sse2(__m128i *lo, __m128i *hi, __m128i w, __m128i y)
{
    __m128i sign = _mm_cmpgt_epi8(_mm_setzero_si128(), w);
    *lo = _mm_add_epi32(*lo, _mm_madd_epi16(_mm_unpacklo_epi8(w, sign), y));
    *hi = _mm_add_epi32(*hi, _mm_madd_epi16(_mm_unpackhi_epi8(w, sign), y));
}

static inline __m128i wide_sse2(const int8_t *q)
{
    __m128i v = _mm_cvtsi32_si128(four(q)), sign = _mm_cmpgt_epi8(_mm_setzero_si128(), v);
    v = _mm_unpacklo_epi8(v, sign);
    return _mm_unpacklo_epi64(v, v);
}

/* totals (16) += the block's sums less `over`, times the scales. */
static inline void settle_sse2(int64_t *totals, const __m128i *lo, const __m128i *hi, int32_t over, const int16_t *scales,
                               const struct slm_block *y)
{
    for (unsigned i = 0; i < 4; i++) {
        __m128 a = _mm_castsi128_ps(lo[i]), b = _mm_castsi128_ps(hi[i]);
        __m128i sum = _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)), _mm_castps_si128(_mm_shuffle_ps(a, b, 0xdd)));
        int32_t s[4];
        _mm_storeu_si128((void *)s, sum);
        for (unsigned r = 0; r < 4; r++) totals[4 * i + r] += (int64_t)(s[r] - over) * (scales[4 * i + r] * y->scale) * ((int64_t)1 << y->shift);
    }
}

static inline void finish(float *out, const int64_t *totals, const float *units, float unit)
{
    for (unsigned r = 0; r < SLM_PANEL; r++) out[r] = (float)totals[r] * (units[r] * unit);
}

static void q8_sse2(float *out, size_t stride, const uint8_t *at, uint32_t panels, const struct slm_input *x)
{
    for (; panels; panels--, at += slm_panel_size(x->blocks, SLM_Q8_BYTES), out += SLM_PANEL) {
        for (uint32_t v = 0; v < x->count; v++) {
            const struct slm_block *y = x->block + (size_t)v * x->blocks;
            int64_t totals[SLM_PANEL] = {0};
            for (uint32_t b = 0; b < x->blocks; b++, y++) {
                __m128i lo[4] = {{0}}, hi[4] = {{0}};
                const __m128i *w = (const void *)slm_weights(at, b, SLM_Q8_BYTES);
                for (unsigned g = 0; g < 8; g++) {
                    __m128i q = wide_sse2(y->q + 4 * g);
                    for (unsigned i = 0; i < 4; i++) dot_sse2(lo + i, hi + i, w[4 * g + i], q);
                }
                settle_sse2(totals, lo, hi, 0, slm_scales(at, b, SLM_Q8_BYTES), y);
            }
            finish(out + v * stride, totals, slm_units(at, x->blocks, SLM_Q8_BYTES), x->unit[v]);
        }
    }
}

static void q4_sse2(float *out, size_t stride, const uint8_t *at, uint32_t panels, const struct slm_input *x)
{
    const __m128i low = _mm_set1_epi8(15);
    for (; panels; panels--, at += slm_panel_size(x->blocks, SLM_Q4_BYTES), out += SLM_PANEL) {
        for (uint32_t v = 0; v < x->count; v++) {
            const struct slm_block *y = x->block + (size_t)v * x->blocks;
            int64_t totals[SLM_PANEL] = {0};
            for (uint32_t b = 0; b < x->blocks; b++, y++) {
                __m128i lo[4] = {{0}}, hi[4] = {{0}};
                const __m128i *w = (const void *)slm_weights(at, b, SLM_Q4_BYTES);
                for (unsigned g = 0; g < 4; g++) {
                    __m128i q = wide_sse2(y->q + 4 * g), q16 = wide_sse2(y->q + 4 * g + 16);
                    for (unsigned i = 0; i < 4; i++) {
                        dot_sse2(lo + i, hi + i, _mm_and_si128(w[4 * g + i], low), q);
                        dot_sse2(lo + i, hi + i, _mm_and_si128(_mm_srli_epi16(w[4 * g + i], 4), low), q16);
                    }
                }
                settle_sse2(totals, lo, hi, 8 * y->sum, slm_scales(at, b, SLM_Q4_BYTES), y);
            }
            finish(out + v * stride, totals, slm_units(at, x->blocks, SLM_Q4_BYTES), x->unit[v]);
        }
    }
}

/* ---- AVX2: eight rows in a register ---- */

INLINE(AVX2) __m256i dot_avx2(__m256i sum, __m256i w, __m256i y) /* of 4 signed bytes in each lane */
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(y, w)); /* right for a weight of -128 too */
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE(AVX2) void settle_avx2(__m256i totals[2], __m256i sum, const int16_t *scales, const struct slm_block *y) /* even rows, odd */
{
    __m256i m = _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)scales)), by = _mm256_madd_epi16(m, _mm256_set1_epi32(y->scale));
    __m128i shift = _mm_cvtsi32_si128(y->shift);
    totals[0] = _mm256_add_epi64(totals[0], _mm256_sll_epi64(_mm256_mul_epi32(sum, by), shift));
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), _mm256_srli_epi64(by, 32));
    totals[1] = _mm256_add_epi64(totals[1], _mm256_sll_epi64(odd, shift));
}

INLINE(AVX2) void finish_avx2(float *out, const __m256i totals[4], const float *units, float unit)
{
    int64_t raw[SLM_PANEL], rows[SLM_PANEL];
    for (unsigned i = 0; i < 4; i++) _mm256_storeu_si256((void *)(raw + 4 * i), totals[i]);
    for (unsigned r = 0; r < SLM_PANEL; r++) rows[r] = raw[r / 8 * 8 + r % 2 * 4 + r % 8 / 2];
    finish(out, rows, units, unit);
}

__attribute__((target(AVX2))) static void q8_avx2(float *out, size_t stride, const uint8_t *at, uint32_t panels, const struct slm_input *x)
{
    for (; panels; panels--, at += slm_panel_size(x->blocks, SLM_Q8_BYTES), out += SLM_PANEL) {
        for (uint32_t v = 0; v < x->count; v++) {
            const struct slm_block *y = x->block + (size_t)v * x->blocks;
            __m256i totals[4] = {{0}};
            for (uint32_t b = 0; b < x->blocks; b++, y++) {
                __m256i s0 = _mm256_setzero_si256(), s1 = s0;
                const __m256i *w = (const void *)slm_weights(at, b, SLM_Q8_BYTES);
                for (unsigned g = 0; g < 8; g++) {
                    __m256i q = _mm256_set1_epi32(four(y->q + 4 * g));
                    s0 = dot_avx2(s0, w[2 * g], q);
                    s1 = dot_avx2(s1, w[2 * g + 1], q);
                }
                settle_avx2(totals, s0, slm_scales(at, b, SLM_Q8_BYTES), y);
                settle_avx2(totals + 2, s1, slm_scales(at, b, SLM_Q8_BYTES) + 8, y);
            }
            finish_avx2(out + v * stride, totals, slm_units(at, x->blocks, SLM_Q8_BYTES), x->unit[v]);
        }
    }
}

INLINE(AVX2) __m256i dot4_avx2(__m256i sum, __m256i w, __m256i y, __m256i y16) /* unsigned halves of bytes */
{
    const __m256i low = _mm256_set1_epi8(15);
    __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(w, low), y), b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(w, 4), low), y16);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(1)));
}

__attribute__((target(AVX2))) static void q4_avx2(float *out, size_t stride, const uint8_t *at, uint32_t panels, const struct slm_input *x)
{
    for (; panels; panels--, at += slm_panel_size(x->blocks, SLM_Q4_BYTES), out += SLM_PANEL) {
        for (uint32_t v = 0; v < x->count; v++) {
            const struct slm_block *y = x->block + (size_t)v * x->blocks;
            __m256i totals[4] = {{0}};
            for (uint32_t b = 0; b < x->blocks; b++, y++) {
                __m256i s0 = _mm256_set1_epi32(-8 * y->sum), s1 = s0;
                const __m256i *w = (const void *)slm_weights(at, b, SLM_Q4_BYTES);
                for (unsigned g = 0; g < 4; g++) {
                    __m256i q = _mm256_set1_epi32(four(y->q + 4 * g)), q16 = _mm256_set1_epi32(four(y->q + 4 * g + 16));
                    s0 = dot4_avx2(s0, w[2 * g], q, q16);
                    s1 = dot4_avx2(s1, w[2 * g + 1], q, q16);
                }
                settle_avx2(totals, s0, slm_scales(at, b, SLM_Q4_BYTES), y);
                settle_avx2(totals + 2, s1, slm_scales(at, b, SLM_Q4_BYTES) + 8, y);
            }
            finish_avx2(out + v * stride, totals, slm_units(at, x->blocks, SLM_Q4_BYTES), x->unit[v]);
        }
    }
}

/* ---- AVX-512 VNNI: sixteen unsigned rows in a register, several vectors at once ---- */

enum { AT_ONCE = 8 };

INLINE(VNNI) void settle_vnni(__m512i *even, __m512i *odd, __m512i sum, __m512i m, const struct slm_block *y)
{
    __m512i by = _mm512_madd_epi16(m, _mm512_set1_epi32(y->scale));
    __m128i shift = _mm_cvtsi32_si128(y->shift);
    *even = _mm512_add_epi64(*even, _mm512_sll_epi64(_mm512_mul_epi32(sum, by), shift));
    __m512i high = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(by, 32));
    *odd = _mm512_add_epi64(*odd, _mm512_sll_epi64(high, shift));
}

INLINE(VNNI) void finish_vnni(float *out, __m512i even, __m512i odd, const float *units, float unit)
{
    __m256 e = _mm512_cvtepi64_ps(even), o = _mm512_cvtepi64_ps(odd), a = _mm256_unpacklo_ps(e, o), b = _mm256_unpackhi_ps(e, o);
    __m256 u = _mm256_set1_ps(unit);
    _mm256_storeu_ps(out, _mm256_mul_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_mul_ps(_mm256_loadu_ps(units), u)));
    _mm256_storeu_ps(out + 8, _mm256_mul_ps(_mm256_permute2f128_ps(a, b, 0x31), _mm256_mul_ps(_mm256_loadu_ps(units + 8), u)));
}

/* sums (vectors) += one block */
INLINE(VNNI) void block8_vnni(__m512i *sums, const uint8_t *w, const struct slm_block *y, uint32_t blocks, const unsigned vectors)
{
    for (unsigned v = 0; v < vectors; v++) sums[v] = _mm512_set1_epi32(-128 * y[(size_t)v * blocks].sum);
    for (unsigned g = 0; g < 8; g++) {
        __m512i q = _mm512_load_si512(w + 64 * g);
        for (unsigned v = 0; v < vectors; v++)
            sums[v] = _mm512_dpbusd_epi32(sums[v], q, _mm512_set1_epi32(four(y[(size_t)v * blocks].q + 4 * g)));
    }
}

INLINE(VNNI) void block4_vnni(__m512i *sums, const uint8_t *w, const struct slm_block *y, uint32_t blocks, const unsigned vectors)
{
    const __m512i low = _mm512_set1_epi8(15);
    for (unsigned v = 0; v < vectors; v++) sums[v] = _mm512_set1_epi32(-8 * y[(size_t)v * blocks].sum);
    for (unsigned g = 0; g < 4; g++) {
        __m512i q = _mm512_load_si512(w + 64 * g), a = _mm512_and_si512(q, low), b = _mm512_and_si512(_mm512_srli_epi16(q, 4), low);
        for (unsigned v = 0; v < vectors; v++) {
            const int8_t *at = y[(size_t)v * blocks].q + 4 * g;
            sums[v] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums[v], a, _mm512_set1_epi32(four(at))), b, _mm512_set1_epi32(four(at + 16)));
        }
    }
}

#define VNNI_PRODUCT(bits, bytes)                                                                                              \
    INLINE(VNNI) void rows##bits##_vnni(float *out, size_t stride, const uint8_t *at, const struct slm_input *x, uint32_t first, \
                                        const unsigned vectors)                                                                \
    {                                                                                                                          \
        const struct slm_block *y = x->block + (size_t)first * x->blocks;                                                      \
        __m512i even[AT_ONCE], odd[AT_ONCE], sums[AT_ONCE];                                                                    \
        for (unsigned v = 0; v < vectors; v++) even[v] = odd[v] = _mm512_setzero_si512();                                      \
        for (uint32_t b = 0; b < x->blocks; b++, y++) {                                                                        \
            __m512i m = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const void *)slm_scales(at, b, bytes)));                     \
            block##bits##_vnni(sums, slm_weights(at, b, bytes), y, x->blocks, vectors);                                        \
            for (unsigned v = 0; v < vectors; v++) settle_vnni(even + v, odd + v, sums[v], m, y + (size_t)v * x->blocks);  \
        }                                                                                                                      \
        for (unsigned v = 0; v < vectors; v++)                                                                                 \
            finish_vnni(out + (first + v) * stride, even[v], odd[v], slm_units(at, x->blocks, bytes), x->unit[first + v]);     \
    }                                                                                                                          \
    __attribute__((target(VNNI))) static void q##bits##_vnni(float *out, size_t stride, const uint8_t *at, uint32_t panels,    \
                                                             const struct slm_input *x)                                        \
    {                                                                                                                          \
        for (; panels; panels--, at += slm_panel_size(x->blocks, bytes), out += SLM_PANEL) {                                   \
            uint32_t v = 0;                                                                                                    \
            for (; v + 8 <= x->count; v += 8) rows##bits##_vnni(out, stride, at, x, v, 8);                                     \
            if (x->count - v >= 4) { rows##bits##_vnni(out, stride, at, x, v, 4); v += 4; }                                    \
            if (x->count - v >= 2) { rows##bits##_vnni(out, stride, at, x, v, 2); v += 2; }                                    \
            if (v < x->count) rows##bits##_vnni(out, stride, at, x, v, 1);                                                     \
        }                                                                                                                      \
    }
VNNI_PRODUCT(8, SLM_Q8_BYTES)
VNNI_PRODUCT(4, SLM_Q4_BYTES)

SLM_VECTOR(slm_vector_avx2, __attribute__((target(AVX2))))
SLM_VECTOR(slm_vector_avx512, __attribute__((target(VNNI))))

static const struct slm_kernel kernels[] = {
    {"sse2", NULL, q8_sse2, q4_sse2, 0, &slm_vector_plain},
    {"avx2", have_avx2, q8_avx2, q4_avx2, 0, &slm_vector_avx2},
    {"avx512-vnni", have_vnni, q8_vnni, q4_vnni, 0x80, &slm_vector_avx512},
};

const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    return index < sizeof kernels / sizeof *kernels ? &kernels[index] : NULL;
}
