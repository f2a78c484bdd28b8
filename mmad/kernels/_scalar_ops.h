/* The scalar operations, and the functions that they need besides the C library's.
 *
 * An operation is one line of SCALAR_OPS: NumPy's name of the ufunc, arity, C expression in a, b, c, and nanoseconds an
 * element of a block of float64, which `python asv_bench/element_costs.py NAME` measures (CHEAP: below half of one).  How it
 * is differentiated is declared in mmad/ops, never here.  Semantics are NumPy's: NaN propagates through maximum/minimum,
 * remainder takes the sign of the divisor.  What only derivatives need stands after NumPy's own; truth values come last, from
 * `less` on.
 *
 * The table is expanded for numbers (`_node.h`) and for blocks of float64 and float32 (`_blocks.h`).  An expression calls
 * functions of <math.h> by their names for doubles, and the functions at the end of this file, which are compiled for REAL,
 * double or float.  What <math.h> has, glibc's vector library (`_blocks_f64.c`) does on blocks of doubles and floats where
 * it can; the rest is computed one by one, in double precision.
 *
 * FUSED_OPS are what the compiler's passes make of them: a program may hold them, a tape does not.
 */
#ifndef MMAD_SCALAR_OPS_H
#define MMAD_SCALAR_OPS_H

#define CHEAP 0.14

