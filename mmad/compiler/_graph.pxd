"""Contract of the compiler's graph: instructions in single assignment form, scalars and arrays alike."""
from libc.stdint cimport int32_t, int64_t

from mmad._instructions cimport Node, Op


cdef extern from "_vm.h" nogil:
    enum:
        MM_F64, MM_F32, MM_BOOL, MM_RANK
        SC_multiply_add, SC_multiply_subtract, SC_subtract_multiply, SC_chain_add, SC_chain_subtract, SC_subtract_chain
        FUSED_END

cdef enum:
    NODE_SINGLE = 32  # an elementwise operation on arrays that is computed in float32


# What a payload stands for.
cdef enum:
    P_CONSTANT = 0
    P_INPUT = 1
    P_WINDOW = 2   # args (base,); the affine map
    P_COLLECT = 3  # args are collected into a new array, each through a map, by `action`
    P_PUT = 4      # args (base, value): a new version of base
    P_MATMUL = 5
    P_CALL = 6     # the operation's NumPy implementation
    P_GUARD = 7    # a whole array was looked at

cdef enum:
    SET = 0
    ADD = 1
    MAXIMUM = 2
    MINIMUM = 3


cdef class Map:
    """Where the elements of a value are in another: offset, shape and strides in elements, or a table of positions."""
    cdef readonly int64_t offset
    cdef readonly tuple shape, strides
    cdef readonly object table  # int64 array or None
    cdef readonly object source  # what the table was made from: (index array, checksum), or None


cdef class Payload:
    cdef readonly int kind, action
    cdef readonly Op op
    cdef readonly tuple args, vals
    cdef readonly tuple maps
    cdef readonly dict params
    cdef readonly tuple kinds
    cdef readonly object value


cdef class Graph:
    cdef Node *nodes
    cdef int32_t *type
    cdef readonly int32_t n
    cdef int32_t capacity
    cdef readonly list payloads, types, inputs, outputs
    cdef dict type_index
    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v, int32_t type) except -1
    cdef int32_t push_payload(self, int op, int flags, Payload p, int32_t type) except -1
    cdef int32_t window(self, int32_t base, Map m, int flags, int32_t type) except -1
    cdef int32_t constant(self, double v) except -1
    cdef int32_t type_of(self, tuple shape, object dtype) except -1
    cdef int32_t copy(self, Graph g, int32_t k, const int32_t *to) except -1
    cdef Graph like(self)
    cdef int finish(self, Graph g, const int32_t *to) except -1
    cdef Payload payload(self, int32_t k)
    cdef tuple shape(self, int32_t k)
    cdef dict constants


cdef int32_t *new_map(Graph g) except NULL
cdef Payload new_payload(int kind, Op op, tuple args, tuple vals, dict params)
cdef Map new_map_of(int64_t offset, tuple shape, tuple strides)
cdef Map compose(Map m, Map n)
cdef list unravel(int64_t flat, tuple shape)
cdef int64_t size_of(tuple shape) except -1
cdef tuple strides_of(tuple shape)
cdef int operands_of(Graph g, int32_t k, int32_t *out) noexcept
cdef tuple all_operands(Graph g, int32_t k)
