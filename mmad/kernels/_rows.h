/* Rows of a block at once: `rows` of them, `length` elements each, `along` elements apart in memory.
 *
 * A row is often a few elements long (the columns of a table, the outputs of a network): a call a row would cost more
 * than what is done.  Included after `_blocks.h`.
 */
enum { TOGETHER = 4 };
#define ALL_ROWS for (int64_t q = 0; q < rows; q++)

/* Rows that lie side by side in the register. */
CLONES void JOIN(mm_rows_copy, SUFFIX)(REAL *r, const REAL *from, int64_t rows, int64_t length, int64_t along) {
    if (along == 0) { /* one row again and again */
        int64_t done = length, all = rows * length;
        for (int64_t k = 0; k < length; k++) r[k] = from[k];
        for (; done < all; done += done) memcpy(r + done, r, (size_t)(done < all - done ? done : all - done) * sizeof(REAL));
        return;
    }
    ALL_ROWS for (int64_t k = 0; k < length; k++) r[q * length + k] = from[q * along + k];
}

/* One number a row.  Rows are filled beyond their end, where the next one begins. */
CLONES void JOIN(mm_rows_spread, SUFFIX)(REAL *r, const REAL *from, int64_t rows, int64_t length, int64_t along) {
    const int64_t padded = (length + TOGETHER - 1) / TOGETHER * TOGETHER;
    int64_t q = 0;
    for (; q * length + padded <= rows * length; q++) {
        const REAL v = from[q * along];
        for (int64_t k = 0; k < padded; k += TOGETHER)
            for (int j = 0; j < TOGETHER; j++) r[q * length + k + j] = v;
    }
    for (; q < rows; q++)
        for (int64_t k = 0; k < length; k++) r[q * length + k] = from[q * along];
}

/* Each row's sum is added to a number. */
CLONES void JOIN(mm_rows_sum, SUFFIX)(REAL *to, const REAL *r, int64_t rows, int64_t length, int64_t along) {
    if (length > 4 * TOGETHER) {
        ALL_ROWS to[q * along] += (REAL)JOIN(mm_sum, SUFFIX)(r + q * length, length);
        return;
    }
    ALL_ROWS {
        const REAL *row = r + q * length;
        double s[TOGETHER] = {0, 0, 0, 0}, rest = 0;
        int64_t k = 0;
        for (; k + TOGETHER <= length; k += TOGETHER)
            for (int j = 0; j < TOGETHER; j++) s[j] += row[k + j];
        for (; k < length; k++) rest += row[k];
        to[q * along] += (REAL)(((s[0] + s[1]) + (s[2] + s[3])) + rest);
    }
}

/* Each row is added to one of as many numbers; to the same ones if `along` is zero. */
CLONES void JOIN(mm_rows_add, SUFFIX)(REAL *to, const REAL *r, int64_t rows, int64_t length, int64_t along) {
    int64_t k = 0;
    if (along || rows < TOGETHER) {
        ALL_ROWS { EACH_OF(length) to[q * along + i] += r[q * length + i]; }
        return;
    }
    for (; k + TOGETHER <= length; k += TOGETHER) { /* a few columns at a time stay in registers */
        REAL even[TOGETHER] = {0, 0, 0, 0}, odd[TOGETHER] = {0, 0, 0, 0};
        const REAL *from = r + k;
        int64_t q = 0;
        for (; q + 2 <= rows; q += 2, from += 2 * length)
            for (int j = 0; j < TOGETHER; j++) { even[j] += from[j]; odd[j] += from[length + j]; }
        if (q < rows) for (int j = 0; j < TOGETHER; j++) even[j] += from[j];
        for (int j = 0; j < TOGETHER; j++) to[k + j] += even[j] + odd[j];
    }
    for (; k < length; k++) {
        REAL s[TOGETHER] = {0, 0, 0, 0};
        int64_t q = 0;
        for (; q + TOGETHER <= rows; q += TOGETHER)
            for (int j = 0; j < TOGETHER; j++) s[j] += r[(q + j) * length + k];
        for (; q < rows; q++) s[0] += r[q * length + k];
        to[k] += (s[0] + s[1]) + (s[2] + s[3]);
    }
}

/* The larger (or smaller) of what is there and a row's elements: of all of them (one number a row), or each by itself. */
#define BETTER(a, better, b) ((a better b) | (a != a) ? a : b)
#define ROWS_EXTREME(name, extreme, better)                                                                         \
    CLONES void JOIN(name, SUFFIX)(REAL *to, const REAL *r, int64_t rows, int64_t length, int64_t along) {          \
        if (length > 4 * TOGETHER) {                                                                                \
            ALL_ROWS to[q * along] = JOIN(extreme, SUFFIX)(r + q * length, length, to[q * along]);                  \
            return;                                                                                                 \
        }                                                                                                           \
        ALL_ROWS {                                                                                                  \
            const REAL *row = r + q * length;                                                                       \
            REAL s[TOGETHER], one = to[q * along];                                                                  \
            int64_t k = 0;                                                                                          \
            for (int j = 0; j < TOGETHER; j++) s[j] = one;                                                          \
            for (; k + TOGETHER <= length; k += TOGETHER)                                                           \
                for (int j = 0; j < TOGETHER; j++) s[j] = BETTER(s[j], better, row[k + j]);                         \
            for (; k < length; k++) one = BETTER(one, better, row[k]);                                              \
            for (int j = 0; j < 2; j++) s[j] = BETTER(s[j], better, s[j + 2]);                                      \
            s[0] = BETTER(s[0], better, s[1]);                                                                      \
            to[q * along] = BETTER(one, better, s[0]);                                                              \
        }                                                                                                           \
    }                                                                                                               \
    CLONES void JOIN(name##_each, SUFFIX)(REAL *to, const REAL *r, int64_t rows, int64_t length, int64_t along) {   \
        ALL_ROWS { EACH_OF(length) {                                                                                \
            const REAL a = to[q * along + i], b = r[q * length + i];                                                \
            to[q * along + i] = BETTER(a, better, b);                                                               \
        } }                                                                                                         \
    }
ROWS_EXTREME(mm_rows_largest, mm_largest, >=)
ROWS_EXTREME(mm_rows_smallest, mm_smallest, <=)
