/* Groups of one block as a flat list of calls of kernels; see `_stream.pyx`, which makes it. */
#include "_vm.h"

enum { OPS = FUSED_END - OP_FIRST_SCALAR, SPECIAL = 2 * CALLS };

static Kernel kernels[SPECIAL + 2 * OPS * VARIANTS]; /* by number */

/* What is called besides the kernels; an access, a product or instructions come instead of operands. */
#define LOAD(name, type)                                                                        \
    static void name(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {       \
        (void)c;                                                                                \
        mm_load(b, type, a, r, 0, n);                                                           \
    }
LOAD(load_f64, MM_F64)
LOAD(load_f32, MM_F32)

#define SPREAD(name, REAL)                                                                      \
    static void name(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {       \
        const REAL v = (REAL)*(const double *)a;                                                \
        (void)b, (void)c;                                                                       \
        for (ptrdiff_t i = 0; i < n; i++) ((REAL *)r)[i] = v;                                   \
    }
SPREAD(spread_f64, double)
SPREAD(spread_f32, float)

#define STORE(name, type)                                                                       \
    static void name(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {       \
        double lost = 0;                                                                        \
        (void)c;                                                                                \
        mm_store(b, type, r, a, 0, n, &lost);                                                   \
    }
STORE(store_f64, MM_F64)
STORE(store_f32, MM_F32)

#define TOTAL(name, type)                                                                       \
    static void name(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {       \
        (void)c;                                                                                \
        *(double *)r = mm_total(b, type, a, n);                                                 \
    }
TOTAL(total_f64, MM_F64)
TOTAL(total_f32, MM_F32)

static void clear(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {
    (void)a, (void)c, (void)n;
    mm_clear(b, r);
}

static void product(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {
    (void)n;
    mm_product(c, a, b, r);
}

static void routine(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {
    (void)n;
    mm_routine(c, a, b, r);
}

static void scalars(void *r, const void *a, const void *b, const void *c, ptrdiff_t n) {
    (void)c, (void)n;
    mm_scalars_run(a, r, (char **)b);
}

int mm_call_special(int what, int type) { return 2 * what + type; }

int mm_call_kernel(int type, int op, int variant) { return SPECIAL + (type * OPS + op - OP_FIRST_SCALAR) * VARIANTS + variant; }

void mm_calls_prepare(void) {
    static const Kernel special[][2] = {
        [CALL_LOAD] = {load_f64, load_f32}, [CALL_SPREAD] = {spread_f64, spread_f32},
        [CALL_STORE] = {store_f64, store_f32}, [CALL_TOTAL] = {total_f64, total_f32}, [CALL_CLEAR] = {clear, clear},
        [CALL_PRODUCT] = {product, product}, [CALL_ROUTINE] = {routine, routine},
        [CALL_SCALARS] = {scalars, scalars}};
    for (int what = 0; what < CALLS; what++)
        for (int type = 0; type < 2; type++) kernels[mm_call_special(what, type)] = special[what][type];
    for (int op = OP_FIRST_SCALAR; op < FUSED_END; op++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            kernels[mm_call_kernel(MM_F64, op, variant)] = mm_kernel_f64(op, variant);
            kernels[mm_call_kernel(MM_F32, op, variant)] = mm_kernel_f32(op, variant);
        }
}

void mm_calls_run(const KernelCall *p, const KernelCall *end, char *const *base) {
    for (; p < end; p++)
        kernels[p->run](base[p->base[0]] + p->at[0], base[p->base[1]] + p->at[1], base[p->base[2]] + p->at[2],
                        base[p->base[3]] + p->at[3], p->n);
}
