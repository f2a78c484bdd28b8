/* What the virtual machine executes: groups of elementwise operations over blocks, and runs of scalar operations.
 *
 * A group is one loop over the elements of a shape, in C order, a block at a time.  Its values live in registers: blocks
 * of scratch that stay in the first-level cache, or the memory of an operand or result itself where that is contiguous.
 * Everything here is plain data, filled by mmad/vm/_vm.pyx; nothing knows Python.
 */
#ifndef MMAD_VM_H
#define MMAD_VM_H
#include <stddef.h>
#include <stdint.h>
#include "_node.h"

/* What memory holds.  Groups compute in float64 or float32; they read all of these, and write those up to MM_I32. */
enum { MM_F64 = 0, MM_F32 = 1, MM_BOOL = 2, MM_I64 = 3, MM_I32 = 4, MM_I16, MM_I8, MM_U64, MM_U32, MM_U16, MM_U8, MM_TYPES };

/* How elements of a group are found in memory. */
enum {
    ACCESS_LINEAR = 0, /* element i at offset + i */
    ACCESS_SCALAR = 1, /* one value for all: slot `buffer` of the scalars */
    ACCESS_AFFINE = 2, /* an odometer over shape and strides */
    ACCESS_INDEX = 3   /* at offset + table[i] */
};

/* What is done with a register at the end of a block; TOTAL_: with all elements, into one number. */
enum {
    STORE_SET = 0, STORE_ADD = 1, STORE_MAXIMUM = 2, STORE_MINIMUM = 3,
    TOTAL_ADD = 4, TOTAL_MAXIMUM = 5, TOTAL_MINIMUM = 6,
    STORE_DIRECT = 7 /* the register is the memory */
};

/* Who gives an accumulator its first value (zero, or the neutral value of the action). */
enum {
    CLEAR_NOT = 0,
    CLEAR_WHOLE = 1,  /* this group, before its first block */
    CLEAR_FIRST = 2,  /* this store, which comes before the others to the buffer and is ahead of them: it sets, they add */
    CLEAR_DIRECT = 3  /* likewise, and the register may be the memory meanwhile */
};

enum { MM_RANK = 8 };

typedef struct {
    uint8_t mode, type, action, clear; /* type: of the memory */
    uint16_t reg;
    int32_t buffer; /* of the workspace; ACCESS_SCALAR and totals: a slot */
    int32_t rank;
    int64_t offset; /* elements */
    int64_t extent; /* a store: elements of the buffer; ACCESS_SCALAR: elements of the register that are looked at, 1 or all */
    int64_t shape[MM_RANK], strides[MM_RANK];
    const int64_t *table;
} Access;

typedef void (*Kernel)(void *r, const void *a, const void *b, const void *c, ptrdiff_t n);

typedef struct {
    uint16_t op, r, a, b, c;
    uint16_t variant;
    Kernel kernel;
} BlockOp;

typedef struct {
    int64_t size;      /* elements of the iteration */
    int32_t block;     /* elements done at a time */
    int32_t registers; /* in all; the first `scratch` have a block of scratch each */
    int32_t scratch;
    int32_t loads, ops, stores;
    int32_t type;      /* MM_F64 or MM_F32: what is computed in */
    int32_t divisible; /* blocks may be done by several threads, 2: but for neighbours; -n: rows of n elements may */
    Access *load, *store;
    BlockOp *op;
} Group;

/* Variants of a kernel: the operands that are one number, as bits; not all of them. */
enum { ALL_VECTORS = 0, FIRST_NUMBER = 1, SECOND_NUMBER = 2, THIRD_NUMBER = 4, VARIANTS = 7 };

Kernel mm_kernel_f64(int op, int variant);
Kernel mm_kernel_f32(int op, int variant);

enum { MM_TOTALS = 64 }; /* totals of one group */

/* Bytes of scratch that a group needs. */
size_t mm_group_scratch(const Group *g);
/* What comes before the first block. */
void mm_group_clear(const Group *g, char **buffers);
/* Elements lo..hi of a group; totals of that range go to `totals`, by store.  Where stores with CLEAR_FIRST or CLEAR_DIRECT
 * set what they are the first to reach, elements before that are cleared from `from` on, and elements after it up to `to`;
 * where from == to all has been reached before, and is added to. */
