/* Work on activations, as functions to be inlined into a table for some set of registers (SLM_VECTOR). Floats go sixteen
   lanes at a time, lanes and the order of additions are fixed and nothing is contracted; attention is in integers of 23
   bits, whose sums are exact. So every machine gives the same bits, and one without fast floating point is fast too. */
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
    uint32_t room = 18; /* bits of shift: what 64 leave beside 19 of a dot product, 15 and 11 of scales, and the sum's */
    for (uint32_t n = 1; n < blocks; n *= 2) room--;
    for (uint32_t b = 0; b < blocks; b++) {
        uint32_t below = top - (bits[b] >> 23), wide = bits[b] ? ((bits[b] & 0x7fffff) | 0x800000) >> 13 : 0;
        if (below > room) wide = below - room > 11 ? 0 : ((wide >> (below - room - 1)) + 1) >> 1;
        out[b].scale = (int16_t)wide;
        out[b].shift = (uint16_t)(below > room ? 0 : room - below);
    }
    *unit = top == 255 ? __builtin_nanf("") : slm_power((int32_t)top - 127 - 10 - (int32_t)room);
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
    for (uint32_t i = 0; i < n; i++) gate[i] = gate[i] / (1.0f + slm_exp(-gate[i])) * up[i];
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

/* Floats as integers of at most 23 bits times a power of two; *exponent is the greatest binary one, SLM_NO_NUMBER where a
   float is none. */
SLM_INLINE void slm_fix(int32_t *out, uint32_t *exponent, const float *x, uint32_t n)
{
    uint32_t top = 0;
    for (uint32_t i = 0; i < n; i++) {
        union { float f; uint32_t u; } v = {x[i]};
        uint32_t e = v.u >> 23 & 255;
        top = e > top ? e : top;
    }
    for (uint32_t i = 0; i < n; i++) {
        union { float f; uint32_t u; } v = {x[i]};
        uint32_t e = v.u >> 23 & 255, shift = top - e < 24 ? top - e : 24;
        uint32_t wide = (((v.u & 0x7fffff) | 0x800000) >> shift) + 1;
        int32_t size = e ? (int32_t)(wide >> 1) : 0;
        out[i] = v.u >> 31 ? -size : size;
    }
    *exponent = top;
}

SLM_INLINE float slm_fixed_unit(uint32_t exponent)
{
    return exponent == 255 ? __builtin_nanf("") : slm_power((int32_t)exponent - 149);
}

SLM_INLINE int64_t slm_dot(const int32_t *a, const int32_t *b, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (int64_t)a[i] * b[i];
    return sum;
}

/* out = sum of weights times values, 8 columns at a time so that they stay in registers. */
SLM_INLINE void slm_mix(float *out, const int32_t *weights, const int32_t *values, uint32_t count, uint32_t head, uint32_t stride, float unit)
{
    for (uint32_t i = 0; i < head; i += 8) {
        int64_t sum[8] = {0};
        unsigned wide = head - i < 8 ? head - i : 8;
        const int32_t *v = values + i;
        if (wide == 8)
            for (uint32_t t = 0; t < count; t++, v += stride)
                for (unsigned k = 0; k < 8; k++) sum[k] += (int64_t)weights[t] * v[k];
        else
            for (uint32_t t = 0; t < count; t++, v += stride)
                for (unsigned k = 0; k < wide; k++) sum[k] += (int64_t)weights[t] * v[k];
        for (unsigned k = 0; k < wide; k++) out[i + k] = (float)sum[k] * unit;
    }
}

/* scores = their softmax numerators; returns the sum of them, in sixteen lanes. */
SLM_INLINE float slm_soften(float *scores, uint32_t count, float most)
{
    slm_f16 total = SLM_ALL16(0.0f), v;
    for (uint32_t t = 0; t < count; t++) scores[t] = slm_exp(scores[t] - most);
    for (uint32_t t = count; t % 16; t++) scores[t] = 0;
    for (uint32_t t = 0; t < count; t += 16) {
        slm_load(&v, scores + t);
        total += v;
    }
    return slm_sum16(&total);
}

/* One head over the keys and values of its group. */
SLM_INLINE void slm_attend_head(float *out, const float *q, const struct slm_cache *c, uint32_t group, uint32_t count, float *scores)
{
    int32_t fixed[SLM_MOST_HEAD], *weights = (int32_t *)(void *)(scores + (count + 15) / 16 * 16);
    const float *key_units = c->key_units + (size_t)group * c->context, *value_units = c->value_units + (size_t)group * c->context;
    const int32_t *keys = c->keys + (size_t)group * c->head;
    uint32_t exponent;
    float most = -3.0e38f;
    slm_fix(fixed, &exponent, q, c->head);
    float unit = slm_fixed_unit(exponent) / slm_sqrt((float)c->head);
    for (uint32_t t = 0; t < count; t++, keys += c->stride) scores[t] = (float)slm_dot(fixed, keys, c->head) * (unit * key_units[t]);
    for (uint32_t t = 0; t < count; t++) most = scores[t] > most ? scores[t] : most;
    float total = slm_soften(scores, count, most);
    for (uint32_t t = 0; t < count; t++) scores[t] *= value_units[t];
    slm_fix(weights, &exponent, scores, count);
    slm_mix(out, weights, c->values + (size_t)group * c->head, count, c->head, c->stride, slm_fixed_unit(exponent) / total);
}

SLM_INLINE void slm_attend(float *out, const float *q, const struct slm_cache *c, uint32_t count, float *scores)
{
    for (uint32_t h = 0; h < c->heads; h++)
        slm_attend_head(out + h * c->head, q + h * c->head, c, h / (c->heads / c->kv_heads), count, scores);
}

/* Keys or values of one position into the cache. */
SLM_INLINE void slm_keep(int32_t *out, float *units, const float *x, const struct slm_cache *c)
{
    for (uint32_t h = 0; h < c->kv_heads; h++) {
        uint32_t exponent;
        slm_fix(out + h * c->head, &exponent, x + h * c->head, c->head);
        units[h * c->context] = slm_fixed_unit(exponent);
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
    attributes static void name##_keep(int32_t *out, float *units, const float *x, const struct slm_cache *c)             \
    { slm_keep(out, units, x, c); }                                                                              \
    attributes static void name##_attend(float *out, const float *q, const struct slm_cache *c, uint32_t count, float *scores) \
    { slm_attend(out, q, c, count, scores); }                                                                              \
    extern const struct slm_vector name;                                                                                   \
    const struct slm_vector name = {name##_quantize, name##_norm, name##_swiglu, name##_add, name##_keep, name##_attend};
