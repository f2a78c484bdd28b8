/* Block kernels in float64.  F1 and F2 are all functions of glibc's vector library; others are called for each element. */
#include <math.h>
#ifdef __GNUC__
#ifdef MMAD_LIBMVEC
#define LIBRARY __attribute__((simd("notinbranch"), const))
#else
#define LIBRARY __attribute__((const))
#endif
#define F1(name) LIBRARY double name(double);
#define F2(name) LIBRARY double name(double, double);
F1(sin) F1(cos) F1(tan) F1(asin) F1(acos) F1(atan) F1(sinh) F1(cosh) F1(tanh) F1(asinh) F1(acosh) F1(atanh)
F1(exp) F1(exp2) F1(expm1) F1(log) F1(log2) F1(log10) F1(log1p) F1(cbrt) F1(erf) F1(erfc) F2(pow) F2(atan2) F2(hypot)
#endif
#ifdef __GNUC__
#define fabs __builtin_fabs
#define sqrt __builtin_sqrt
#define floor __builtin_floor
#define ceil __builtin_ceil
#define trunc __builtin_trunc
#define rint __builtin_rint
#define copysign __builtin_copysign
#endif
#ifdef MMAD_LIBMVEC
/* The library's reads a table for every element, four times as slow as its exp.  Near zero by Lambert's continued fraction,
 * cut off where it is right to 1e-18 (written as what is taken from a, which is exact); else by exp; one division for both. */
static inline double mm_tanh(double a) {
    const double x = fabs(a), z = x * x, e = exp(2 * x);
    const int near = x < 0.8;
    const double over = x * z * (11486475 + z * (810810 + z * (12870 + z * 44)));
    const double under = 34459425 + z * (16216200 + z * (945945 + z * (13860 + z * 45)));
    return copysign((near ? x : 1) - (near ? over : 2) / (near ? under : e + 1), a);
}
#define tanh mm_tanh
#endif
#define REAL double
#define SUFFIX f64
#include "_blocks.h"

