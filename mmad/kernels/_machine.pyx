"""The machine in C: block kernels, groups, runs of numbers, products and routines of matrices.

The C sources are linked into this module alone; other modules call them by the functions of its `.pxd`.
"""
from libc.stdint cimport int32_t, int64_t, uintptr_t

import ctypes

from numpy._core import _multiarray_umath

cdef extern from "_vm.h" nogil:
    Kernel mm_kernel_f64(int op, int variant) noexcept
    Kernel mm_kernel_f32(int op, int variant) noexcept
    size_t mm_group_scratch(const Group *g) noexcept
    void mm_group_clear(const Group *g, char **buffers) noexcept
    void mm_group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                      int64_t start, int64_t stop, double *totals) noexcept
    int mm_group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                              double *totals) noexcept
    double mm_combine(int action, double a, double b) noexcept
    void mm_blas_set(void *dgemm, void *dgemv, int wide) noexcept
    int mm_blas() noexcept
    void mm_product(const Product *p, const double *a, const double *b, double *c) noexcept
    int mm_routine_failed() noexcept
    void mm_routine(const Routine *p, const double *a, const double *b, double *c) noexcept
    void mm_lapack_set(void *dgetrf, void *dpotrf, void *dtrsm, void *dtrsv, int wide) noexcept
    void mm_poles_forget() noexcept
    void mm_poles_keep(int more) noexcept
    int mm_poles_met() noexcept
    void mm_calls_prepare() noexcept
    int mm_call_special(int what, int type) noexcept
    int mm_call_kernel(int type, int op, int variant) noexcept
    void mm_calls_run(const KernelCall *p, const KernelCall *end, char *const *base) noexcept
    void mm_scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero) noexcept
    const Instr *mm_scalars_run(const Instr *code, double *slots, char **buffers) noexcept

cdef enum:
    LEAST_ROWS = 64    # of a long product at a time

mm_calls_prepare()


cdef Kernel kernel_of(int type, int op, int variant) noexcept nogil:
    """Return the kernel of an operation, or NULL."""
    return mm_kernel_f64(op, variant) if type == MM_F64 else mm_kernel_f32(op, variant)


cdef size_t group_scratch(const Group *g) noexcept:
    """Return the bytes of scratch that a group needs."""
    return mm_group_scratch(g)


cdef void group_clear(const Group *g, char **buffers) noexcept nogil:
    """Give the accumulators of a group their first values."""
    mm_group_clear(g, buffers)


cdef void group_run(const Group *g, char **buffers, const double *slots, char *scratch, int64_t lo, int64_t hi,
                    int64_t start, int64_t stop, double *totals) noexcept nogil:
    """Run a group over elements lo..hi."""
    mm_group_run(g, buffers, slots, scratch, lo, hi, start, stop, totals)


cdef bint group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                             double *totals) noexcept nogil:
    """Run a whole group in several threads; return False, with nothing done, if it cannot be divided."""
    return mm_group_run_parallel(g, buffers, slots, scratch, one, threads, totals) != 0


cdef double combine(int action, double a, double b) noexcept nogil:
    """Return two totals of parts of a group as one."""
    return mm_combine(action, a, b)


cdef bint has_blas() noexcept:
    """Return whether a BLAS was found."""
    return mm_blas() != 0


cdef void product(const Product *p, const double *a, const double *b, double *c) noexcept nogil:
    """Multiply matrices."""
    mm_product(p, a, b, c)


cdef int64_t rows_at_once(int64_t work) noexcept:
    """Return how many rows of a long product to do at a time, `work` multiplications each."""
    return max(LEAST_ROWS, LONGEST_PRODUCT // max(work, 1))


cdef void routine(const Routine *p, const double *a, const double *b, double *c) noexcept nogil:
    """Run a matrix routine."""
    mm_routine(p, a, b, c)


cdef int routine_failed() noexcept:
    """Return why a routine of this thread has failed since this was last asked; 0: none has."""
    return mm_routine_failed()


cdef int special_number(int what, int type) noexcept:
    """Return the number, in a stream, of what is called besides kernels."""
    return mm_call_special(what, type)


cdef int kernel_number(int type, int op, int variant) noexcept:
    """Return the number of a kernel in a stream."""
    return mm_call_kernel(type, op, variant)


cdef void calls_run(const KernelCall *p, const KernelCall *end, char *const *base) noexcept nogil:
    """Run a stretch of a stream."""
    mm_calls_run(p, end, base)


cdef void scalars_prepare(Instr *code, int64_t n, int32_t one, int32_t zero) noexcept:
    """Fuse long runs of sums and products."""
    mm_scalars_prepare(code, n, one, zero)


cdef const Instr *scalars_run(const Instr *code, double *slots, char **buffers) noexcept nogil:
    """Run scalar instructions; return the guard that fails, or NULL."""
    return mm_scalars_run(code, slots, buffers)


cdef void forget_poles() noexcept:
    """Forget what this thread has divided by zero."""
    mm_poles_forget()


cdef void keep_poles(int more) noexcept:
    """Keep what is known of divisions by zero, before code runs that clears the processor's flags."""
    mm_poles_keep(more)


cdef bint met_poles() noexcept:
    """Return whether this thread has divided by zero since it was told to forget, in programs."""
    return mm_poles_met() != 0


def find_blas():
    """Use the BLAS and the LAPACK that NumPy has loaded, if their symbols can be found; small products need none."""
    try:
        library = ctypes.CDLL(_multiarray_umath.__file__)
    except (OSError, AttributeError):
        return False
    for prefix, suffix, wide in (("scipy_", "64_", 1), ("", "64_", 1), ("scipy_", "", 0), ("", "", 0)):
        try:
            gemm = ctypes.cast(getattr(library, f"{prefix}cblas_dgemm{suffix}"), ctypes.c_void_p).value
            gemv = ctypes.cast(getattr(library, f"{prefix}cblas_dgemv{suffix}"), ctypes.c_void_p).value
        except AttributeError:
            continue
        mm_blas_set(<void *> <uintptr_t> gemm, <void *> <uintptr_t> gemv, wide)
        try:
            names = (f"{prefix}dgetrf_{suffix}", f"{prefix}dpotrf_{suffix}", f"{prefix}cblas_dtrsm{suffix}",
                     f"{prefix}cblas_dtrsv{suffix}")
            at = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names]
        except AttributeError:
            return True
        mm_lapack_set(<void *> <uintptr_t> at[0], <void *> <uintptr_t> at[1], <void *> <uintptr_t> at[2],
                      <void *> <uintptr_t> at[3], wide)
        return True
    return False
