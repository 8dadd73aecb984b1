/* Which kernels this machine's build has. A kernel is one function a format in one file; naming it here adds it. */
#pragma once

#include "slm.h"

slm_matvec slm_q8_swar, slm_q4_swar;
#if defined(__x86_64__)
slm_matvec slm_q8_sse2, slm_q4_sse2, slm_q8_avx2, slm_q4_avx2, slm_q8_vnni, slm_q4_vnni;
bool slm_have_avx2(void), slm_have_vnni(void);
#define SLM_KERNELS                                                                         \
    {"swar", slm_q8_swar, slm_q4_swar, NULL}, {"sse2", slm_q8_sse2, slm_q4_sse2, NULL},     \
    {"avx2", slm_q8_avx2, slm_q4_avx2, slm_have_avx2}, {"avx512-vnni", slm_q8_vnni, slm_q4_vnni, slm_have_vnni},
#elif defined(__aarch64__)
slm_matvec slm_q8_neon, slm_q4_neon;
#define SLM_KERNELS {"swar", slm_q8_swar, slm_q4_swar, NULL}, {"neon", slm_q8_neon, slm_q4_neon, NULL},
#else
#define SLM_KERNELS {"swar", slm_q8_swar, slm_q4_swar, NULL},
#endif
