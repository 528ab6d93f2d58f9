/* Included before a base kernel: its floating-point numbers become wide ones whose arithmetic is in shadow.c. */
#ifdef __cplusplus
#include <algorithm>
#include <cassert>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>
#else
#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#endif
#include <math.h>

#define SHADOW_FUNCTIONS(one, two)                                                                                   \
    one(sqrt) one(cbrt) one(sin) one(cos) one(tan) one(asin) one(acos) one(atan) one(sinh) one(cosh) one(tanh)       \
    one(asinh) one(acosh) one(atanh) one(exp) one(exp2) one(expm1) one(log) one(log2) one(log10) one(log1p)          \
    one(erf) one(erfc) one(tgamma) one(lgamma) one(fabs) one(floor) one(ceil) one(round) one(trunc) one(rint)        \
    one(nearbyint) two(pow) two(atan2) two(hypot) two(fmod) two(fmin) two(fmax) two(copysign) two(fdim)

#define SHADOW_ONE(name) __float128 shadow_##name(__float128 x);
#define SHADOW_TWO(name) __float128 shadow_##name(__float128 x, __float128 y);
#ifdef __cplusplus
extern "C" {
#endif
SHADOW_FUNCTIONS(SHADOW_ONE, SHADOW_TWO)
__float128 shadow_fma(__float128 x, __float128 y, __float128 z);
#ifdef __cplusplus
}
namespace std {
#define SHADOW_USING(name) using ::shadow_##name;
SHADOW_FUNCTIONS(SHADOW_USING, SHADOW_USING)
using ::shadow_fma;
}
#endif

#ifndef SHADOW_RUNTIME
#undef isnan
#undef isinf
#undef isfinite
#undef signbit
#define isnan(x) ((x) != (x))
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
#define fma shadow_fma
#define fmaf shadow_fma
#define sqrt shadow_sqrt
#define sqrtf shadow_sqrt
#define cbrt shadow_cbrt
#define cbrtf shadow_cbrt
#define sin shadow_sin
#define sinf shadow_sin
#define cos shadow_cos
#define cosf shadow_cos
#define tan shadow_tan
#define tanf shadow_tan
#define asin shadow_asin
#define asinf shadow_asin
#define acos shadow_acos
#define acosf shadow_acos
#define atan shadow_atan
#define atanf shadow_atan
#define sinh shadow_sinh
#define sinhf shadow_sinh
#define cosh shadow_cosh
#define coshf shadow_cosh
#define tanh shadow_tanh
#define tanhf shadow_tanh
#define asinh shadow_asinh
#define asinhf shadow_asinh
#define acosh shadow_acosh
#define acoshf shadow_acosh
#define atanh shadow_atanh
#define atanhf shadow_atanh
#define exp shadow_exp
#define expf shadow_exp
#define exp2 shadow_exp2
#define exp2f shadow_exp2
#define expm1 shadow_expm1
#define expm1f shadow_expm1
#define log shadow_log
#define logf shadow_log
#define log2 shadow_log2
#define log2f shadow_log2
#define log10 shadow_log10
#define log10f shadow_log10
#define log1p shadow_log1p
#define log1pf shadow_log1p
#define erf shadow_erf
#define erff shadow_erf
#define erfc shadow_erfc
#define erfcf shadow_erfc
#define tgamma shadow_tgamma
#define tgammaf shadow_tgamma
#define lgamma shadow_lgamma
#define lgammaf shadow_lgamma
#define fabs shadow_fabs
#define fabsf shadow_fabs
#define floor shadow_floor
#define floorf shadow_floor
#define ceil shadow_ceil
#define ceilf shadow_ceil
#define round shadow_round
#define roundf shadow_round
#define trunc shadow_trunc
#define truncf shadow_trunc
#define rint shadow_rint
#define rintf shadow_rint
#define nearbyint shadow_nearbyint
#define nearbyintf shadow_nearbyint
#define pow shadow_pow
#define powf shadow_pow
#define atan2 shadow_atan2
#define atan2f shadow_atan2
#define hypot shadow_hypot
#define hypotf shadow_hypot
#define fmod shadow_fmod
#define fmodf shadow_fmod
#define fmin shadow_fmin
#define fminf shadow_fmin
#define fmax shadow_fmax
#define fmaxf shadow_fmax
#define copysign shadow_copysign
#define copysignf shadow_copysign
#define fdim shadow_fdim
#define fdimf shadow_fdim
#define double __float128
#define float __float128
#endif
