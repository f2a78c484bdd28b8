/* The loop over scalar instructions. */
#include "_vm.h"

static inline int64_t index_of(const Instr *p) { return ((int64_t)p->c << 32) | (uint32_t)p->b; }

static inline int held(const Instr *p, double v, double seen) {
    if (p->flags & VM_TRUTH) return (v != 0) == (seen != 0);
    return v == seen || (v != v && seen != seen);
}

/* What VM_LINEAR does is in its flags.  Runs of it need no jump an instruction: where sums and products follow each other
 * without a pattern, as in determinants and their gradients, no processor predicts those. */
enum {
    NEGATE_PRODUCT = 1, NEGATE_SUMMAND = 2, CHAIN = 4, /* a == 0: the product is 0, whatever b is */
    SHORTEST_RUN = 4
};

#define SIGN 0x8000000000000000u
typedef struct { uint64_t product, summand, chain, pad; } Masks;
#define MASKS(f) {f & NEGATE_PRODUCT ? SIGN : 0, f & NEGATE_SUMMAND ? SIGN : 0, f & CHAIN ? ~(uint64_t)0 : 0, 0}
static const Masks masks[8] = {MASKS(0), MASKS(1), MASKS(2), MASKS(3), MASKS(4), MASKS(5), MASKS(6), MASKS(7)};

#ifdef __SSE2__
#include <emmintrin.h>
static inline void linear(const Instr *p, double *s) {
    const double *m = (const double *)(masks + p->flags);
    const __m128d a = _mm_load_sd(s + p->a), zero = _mm_and_pd(_mm_cmpeq_sd(a, _mm_setzero_pd()), _mm_load_sd(m + 2));
    const __m128d product = _mm_andnot_pd(zero, _mm_mul_sd(a, _mm_load_sd(s + p->b)));
    const __m128d summand = _mm_xor_pd(_mm_load_sd(s + p->c), _mm_load_sd(m + 1));
    _mm_store_sd(s + p->r, _mm_add_sd(_mm_xor_pd(product, _mm_load_sd(m)), summand));
}
#else
static inline void linear(const Instr *p, double *s) {
    const double a = s[p->a], product = p->flags & CHAIN && a == 0 ? 0.0 : a * s[p->b], summand = s[p->c];
    s[p->r] = (p->flags & NEGATE_PRODUCT ? -product : product) + (p->flags & NEGATE_SUMMAND ? -summand : summand);
}
#endif

/* The instruction as VM_LINEAR, in place; 0 if it is none. */
static int made_linear(Instr *p, int32_t one, int32_t zero) {
    Instr q = *p;
    q.op = VM_LINEAR;
    q.flags = 0;
    switch (p->op) {
    case SC_add: q.b = one; q.c = p->b; break;
    case SC_subtract: q.b = one; q.c = p->b; q.flags = NEGATE_SUMMAND; break;
    case SC_multiply: q.c = zero; break;
    case SC_negative: q.b = one; q.c = zero; q.flags = NEGATE_PRODUCT; break;
    case SC_positive: q.b = one; q.c = zero; break;
    case SC_square: q.b = p->a; q.c = zero; break;
    case SC_chain: q.c = zero; q.flags = CHAIN; break;
    case SC_multiply_add: break;
    case SC_multiply_subtract: q.flags = NEGATE_SUMMAND; break;
    case SC_subtract_multiply: q.flags = NEGATE_PRODUCT; break;
    case SC_chain_add: q.flags = CHAIN; break;
    case SC_chain_subtract: q.flags = CHAIN | NEGATE_SUMMAND; break;
    case SC_subtract_chain: q.flags = CHAIN | NEGATE_PRODUCT; break;
    default: return 0;
    }
    *p = q;
    return 1;
}

void mm_scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero) {
    for (int64_t i = 0, end; i < n; i = end + 1) {
        Instr q;
        for (end = i; end < n && (q = code[end], made_linear(&q, one, zero)); end++) {}
        if (end - i >= SHORTEST_RUN)
            for (int64_t k = i; k < end; k++) made_linear(code + k, one, zero);
    }
}

#ifdef __GNUC__
/* Each instruction jumps to the next one's code itself, so that the processor predicts the jumps apart. */
const Instr *mm_scalars_run(const Instr *p, double *s, char **buffers) {
#define X(name, arity, expr, cost) [SC_##name] = &&L_##name,
    static const void *const labels[] = {
        [VM_LOAD] = &&L_load, [VM_STORE] = &&L_store, [VM_GUARD] = &&L_guard, [VM_END] = &&L_end,
        [VM_SINCOS] = &&L_sincos, [VM_LINEAR] = &&L_linear,
        SCALAR_OPS(X) FUSED_OPS(X)};
#undef X
#define NEXT goto *labels[(++p)->op]
    goto *labels[p->op];
L_load:
    s[p->r] = ((const double *)buffers[p->a])[index_of(p)];
    NEXT;
L_store:
    ((double *)buffers[p->r])[index_of(p)] = s[p->a];
    NEXT;
L_guard:
    if (!held(p, s[p->a], s[p->b])) return p;
    NEXT;
L_sincos: { /* the compiler makes one call of the two */
    const double x = s[p->a];
    s[p->r] = sin(x);
    s[p->c] = cos(x);
    NEXT;
}
L_linear:
    do linear(p++, s);
    while (p->op == VM_LINEAR);
    goto *labels[p->op];
L_end:
    return NULL;
#define X(name, arity, expr, cost)                                 \
    L_##name: {                                                    \
        const double a = s[p->a], b = s[p->b], c = s[p->c];        \
        (void)a, (void)b, (void)c;                                 \
        s[p->r] = (double)(expr);                                  \
        NEXT;                                                      \
    }
    SCALAR_OPS(X)
    FUSED_OPS(X)
#undef X
#undef NEXT
}
#else
const Instr *mm_scalars_run(const Instr *p, double *s, char **buffers) {
    for (;; p++) switch (p->op) {
        case VM_LOAD: s[p->r] = ((const double *)buffers[p->a])[index_of(p)]; break;
        case VM_STORE: ((double *)buffers[p->r])[index_of(p)] = s[p->a]; break;
        case VM_GUARD: if (!held(p, s[p->a], s[p->b])) return p; break;
        case VM_SINCOS: { double x = s[p->a]; s[p->r] = sin(x); s[p->c] = cos(x); break; }
        case VM_LINEAR: linear(p, s); break;
        case VM_END: return NULL;
        default: s[p->r] = scalar_eval(p->op, s[p->a], s[p->b], s[p->c]);
    }
}
#endif
