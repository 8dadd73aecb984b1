/* Work on floats, sixteen lanes at a time, as functions to be inlined into a table for some set of registers
   (SLM_VECTOR). Lanes and the order of additions are fixed and nothing is contracted: every machine gives the same bits. */
#pragma once

#include "engine.h"
#include "float.h"

typedef float slm_f16 __attribute__((vector_size(64)));
typedef int32_t slm_i16 __attribute__((vector_size(64)));
typedef int8_t slm_b16 __attribute__((vector_size(16)));
typedef float slm_f8 __attribute__((vector_size(32)));
typedef double slm_d8 __attribute__((vector_size(64)));

#define SLM_INLINE __attribute__((always_inline)) static inline
#define SLM_ALL16(v) {v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}

SLM_INLINE void slm_load(slm_f16 *out, const void *at) { __builtin_memcpy(out, at, 64); }
SLM_INLINE void slm_store(float *at, const slm_f16 *v) { __builtin_memcpy(at, v, 64); }

SLM_INLINE float slm_sum16(const slm_f16 *v) /* always as this tree */
{
    float s[8];
    for (unsigned i = 0; i < 8; i++) s[i] = (*v)[i] + (*v)[i + 8];
    for (unsigned n = 4; n; n /= 2)
        for (unsigned i = 0; i < n; i++) s[i] += s[i + n];
    return s[0];
}

SLM_INLINE float slm_dot(const float *a, const float *b, uint32_t n)
{
    slm_f16 sum = SLM_ALL16(0.0f), u, v;
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        slm_load(&u, a + i);
        slm_load(&v, b + i);
        sum += u * v;
    }
    float total = slm_sum16(&sum);
    for (; i < n; i++) total += a[i] * b[i];
    return total;
}

/* x = e^x, 0 below -87 and for what is no number: 2^n times a polynomial over half an octave to each side. */
SLM_INLINE void slm_exp16(slm_f16 *x)
{
    const slm_f16 most = SLM_ALL16(88.0f), least = SLM_ALL16(-87.0f);
    slm_i16 good = *x >= least, small = *x <= most;
    slm_f16 y = (slm_f16)(((slm_i16)*x & small) | ((slm_i16)most & ~small));
    slm_f16 z = y * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the last bits are z rounded to an integer */
    slm_f16 n = z - 12582912.0f, r = y - n * 0.693145752f - n * 1.42860677e-6f;
    slm_f16 p = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666672f + r * (0.0416664854f + r * (0.00833336823f + r * 0.00139304355f)))));
    slm_i16 power = ((slm_i16)z - (0x4b400000 - 127)) << 23;
    *x = (slm_f16)((slm_i16)(p * (slm_f16)power) & good);
}

/* Sixteen values as bytes, scaled and rounded to even; returns nothing but adds them to *sum. */
SLM_INLINE void slm_round16(int8_t *out, const slm_f16 *x, float inverse, slm_i16 *sum)
{
    slm_i16 q = (slm_i16)(*x * inverse + 12582912.0f) - 0x4b400000;
    slm_b16 bytes = __builtin_convertvector(q, slm_b16);
    *sum += __builtin_convertvector(bytes, slm_i16);
    __builtin_memcpy(out, &bytes, 16);
}

SLM_INLINE float slm_greatest(const slm_f16 *u, const slm_f16 *v) /* magnitude; a NaN counts as greatest */
{
    slm_i16 a = (slm_i16)*u & 0x7fffffff, b = (slm_i16)*v & 0x7fffffff, more = a > b;
    a = (a & more) | (b & ~more);
    union { int32_t i; float f; } most = {0};
    for (unsigned i = 0; i < 16; i++) most.i = a[i] > most.i ? a[i] : most.i;
    return most.f;
}

/* Scales as integers relative to the greatest; a vector that holds no number gets a unit that is none. */
SLM_INLINE void slm_settle(struct slm_block *out, float *unit, const uint32_t *bits, uint32_t blocks)
{
    uint32_t top = 0;
    for (uint32_t b = 0; b < blocks; b++) top = bits[b] >> 23 > top ? bits[b] >> 23 : top;
    for (uint32_t b = 0; b < blocks; b++) {
        uint32_t shift = top - (bits[b] >> 23), wide = bits[b] ? ((bits[b] & 0x7fffff) | 0x800000) >> 9 : 0;
        if (shift) wide = shift > 16 ? 0 : ((wide >> (shift - 1)) + 1) >> 1;
        out[b].scale = (int16_t)wide;
    }
    *unit = top == 255 ? __builtin_nanf("") : slm_power((int32_t)top - 127 - 14);
}

SLM_INLINE void slm_quantize(struct slm_block *out, float *unit, const float *x, uint32_t n)
{
    uint32_t bits[512];
    for (uint32_t b = 0; b < n / 32; b++, x += 32) {
        slm_f16 u, v;
        slm_i16 sum = SLM_ALL16(0);
        slm_load(&u, x);
        slm_load(&v, x + 16);
        union { float f; uint32_t u; } scale = {slm_greatest(&u, &v)};
        float inverse = scale.f > 0 ? 127.0f / scale.f : 0;
        scale.f = slm_to_half(scale.f / 127.0f);
        bits[b] = scale.u;
        slm_round16(out[b].q, &u, inverse, &sum);
        slm_round16(out[b].q + 16, &v, inverse, &sum);
        out[b].sum = 0;
        for (unsigned i = 0; i < 16; i++) out[b].sum += sum[i];
    }
    slm_settle(out, unit, bits, n / 32);
}

