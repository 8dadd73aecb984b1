/* x86_64: SSE2, AVX2, AVX-512 VNNI. Rows lie side by side in the lanes of the running totals, so that each row's floats
   are added in the order of its blocks, as scalar does. Which of them runs is measured, not read from CPUID: CPUID only
   says what would trap (Intel SDM volume 2, CPUID and XGETBV). */
#ifdef SLM_FLOAT
#include <immintrin.h>

#include "../core/slm/float.h"
#include "../core/slm/slm.h"

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

static bool slm_have_avx2(void)
{
    uint32_t r[4], one[4];
    cpuid(0, r);
    if (r[0] < 7 || (enabled() & 6) != 6) return false;
    cpuid(1, one);
    cpuid(7, r);
    return r[1] >> 5 & 1 && one[2] >> 29 & 1; /* AVX2, F16C */
}

static bool slm_have_vnni(void)
{
    uint32_t r[4];
    if (!slm_have_avx2() || (enabled() & 0xe6) != 0xe6) return false;
    cpuid(7, r);
    return r[1] >> 16 & 1 && r[1] >> 31 & 1 && r[2] >> 11 & 1; /* AVX512F, VL, VNNI */
}

static inline uint32_t half_bits(const uint8_t *w) { return (uint32_t)w[0] | (uint32_t)w[1] << 8; }

/* ---- SSE2: four rows in four lanes ---- */

static inline __m128i dot16(__m128i a, __m128i b) /* 16 products of bytes, added up in four lanes */
{
    __m128i z = _mm_setzero_si128();
    return _mm_add_epi32(_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(z, a), 8), _mm_srai_epi16(_mm_unpacklo_epi8(z, b), 8)),
                         _mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(z, a), 8), _mm_srai_epi16(_mm_unpackhi_epi8(z, b), 8)));
}

static inline __m128i sums4(__m128i a, __m128i b, __m128i c, __m128i d) /* the sum of each, in order */
{
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

static inline __m128 scales4(const uint8_t *a, size_t row, float x)
{
    return _mm_mul_ps(_mm_setr_ps(slm_half(a), slm_half(a + row), slm_half(a + 2 * row), slm_half(a + 3 * row)), _mm_set1_ps(x));
}

static void slm_q8_sse2(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    size_t row = (size_t)blocks * 34;
    uint32_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const uint8_t *a = w + r * row;
        __m128 total = _mm_setzero_ps();
        for (uint32_t b = 0; b < blocks; b++, a += 34) {
            __m128i y0 = _mm_loadu_si128((const void *)x[b].q), y1 = _mm_loadu_si128((const void *)(x[b].q + 16)), s[4];
            for (unsigned i = 0; i < 4; i++) {
                const uint8_t *q = a + i * row + 2;
                s[i] = _mm_add_epi32(dot16(_mm_loadu_si128((const void *)q), y0), dot16(_mm_loadu_si128((const void *)(q + 16)), y1));
            }
            total = _mm_add_ps(total, _mm_mul_ps(_mm_cvtepi32_ps(sums4(s[0], s[1], s[2], s[3])), scales4(a, row, x[b].scale)));
        }
        _mm_storeu_ps(out + r, total);
    }
    if (r < rows) slm_kernels[0].q8(out + r, w + r * row, rows - r, blocks, x);
}

static void slm_q4_sse2(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, const struct slm_block *x)
{
    size_t row = (size_t)blocks * 18;
    const __m128i low = _mm_set1_epi8(15);
    uint32_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const uint8_t *a = w + r * row;
        __m128 total = _mm_setzero_ps();
        for (uint32_t b = 0; b < blocks; b++, a += 18) {
            __m128i y0 = _mm_loadu_si128((const void *)x[b].q), y1 = _mm_loadu_si128((const void *)(x[b].q + 16)), s[4];
            for (unsigned i = 0; i < 4; i++) {
                __m128i q = _mm_loadu_si128((const void *)(a + i * row + 2));
                s[i] = _mm_add_epi32(dot16(_mm_and_si128(q, low), y0), dot16(_mm_and_si128(_mm_srli_epi16(q, 4), low), y1));
            }
            __m128i sum = _mm_sub_epi32(sums4(s[0], s[1], s[2], s[3]), _mm_set1_epi32(8 * x[b].sum));
            total = _mm_add_ps(total, _mm_mul_ps(_mm_cvtepi32_ps(sum), scales4(a, row, x[b].scale)));
        }
        _mm_storeu_ps(out + r, total);
    }
    if (r < rows) slm_kernels[0].q4(out + r, w + r * row, rows - r, blocks, x);
}

/* ---- AVX2 and VNNI: eight rows in eight lanes; they differ only in the dot product of 32 bytes ---- */

#define WITH_AVX2 __attribute__((target("avx2,f16c"), always_inline)) static inline
#define WITH_VNNI __attribute__((target("avx2,f16c,avx512f,avx512vl,avx512vnni"), always_inline)) static inline

