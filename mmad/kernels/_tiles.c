/* Small products of matrices, and those with a short side: a tile of the result stays in registers while the common axis is
 * gone along.  The BLAS packs its operands first, which pays for large ones only: with ten columns it takes twice as long.
 * Tiles of vectors take a third to all of the time of tiles of numbers, which are for sides that no vector fits.
 */
#include "_vm.h"
#include "_clones.h"

enum { LANES = 4, PACKED = 4096, DEEP = 128, NARROW = 32, SHORT = 32, LITTLE = 1 << 18, TILE = 4 };

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* Rows i.. and columns j.. of a product, `rows` by `columns` of them: with constants for both, the sums are in registers. */
INLINE void sums(const int rows, const int columns, const int64_t b_column, const Product *p, const double *a, const double *b,
                 double *c, int64_t i, int64_t j) {
    double sum[TILE * TILE] = {0};
    a += i * p->a_row;
    b += j * b_column;
    for (int64_t l = 0; l < p->k; l++, a += p->a_column, b += p->b_row)
        for (int r = 0; r < rows; r++)
            for (int s = 0; s < columns; s++) sum[r * columns + s] += a[r * p->a_row] * b[s * b_column];
    for (int r = 0; r < rows; r++)
        for (int s = 0; s < columns; s++) c[(i + r) * p->n + j + s] = sum[r * columns + s];
}

INLINE void row_of_sums(const int rows, const int64_t b_column, const Product *p, const double *a, const double *b, double *c,
                  int64_t i) {
    int64_t j = 0;
    for (; j + TILE <= p->n; j += TILE) sums(rows, TILE, b_column, p, a, b, c, i, j);
    if (j + 2 <= p->n) { sums(rows, 2, b_column, p, a, b, c, i, j); j += 2; }
    if (j < p->n) sums(rows, 1, b_column, p, a, b, c, i, j);
}

void mm_product_plain(const Product *p, const double *a, const double *b, double *c) {
    int64_t i = 0;
    if (p->b_column == 1) {
        for (; i + TILE <= p->m; i += TILE) row_of_sums(TILE, 1, p, a, b, c, i);
        for (; i < p->m; i++) row_of_sums(1, 1, p, a, b, c, i);
    } else {
        for (; i + TILE <= p->m; i += TILE) row_of_sums(TILE, p->b_column, p, a, b, c, i);
        for (; i < p->m; i++) row_of_sums(1, p->b_column, p, a, b, c, i);
    }
}

#if defined(__GNUC__)
typedef double Lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double))));
#define UNROLLED _Pragma("GCC unroll 8")

/* Rows x (vectors of lanes) of c, set or added to.  The last vector of a row may lie over the one before: both hold the same there. */
INLINE void tile(int rows, int vectors, int64_t k, const double *a, int64_t a_row, int64_t a_column, const double *b,
                 int64_t b_row, double *c, int64_t c_row, const int64_t *at, int add) {
    Lanes sum[4][3];
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int v = 0; v < vectors; v++) sum[r][v] = add ? *(const Lanes *)(c + r * c_row + at[v]) : (Lanes){0, 0, 0, 0};
    for (int64_t l = 0; l < k; l++) {
        Lanes y[3];
        UNROLLED for (int v = 0; v < vectors; v++) y[v] = *(const Lanes *)(b + l * b_row + at[v]);
        UNROLLED for (int r = 0; r < rows; r++) {
            const double x = a[r * a_row + l * a_column];
            UNROLLED for (int v = 0; v < vectors; v++) sum[r][v] += x * y[v];
        }
    }
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int v = 0; v < vectors; v++) *(Lanes *)(c + r * c_row + at[v]) = sum[r][v];
}

#define TILES(ROWS, VECTORS) \
    for (; i + ROWS <= m; i += ROWS) \
        tile(ROWS, VECTORS, deep, a + i * a_row + l * a_column, a_row, a_column, b + l * b_row, b_row, c + i * n, n, at, l > 0);
#define COLUMNS(VECTORS) TILES(4, VECTORS) TILES(2, VECTORS) TILES(1, VECTORS)

/* c = a @ b, with b's rows and c contiguous; n >= LANES.  As much of the common axis at a time as stays in the first-level
 * cache; columns that two tiles share are begun anew by the second. */
CLONES static void tiled(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_column, const double *b,
                         int64_t b_row, double *c) {
    for (int64_t j = 0; j < n; j += 3 * LANES) {
        const int64_t left = n - j, vectors = left >= 3 * LANES ? 3 : (left + LANES - 1) / LANES;
        int64_t at[3];
        for (int64_t v = 0; v < vectors; v++) at[v] = j + v * LANES < n - LANES ? j + v * LANES : n - LANES;
        for (int64_t l = 0; l < k; l += DEEP) {
            const int64_t deep = k - l < DEEP ? k - l : DEEP;
            int64_t i = 0;
            if (vectors == 3) { COLUMNS(3) }
            else if (vectors == 2) { COLUMNS(2) }
            else { COLUMNS(1) }
        }
    }
}

int mm_product_tiled(const Product *p, const double *a, const double *b, double *c) {
    double packed[PACKED];
    if (p->n < LANES || p->m < LANES || p->k == 0) return 0;
    if (p->n > NARROW && p->k > SHORT && p->m * p->n * p->k > LITTLE) return 0;
    if (p->b_column == 1) { tiled(p->m, p->n, p->k, a, p->a_row, p->a_column, b, p->b_row, c); return 1; }
    if (p->k * p->n > PACKED) return 0;
    for (int64_t l = 0; l < p->k; l++)
        for (int64_t j = 0; j < p->n; j++) packed[l * p->n + j] = b[l * p->b_row + j * p->b_column];
    tiled(p->m, p->n, p->k, a, p->a_row, p->a_column, packed, p->n, c);
    return 1;
}
#else
int mm_product_tiled(const Product *p, const double *a, const double *b, double *c) {
    (void)p; (void)a; (void)b; (void)c;
    return 0;
}
#endif