SLM_INLINE void slm_norm(float *out, const float *x, const uint8_t *weight, uint32_t n, float eps)
{
    slm_d8 squares = {0, 0, 0, 0, 0, 0, 0, 0};
    for (uint32_t i = 0; i < n; i += 8) {
        slm_f8 v;
        __builtin_memcpy(&v, x + i, 32);
        squares += __builtin_convertvector(v * v, slm_d8);
    }
    double total = ((squares[0] + squares[4]) + (squares[1] + squares[5])) + ((squares[2] + squares[6]) + (squares[3] + squares[7]));
    float scale = 1.0f / slm_sqrt((float)(total / n) + eps);
    for (uint32_t i = 0; i < n; i += 16) {
        slm_f16 v, w;
        slm_load(&v, x + i);
        slm_load(&w, weight + 4 * (size_t)i);
        v = v * scale * w;
        slm_store(out + i, &v);
    }
}

SLM_INLINE void slm_swiglu(float *gate, const float *up, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 16) {
        slm_f16 g, u, e;
        slm_load(&g, gate + i);
        slm_load(&u, up + i);
        e = -g;
        slm_exp16(&e);
        g = g / (1.0f + e) * u;
        slm_store(gate + i, &g);
    }
}

SLM_INLINE void slm_add(float *x, const float *y, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 16) {
        slm_f16 u, v;
        slm_load(&u, x + i);
        slm_load(&v, y + i);
        u += v;
        slm_store(x + i, &u);
    }
}

/* scores = softmax numerators; returns their sum. The places up to the next 16 are filled with what counts nothing. */
SLM_INLINE float slm_soften(float *scores, uint32_t count, float most)
{
    slm_f16 total = SLM_ALL16(0.0f);
    uint32_t i = 0;
    for (uint32_t k = count; k % 16; k++) scores[k] = -3.0e38f;
    for (; i < count; i += 16) {
        slm_f16 s;
        slm_load(&s, scores + i);
        s = s - most;
        slm_exp16(&s);
        total += s;
        slm_store(scores + i, &s);
    }
    return slm_sum16(&total);
}

/* out = sum of scores times values, 16 columns at a time so that they stay in registers. */
SLM_INLINE void slm_mix(float *out, const float *scores, const float *values, uint32_t count, uint32_t head, uint32_t stride, float inverse)
{
    uint32_t i = 0;
    for (; i + 16 <= head; i += 16) {
        slm_f16 sum = SLM_ALL16(0.0f), v;
        for (uint32_t t = 0; t < count; t++) {
            slm_load(&v, values + (size_t)t * stride + i);
            sum += scores[t] * v;
        }
        sum *= inverse;
        slm_store(out + i, &sum);
    }
    for (; i < head; i++) {
        float sum = 0;
        for (uint32_t t = 0; t < count; t++) sum += scores[t] * values[(size_t)t * stride + i];
        out[i] = sum * inverse;
    }
}

SLM_INLINE void slm_attend(float *out, const float *q, const float *keys, const float *values, uint32_t count,
                           const struct slm_shape *s, float *scores)
{
    float scale = 1.0f / slm_sqrt((float)s->head);
    for (uint32_t h = 0; h < s->heads; h++, q += s->head, out += s->head) {
        uint32_t base = h / (s->heads / s->kv_heads) * s->head;
        float most = -3.0e38f;
        for (uint32_t t = 0; t < count; t++) {
            scores[t] = slm_dot(q, keys + base + (size_t)t * s->stride, s->head) * scale;
            if (scores[t] > most) most = scores[t];
        }
        float total = slm_soften(scores, count, most);
        slm_mix(out, scores, values + base, count, s->head, s->stride, 1.0f / total);
    }
}

/* The table `name`, compiled with `attributes` (such as a set of instructions). */
#define SLM_VECTOR(name, attributes)                                                                                       \
    attributes static void name##_quantize(struct slm_block *out, float *unit, const float *x, uint32_t n)                \
    { slm_quantize(out, unit, x, n); }                                                                                     \
    attributes static void name##_norm(float *out, const float *x, const uint8_t *weight, uint32_t n, float eps)          \
    { slm_norm(out, x, weight, n, eps); }                                                                                  \
    attributes static void name##_swiglu(float *gate, const float *up, uint32_t n) { slm_swiglu(gate, up, n); }           \
    attributes static void name##_add(float *x, const float *y, uint32_t n) { slm_add(x, y, n); }                         \
    attributes static void name##_attend(float *out, const float *q, const float *keys, const float *values, uint32_t count, \
                                         const struct slm_shape *shape, float *scores)                                    \
    { slm_attend(out, q, keys, values, count, shape, scores); }                                                            \
    extern const struct slm_vector name;                                                                                   \
    const struct slm_vector name = {name##_quantize, name##_norm, name##_swiglu, name##_add, name##_attend};
