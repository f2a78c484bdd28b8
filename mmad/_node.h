/* The tape's node and the table of scalar operations.
 *
 * A node is 24 bytes.  `op` is one of the structural codes below or a scalar operation; `a`, `b`, `c` are
 * operand nodes (or a 64-bit index in b and c for LOAD, see node_index); `v` is the value of a scalar node.
 *
 * The scalar operations are listed once, in SCALAR_OPS: name (NumPy's name for the ufunc), arity, C expression
 * in a, b, c.  How each is differentiated is declared in mmad/ops, never here.  Semantics are NumPy's float64:
 * NaN propagates through maximum/minimum, remainder takes the sign of the divisor.  Truth values come last, from `less` on.
 */
#ifndef MMAD_NODE_H
#define MMAD_NODE_H
#include <math.h>
#include <stdint.h>

typedef struct {
    uint16_t op;
    uint16_t flags;
    int32_t a, b, c;
    union { double v; int64_t i; };
} Node;

enum {
    OP_INPUT = 0, /* an argument; array: a = record */
    OP_CONST = 1, /* a constant; array: a = record */
    OP_REC = 2,   /* an array operation; a = record; v = value where the result is a scalar */
    OP_LOAD = 3,  /* element (b, c as index) of array node a */
    OP_STORE = 4, /* array node a with scalar node b written at flat index i; c = record of the root */
    OP_GUARD = 5, /* Python looked at node a and saw v */
    OP_FIRST_SCALAR = 8
};

enum {
    NODE_ARRAY = 1,      /* the value is an array */
    NODE_CONSUMED = 2,   /* an array operation holds this version: a later write must copy */
    NODE_SUPERSEDED = 4, /* a later version has been written over this one */
    NODE_STRONG = 8,     /* a NumPy float64 scalar, not a weak Python float (NEP 50) */
    NODE_BOOL = 16       /* a truth value, or an array of truth values or integers: no derivative */
};

static inline int64_t node_index(const Node *n) { return ((int64_t)n->c << 32) | (uint32_t)n->b; }

/* Place of a constant's bits in the tape's table of 64 recent ones (Fibonacci hashing). */
static inline int const_slot(uint64_t bits) { return (int)((bits * 0x9E3779B97F4A7C15ull) >> 58); }

static inline double mm_maximum(double a, double b) { return (a >= b || isnan(a)) ? a : b; }
static inline double mm_minimum(double a, double b) { return (a <= b || isnan(a)) ? a : b; }
static inline double mm_sign(double a) { return isnan(a) ? a : (double)((a > 0) - (a < 0)); }
static inline double mm_remainder(double a, double b) {
    double m = fmod(a, b);
    if (b == 0) return m;
    if (m != 0) { if ((b < 0) != (m < 0)) m += b; }
    else m = copysign(0.0, b);
    return m;
}
static inline double mm_floor_divide(double a, double b) {
    double m, d, f;
    if (b == 0) return a / b;
    m = fmod(a, b);
    d = (a - m) / b;
    if (m != 0) { if ((b < 0) != (m < 0)) d -= 1.0; }
    if (d == 0) return copysign(0.0, a / b);
    f = floor(d);
    if (d - f > 0.5) f += 1.0;
    return f;
}
static inline double mm_logaddexp(double a, double b) {
    double d;
    if (a == b) return a + 0.693147180559945309417232121458176568;
    d = a - b;
    if (d > 0) return a + log1p(exp(-d));
    if (d <= 0) return b + log1p(exp(d));
    return d;
}
static inline double mm_logaddexp2(double a, double b) {
    double d;
    if (a == b) return a + 1.0;
    d = a - b;
    if (d > 0) return a + 1.442695040888963407359924681001892137 * log1p(exp2(-d));
    if (d <= 0) return b + 1.442695040888963407359924681001892137 * log1p(exp2(d));
    return d;
}

