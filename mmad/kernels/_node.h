/* The tape's node and the table of scalar operations.
 *
 * A node is 24 bytes.  `op` is one of the structural codes below or a scalar operation; `a`, `b`, `c` are
 * operand nodes (or a 64-bit index in b and c for LOAD, see node_index); `v` is the value of a scalar node.
 *
 * The scalar operations are listed in `_scalar_ops.h`.
 */
#ifndef MMAD_NODE_H
#define MMAD_NODE_H
#include <stdint.h>
#ifdef MMAD_BLOCKS /* which define REAL, and reach the math library in their own way */
#include "_scalar_ops.h"
#else
#include <math.h>
#define REAL double
#include "_scalar_ops.h"
#undef REAL
#endif

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
    NODE_BOOL = 16,      /* a truth value, or an array of truth values or integers: no derivative */
    NODE_DEFERRED = 32,  /* recorded without its value, see `_deferred.pyx` */
    NODE_SPOILT = 64     /* a slope of a norm whose product is spoilt (`_rules.spoilt`): a zero cotangent of it is structural */
};

static inline int64_t node_index(const Node *n) { return ((int64_t)n->c << 32) | (uint32_t)n->b; }

/* Place of a constant's bits in the tape's table of 64 recent ones (Fibonacci hashing). */
static inline int const_slot(uint64_t bits) { return (int)((bits * 0x9E3779B97F4A7C15ull) >> 58); }

enum {
    SCALAR_BEFORE = OP_FIRST_SCALAR - 1,
#define X(name, arity, expr, cost) SC_##name,
    SCALAR_OPS(X)
#undef X
    SCALAR_END,
    FUSED_BEFORE = SCALAR_END - 1,
#define X(name, arity, expr, cost) SC_##name,
    FUSED_OPS(X)
#undef X
    FUSED_END
};

#ifndef MMAD_BLOCKS
static inline double scalar_eval(int op, double a, double b, double c) {
    (void)b; (void)c;
    switch (op) {
#define X(name, arity, expr, cost) case SC_##name: return (double)(expr);
        SCALAR_OPS(X)
        FUSED_OPS(X)
#undef X
    }
    return NAN;
}
#endif

static inline const char *scalar_name(int op) {
    switch (op) {
#define X(name, arity, expr, cost) case SC_##name: return #name;
        SCALAR_OPS(X)
        FUSED_OPS(X)
#undef X
    }
    return "?";
}

/* Nanoseconds an element of a block. */
static inline double scalar_cost(int op) {
    switch (op) {
#define X(name, arity, expr, cost) case SC_##name: return cost;
        SCALAR_OPS(X)
        FUSED_OPS(X)
#undef X
    }
    return CHEAP;
}

static inline int scalar_arity(int op) {
    switch (op) {
#define X(name, arity, expr, cost) case SC_##name: return arity;
        SCALAR_OPS(X)
        FUSED_OPS(X)
#undef X
    }
    return 0;
}
#endif