#define SCALAR_OPS(X)                                                \
    X(add, 2, a + b, CHEAP)                                          \
    X(subtract, 2, a - b, CHEAP)                                     \
    X(multiply, 2, a * b, CHEAP)                                     \
    X(divide, 2, a / b, 0.5)                                         \
    X(negative, 1, -a, CHEAP)                                        \
    X(positive, 1, a, CHEAP)                                         \
    X(square, 1, a * a, CHEAP)                                       \
    X(reciprocal, 1, 1 / a, 0.5)                                     \
    X(power, 2, pow(a, b), 5.9)                                      \
    X(chain, 2, a == 0 ? 0 : a * b, CHEAP)                           \
    X(masked, 2, a == 0 || b == 0 ? 0 : a * b, CHEAP)                \
    X(settled, 3, a == 0 || (b == 0 && isinf(c)) ? 0 : a * b, CHEAP) \
    X(select, 3, a != 0 ? b : c, CHEAP)                              \
    X(sqrt, 1, sqrt(a), 0.6)                                         \
    X(cbrt, 1, cbrt(a), 2.2)                                         \
    X(exp, 1, exp(a), 1.3)                                           \
    X(exp2, 1, exp2(a), 1.0)                                         \
    X(expm1, 1, expm1(a), 1.4)                                       \
    X(log, 1, log(a), 1.5)                                           \
    X(log2, 1, log2(a), 1.6)                                         \
    X(log10, 1, log10(a), 1.6)                                       \
    X(log1p, 1, log1p(a), 1.9)                                       \
    X(sin, 1, sin(a), 1.2)                                           \
    X(cos, 1, cos(a), 1.3)                                           \
    X(tan, 1, tan(a), 1.4)                                           \
    X(arcsin, 1, asin(a), 1.8)                                       \
    X(arccos, 1, acos(a), 1.8)                                       \
    X(arctan, 1, atan(a), 1.6)                                       \
    X(arctan2, 2, atan2(a, b), 2.2)                                  \
    X(hypot, 2, hypot(a, b), 1.1)                                    \
    X(sinh, 1, sinh(a), 1.6)                                         \
    X(cosh, 1, cosh(a), 1.9)                                         \
    X(tanh, 1, tanh(a), 2.4)                                         \
    X(arcsinh, 1, asinh(a), 5.4)                                     \
    X(arccosh, 1, acosh(a), 4.9)                                     \
    X(arctanh, 1, atanh(a), 4.3)                                     \
    X(erf, 1, erf(a), 1.4)                                           \
    X(erfc, 1, erfc(a), 2.0)                                         \
    X(erf_slope, 1, mm_erf_slope(a), 3.1)                            \
    X(expit, 1, mm_expit(a), 1.9)                                    \
    X(expit_slope, 1, mm_expit_slope(a), 1.5)                        \
    X(logaddexp, 2, mm_logaddexp(a, b), 4.6)                         \
    X(logaddexp2, 2, mm_logaddexp2(a, b), 4.5)                       \
    X(absolute, 1, fabs(a), CHEAP)                                   \
    X(fabs, 1, fabs(a), CHEAP)                                       \
    X(sign, 1, mm_sign(a), CHEAP)                                    \
    X(copysign, 2, copysign(a, b), CHEAP)                            \
    X(maximum, 2, mm_maximum(a, b), CHEAP)                           \
    X(minimum, 2, mm_minimum(a, b), CHEAP)                           \
    X(fmax, 2, a >= b || isnan(b) ? a : b, CHEAP)                    \
    X(fmin, 2, a <= b || isnan(b) ? a : b, CHEAP)                    \
    X(floor, 1, floor(a), CHEAP)                                     \
    X(ceil, 1, ceil(a), CHEAP)                                       \
    X(trunc, 1, trunc(a), CHEAP)                                     \
    X(rint, 1, rint(a), CHEAP)                                       \
    X(remainder, 2, mm_remainder(a, b), 5.2)                         \
    X(fmod, 2, fmod(a, b), 3.9)                                      \
    X(floor_divide, 2, mm_floor_divide(a, b), 6.0)                   \
    X(heaviside, 2, isnan(a) ? a : a < 0 ? 0 : a > 0 ? 1 : b, CHEAP) \
    X(deg2rad, 1, a * 0.017453292519943295, CHEAP)                   \
    X(rad2deg, 1, a * 57.29577951308232, CHEAP)                      \
    X(one_minus_square, 1, (1 - a) * (1 + a), CHEAP)                 \
    X(tanh_slope, 2, mm_tanh_slope(a, b), 1.5)                       \
    X(arctan_slope, 1, mm_arctan_slope(a), 0.6)                      \
    X(arcsinh_slope, 1, mm_arcsinh_slope(a), 1.3)                    \
    X(cbrt_slope, 1, mm_cbrt_slope(a), 4.5)                          \
    X(logaddexp_slope, 2, mm_logaddexp_slope(a, b), 2.2)             \
    X(logaddexp2_slope, 2, mm_logaddexp2_slope(a, b), 1.9)           \
    X(arctan2_slope, 2, mm_arctan2_slope(a, b), 1.9)                 \
    X(arctan2_curve, 2, mm_arctan2_curve(a, b), 3.0)                 \
    X(arctan2_cross, 2, mm_arctan2_cross(a, b), 4.2)                 \
    X(hypot_slope, 2, mm_hypot_slope(a, b), 3.6)                     \
    X(hypot_curve, 2, mm_hypot_curve(a, b), 3.9)                     \
    X(hypot_cross, 2, mm_hypot_cross(a, b), 4.8)                     \
    X(power_slope, 2, mm_power_slope(a, b), 13.8)                    \
    X(power_curve, 2, mm_power_curve(a, b), 14.4)                    \
    X(power_log, 2, mm_power_log(a, b), 13.4)                        \
    X(power_cross, 2, mm_power_cross(a, b), 14.3)                    \
    X(root, 1, sqrt(a), 0.6)                                         \
    X(root_slope, 1, mm_root_slope(a), CHEAP)                        \
    X(own_square, 1, a * a, CHEAP)                                   \
    X(absolute_slope, 1, mm_sign(a), CHEAP)                          \
    X(kink, 1, mm_kink(a), CHEAP)                                    \
    X(tied, 2, ((void)(b), a), CHEAP)                                \
    X(less, 2, a < b, CHEAP)                                         \
    X(less_equal, 2, a <= b, CHEAP)                                  \
    X(greater, 2, a > b, CHEAP)                                      \
    X(greater_equal, 2, a >= b, CHEAP)                               \
    X(equal, 2, a == b, CHEAP)                                       \
    X(not_equal, 2, a != b, CHEAP)                                   \
    X(logical_and, 2, a != 0 && b != 0, CHEAP)                       \
    X(logical_or, 2, a != 0 || b != 0, CHEAP)                        \
    X(logical_xor, 2, (a != 0) != (b != 0), CHEAP)                   \
    X(logical_not, 1, a == 0, CHEAP)                                 \
    X(isnan, 1, isnan(a) != 0, CHEAP)                                \
    X(isfinite, 1, isfinite(a) != 0, CHEAP)                          \
    X(isinf, 1, isinf(a) != 0, CHEAP)                                \
    X(signbit, 1, signbit(a) != 0, 0.7)