void mm_group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                  int64_t from, int64_t to, double *totals);
/* Single parts of that, for elements i..i+m: an operand into a register of the group's type, a register into memory (not
 * STORE_DIRECT), a register as a total, the first value of an accumulator. */
void mm_load(const Access *x, int type, const void *memory, void *reg, int64_t i, int64_t m);
void mm_store(const Access *x, int type, void *memory, const void *reg, int64_t i, int64_t m, double *lost);
double mm_total(const Access *x, int type, const void *reg, int64_t m);
void mm_clear(const Access *x, void *memory);
enum { MM_THREADS = 64 };
/* The whole group by several threads, `one` bytes of scratch each; 0 if it cannot be divided, and nothing was done. */
int mm_group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                          double *totals);
/* Parts 0..parts-1 of some work at once; 0 if the threads are busy or cannot be had, and nothing was done. */
int mm_parallel(int parts, void (*work)(void *, int), void *argument);
/* Two totals of parts of a group as one. */
double mm_combine(int action, double a, double b);

/* Whether this thread has divided by zero since it was told to forget: `keep` saves what it knows (and `more`) before
 * code runs that clears the processor's flags, or in the thread that another one has worked for. */
void mm_poles_forget(void);
void mm_poles_keep(int more);
int mm_poles_met(void);

/* A scalar instruction: slots[r] = op(slots[a], slots[b], slots[c]); loads and stores reach into buffers. */
typedef struct {
    uint16_t op;
    uint16_t flags;
    int32_t r, a, b, c;
} Instr;

enum {
    VM_LOAD = 0,   /* slots[r] = element (b, c as index) of buffer a */
    VM_STORE = 1,  /* element (b, c as index) of buffer r = slots[a] */
    VM_GUARD = 2,  /* slots[a] is slots[b], or both are NaN; VM_TRUTH: as truth values */
    VM_END = 3,
    VM_SINCOS = 4, /* slots[r] = sin(slots[a]), slots[c] = cos(slots[a]) */
    VM_LINEAR = 5, /* slots[r] = +-slots[a] * slots[b] +- slots[c]; in no file, see mm_scalars_prepare */
    VM_TRUTH = 1
};

/* Turn long runs of sums, products and products of the chain rule into VM_LINEAR; `one` and `zero` are slots that hold 1
 * and -0, with which every one of them is a product and a sum, to the sign of a zero. */
void mm_scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero);

/* Run up to VM_END; the failed guard's instruction, or NULL. */
const Instr *mm_scalars_run(const Instr *code, double *slots, char **buffers);

/* c[i] = a[i] @ b[i] for `count` matrices; strides in elements, c contiguous. */
typedef struct {
    int32_t a, b, c, pad;
    int64_t m, n, k, count;
    int64_t a_offset, a_row, a_column, a_step;
    int64_t b_offset, b_row, b_column, b_step;
} Product;

/* What is done with matrices of order n; see `_matrices.c`. */
enum {
    MM_LU,                /* a matrix: its factors */
    MM_CHOLESKY,          /* a matrix: L, of its lower triangle */
    MM_INVERSE,           /* factors: the inverse */
    MM_DET, MM_SLOGDET,   /* factors: the determinant; its signs, then its logarithms */
    MM_SOLVE, MM_SOLVE_TRANSPOSED, /* factors and right sides */
    MM_LOWER, MM_LOWER_TRANSPOSED, /* a lower triangle and right sides */
    MM_COFACTOR,          /* a matrix of order MM_SMALL at most: its cofactors */
    MM_ROUTINES
};
enum { MM_SMALL = 24 }; /* up to here matrices are done by loops, then by LAPACK */

/* c[i] = routine(a[i], b[i]) for `count` matrices; all contiguous, right sides n by k. */
typedef struct {
    int32_t what, a, b, c;
    int64_t n, k, count;
    int64_t a_offset, a_step, b_offset, b_step;
} Routine;

