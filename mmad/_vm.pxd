"""Contract of the virtual machine's structures; see `_vm.h`."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
cimport numpy as cnp


cdef extern from "_vm.h" nogil:
    enum:
        MM_F64, MM_F32, MM_BOOL, MM_RANK, MM_TOTALS
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
    Kernel mm_kernel_f64(int op, int variant) noexcept
    Kernel mm_kernel_f32(int op, int variant) noexcept
    int mm_vector_math() noexcept
    size_t mm_group_scratch(const Group *g) noexcept
    void mm_group_clear(const Group *g, char **buffers) noexcept
    void mm_group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                      int64_t start, int64_t stop, double *totals) noexcept
    int mm_group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                              double *totals) noexcept
    enum:
        MM_THREADS
    double mm_combine(int action, double a, double b) noexcept
    ctypedef struct Product:
        int32_t a, b, c, pad
        int64_t m, n, k, count
        int64_t a_offset, a_row, a_column, a_step
        int64_t b_offset, b_row, b_column, b_step
    void mm_blas_set(void *dgemm, void *dgemv, int wide) noexcept
    int mm_blas() noexcept
    void mm_product(const Product *p, const double *a, const double *b, double *c) noexcept
    enum:
        MM_LU, MM_CHOLESKY, MM_INVERSE, MM_DET, MM_SLOGDET, MM_SOLVE, MM_SOLVE_TRANSPOSED, MM_LOWER, MM_LOWER_TRANSPOSED
        MM_COFACTOR, MM_ROUTINES, MM_SINGULAR
    ctypedef struct Routine:
        int32_t what, a, b, c
        int64_t n, k, count, a_offset, a_step, b_offset, b_step
    int mm_routine_failed() noexcept
    void mm_routine(const Routine *p, const double *a, const double *b, double *c) noexcept
    void mm_lapack_set(void *dgetrf, void *dpotrf, void *dtrsm, void *dtrsv, int wide) noexcept
    ctypedef struct KernelCall:
        uint16_t run, n
        uint16_t base[4]
        uint32_t at[4]
    enum:
        BASE_SCRATCH, BASE_ARENA, BASE_SLOTS, BASE_BUFFERS, BASE_ACCESSES, BASE_PRODUCTS, BASE_ROUTINES, BASE_CODE, BASE_ZERO
        BASE_MOVING, BASES
        CALL_LOAD, CALL_SPREAD, CALL_STORE, CALL_TOTAL, CALL_CLEAR, CALL_PRODUCT, CALL_ROUTINE, CALL_SCALARS
    void mm_poles_forget() noexcept
    void mm_poles_keep(int more) noexcept
    int mm_poles_met() noexcept
    void mm_calls_prepare() noexcept
    int mm_call_special(int what, int type) noexcept
    int mm_call_kernel(int type, int op, int variant) noexcept
    void mm_calls_run(const KernelCall *p, const KernelCall *end, char *const *base) noexcept
    void mm_scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero) noexcept
    const Instr *mm_scalars_run(const Instr *code, double *slots, char **buffers) noexcept


# Where a buffer lives.
cdef enum:
    HOME_ARENA = 0     # in the workspace, `offset` bytes from its start
    HOME_INPUT = 1     # the caller's array
    HOME_CONSTANT = 2  # a captured array
    HOME_RESULT = 3    # an array that is handed to the caller
    HOME_OBJECT = 4    # what a call gave

cdef struct Buffer:
    int64_t bytes
    int64_t offset
    int32_t home
    int32_t index

# What a step does.
cdef enum:
    STEP_SCALARS = 0
    STEP_GROUP = 1
    STEP_MATMUL = 2
    STEP_CALL = 3
    STEP_ROUTINE = 4

cdef struct Step:
    int32_t kind
    int32_t index
    int64_t work      # elements or instructions, to decide on threads and on releasing the interpreter's lock


# What runs at once: calls start..stop of the stream, or one step.
cdef struct Stretch:
    int32_t step    # -1: none, a stretch of the stream
    int32_t start, stop
    int64_t work


cdef struct Place:
    int32_t kind    # -1: nothing, 0: slot, 1: buffer; a result: 2: the object of a call, 3: a copy
    int32_t index


cdef void forget_poles() noexcept
cdef bint met_poles() noexcept
cdef Kernel kernel_of(int type, int op, int variant) noexcept
cdef enum:
    LONGEST_PRODUCT = 536870912  # multiplications between two looks for Ctrl-C, some hundredths of a second


cdef int64_t rows_at_once(int64_t work) noexcept
cdef void product(const Product *p, const double *a, const double *b, double *c) noexcept nogil
cdef int special_number(int what, int type) noexcept
cdef int kernel_number(int type, int op, int variant) noexcept


cdef class Workspace:
    cdef double *slots
    cdef char **at      # by buffer
    cdef char *arena
    cdef char *memory
    cdef char **base    # of the operands of a stream
    cdef int threads    # that there is scratch for
    cdef list objects, results


cdef class Program:
    cdef Instr *code
    cdef Group *groups
    cdef Access *accesses
    cdef BlockOp *ops
    cdef Step *steps
    cdef Product *products
    cdef Routine *routines
    cdef Buffer *buffers
    cdef double *template
    cdef Place *input_places
    cdef Place *result_places
    cdef KernelCall *stream
    cdef Stretch *plan
    cdef uint16_t *place         # by buffer: its base, if it is elsewhere at every run
    cdef int32_t *moving         # those buffers
    cdef int32_t *constant       # buffers of captured arrays
    cdef int32_t n_calls, n_plan, n_moving, n_constant
    cdef int32_t n_code, n_groups, n_accesses, n_ops, n_steps, n_products, n_routines, n_buffers, n_slots
    cdef int32_t n_objects, n_own
    cdef int64_t arena, scratch
    cdef list constants, tables, watched, calls, input_specs, result_specs, pool
    cdef dict parts
    cdef readonly int64_t size
    cdef int prepare(self) except -1
    cdef tuple step_record(self, const Step *s)
    cdef list instruction_list(self, int32_t at)
    cdef Place *places(self, list specs) except NULL
    cdef int enter(self, Workspace w, list values) except -1
    cdef cnp.ndarray fresh(self, tuple shape, object dtype, int64_t nbytes)
    cdef list leave(self, Workspace w)
    cdef object execute(self, Workspace w)
    cdef int calls_of(self, Workspace w, const Stretch *q) except -1
    cdef object step(self, Workspace w, const Step *s)
    cdef int multiply(self, Workspace w, const Product *q, int64_t work) except -1
    cdef int group(self, Workspace w, const Group *g, int64_t work) except -1
    cdef object view(self, Workspace w, int32_t b, object offset, tuple shape, object strides, object dtype)
    cdef object operand(self, Workspace w, tuple spec, bint own)
    cdef object call(self, Workspace w, tuple call)