#define FUSED_OPS(X)                                      \
    X(multiply_add, 3, a * b + c, CHEAP)                  \
    X(multiply_subtract, 3, a * b - c, CHEAP)             \
    X(subtract_multiply, 3, c - a * b, CHEAP)             \
    X(chain_add, 3, (a == 0 ? 0 : a * b) + c, CHEAP)      \
    X(chain_subtract, 3, (a == 0 ? 0 : a * b) - c, CHEAP) \
    X(subtract_chain, 3, c - (a == 0 ? 0 : a * b), CHEAP)
#endif

#if defined(REAL) && !defined(MMAD_SCALAR_FUNCTIONS)
#define MMAD_SCALAR_FUNCTIONS
/* A block is done by vector instructions only where the whole expression is in its loop. */
#ifdef __GNUC__
#define MM_INLINE static inline __attribute__((always_inline))
#else
#define MM_INLINE static inline
#endif

MM_INLINE REAL mm_maximum(REAL a, REAL b) { return (a >= b || isnan(a)) ? a : b; }
MM_INLINE REAL mm_minimum(REAL a, REAL b) { return (a <= b || isnan(a)) ? a : b; }
MM_INLINE REAL mm_sign(REAL a) { return isnan(a) ? a : (REAL)((a > 0) - (a < 0)); }
MM_INLINE REAL mm_remainder(REAL a, REAL b) {
    REAL m = fmod(a, b);
    if (b == 0) return m;
    if (m != 0) { if ((b < 0) != (m < 0)) m += b; }
    else m = copysign(0, b);
    return m;
}
MM_INLINE REAL mm_floor_divide(REAL a, REAL b) {
    REAL m, d, f;
    if (b == 0) return a / b;
    m = fmod(a, b);
    d = (a - m) / b;
    if (m != 0) { if ((b < 0) != (m < 0)) d -= 1; }
    if (d == 0) return copysign(0, a / b);
    f = floor(d);
    if (d - f > (REAL)0.5) f += 1;
    return f;
}
/* Without branches, so that a block of them is done by vector instructions; two equal infinities have no difference. */
MM_INLINE REAL mm_logaddexp(REAL a, REAL b) {
    REAL sum = (a > b ? a : b) + log1p(exp(-fabs(a - b)));
    return a == b ? a + (REAL)0.693147180559945309417232121458176568 : sum;
}
MM_INLINE REAL mm_logaddexp2(REAL a, REAL b) {
    REAL sum = (a > b ? a : b) + (REAL)1.442695040888963407359924681001892137 * log1p(exp2(-fabs(a - b)));
    return a == b ? a + 1 : sum;
}

/* Derivatives, each in a form that is right to a few units in the last place from one end of the exponents to the other, and
 * without branches, so that a block of them is done by vector instructions. */
#ifndef MM_LOG /* in double precision where REAL is float: the logarithm of a REAL, and the exponential of a double */
#define MM_LOG log
#define MM_EXP exp
#endif
#define MM_IS_FLOAT (sizeof(REAL) == sizeof(float))
MM_INLINE REAL mm_tanh_slope(REAL a, REAL b) { /* 1 / cosh(a)^2, where b = tanh(a) */
    (void)b;
    const REAL e = exp(-2 * fabs(a)), s = 1 + e;
    return 4 * e / (s * s);
}
MM_INLINE REAL mm_arctan_slope(REAL a) { /* 1 / (1 + a^2) */
    const int far = fabs(a) > (REAL)1e9;
    const REAL q = 1 / (far ? a : 1 + a * a);
    return far ? q * q : q;
}
MM_INLINE REAL mm_arcsinh_slope(REAL a) { /* 1 / sqrt(1 + a^2) */
    const int far = fabs(a) > (REAL)1e9;
    return 1 / (far ? fabs(a) : sqrt(1 + a * a));
}
MM_INLINE REAL mm_erf_slope(REAL a) { /* 2 exp(-a^2) / sqrt(pi); a^2 in two parts, of which the larger has no error */
    if (MM_IS_FLOAT) return (REAL)(1.128379167095512573896 * MM_EXP(-((double)a * (double)a)));
    const REAL near = fabs(a) < 28 ? a : copysign(28, a), h = rint(near * 64) / 64;
    const REAL p = (REAL)1.128379167095512573896158903121545172 * exp(-(h * h)) * exp(-((a - h) * (a + h)));
    return isnan(a) ? a : p;
}
MM_INLINE REAL mm_expit(REAL a) { /* 1 / (1 + exp(-a)) */
    const REAL e = exp(-fabs(a));
    return (a < 0 ? e : 1) / (1 + e);
}
MM_INLINE REAL mm_expit_slope(REAL a) { /* 1 / (2 cosh(a / 2))^2 */
    const REAL e = exp(-fabs(a)), s = 1 + e, lost = e - (s - 1);
    return e / (s * s + 2 * s * lost);
}
MM_INLINE REAL mm_cbrt_slope(REAL a) { /* a^(-2/3) / 3, of a root with one step of Newton's method */
    const REAL r = cbrt(a), d = (r - a / (r * r)) / 3, s = r - (isfinite(d) ? d : 0);
    return a == 0 ? 1 / fabs(a) : isinf(a) ? 0 : s / a / 3;
}

