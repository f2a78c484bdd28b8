/* Block kernels in float32.  F1 and F2 are the functions of glibc's vector library; others are called for each element, in
 * double precision. */
#include <math.h>
#ifdef __GNUC__
#ifdef MMAD_LIBMVEC
#define LIBRARY __attribute__((simd("notinbranch"), const))
#else
#define LIBRARY __attribute__((const))
#endif
#define F1(name) LIBRARY float name##f(float);
#define F2(name) LIBRARY float name##f(float, float);
F1(sin) F1(cos) F1(asin) F1(acos) F1(atan) F1(sinh) F1(cosh) F1(tanh) F1(asinh) F1(acosh) F1(atanh)
F1(exp) F1(exp2) F1(expm1) F1(log) F1(log2) F1(log10) F1(log1p) F1(cbrt) F1(erf) F1(erfc) F2(atan2) F2(hypot)
LIBRARY double exp(double);
LIBRARY double log(double);
LIBRARY double tan(double);
LIBRARY double pow(double, double);
#endif
/* In double precision: the vector functions of the library for floats are some four units in the last place off. */
static inline float log_f32(float a) { return (float)log((double)a); }
static inline float tan_f32(float a) { return (float)tan((double)a); }
static inline float pow_f32(float a, float b) { return (float)pow((double)a, (double)b); }
static inline double exp_f64(double a) { return exp(a); }
#define MM_LOG log_f32 /* where the logarithm is a factor of a derivative */
#define MM_EXP exp_f64
#define sin sinf
#define cos cosf
#define tan tan_f32
#define asin asinf
#define acos acosf
#define atan atanf
#define sinh sinhf
#define cosh coshf
#define tanh tanhf
#define asinh asinhf
#define acosh acoshf
#define atanh atanhf
#define exp expf
#define exp2 exp2f
#define expm1 expm1f
#define log logf
#define log2 log2f
#define log10 log10f
#define log1p log1pf
#define cbrt cbrtf
#define erf erff
#define erfc erfcf
#define pow pow_f32
#define atan2 atan2f
#define hypot hypotf
#define fmod fmodf
#ifdef __GNUC__
#define fabs __builtin_fabsf
#define sqrt __builtin_sqrtf
#define floor __builtin_floorf
#define ceil __builtin_ceilf
#define trunc __builtin_truncf
#define rint __builtin_rintf
#define copysign __builtin_copysignf
#else
#define fabs fabsf
#define sqrt sqrtf
#define floor floorf
#define ceil ceilf
#define trunc truncf
#define rint rintf
#define copysign copysignf
#endif
#define REAL float
#define SUFFIX f32
#include "_blocks.h"
