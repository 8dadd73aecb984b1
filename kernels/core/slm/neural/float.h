/* The few functions of real numbers that inference needs, without a C library. Inside files that may use floating
   point only (this folder and the architectures' slm_*.c). */
#pragma once

#include <stdint.h>

#pragma STDC FP_CONTRACT OFF /* every kernel and machine rounds alike */

static inline float slm_half(const uint8_t *at) /* IEEE binary16, little-endian */
{
    uint32_t h = (uint32_t)at[0] | (uint32_t)at[1] << 8, sign = (h & 0x8000u) << 16, e = h >> 10 & 31, m = h & 1023;
    union { uint32_t u; float f; } v = {sign | ((e + 112) << 23) | m << 13};
    if (e == 0) { v.f = (float)m * 5.9604644775390625e-8f; v.u |= sign; } /* 2^-24 */
    else if (e == 31) v.u = sign | 0x7f800000u | m << 13;
    return v.f;
}

/* A float rounded to what binary16 holds, to nearest even; activations' scales are small and positive. */
static inline float slm_to_half(float x)
{
    union { float f; uint32_t u; } v = {x};
    uint32_t e = v.u >> 23 & 255;
    if (e < 113) { /* subnormal there: multiples of 2^-24; adding and taking away 1.5 * 2^-1 rounds so */
        volatile float big = x + 0.75f;
        return big - 0.75f;
    }
    uint32_t low = v.u & 0x1fff;
    v.u -= low;
    if (low > 0x1000 || (low == 0x1000 && v.u & 0x2000)) v.u += 0x2000;
    return v.f;
}

static inline float slm_sqrt(float x) /* Newton from a bit trick; four rounds are exact to the last bit or one beside it */
{
    if (x <= 0) return 0;
    union { float f; uint32_t u; } v = {x};
    v.u = (v.u >> 1) + 0x1fbd1df5;
    double y = v.f;
    for (int i = 0; i < 4; i++) y = 0.5 * (y + x / y);
    return (float)y;
}

static inline float slm_exp(float x) /* 2^n times a polynomial over half an octave to each side (Cody and Waite) */
{
    if (!(x >= -87.0f)) return 0; /* NaN too, of a damaged model */
    if (x > 88.0f) x = 88.0f;
    float z = x * 1.44269504f;
    int n = (int)(z + (z >= 0 ? 0.5f : -0.5f));
    float r = x - (float)n * 0.693145752f - (float)n * 1.42860677e-6f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666672f + r * (0.0416664854f + r * (0.00833336823f + r * 0.00139304355f)))));
    union { uint32_t u; float f; } v = {(uint32_t)(n + 127) << 23};
    return p * v.f;
}
