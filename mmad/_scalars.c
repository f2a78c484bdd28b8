/* The loop over scalar instructions. */
#include "_vm.h"

static inline int64_t index_of(const Instr *p) { return ((int64_t)p->c << 32) | (uint32_t)p->b; }

static inline int held(const Instr *p, double v, double seen) {
    if (p->flags & VM_TRUTH) return (v != 0) == (seen != 0);
    return v == seen || (v != v && seen != seen);
}

#ifdef __GNUC__
/* Each instruction jumps to the next one's code itself, so that the processor predicts the jumps apart. */
const Instr *mm_scalars_run(const Instr *p, double *s, char **buffers) {
#define X(name, arity, expr) [SC_##name] = &&L_##name,
    static const void *const labels[] = {
        [VM_LOAD] = &&L_load, [VM_STORE] = &&L_store, [VM_GUARD] = &&L_guard, [VM_END] = &&L_end,
        [VM_SINCOS] = &&L_sincos,
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
L_end:
    return NULL;
#define X(name, arity, expr)                                       \
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
        case VM_END: return NULL;
        default: s[p->r] = scalar_eval(p->op, s[p->a], s[p->b], s[p->c]);
    }
}
#endif
