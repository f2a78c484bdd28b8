"""Contract of the compiler's graph: instructions in single assignment form, scalars and arrays alike."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from mmad.tape._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_INPUT, OP_LOAD, OP_STORE, Node, Op,
                                      scalar_arity)


cdef extern from "_vm.h" nogil:
    enum:
        MM_F64, MM_F32, MM_BOOL, MM_I64, MM_I32, MM_I16, MM_I8, MM_U64, MM_U32, MM_U16, MM_U8, MM_RANK
        SC_multiply_add, SC_multiply_subtract, SC_subtract_multiply, SC_chain_add, SC_chain_subtract, SC_subtract_chain
        FUSED_END

cdef enum:
    NODE_SINGLE = 32  # an elementwise operation on arrays that is computed in float32
    TYPE_OTHER = 255  # a dtype that the machine has no kernels for


# What a payload stands for.
cdef enum:
    P_CONSTANT = 0
    P_INPUT = 1
    P_WINDOW = 2   # operands (base,); the affine map
    P_COLLECT = 3  # the operands are collected into a new array, each through a map, by `action`
    P_PUT = 4      # operands (base, value): a new version of base
    P_MATMUL = 5
    P_CALL = 6     # the operation's NumPy implementation
    P_GUARD = 7    # a whole array was looked at
    P_ROUTINE = 8  # linear algebra: `action` is the routine of the machine

cdef enum:
    SET = 0
    ADD = 1
    MAXIMUM = 2
    MINIMUM = 3


cdef class Map:
    """Where the elements of a value are in another: offset, shape and strides in elements, or a table of positions."""
    cdef readonly int64_t offset, size
    cdef readonly tuple shape, strides
    cdef readonly object table  # int64 array or None
    cdef readonly object source  # what the table was made from: (index array, checksum), or None


cdef class Payload:
    cdef readonly int kind, action
    cdef readonly Op op
    cdef readonly tuple vals
    cdef readonly tuple maps
    cdef readonly dict params
    cdef readonly tuple kinds
    cdef readonly object value


cdef class Shared:
    """What the graphs of one program have in common: types, maps and payloads, each of them once."""
    cdef list types, payloads
    cdef dict type_index, map_index, payload_index, composed
    cdef uint8_t *code     # by type: of its dtype
    cdef int64_t *size     # by type: elements
    cdef int32_t capacity
    cdef int32_t type_of(self, tuple shape, object dtype) except -1
    cdef Map map_of(self, Map m)
    cdef Map compose(self, Map m, Map n)
    cdef int32_t keep(self, Payload p) except -1
    cdef int32_t payload_of(self, int kind, int action, Op op, tuple maps) except -1


cdef class Graph:
    cdef Node *nodes
    cdef int32_t *type
    cdef int32_t *args         # operands of the instructions with a payload, end to end
    cdef readonly int32_t n
    cdef int32_t capacity, n_args, args_capacity
    cdef Shared shared
    cdef readonly list inputs, outputs
    cdef dict constants
    cdef int reserve(self, int32_t n) except -1
    cdef int32_t *room(self, int32_t n) except NULL
    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v, int32_t type) except -1
    cdef int32_t push_payload(self, int op, int flags, int32_t payload, const int32_t *args, int32_t n, int32_t type) \
        except -1
    cdef int set_operands(self, int32_t k, int32_t payload, list args) except -1
    cdef int32_t window(self, int32_t base, Map m, int flags, int32_t type) except -1
    cdef int32_t constant(self, double v) except -1
    cdef int32_t type_of(self, tuple shape, object dtype) except -1
    cdef int32_t copy(self, Graph g, int32_t k, const int32_t *to) except -1
    cdef Graph like(self)
    cdef int set_ends(self, Graph g, const int32_t *to) except -1
    cdef bint same(self, Graph g) noexcept
    cdef Payload payload(self, int32_t k)
    cdef tuple shape(self, int32_t k)
    cdef int64_t elements(self, int32_t k) noexcept
    cdef uint8_t precision(self, int32_t k) noexcept
    cdef int32_t arg(self, int32_t k, int32_t i) noexcept


cdef inline const int32_t *operands_of(Graph g, int32_t k, int32_t *n) noexcept:
    """Operands of an instruction (-1: a value that is kept in the payload), and their number."""
    cdef Node *p = g.nodes + k
    if p.op >= OP_FIRST_SCALAR:
        n[0] = scalar_arity(p.op)
    elif p.op == OP_STORE:
        n[0] = 2
    elif p.op == OP_LOAD:
        n[0] = 1
    elif p.op == OP_INPUT or p.op == OP_CONST:
        n[0] = 0
    elif p.c < 0:  # a number that was looked at
        n[0] = 1
    else:
        n[0] = p.c
        return g.args + p.b
    return &p.a


cdef uint8_t code_of(object dtype) except? 254
cdef void *grown(void *data, size_t bytes) except NULL
cdef int32_t *new_map(Graph g) except NULL
cdef int32_t *use_counts(Graph g) except NULL
cdef Payload new_payload(int kind, Op op, tuple vals, dict params)
cdef Map new_map_of(int64_t offset, tuple shape, tuple strides)
cdef list unravel(int64_t flat, tuple shape)
cdef int64_t size_of(tuple shape) except -1
cdef tuple strides_of(tuple shape)
