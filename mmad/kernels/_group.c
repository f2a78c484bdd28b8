/* The loop over the blocks of a group: load operands, run kernels, store results. */
#include "_vm.h"
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define PREFETCH(address) ((void)(address))
#endif

#define ALIGN 64

static const size_t SIZE[] = {sizeof(double), sizeof(float), 1, 8, 4, 2, 1, 8, 4, 2, 1};

size_t mm_group_scratch(const Group *g) {
    size_t one = ((size_t)g->block * SIZE[g->type] + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    return one * (size_t)g->scratch;
}

double mm_combine(int action, double a, double b) {
    if (action == TOTAL_ADD) return a + b;
    return action == TOTAL_MAXIMUM ? mm_maximum(a, b) : mm_minimum(a, b);
}

static double neutral(int action) {
    if (action == STORE_ADD || action == TOTAL_ADD) return 0.0;
    return action == STORE_MAXIMUM || action == TOTAL_MAXIMUM ? -INFINITY : INFINITY;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Position in an odometer: where element i of the iteration is in memory, and how far the innermost axis goes on. */
typedef struct { int64_t at, rest, index[MM_RANK]; } Position;

static Position position(const Access *x, int64_t i) {
    Position p;
    p.at = x->offset;
    p.rest = 1;
    for (int k = x->rank - 1; k >= 0; k--) {
        int64_t q = i / x->shape[k];
        p.index[k] = i - q * x->shape[k];
        p.at += p.index[k] * x->strides[k];
        if (k == x->rank - 1) p.rest = x->shape[k] - p.index[k];
        i = q;
    }
    return p;
}

/* To the first element of the next innermost row. */
static void next_row(const Access *x, Position *p) {
    int k = x->rank - 1;
    p->at -= p->index[k] * x->strides[k];
    p->index[k] = 0;
    p->rest = x->shape[k];
    for (k--; k >= 0; k--) {
        p->at += x->strides[k];
        if (++p->index[k] < x->shape[k]) return;
        p->at -= p->index[k] * x->strides[k];
        p->index[k] = 0;
    }
}

/* Over the rows of x within elements i..i+m: `base + at` is an element, `rows` whole rows of `count` elements, `along`
 * apart, follow there, or part of one row. */
#define ROWS(BODY)                                                                                    \
    Position p = position(x, i);                                                                      \
    const int last = x->rank - 1;                                                                     \
    while (m > 0) {                                                                                   \
        int64_t count = least(p.rest, m), at = p.at, rows = 1, along = 0;                             \
        if (last && count == x->shape[last]) {                                                        \
            rows = least(m / count, x->shape[last - 1] - p.index[last - 1]);                          \
            along = x->strides[last - 1];                                                             \
        }                                                                                             \
        BODY                                                                                          \
        r += rows * count;                                                                            \
        m -= rows * count;                                                                            \
        if (m > 0) {                                                                                  \
            if (last) p.index[last - 1] += rows - 1;                                                  \
            p.index[last] += count;                                                                   \
            p.at += count * step + (rows - 1) * along;                                                \
            next_row(x, &p);                                                                          \
        }                                                                                             \
    }
#define EACH_ROW(DO) for (int64_t q = 0; q < rows; q++) for (int64_t k = 0; k < count; k++) DO(q * count + k, at + q * along + k * step);

/* The same where rows are short (vectors of two to four numbers, an array a point): DO(to register k, from memory place). */
#define FULL_ROWS(L, DO) case L: for (; m >= L; m -= L, at += along, r += L) for (int k = 0; k < L; k++) DO(k, at + k * step); break;
#define SHORT_ROWS(DO)                                                                             \
    if (x->rank == 2 && x->shape[1] >= 2 && x->shape[1] <= 4) {                                    \
        int64_t length = x->shape[1], along = x->strides[0], q = i / length, begun = i - q * length; \
        int64_t at = x->offset + q * along;                                                        \
        if (begun) {                                                                               \
            for (; begun < length && m > 0; begun++, m--, r++) DO(0, at + begun * step);           \
            at += along;                                                                           \
        }                                                                                          \
        switch (length) { FULL_ROWS(2, DO) FULL_ROWS(3, DO) FULL_ROWS(4, DO) }                     \
        for (int64_t k = 0; k < m; k++) DO(k, at + k * step);                                      \
        return;                                                                                    \
    }

#define LOAD(name, MEMORY, REGISTER, LINE, COPY, SPREAD)                                           \
    static void name(const Access *x, const void *memory, void *reg, int64_t i, int64_t m) {      \
        const MEMORY *base = memory;                                                               \
        REGISTER *r = reg;                                                                         \
        if (x->mode == ACCESS_LINEAR) {                                                            \
            base += x->offset + i;                                                                 \
            LINE                                                                                   \
            return;                                                                                \
        }                                                                                          \
        if (x->mode == ACCESS_INDEX) {                                                             \
            for (int64_t k = 0; k < m; k++) r[k] = (REGISTER)base[x->offset + x->table[i + k]];    \
            return;                                                                                \
        }                                                                                          \
        int64_t step = x->strides[x->rank - 1];                                                    \
        SHORT_ROWS(LOAD_ONE)                                                                       \
        ROWS({                                                                                     \
            if (step == 1) { COPY }                                                                \
            else if (step == 0) { SPREAD }                                                         \
            else EACH_ROW(LOAD_ONE)                                                                \
        })                                                                                         \
    }
#define LOAD_ONE(k, place) r[k] = base[place]
#define SLOWLY EACH_ROW(LOAD_ONE)
#define LOAD_LINE for (int64_t k = 0; k < m; k++) LOAD_ONE(k, k);
#define LOAD_ROWS(name, KIND)                                                                      \
    LOAD(name, REAL_##KIND, REAL_##KIND, LOAD_LINE, mm_rows_copy_##KIND(r, base + at, rows, count, along);, \
         mm_rows_spread_##KIND(r, base + at, rows, count, along);)
#define REAL_f64 double
#define REAL_f32 float
LOAD_ROWS(load_f64_f64, f64)
LOAD(load_f32_f64, float, double, LOAD_LINE, SLOWLY, SLOWLY)
LOAD(load_bool_f64, uint8_t, double, mm_from_truth_f64(r, base, m);, SLOWLY, SLOWLY)
LOAD(load_f64_f32, double, float, LOAD_LINE, SLOWLY, SLOWLY)
LOAD_ROWS(load_f32_f32, f32)
LOAD(load_bool_f32, uint8_t, float, mm_from_truth_f32(r, base, m);, SLOWLY, SLOWLY)

/* Integers are rounded as NumPy rounds them: once, to the registers' precision. */
#define INTEGERS(X) X(int64_t) X(int32_t) X(int16_t) X(int8_t) X(uint64_t) X(uint32_t) X(uint16_t) X(uint8_t)
#undef LOAD_ONE
#define LOAD_ONE(k, place) r[k] = (REGISTER)base[place]
#define REGISTER double
#define LOAD_INTEGER(INTEGER) LOAD(load_##INTEGER##_f64, INTEGER, double, LOAD_LINE, SLOWLY, SLOWLY)
INTEGERS(LOAD_INTEGER)
#undef REGISTER
#undef LOAD_INTEGER
#define REGISTER float
#define LOAD_INTEGER(INTEGER) LOAD(load_##INTEGER##_f32, INTEGER, float, LOAD_LINE, SLOWLY, SLOWLY)
INTEGERS(LOAD_INTEGER)
#undef REGISTER

typedef void (*Load)(const Access *, const void *, void *, int64_t, int64_t);
#define NAME_f64(INTEGER) load_##INTEGER##_f64,
#define NAME_f32(INTEGER) load_##INTEGER##_f32,
static const Load LOADS[2][MM_TYPES] = {{load_f64_f64, load_f32_f64, load_bool_f64, INTEGERS(NAME_f64)},
                                        {load_f64_f32, load_f32_f32, load_bool_f32, INTEGERS(NAME_f32)}};

#define SET_SAME(k, place) base[place] = r[k]
#define SET_TRUTH(k, place) base[place] = r[k] != 0
#define SET(name, REGISTER, MEMORY, AS, LINE)                                                       \
    static void name(const Access *x, void *memory, const void *reg, int64_t i, int64_t m) {      \
        MEMORY *base = memory;                                                                     \
        const REGISTER *r = reg;                                                                   \
        if (x->mode == ACCESS_LINEAR) {                                                            \
            base += x->offset + i;                                                                 \
            LINE                                                                                   \
            return;                                                                                \
        }                                                                                          \
        if (x->mode == ACCESS_INDEX) {                                                             \
            for (int64_t k = 0; k < m; k++) SET_##AS(k, x->offset + x->table[i + k]);               \
            return;                                                                                \
        }                                                                                          \
        int64_t step = x->strides[x->rank - 1];                                                    \
        SHORT_ROWS(SET_##AS)                                                                       \
        ROWS({ EACH_ROW(SET_##AS) })                                                               \
    }
#define SET_LINE for (int64_t k = 0; k < m; k++) base[k] = r[k];
SET(set_f64_f64, double, double, SAME, SET_LINE)
SET(set_f64_f32, double, float, SAME, SET_LINE)
SET(set_f64_bool, double, uint8_t, TRUTH, mm_to_truth_f64(base, r, m);)
SET(set_f32_f64, float, double, SAME, SET_LINE)
SET(set_f32_f32, float, float, SAME, SET_LINE)
SET(set_f32_bool, float, uint8_t, TRUTH, mm_to_truth_f32(base, r, m);)

/* Of whole numbers; what does not fit has no value in NumPy either. */
#define SET_INTEGER(k, place) base[place] = whole(r[k])
#define INTEGER_LINE for (int64_t k = 0; k < m; k++) base[k] = whole(r[k]);
#define LEAST (-9223372036854775807LL - 1)
#define whole(v) ((v) >= -0x1p63 && (v) < 0x1p63 ? (int64_t)(v) : LEAST)
SET(set_f64_i64, double, int64_t, INTEGER, INTEGER_LINE)
SET(set_f32_i64, float, int64_t, INTEGER, INTEGER_LINE)
#undef whole
#define whole(v) ((v) > -0x1p31 - 1 && (v) < 0x1p31 ? (int32_t)(v) : -2147483647 - 1)
SET(set_f64_i32, double, int32_t, INTEGER, INTEGER_LINE)
#undef whole
#define whole(v) ((v) >= -0x1p31f && (v) < 0x1p31f ? (int32_t)(v) : -2147483647 - 1)
SET(set_f32_i32, float, int32_t, INTEGER, INTEGER_LINE)
#undef whole

typedef void (*Set)(const Access *, void *, const void *, int64_t, int64_t);
static const Set SETS[2][MM_I32 + 1] = {{set_f64_f64, set_f64_f32, set_f64_bool, set_f64_i64, set_f64_i32},
                                        {set_f32_f64, set_f32_f32, set_f32_bool, set_f32_i64, set_f32_i32}};

/* Accumulators have the precision of the registers.  A row that is summed over several blocks is summed with
 * compensation (Kahan 1965): `lost` is what rounding has added so far. */
#define REDUCE(name, REAL, KIND)                                                                   \
    static void name(const Access *x, void *memory, const void *reg, int64_t i, int64_t m, double *lost) { \
        REAL *base = memory;                                                                       \
        const REAL *r = reg;                                                                       \
        if (x->mode == ACCESS_LINEAR && x->action == STORE_ADD) { mm_add_##KIND(base + x->offset + i, r, m); return; } \
        if (x->mode == ACCESS_INDEX) {                                                             \
            for (int64_t k = 0; k < m; k++) base[x->offset + x->table[i + k]] += r[k];             \
            return;                                                                                \
        }                                                                                          \
        int64_t step = x->strides[x->rank - 1];                                                    \
        if (x->action == STORE_ADD) {                                                              \
            SHORT_ROWS(ADD_ONE)                                                                    \
        }                                                                                          \
        ROWS({                                                                                     \
            REAL *to = base + at;                                                                  \
            if (x->action != STORE_ADD) {                                                          \
                int up = x->action == STORE_MAXIMUM;                                               \
                if (step == 0) (up ? mm_rows_largest_##KIND : mm_rows_smallest_##KIND)(to, r, rows, count, along); \
                else if (step == 1)                                                                \
                    (up ? mm_rows_largest_each_##KIND : mm_rows_smallest_each_##KIND)(to, r, rows, count, along); \
                else if (up) EACH_ROW(RAISE_ONE)                                                   \
                else EACH_ROW(LOWER_ONE)                                                           \
            }                                                                                      \
            else if (step == 1) mm_rows_add_##KIND(to, r, rows, count, along);                     \
            else if (step != 0) EACH_ROW(ADD_ONE)                                                  \
            else if (count == x->shape[last]) mm_rows_sum_##KIND(to, r, rows, count, along);       \
            else {                                                                                 \
                REAL part = (REAL)(mm_sum_##KIND(r, count) - (p.index[last] ? *lost : 0));         \
                REAL before = *to;                                                                 \
                *to = before + part;                                                               \
                *lost = isfinite(*to) ? (REAL)(*to - before) - part : 0;                           \
            }                                                                                      \
        })                                                                                         \
    }
#define ADD_ONE(k, place) base[place] += r[k]
#define RAISE_ONE(k, place) base[place] = mm_maximum(base[place], r[k])
#define LOWER_ONE(k, place) base[place] = mm_minimum(base[place], r[k])
REDUCE(reduce_f64, double, f64)
REDUCE(reduce_f32, float, f32)

static double extreme(int action, int type, const void *reg, int64_t m, double start) {
    if (type == MM_F64) return (action == TOTAL_MAXIMUM ? mm_largest_f64 : mm_smallest_f64)(reg, m, start);
    return (action == TOTAL_MAXIMUM ? mm_largest_f32 : mm_smallest_f32)(reg, m, (float)start);
}

static void fill(void *memory, int type, double v, int64_t from, int64_t to) {
    if (to <= from) return;
    if (v == 0 && !signbit(v)) memset((char *)memory + (size_t)from * SIZE[type], 0, (size_t)(to - from) * SIZE[type]);
    else if (type == MM_F64) for (int64_t k = from; k < to; k++) ((double *)memory)[k] = v;
    else for (int64_t k = from; k < to; k++) ((float *)memory)[k] = (float)v;
}

void mm_group_clear(const Group *g, char **buffers) {
    for (int k = 0; k < g->stores; k++) {
        const Access *x = g->store + k;
        if (x->clear == CLEAR_WHOLE || (x->clear >= CLEAR_FIRST && g->size == 0))
            fill(buffers[x->buffer], x->type, neutral(x->action), 0, x->extent);
    }
}

/* Partial sums are kept for 1, 2, 4, ... blocks, so that a long sum adds numbers of like size. */
typedef struct { double part[64]; uint64_t blocks; } Pairs;

static void pairs_add(Pairs *p, double v) {
    int k = 0;
    for (uint64_t b = p->blocks++; b & 1; b >>= 1) v += p->part[k++];
    p->part[k] = v;
}

static double pairs_sum(const Pairs *p) {
    double v = 0;
    int k = 0;
    for (uint64_t b = p->blocks; b; b >>= 1, k++) if (b & 1) v += p->part[k];
    return v;
}

void mm_load(const Access *x, int type, const void *memory, void *reg, int64_t i, int64_t m) {
    LOADS[type][x->type](x, memory, reg, i, m);
}

void mm_store(const Access *x, int type, void *memory, const void *reg, int64_t i, int64_t m, double *lost) {
    if (x->action == STORE_SET) SETS[type][x->type](x, memory, reg, i, m);
    else (type == MM_F64 ? reduce_f64 : reduce_f32)(x, memory, reg, i, m, lost);
}

double mm_total(const Access *x, int type, const void *reg, int64_t m) {
    if (x->action == TOTAL_ADD) return 0.0 + (type == MM_F64 ? mm_sum_f64(reg, m) : mm_sum_f32(reg, m));
    return extreme(x->action, type, reg, m, neutral(x->action));
}

void mm_clear(const Access *x, void *memory) { fill(memory, x->type, neutral(x->action), 0, x->extent); }

/* Contiguous memory of a group.  Kernels read in one phase of a block, compute in another and write in a third, so memory
 * would rest most of the time: where it is more than a core has caches for, the next block is fetched a piece after each kernel. */
enum { STREAMS = 16, LINE_BYTES = 64, FAR_BYTES = 1 << 19 };
typedef struct { const char *at; int64_t step; } Stream;

static int streams(const Group *g, char **buffers, int64_t lo, int64_t hi, Stream *found) {
    int n = 0;
    int64_t bytes = 0;
    for (int k = 0; k < g->loads + g->stores && n < STREAMS; k++) {
        const Access *x = k < g->loads ? g->load + k : g->store + (k - g->loads);
        if (x->mode != ACCESS_LINEAR || (x->action >= TOTAL_ADD && x->action <= TOTAL_MINIMUM)) continue;
        const int64_t step = (int64_t)SIZE[x->type];
        const char *at = buffers[x->buffer] + (x->offset + lo) * step;
        int known = 0; /* a window a few elements further is the same memory */
        for (int q = 0; q < n; q++) known |= llabs((intptr_t)found[q].at - (intptr_t)at) < g->block * step;
        if (known) continue;
        found[n++] = (Stream){at, step};
        bytes += (hi - lo) * step;
    }
    return bytes < FAR_BYTES ? 0 : n;
}

/* Piece k of `pieces` of the block that begins `begin` elements after the first. */
static void fetch(const Stream *s, int n, int64_t begin, int64_t block, int k, int pieces) {
    for (int q = 0; q < n; q++) {
        const int64_t lines = block * s[q].step / LINE_BYTES;
        const char *at = s[q].at + begin * s[q].step;
        for (int64_t l = lines * k / pieces; l < lines * (k + 1) / pieces; l++)
            PREFETCH(at + l * LINE_BYTES);
    }
}

void mm_group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                  int64_t from, int64_t to, double *totals) {
    const int type = g->type;
    const size_t size = SIZE[type];
    const size_t one = ((size_t)g->block * size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    char *reg[g->registers + 1];
    const int first = from != to;
    Pairs pairs[MM_TOTALS];
    double lost[MM_TOTALS] = {0}, unknown;
    for (int k = 0; k < g->scratch; k++) reg[k] = scratch + one * (size_t)k;
    for (int k = 0; k < g->stores; k++) {
        if (g->store[k].action == TOTAL_ADD) pairs[k].blocks = 0;
        else if (g->store[k].action == TOTAL_MAXIMUM || g->store[k].action == TOTAL_MINIMUM)
            totals[k] = neutral(g->store[k].action);
        else if (g->store[k].clear >= CLEAR_FIRST && first)
            fill(buffers[g->store[k].buffer], g->store[k].type, 0.0, from, lo + g->store[k].offset);
    }
    for (int k = 0; k < g->loads; k++) {
        const Access *x = g->load + k;
        if (x->mode != ACCESS_SCALAR) continue;
        double v = slots[x->buffer];
        fill(reg[x->reg], type, v, 0, x->extent == 1 ? 1 : g->block);
    }
    Stream stream[STREAMS];
    const int far = streams(g, buffers, lo, hi, stream);
    for (int64_t i = lo; i < hi; i += g->block) {
        const int more = far && hi - i >= 2 * (int64_t)g->block;
        const int64_t m = hi - i < g->block ? hi - i : g->block;
        for (int k = 0; k < g->stores; k++) {
            const Access *x = g->store + k;
            if (x->action == STORE_DIRECT || (x->clear == CLEAR_DIRECT && first))
                reg[x->reg] = buffers[x->buffer] + (size_t)(x->offset + i) * size;
        }
        for (int k = 0; k < g->loads; k++) {
            const Access *x = g->load + k;
            if (x->mode == ACCESS_SCALAR) continue;
            if (x->mode == ACCESS_LINEAR && x->type == type)
                reg[x->reg] = buffers[x->buffer] + (size_t)(x->offset + i) * size;
            else
                LOADS[type][x->type](x, buffers[x->buffer], reg[x->reg], i, m);
        }
        for (int k = 0; k < g->ops; k++) {
            const BlockOp *p = g->op + k;
            p->kernel(reg[p->r], reg[p->a], reg[p->b], reg[p->c], m);
            if (more) fetch(stream, far, i + g->block - lo, g->block, k, g->ops);
        }
        for (int k = 0; k < g->stores; k++) {
            const Access *x = g->store + k;
            const void *r = reg[x->reg];
            switch (x->action) {
            case STORE_SET:
                SETS[type][x->type](x, buffers[x->buffer], r, i, m);
                break;
            case STORE_DIRECT:
                break;
            case TOTAL_ADD:
                pairs_add(pairs + k, type == MM_F64 ? mm_sum_f64(r, m) : mm_sum_f32(r, m));
                break;
            case TOTAL_MAXIMUM: case TOTAL_MINIMUM:
                totals[k] = extreme(x->action, type, r, m, totals[k]);
                break;
            default:
                if (x->clear >= CLEAR_FIRST && first) {
                    if (x->clear == CLEAR_FIRST) SETS[type][x->type](x, buffers[x->buffer], r, i, m);
                    break;
                }
                unknown = 0;
                (type == MM_F64 ? reduce_f64 : reduce_f32)(x, buffers[x->buffer], r, i, m, k < MM_TOTALS ? lost + k : &unknown);
            }
        }
    }
    for (int k = 0; k < g->stores; k++) {
        const Access *x = g->store + k;
        if (x->action == TOTAL_ADD) totals[k] = pairs_sum(pairs + k);
        else if (x->clear >= CLEAR_FIRST && first)
            fill(buffers[x->buffer], x->type, 0.0, hi + x->offset, least(to, x->extent));
    }
}
