"""Contract of the virtual machine: programs and their workspaces."""
from libc.stdint cimport int32_t, int64_t, uint16_t

cimport numpy as cnp

from mmad.kernels._machine cimport Access, BlockOp, Group, Instr, KernelCall, Product, Routine


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


cdef struct Port:
    int32_t kind    # -1: nothing, 0: slot, 1: buffer; a result: 2: the object of a call, 3: a copy
    int32_t index


cdef class Workspace:
    cdef double *slots
    cdef char **at      # by buffer
    cdef char *arena
    cdef char *memory
    cdef char **base    # of the operands of a stream
    cdef int threads    # that there is scratch for
    cdef list objects, results


cdef class Machine:
    cdef Instr *code
    cdef Group *groups
    cdef Access *accesses
    cdef BlockOp *ops
    cdef Step *steps
    cdef Product *products
    cdef Routine *routines
    cdef Buffer *buffers
    cdef double *template
    cdef Port *input_places
    cdef Port *result_places
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
    cdef bint ready               # it has been checked
    cdef int prepare(self) except -1
    cdef tuple step_record(self, const Step *s)
    cdef list instruction_list(self, int32_t at)
    cdef Port *places(self, list specs) except NULL
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