WITH_AVX2 __m256i dot_avx2(__m256i unsigned_, __m256i signed_)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_, signed_), _mm256_set1_epi16(1));
}
WITH_VNNI __m256i dot_vnni(__m256i unsigned_, __m256i signed_)
{
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), unsigned_, signed_);
}

WITH_AVX2 __m256i sums8(const __m256i s[8]) /* the sum of each of eight, in order */
{
    __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
    __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(s[4], s[5]), _mm256_hadd_epi32(s[6], s[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

WITH_AVX2 __m256 scales8(const uint8_t *a, size_t row, float x)
{
    __m128i h = _mm_setr_epi16((short)half_bits(a), (short)half_bits(a + row), (short)half_bits(a + 2 * row), (short)half_bits(a + 3 * row),
                               (short)half_bits(a + 4 * row), (short)half_bits(a + 5 * row), (short)half_bits(a + 6 * row),
                               (short)half_bits(a + 7 * row));
    return _mm256_mul_ps(_mm256_cvtph_ps(h), _mm256_set1_ps(x));
}

#define ROWS_OF_8(suffix, target_, q8_dot)                                                                             \
    __attribute__((target(target_))) static void slm_q8_##suffix(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, \
                                                          const struct slm_block *x)                                   \
    {                                                                                                                  \
        size_t row = (size_t)blocks * 34;                                                                              \
        uint32_t r = 0;                                                                                                \
        for (; r + 8 <= rows; r += 8) {                                                                                \
            const uint8_t *a = w + r * row;                                                                            \
            __m256 total = _mm256_setzero_ps();                                                                        \
            for (uint32_t b = 0; b < blocks; b++, a += 34) {                                                           \
                __m256i y = _mm256_loadu_si256((const void *)x[b].q), s[8];                                            \
                for (unsigned i = 0; i < 8; i++) {                                                                     \
                    __m256i q = _mm256_loadu_si256((const void *)(a + i * row + 2));                                   \
                    s[i] = q8_dot(_mm256_abs_epi8(q), _mm256_sign_epi8(y, q));                                         \
                }                                                                                                      \
                total = _mm256_add_ps(total, _mm256_mul_ps(_mm256_cvtepi32_ps(sums8(s)), scales8(a, row, x[b].scale))); \
            }                                                                                                          \
            _mm256_storeu_ps(out + r, total);                                                                          \
        }                                                                                                              \
        if (r < rows) slm_kernels[0].q8(out + r, w + r * row, rows - r, blocks, x);                                    \
    }                                                                                                                  \
    __attribute__((target(target_))) static void slm_q4_##suffix(float *out, const uint8_t *w, uint32_t rows, uint32_t blocks, \
                                                          const struct slm_block *x)                                   \
    {                                                                                                                  \
        size_t row = (size_t)blocks * 18;                                                                              \
        const __m256i low = _mm256_set1_epi8(15);                                                                      \
        uint32_t r = 0;                                                                                                \
        for (; r + 8 <= rows; r += 8) {                                                                                \
            const uint8_t *a = w + r * row;                                                                            \
            __m256 total = _mm256_setzero_ps();                                                                        \
            for (uint32_t b = 0; b < blocks; b++, a += 18) {                                                           \
                __m256i y = _mm256_loadu_si256((const void *)x[b].q), s[8];                                            \
                for (unsigned i = 0; i < 8; i++) {                                                                     \
                    __m128i q = _mm_loadu_si128((const void *)(a + i * row + 2));                                      \
                    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1);        \
                    s[i] = q8_dot(_mm256_and_si256(both, low), y);                                                     \
                }                                                                                                      \
                __m256i sum = _mm256_sub_epi32(sums8(s), _mm256_set1_epi32(8 * x[b].sum));                             \
                total = _mm256_add_ps(total, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scales8(a, row, x[b].scale)));     \
            }                                                                                                          \
            _mm256_storeu_ps(out + r, total);                                                                          \
        }                                                                                                              \
        if (r < rows) slm_kernels[0].q4(out + r, w + r * row, rows - r, blocks, x);                                    \
    }

ROWS_OF_8(avx2, "avx2,f16c", dot_avx2)
ROWS_OF_8(vnni, "avx2,f16c,avx512f,avx512vl,avx512vnni", dot_vnni)

static const struct slm_kernel kernels[] = {
    {"sse2", slm_q8_sse2, slm_q4_sse2, NULL},
    {"avx2", slm_q8_avx2, slm_q4_avx2, slm_have_avx2},
    {"avx512-vnni", slm_q8_vnni, slm_q4_vnni, slm_have_vnni},
};

const struct slm_kernel *slm_arch_kernel(unsigned index)
{
    return index < sizeof kernels / sizeof *kernels ? &kernels[index] : NULL;
}
#endif