#define SCALAR_OPS(X)                                                                                         \
    X(add, 2, a + b) X(subtract, 2, a - b) X(multiply, 2, a * b) X(divide, 2, a / b) X(negative, 1, -a)       \
    X(positive, 1, a) X(square, 1, a * a) X(reciprocal, 1, 1.0 / a) X(power, 2, pow(a, b))                    \
    X(chain, 2, a == 0 ? 0.0 : a * b) X(select, 3, a != 0 ? b : c)                                            \
    X(sqrt, 1, sqrt(a)) X(cbrt, 1, cbrt(a)) X(exp, 1, exp(a)) X(exp2, 1, exp2(a)) X(expm1, 1, expm1(a))       \
    X(log, 1, log(a)) X(log2, 1, log2(a)) X(log10, 1, log10(a)) X(log1p, 1, log1p(a))                         \
    X(sin, 1, sin(a)) X(cos, 1, cos(a)) X(tan, 1, tan(a)) X(arcsin, 1, asin(a)) X(arccos, 1, acos(a))         \
    X(arctan, 1, atan(a)) X(arctan2, 2, atan2(a, b)) X(hypot, 2, hypot(a, b))                                 \
    X(sinh, 1, sinh(a)) X(cosh, 1, cosh(a)) X(tanh, 1, tanh(a)) X(arcsinh, 1, asinh(a))                       \
    X(arccosh, 1, acosh(a)) X(arctanh, 1, atanh(a))                                                           \
    X(logaddexp, 2, mm_logaddexp(a, b)) X(logaddexp2, 2, mm_logaddexp2(a, b))                                 \
    X(absolute, 1, fabs(a)) X(fabs, 1, fabs(a)) X(sign, 1, mm_sign(a)) X(copysign, 2, copysign(a, b))         \
    X(maximum, 2, mm_maximum(a, b)) X(minimum, 2, mm_minimum(a, b)) X(fmax, 2, fmax(a, b))                    \
    X(fmin, 2, fmin(a, b)) X(floor, 1, floor(a)) X(ceil, 1, ceil(a)) X(trunc, 1, trunc(a))                    \
    X(rint, 1, rint(a)) X(remainder, 2, mm_remainder(a, b)) X(fmod, 2, fmod(a, b))                            \
    X(floor_divide, 2, mm_floor_divide(a, b)) X(heaviside, 2, isnan(a) ? a : a < 0 ? 0.0 : a > 0 ? 1.0 : b)   \
    X(deg2rad, 1, a * 0.017453292519943295) X(rad2deg, 1, a * 57.29577951308232)                              \
    X(less, 2, a < b) X(less_equal, 2, a <= b) X(greater, 2, a > b) X(greater_equal, 2, a >= b)               \
    X(equal, 2, a == b) X(not_equal, 2, a != b) X(logical_and, 2, a != 0 && b != 0)                           \
    X(logical_or, 2, a != 0 || b != 0) X(logical_xor, 2, (a != 0) != (b != 0)) X(logical_not, 1, a == 0)      \
    X(isnan, 1, isnan(a) != 0) X(isfinite, 1, isfinite(a) != 0) X(isinf, 1, isinf(a) != 0)                    \
    X(signbit, 1, signbit(a) != 0)

enum {
    SCALAR_BEFORE = OP_FIRST_SCALAR - 1,
#define X(name, arity, expr) SC_##name,
    SCALAR_OPS(X)
#undef X
    SCALAR_END
};

static inline double scalar_eval(int op, double a, double b, double c) {
    (void)b; (void)c;
    switch (op) {
#define X(name, arity, expr) case SC_##name: return (double)(expr);
        SCALAR_OPS(X)
#undef X
    }
    return NAN;
}

static inline const char *scalar_name(int op) {
    switch (op) {
#define X(name, arity, expr) case SC_##name: return #name;
        SCALAR_OPS(X)
#undef X
    }
    return "?";
}

static inline int scalar_arity(int op) {
    switch (op) {
#define X(name, arity, expr) case SC_##name: return arity;
        SCALAR_OPS(X)
#undef X
    }
    return 0;
}
#endif
