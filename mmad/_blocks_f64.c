/* Block kernels in float64. */
#ifdef MMAD_LIBMVEC
#define LIBRARY __attribute__((simd("notinbranch"), const))
#else
#define LIBRARY __attribute__((const))
#endif
#define F1(name) LIBRARY double name(double);
#define F2(name) LIBRARY double name(double, double);
F1(sin) F1(cos) F1(tan) F1(asin) F1(acos) F1(atan) F1(sinh) F1(cosh) F1(tanh) F1(asinh) F1(acosh) F1(atanh)
F1(exp) F1(exp2) F1(expm1) F1(log) F1(log2) F1(log10) F1(log1p) F1(cbrt) F2(pow) F2(atan2) F2(hypot)
double fmod(double, double);
#define fabs __builtin_fabs
#define sqrt __builtin_sqrt
#define floor __builtin_floor
#define ceil __builtin_ceil
#define trunc __builtin_trunc
#define rint __builtin_rint
#define copysign __builtin_copysign
#define REAL double
#define SUFFIX f64
#include "_blocks.h"

int mm_vector_math(void) {
#ifdef MMAD_LIBMVEC
    return 1;
#else
    return 0;
#endif
}