/* Why a routine of this thread has failed since this was last asked; 0: none has. */
enum { MM_SINGULAR = 1, MM_NOT_DEFINITE = 2 };
int mm_routine_failed(void);
void mm_routine(const Routine *p, const double *a, const double *b, double *c);
/* The LAPACK and BLAS to use for large matrices; NULL: none. */
void mm_lapack_set(void *dgetrf, void *dpotrf, void *dtrsm, void *dtrsv, int wide);

/* A call of kernel number `run` over n elements; operand k is `at[k]` bytes after `base[k]` of the workspace's bases. */
typedef struct {
    uint16_t run, n;
    uint16_t base[4];
    uint32_t at[4];
} KernelCall;

/* Bases: what a workspace has, what the program has, and from BASE_MOVING on the buffers that are elsewhere at every run. */
enum {
    BASE_SCRATCH, BASE_ARENA, BASE_SLOTS, BASE_BUFFERS, BASE_ACCESSES, BASE_PRODUCTS, BASE_ROUTINES, BASE_CODE, BASE_ZERO, BASE_MOVING,
    BASES = 65536
};

/* What a stream calls besides kernels: (r, a, b, c) are */
enum {
    CALL_LOAD,    /* register, buffer, access */
    CALL_SPREAD,  /* register, slot */
    CALL_STORE,   /* buffer, register, access */
    CALL_TOTAL,   /* slot, register, access */
    CALL_CLEAR,   /* buffer, -, access */
    CALL_PRODUCT, /* buffers of result and factors, product */
    CALL_ROUTINE, /* buffers of result and operands, routine */
    CALL_SCALARS, /* slots, instructions, addresses of buffers */
    CALLS
};
void mm_calls_prepare(void); /* once, before any of the following */
int mm_call_special(int what, int type);
int mm_call_kernel(int type, int op, int variant);
void mm_calls_run(const KernelCall *p, const KernelCall *end, char *const *base);

/* The BLAS to use: CBLAS functions with 64-bit (wide) or 32-bit integers; NULL: none. */
void mm_blas_set(void *dgemm, void *dgemv, int wide);
int mm_blas(void);
void mm_product(const Product *p, const double *a, const double *b, double *c);
/* One product, if it is so small or has a side so short that this is faster than the BLAS; 0: not so, nothing was done. */
int mm_product_tiled(const Product *p, const double *a, const double *b, double *c);
/* One product of any shape and strides. */
void mm_product_plain(const Product *p, const double *a, const double *b, double *c);

/* Sum of a block, by pairs. */
double mm_sum_f64(const double *a, ptrdiff_t n);
double mm_sum_f32(const float *a, ptrdiff_t n);
/* The largest and the smallest of `start` and the elements; a NaN if there is one. */
double mm_largest_f64(const double *a, ptrdiff_t n, double start);
float mm_largest_f32(const float *a, ptrdiff_t n, float start);
double mm_smallest_f64(const double *a, ptrdiff_t n, double start);
float mm_smallest_f32(const float *a, ptrdiff_t n, float start);
void mm_add_f64(double *r, const double *a, ptrdiff_t n);
void mm_add_f32(float *r, const float *a, ptrdiff_t n);
/* Truth values as numbers, and back. */
void mm_from_truth_f64(double *r, const uint8_t *a, ptrdiff_t n);
void mm_from_truth_f32(float *r, const uint8_t *a, ptrdiff_t n);
void mm_to_truth_f64(uint8_t *r, const double *a, ptrdiff_t n);
void mm_to_truth_f32(uint8_t *r, const float *a, ptrdiff_t n);

/* Rows of a block: from memory into a register (copy; spread: one number a row), and from a register to memory. */
#define MM_ROWS(name)                                                                                        \
    void mm_rows_##name##_f64(double *, const double *, int64_t rows, int64_t length, int64_t along);          \
    void mm_rows_##name##_f32(float *, const float *, int64_t rows, int64_t length, int64_t along);
MM_ROWS(copy) MM_ROWS(spread) MM_ROWS(sum) MM_ROWS(add)
MM_ROWS(largest) MM_ROWS(smallest) MM_ROWS(largest_each) MM_ROWS(smallest_each)
#undef MM_ROWS
#endif
