/* What the expressions of `_scalar_ops.h` call beside the math library, for numbers of type REAL. */

static inline REAL mm_maximum(REAL a, REAL b) { return (a >= b || isnan(a)) ? a : b; }
static inline REAL mm_minimum(REAL a, REAL b) { return (a <= b || isnan(a)) ? a : b; }
static inline REAL mm_sign(REAL a) { return isnan(a) ? a : (REAL)((a > 0) - (a < 0)); }
static inline REAL mm_remainder(REAL a, REAL b) {
    REAL m = fmod(a, b);
    if (b == 0) return m;
    if (m != 0) { if ((b < 0) != (m < 0)) m += b; }
    else m = copysign(0, b);
    return m;
}
static inline REAL mm_floor_divide(REAL a, REAL b) {
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
static inline REAL mm_logaddexp(REAL a, REAL b) {
    REAL sum = (a > b ? a : b) + log1p(exp(-fabs(a - b)));
    return a == b ? a + (REAL)0.693147180559945309417232121458176568 : sum;
}
static inline REAL mm_logaddexp2(REAL a, REAL b) {
    REAL sum = (a > b ? a : b) + (REAL)1.442695040888963407359924681001892137 * log1p(exp2(-fabs(a - b)));
    return a == b ? a + 1 : sum;
}
