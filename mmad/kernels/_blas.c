/* Matrix products: large ones by the BLAS that NumPy has loaded, others by `_tiles.c`. */
#include "_vm.h"

enum { SMALL = 512 }; /* multiplications below which a call of the BLAS costs more than the product */

typedef void (*Gemm32)(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
typedef void (*Gemm64)(int, int, int, int64_t, int64_t, int64_t, double, const double *, int64_t, const double *, int64_t,
                       double, double *, int64_t);
typedef void (*Gemv32)(int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
typedef void (*Gemv64)(int, int, int64_t, int64_t, double, const double *, int64_t, const double *, int64_t, double, double *,
                       int64_t);

static void *gemm, *gemv;
static int wide;

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

void mm_blas_set(void *dgemm, void *dgemv, int with_64_bits) {
    gemm = dgemm;
    gemv = dgemv;
    wide = with_64_bits;
}

int mm_blas(void) { return gemm && gemv; }

/* How the BLAS sees a matrix of unit row or column stride. */
static int64_t leading(int64_t rows, int64_t columns, int64_t row, int64_t column, int *order) {
    if (column == 1 || columns <= 1) {
        if (!(columns <= 1 && row == 1 && rows > 1)) {
            *order = PLAIN;
            return row > columns ? row : columns > 0 ? columns : 1;
        }
    }
    *order = TRANSPOSED;
    return column > rows ? column : rows > 0 ? rows : 1;
}

/* y = A x for a matrix of m rows and k columns. */
static void matrix_vector(int64_t m, int64_t k, const double *a, int64_t row, int64_t column, const double *x, int64_t step,
                          double *y) {
    int order;
    int64_t lead = leading(m, k, row, column, &order);
    int64_t rows = order == PLAIN ? m : k, columns = order == PLAIN ? k : m;
    if (step == 0) step = 1;
    if (wide) ((Gemv64)gemv)(ROW_MAJOR, order, rows, columns, 1.0, a, lead, x, step, 0.0, y, 1);
    else ((Gemv32)gemv)(ROW_MAJOR, order, (int)rows, (int)columns, 1.0, a, (int)lead, x, (int)step, 0.0, y, 1);
}

static int fits(const Product *p) {
    const int64_t most = 0x7fffffff;
    return wide || (p->m < most && p->n < most && p->k < most && p->a_row < most && p->a_column < most && p->b_row < most
                    && p->b_column < most);
}

/* A factor that is the same all along the axis that is summed over: its elements times sums of the other factor's.  Where
 * that is not finite, or an element is not, each product counts (infinity times zero), and a row is done one by one. */
static int repeated(const Product *p, const double *a, const double *b, double *c) {
    Product row = *p;
    const int first = p->a_column == 0 && p->m > 1;
    int finite = 1;
    if (p->k < 2 || !(first || (p->b_row == 0 && p->n > 1))) return 0;
    row.m = 1;
    double *sums = c + (p->m - 1) * p->n; /* the last row of the result, which is written last */
    if (first) {
        for (int64_t j = 0; j < p->n; j++) sums[j] = 0;
        for (int64_t l = 0; l < p->k; l++)
            for (int64_t j = 0; j < p->n; j++) sums[j] += b[l * p->b_row + j * p->b_column];
        for (int64_t j = 0; j < p->n; j++) finite &= isfinite(sums[j]) != 0;
    } else {
        for (int64_t j = 0; j < p->n; j++) finite &= isfinite(b[j * p->b_column]) != 0;
    }
    for (int64_t i = 0; i < p->m; i++) {
        const double *x = a + i * p->a_row;
        double *to = c + i * p->n, sum = 0;
        if (first) sum = x[0];
        else for (int64_t l = 0; l < p->k; l++) sum += x[l * p->a_column];
        if (!finite || !isfinite(sum)) mm_product_plain(&row, x, b, to);
        else if (first) for (int64_t j = 0; j < p->n; j++) to[j] = sum * sums[j];
        else for (int64_t j = 0; j < p->n; j++) to[j] = sum * b[j * p->b_column];
    }
    return 1;
}

static void one(const Product *p, const double *a, const double *b, double *c) {
    int oa, ob;
    int64_t la, lb;
    if (repeated(p, a, b, c) || mm_product_tiled(p, a, b, c)) return;
    if (!mm_blas() || !fits(p) || p->m * p->n * p->k <= SMALL) { mm_product_plain(p, a, b, c); return; }
    if (p->n == 1) { matrix_vector(p->m, p->k, a, p->a_row, p->a_column, b, p->b_row, c); return; }
    if (p->m == 1) { matrix_vector(p->n, p->k, b, p->b_column, p->b_row, a, p->a_column, c); return; }
    la = leading(p->m, p->k, p->a_row, p->a_column, &oa);
    lb = leading(p->k, p->n, p->b_row, p->b_column, &ob);
    if (wide) ((Gemm64)gemm)(ROW_MAJOR, oa, ob, p->m, p->n, p->k, 1.0, a, la, b, lb, 0.0, c, p->n);
    else ((Gemm32)gemm)(ROW_MAJOR, oa, ob, (int)p->m, (int)p->n, (int)p->k, 1.0, a, (int)la, b, (int)lb, 0.0, c, (int)p->n);
}

void mm_product(const Product *p, const double *a, const double *b, double *c) {
    if (p->m == 0 || p->n == 0) return;
    for (int64_t i = 0; i < p->count; i++)
        one(p, a + p->a_offset + i * p->a_step, b + p->b_offset + i * p->b_step, c + i * p->m * p->n);
}