/* What b - a loses by rounding; 0 where it overflows. */
MM_INLINE REAL mm_lost(REAL b, REAL a, REAL difference) {
    const REAL part = difference - b, lost = (b - (difference - part)) - (a + part);
    return isfinite(lost) ? lost : 0;
}
MM_INLINE REAL mm_logaddexp_slope(REAL a, REAL b) { /* 1 / (1 + exp(b - a)) */
    const REAL d = b - a, lost = mm_lost(b, a, d), e = exp(-fabs(d)) * (1 - (d > 0 ? lost : -lost));
    return (d > 0 ? e : 1) / (1 + e);
}
MM_INLINE REAL mm_logaddexp2_slope(REAL a, REAL b) { /* 1 / (1 + 2^(b - a)) */
    const REAL d = b - a, lost = (REAL)0.693147180559945309417232 * mm_lost(b, a, d);
    const REAL e = exp2(-fabs(d)) * (1 - (d > 0 ? lost : -lost));
    return (d > 0 ? e : 1) / (1 + e);
}

/* Derivatives of a^b.  Where the power of a may over- or underflow and the derivative does not, the power is taken by way of a
 * root r, and what it is multiplied by stands between its factors.  What b - 1 loses by rounding is made up for.  A small b is
 * lifted out of the subnormal numbers. */
#define MM_LIFT (MM_IS_FLOAT ? (REAL)0x1p24 : (REAL)0x1p60)
MM_INLINE int mm_power_far(REAL a, REAL b, REAL p) { /* whether b a^p, or its factors, are near the ends of the exponents */
    const REAL least = MM_IS_FLOAT ? (REAL)0x1p-126 : (REAL)0x1p-1022L; /* a power of zero is no division by zero */
    const REAL most = exp2((MM_IS_FLOAT ? 110 : 900) / (fabs(p) + least));
    const REAL size = fabs(b), large = MM_IS_FLOAT ? (REAL)0x1p12 : (REAL)0x1p100;
    return !((fabs(a) < most) & (fabs(a) * most > 1) & (size < large) & (size * large > 1));
}
MM_INLINE REAL mm_power_root(REAL a, REAL p, REAL lost, REAL degree) {
    const REAL r = pow(fabs(a), p / degree), shift = lost * MM_LOG(fabs(a)) / degree;
    return fabs(shift) < (REAL)0.5 ? r * (1 + shift) : r;
}
#define MM_LARGEST (MM_IS_FLOAT ? (REAL)0x1.fffffep127 : (REAL)0x1.fffffffffffffp1023L)
MM_INLINE REAL mm_power_sign(REAL a, REAL p) { /* the sign of a^p; NaN where that is not real, as pow has it */
    const REAL whole = floor(p) - p; /* 0, or NaN by a square root, or by infinity */
    const int one = (copysign((REAL)1, a) > 0) | (floor(p / 2) * 2 == p), odd = whole == 0;
    return one ? 1 : odd ? -1 : (a == 0) | (fabs(a) > MM_LARGEST) ? 1 : sqrt(whole);
}
MM_INLINE REAL mm_power_slope(REAL a, REAL b) { /* b a^(b - 1) */
    const REAL p = b - 1, lift = fabs(b) < 1 ? MM_LIFT : 1;
    const int far = mm_power_far(a, b, p);
    const REAL r = mm_power_root(a, p, mm_lost(b, 1, p), far ? 2 : 1);
    return b == 0 ? 0 : lift * b * r * ((far ? r : 1) / lift) * mm_power_sign(a, p);
}
MM_INLINE REAL mm_power_curve(REAL a, REAL b) { /* b (b - 1) a^(b - 2) */
    const REAL p = b - 2, lift = fabs(b) < 1 ? MM_LIFT : 1;
    const int far = mm_power_far(a, b, p);
    const REAL r = mm_power_root(a, p, mm_lost(b, 2, p), far ? 4 : 1), s = far ? r : 1;
    return (b == 0) | (b == 1) ? 0 : lift * b * r * s * (b - 1) * s * (s / lift) * mm_power_sign(a, p);
}
MM_INLINE REAL mm_power_log(REAL a, REAL b) { /* a^b log(a) */
    const int far = mm_power_far(a, 1, b);
    const REAL r = mm_power_root(a, b, 0, far ? 2 : 1);
    return (a == 0) & (b > 0) ? 0 : r * MM_LOG(a) * (far ? r : 1);
}
MM_INLINE REAL mm_power_cross(REAL a, REAL b) { /* a^(b - 1) (1 + b log(a)) */
    const REAL p = b - 1;
    const int far = mm_power_far(a, b, p);
    const REAL r = mm_power_root(a, p, mm_lost(b, 1, p), far ? 2 : 1);
    return (a == 0) & (b > 1) ? 0 : (r + r * b * MM_LOG(a)) * (far ? r : 1);
}

