/* The few functions of real numbers that inference needs, without a C library. Inside files that may use floating
   point only (this folder and the architectures' slm_*.c), compiled with -ffp-contract=off: every machine rounds alike. */
#pragma once

#include <stdint.h>

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

/* e^x in integers, right to the last bit or one beside it: x / ln 2 = n + f with 24 bits of f, 2^f by a polynomial of
   degree 6 (a Chebyshev fit, error 7e-9) in 30 bits. 0 below -87, e^88 above 88 and for what is no number. */
static inline float slm_exp(float x)
{
    union { float f; uint32_t u; } v = {x};
    int32_t e = (int32_t)(v.u >> 23 & 255) - 126, m = (int32_t)((v.u & 0x7fffff) | 0x800000); /* |x| = m * 2^(e - 24) */
    int32_t whole = e >= 7 ? 0x58000000 : e >= 0 ? m << e : e > -25 ? m >> -e : 0; /* of 2^24 */
    whole = whole > 0x58000000 ? 0x58000000 : whole;
    int64_t turns = ((v.u >> 31 ? -(int64_t)whole : whole) * 1549082005) >> 30;
    int64_t f = turns & 0xffffff, n = turns >> 24, p = 223652;
    p = 1362509 + (p * f >> 24);
    p = 10364229 + (p * f >> 24);
    p = 59588308 + (p * f >> 24);
    p = 257942008 + (p * f >> 24);
    p = 744261107 + (p * f >> 24);
    p = (1 << 30) + (p * f >> 24);
    v.u = n < -126 ? 0 : (uint32_t)((n + 127) * 8388608 + ((p + 64) >> 7) - 8388608);
    return v.f;
}
