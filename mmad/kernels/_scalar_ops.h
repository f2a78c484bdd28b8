/* The scalar operations, listed once: NumPy's name of the ufunc, arity, C expression in a, b, c.
 *
 * The table is expanded for numbers (`_node.h`) and for blocks of float64 and float32 (`_blocks.h`); the latter give
 * `sin` and the rest the meaning of their precision.  How an operation is differentiated is declared in mmad/ops,
 * never here.  Semantics are NumPy's: NaN propagates through maximum/minimum, remainder takes the sign of the divisor.
 * What only derivatives need stands after NumPy's own (mmad/ops/slopes.py); truth values come last, from `less` on.
 *
 * FUSED_OPS are what the compiler's passes make of them: a program may hold them, a tape does not.
 */
#ifndef MMAD_SCALAR_OPS_H
#define MMAD_SCALAR_OPS_H

#define SCALAR_OPS(X)                                                                                         \
    X(add, 2, a + b) X(subtract, 2, a - b) X(multiply, 2, a * b) X(divide, 2, a / b) X(negative, 1, -a)       \
    X(positive, 1, a) X(square, 1, a * a) X(reciprocal, 1, 1 / a) X(power, 2, pow(a, b))                      \
    X(chain, 2, a == 0 ? 0 : a * b) X(masked, 2, a == 0 || b == 0 ? 0 : a * b)                                \
    X(settled, 3, a == 0 || (b == 0 && isinf(c)) ? 0 : a * b)                                                 \
    X(select, 3, a != 0 ? b : c) X(sqrt, 1, sqrt(a)) X(cbrt, 1, cbrt(a))                                      \
    X(exp, 1, exp(a)) X(exp2, 1, exp2(a)) X(expm1, 1, expm1(a)) X(log, 1, log(a)) X(log2, 1, log2(a))         \
    X(log10, 1, log10(a)) X(log1p, 1, log1p(a)) X(sin, 1, sin(a)) X(cos, 1, cos(a)) X(tan, 1, tan(a))         \
    X(arcsin, 1, asin(a)) X(arccos, 1, acos(a)) X(arctan, 1, atan(a)) X(arctan2, 2, atan2(a, b))              \
    X(hypot, 2, hypot(a, b)) X(sinh, 1, sinh(a)) X(cosh, 1, cosh(a)) X(tanh, 1, tanh(a))                      \
    X(arcsinh, 1, asinh(a)) X(arccosh, 1, acosh(a)) X(arctanh, 1, atanh(a))                                   \
    X(erf, 1, erf(a)) X(erfc, 1, erfc(a)) X(erf_slope, 1, MM_ERF_SLOPE(a))                                    \
    X(logaddexp, 2, mm_logaddexp(a, b)) X(logaddexp2, 2, mm_logaddexp2(a, b)) X(absolute, 1, fabs(a))         \
    X(fabs, 1, fabs(a)) X(sign, 1, mm_sign(a)) X(copysign, 2, copysign(a, b))                                 \
    X(maximum, 2, mm_maximum(a, b)) X(minimum, 2, mm_minimum(a, b))                                           \
    X(fmax, 2, a >= b || isnan(b) ? a : b) X(fmin, 2, a <= b || isnan(b) ? a : b) X(floor, 1, floor(a))       \
    X(ceil, 1, ceil(a)) X(trunc, 1, trunc(a)) X(rint, 1, rint(a)) X(remainder, 2, mm_remainder(a, b))         \
    X(fmod, 2, fmod(a, b)) X(floor_divide, 2, mm_floor_divide(a, b))                                          \
    X(heaviside, 2, isnan(a) ? a : a < 0 ? 0 : a > 0 ? 1 : b) X(deg2rad, 1, a * 0.017453292519943295)         \
    X(rad2deg, 1, a * 57.29577951308232) X(one_minus_square, 1, (1 - a) * (1 + a))                            \
    X(tanh_slope, 2, mm_tanh_slope(a, b)) X(arctan_slope, 1, mm_arctan_slope(a))                              \
    X(arcsinh_slope, 1, mm_arcsinh_slope(a))                                                                  \
    X(cbrt_slope, 1, mm_cbrt_slope(a)) X(logaddexp_slope, 2, mm_logaddexp_slope(a, b))                        \
    X(logaddexp2_slope, 2, mm_logaddexp2_slope(a, b)) X(arctan2_slope, 2, mm_arctan2_slope(a, b))             \
    X(arctan2_curve, 2, mm_arctan2_curve(a, b)) X(arctan2_cross, 2, mm_arctan2_cross(a, b))                   \
    X(hypot_slope, 2, mm_hypot_slope(a, b)) X(hypot_curve, 2, mm_hypot_curve(a, b))                           \
    X(hypot_cross, 2, mm_hypot_cross(a, b)) X(power_slope, 2, mm_power_slope(a, b))                           \
    X(power_curve, 2, mm_power_curve(a, b)) X(power_log, 2, mm_power_log(a, b))                               \
    X(power_cross, 2, mm_power_cross(a, b)) X(root, 1, sqrt(a)) X(root_slope, 1, mm_root_slope(a))            \
    X(own_square, 1, a * a) X(absolute_slope, 1, mm_sign(a)) X(kink, 1, mm_kink(a))                           \
    X(tied, 2, ((void)(b), a)) X(less, 2, a < b) X(less_equal, 2, a <= b) X(greater, 2, a > b)                \
    X(greater_equal, 2, a >= b) X(equal, 2, a == b) X(not_equal, 2, a != b)                                   \
    X(logical_and, 2, a != 0 && b != 0) X(logical_or, 2, a != 0 || b != 0)                                    \
    X(logical_xor, 2, (a != 0) != (b != 0)) X(logical_not, 1, a == 0) X(isnan, 1, isnan(a) != 0)              \
    X(isfinite, 1, isfinite(a) != 0) X(isinf, 1, isinf(a) != 0) X(signbit, 1, signbit(a) != 0)

#define FUSED_OPS(X)                                                                                          \
    X(multiply_add, 3, a * b + c) X(multiply_subtract, 3, a * b - c) X(subtract_multiply, 3, c - a * b)       \
    X(chain_add, 3, (a == 0 ? 0 : a * b) + c) X(chain_subtract, 3, (a == 0 ? 0 : a * b) - c)              \
    X(subtract_chain, 3, c - (a == 0 ? 0 : a * b))
#endif