/* A power of two by which a and b are multiplied so that their squares neither overflow nor underflow. */
MM_INLINE REAL mm_balance(REAL a, REAL b) {
    const REAL s = a * a + b * b;
    return s < (MM_IS_FLOAT ? (REAL)0x1p-100 : (REAL)0x1p-960L) ? (MM_IS_FLOAT ? (REAL)0x1p87 : (REAL)0x1p600L)
         : s > (MM_IS_FLOAT ? (REAL)0x1p100 : (REAL)0x1p960L) ? (MM_IS_FLOAT ? (REAL)0x1p-87 : (REAL)0x1p-600L) : 1;
}
#define MM_SCALED const REAL s = mm_balance(a, b), x = s * a, y = s * b, z = x * x + y * y;
MM_INLINE REAL mm_arctan2_slope(REAL a, REAL b) { /* a / (a^2 + b^2) */
    MM_SCALED
    return z == 0 ? 0 : s > 1 ? x * s / z : x / z * s; /* no quotient of small numbers is subnormal */
}
MM_INLINE REAL mm_arctan2_curve(REAL a, REAL b) { /* (b^2 - a^2) / (a^2 + b^2)^2 */
    MM_SCALED
    return z == 0 ? 0 : (y - x) / z * ((y + x) / z) * s * s;
}
MM_INLINE REAL mm_arctan2_cross(REAL a, REAL b) { /* 2 a b / (a^2 + b^2)^2 */
    MM_SCALED
    const int first = fabs(x) < fabs(y);
    return z == 0 ? 0 : MM_LIFT * (first ? x : y) / z * s * ((first ? y : x) / z) * (2 * s / MM_LIFT);
}
MM_INLINE REAL mm_hypot_slope(REAL a, REAL b) { /* a / sqrt(a^2 + b^2) */
    MM_SCALED
    const REAL t = s < 1 ? s : 1; /* x may have underflown */
    return z == 0 ? 0 : a * (s < 1 ? 1 : s) / sqrt(z) * t;
}
MM_INLINE REAL mm_hypot_curve(REAL a, REAL b) { /* b^2 / sqrt(a^2 + b^2)^3; NaN at the origin */
    MM_SCALED
    return z == 0 ? z / z : y / sqrt(z) * s * (y / z);
}
MM_INLINE REAL mm_hypot_cross(REAL a, REAL b) { /* -a b / sqrt(a^2 + b^2)^3, the smaller by the larger divisor */
    MM_SCALED
    const int first = fabs(x) < fabs(y);
    return z == 0 ? 0 : -MM_LIFT * (first ? x : y) / z * ((first ? y : x) / sqrt(z)) * (s / MM_LIFT);
}
#undef MM_SCALED
MM_INLINE REAL mm_root_slope(REAL a) { return (a == 0 ? a : (REAL)0.5) / a; } /* 1 / (2 a); NaN at zero */
MM_INLINE REAL mm_kink(REAL a) { return a == 0 ? a / a : 0; } /* of the sign, the derivative */
#undef MM_LIFT
#endif
