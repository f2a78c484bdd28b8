/* What the expressions of `_scalar_ops.h` call besides the math library, for numbers of type REAL. */

/* A block is done by vector instructions only where the whole expression is in its loop. */
#undef MM_INLINE
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
#ifndef MM_LOG
#define MM_LOG log
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
    const REAL near = fabs(a) < 28 ? a : copysign(28, a), h = rint(near * 64) / 64;
    const REAL p = (REAL)1.128379167095512573896158903121545172 * exp(-(h * h)) * exp(-((a - h) * (a + h)));
    return isnan(a) ? a : p;
}
#ifndef MM_ERF_SLOPE
#define MM_ERF_SLOPE mm_erf_slope
#endif
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
    return s < (MM_IS_FLOAT ? (REAL)0x1p-100 : (REAL)0x1p-960L) ? (MM_IS_FLOAT ? (REAL)0x1p90 : (REAL)0x1p600L)
         : s > (MM_IS_FLOAT ? (REAL)0x1p100 : (REAL)0x1p960L) ? (MM_IS_FLOAT ? (REAL)0x1p-90 : (REAL)0x1p-600L) : 1;
}
#define MM_SCALED const REAL s = mm_balance(a, b), x = s * a, y = s * b, z = x * x + y * y;
MM_INLINE REAL mm_arctan2_slope(REAL a, REAL b) { /* a / (a^2 + b^2) */
    MM_SCALED
    return z == 0 ? 0 : x / z * s;
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
