"""Contract of the machine in C; see `_vm.h`.  Its functions are linked into this module, and called through it."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t


cdef extern from "_vm.h" nogil:
    enum:
        MM_F64, MM_F32, MM_BOOL, MM_I32, MM_TYPES, MM_RANK, MM_TOTALS
        ACCESS_LINEAR, ACCESS_SCALAR, ACCESS_AFFINE, ACCESS_INDEX
        STORE_SET, STORE_ADD, STORE_MAXIMUM, STORE_MINIMUM, TOTAL_ADD, TOTAL_MAXIMUM, TOTAL_MINIMUM, STORE_DIRECT
        CLEAR_NOT, CLEAR_WHOLE, CLEAR_FIRST, CLEAR_DIRECT
        ALL_VECTORS, FIRST_NUMBER, SECOND_NUMBER, THIRD_NUMBER, VARIANTS
        VM_LOAD, VM_STORE, VM_GUARD, VM_END, VM_SINCOS, VM_TRUTH
    ctypedef struct Access:
        uint8_t mode, type, action, clear
        uint16_t reg
        int32_t buffer
        int32_t rank
        int64_t offset, extent
        int64_t shape[8]
        int64_t strides[8]
        const int64_t *table
    ctypedef void (*Kernel)(void *r, const void *a, const void *b, const void *c, ssize_t n) noexcept nogil
    ctypedef struct BlockOp:
        uint16_t op, r, a, b, c, variant
        Kernel kernel
    ctypedef struct Group:
        int64_t size
        int32_t block, registers, scratch, loads, ops, stores, type, divisible
        Access *load
        Access *store
        BlockOp *op
    ctypedef struct Instr:
        uint16_t op, flags
        int32_t r, a, b, c
    enum:
        MM_THREADS
    ctypedef struct Product:
        int32_t a, b, c, pad
        int64_t m, n, k, count
        int64_t a_offset, a_row, a_column, a_step
        int64_t b_offset, b_row, b_column, b_step
    enum:
        MM_LU, MM_CHOLESKY, MM_INVERSE, MM_DET, MM_SLOGDET, MM_SOLVE, MM_SOLVE_TRANSPOSED, MM_LOWER, MM_LOWER_TRANSPOSED
        MM_COFACTOR, MM_ROUTINES, MM_SINGULAR
    ctypedef struct Routine:
        int32_t what, a, b, c
        int64_t n, k, count, a_offset, a_step, b_offset, b_step
    ctypedef struct KernelCall:
        uint16_t run, n
        uint16_t base[4]
        uint32_t at[4]
    enum:
        BASE_SCRATCH, BASE_ARENA, BASE_SLOTS, BASE_BUFFERS, BASE_ACCESSES, BASE_PRODUCTS, BASE_ROUTINES, BASE_CODE, BASE_ZERO
        BASE_MOVING, BASES
        CALL_LOAD, CALL_SPREAD, CALL_STORE, CALL_TOTAL, CALL_CLEAR, CALL_PRODUCT, CALL_ROUTINE, CALL_SCALARS


cdef enum:
    LONGEST_PRODUCT = 536870912  # multiplications between two looks for Ctrl-C, some hundredths of a second


cdef Kernel kernel_of(int type, int op, int variant) noexcept nogil
cdef size_t group_scratch(const Group *g) noexcept
cdef void group_clear(const Group *g, char **buffers) noexcept nogil
cdef void group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                    int64_t start, int64_t stop, double *totals) noexcept nogil
cdef bint group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                             double *totals) noexcept nogil
cdef double combine(int action, double a, double b) noexcept nogil
cdef bint has_blas() noexcept
cdef void product(const Product *p, const double *a, const double *b, double *c) noexcept nogil
cdef int64_t rows_at_once(int64_t work) noexcept
cdef void routine(const Routine *p, const double *a, const double *b, double *c) noexcept nogil
cdef int routine_failed() noexcept
cdef int special_number(int what, int type) noexcept
cdef int kernel_number(int type, int op, int variant) noexcept
cdef void calls_run(const KernelCall *p, const KernelCall *end, char *const *base) noexcept nogil
cdef void scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero) noexcept
cdef const Instr *scalars_run(const Instr *code, double *slots, char **buffers) noexcept nogil
cdef void forget_poles() noexcept
cdef void keep_poles(int more) noexcept
cdef bint met_poles() noexcept
