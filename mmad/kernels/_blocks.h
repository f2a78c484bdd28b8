/* Kernels over blocks of REAL: one for every scalar operation, compiled once for each precision.
 *
 * The including file defines REAL, SUFFIX (for names) and the meaning of `sin` and the rest.  The vector math library of glibc
 * is reached by declaring its functions again, with the simd attribute, which needs neither -ffast-math nor a wrapper;
 * elsewhere the same source calls the scalar library.
 */
#ifdef __GNUC__
#undef isnan
#undef isinf
#undef isfinite
#undef signbit
#define isnan __builtin_isnan
#define isinf __builtin_isinf
#define isfinite __builtin_isfinite
#define signbit __builtin_signbit
#endif
#define MMAD_BLOCKS
#include "_vm.h"
#include <string.h>
#include "_clones.h"

/* Unrolled, since most kernels are bound by instructions: blocks are in the first-level cache. */
#if defined(__GNUC__) && !defined(__clang__)
#define INDEPENDENT _Pragma("GCC unroll 4") _Pragma("GCC ivdep")
#else
#define INDEPENDENT _Pragma("omp simd")
#endif
#define EACH_OF(n) INDEPENDENT for (ptrdiff_t i = 0; i < (n); i++)
#define EACH EACH_OF(n)
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR(x) const REAL *x##s = x##_;
#define NUMBER(x) const REAL x = *(const REAL *)x##_;
#define AT(x) REAL x = x##s[i];

/* A kernel for every choice of operands that are one number (s) and blocks (v). */
#define KERNEL(name, kind, OPERANDS, ELEMENTS, expr)                                                            \
    CLONES static void JOIN(name, kind)(void *r_, const void *a_, const void *b_, const void *c_, ptrdiff_t n) { \
        (void)b_; (void)c_; OPERANDS REAL *r = r_;                                                              \
        EACH { ELEMENTS r[i] = (REAL)(expr); }                                                                  \
    }
#define KERNEL1(name, expr) KERNEL(name, v, VECTOR(a), AT(a), expr)
#define KERNEL2(name, expr)                                         \
    KERNEL(name, vv, VECTOR(a) VECTOR(b), AT(a) AT(b), expr)        \
    KERNEL(name, sv, NUMBER(a) VECTOR(b), AT(b), expr)              \
    KERNEL(name, vs, VECTOR(a) NUMBER(b), AT(a), expr)
#define KERNEL3(name, expr)                                                    \
    KERNEL(name, vvv, VECTOR(a) VECTOR(b) VECTOR(c), AT(a) AT(b) AT(c), expr)  \
    KERNEL(name, svv, NUMBER(a) VECTOR(b) VECTOR(c), AT(b) AT(c), expr)        \
    KERNEL(name, vsv, VECTOR(a) NUMBER(b) VECTOR(c), AT(a) AT(c), expr)        \
    KERNEL(name, ssv, NUMBER(a) NUMBER(b) VECTOR(c), AT(c), expr)              \
    KERNEL(name, vvs, VECTOR(a) VECTOR(b) NUMBER(c), AT(a) AT(b), expr)        \
    KERNEL(name, svs, NUMBER(a) VECTOR(b) NUMBER(c), AT(b), expr)              \
    KERNEL(name, vss, VECTOR(a) NUMBER(b) NUMBER(c), AT(a), expr)
#define X(name, arity, expr, cost) KERNEL##arity(name, expr)
SCALAR_OPS(X)
FUSED_OPS(X)
#undef X

#define ENTRY1(name) {name##_v},
#define ENTRY2(name) {name##_vv, name##_sv, name##_vs},
#define ENTRY3(name) {name##_vvv, name##_svv, name##_vsv, name##_ssv, name##_vvs, name##_svs, name##_vss},
#define X(name, arity, expr, cost) ENTRY##arity(name)
static const Kernel table[][VARIANTS] = {SCALAR_OPS(X) FUSED_OPS(X)};
#undef X

Kernel JOIN(mm_kernel, SUFFIX)(int op, int variant) { return table[op - OP_FIRST_SCALAR][variant]; }

/* Eight partial sums over stretches of 128 elements, then pairs: the order, and so the accuracy, of NumPy's sum. */
CLONES static double JOIN(short_sum, SUFFIX)(const REAL *a, ptrdiff_t n) {
    double s[8] = {0, 0, 0, 0, 0, 0, 0, 0}, rest = 0;
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) s[k] += a[i + k];
    for (; i < n; i++) rest += a[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])) + rest;
}

double JOIN(mm_sum, SUFFIX)(const REAL *a, ptrdiff_t n) {
    if (n <= 128) return JOIN(short_sum, SUFFIX)(a, n);
    ptrdiff_t half = (n / 2 + 7) & ~(ptrdiff_t)7;
    return JOIN(mm_sum, SUFFIX)(a, half) + JOIN(mm_sum, SUFFIX)(a + half, n - half);
}

CLONES void JOIN(mm_add, SUFFIX)(REAL *r, const REAL *a, ptrdiff_t n) { EACH r[i] += a[i]; }
CLONES void JOIN(mm_from_truth, SUFFIX)(REAL *r, const uint8_t *a, ptrdiff_t n) { EACH r[i] = a[i]; }
CLONES void JOIN(mm_to_truth, SUFFIX)(uint8_t *r, const REAL *a, ptrdiff_t n) { EACH r[i] = a[i] != 0; }

/* The largest (or smallest) of some elements, a NaN if there is one: 16 at a time. */
#define EXTREME(name, better)                                                                       \
    CLONES REAL JOIN(name, SUFFIX)(const REAL *a, ptrdiff_t n, REAL start) {                        \
        REAL r[16], one;                                                                            \
        ptrdiff_t i = 0;                                                                            \
        for (int k = 0; k < 16; k++) r[k] = start;                                                  \
        for (; i + 16 <= n; i += 16)                                                                \
            for (int k = 0; k < 16; k++) r[k] = (r[k] better a[i + k]) | (r[k] != r[k]) ? r[k] : a[i + k]; \
        one = r[0];                                                                                 \
        for (int k = 1; k < 16; k++) one = (one better r[k]) | (one != one) ? one : r[k];           \
        for (; i < n; i++) one = (one better a[i]) | (one != one) ? one : a[i];                     \
        return one;                                                                                 \
    }
EXTREME(mm_largest, >=)
EXTREME(mm_smallest, <=)

#include "_rows.h"
