"""What a tape is made of: operations, array records, and the instructions themselves.

Design
------
* Scalars live inline in an array of 24-byte nodes (`_node.h`); an array operation also has a
  :class:`Rec`, which holds the operands' values by reference.
* Nothing here knows traced values: :class:`mmad.tape._tape.Tape` adds what makes and reads them, and
  :func:`mmad._core.apply_op` is the door that a called operation goes through.
"""
import importlib

cimport cython
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

cimport numpy as cnp

from mmad.errors import CaptureError
from mmad.kernels._arrays cimport checksum, shape_of_array, strides_of_array

cnp.import_array()

OPERATIONS = {}  # name -> Op
PROVIDERS = {}   # package -> the module with the rules of its functions, see `mmad.ops.declare`

cdef extern from "Python.h":
    bint PyObject_GC_IsTracked(object o)
    void PyObject_GC_UnTrack(object o)

cdef enum:
    SHAPES = 32

cdef Py_ssize_t FREEZE_BYTES = 262144  # captured arrays up to here are copied, larger ones checked for change
cdef Door _door = NULL


cdef void set_door(Door door) noexcept:
    """Say what calls an operation: `apply_op`, which is defined above this module."""
    global _door
    _door = door


def scalar_opcodes():
    """Return name -> (opcode, arity) of every scalar operation the compiled loops know."""
    return {scalar_name(k).decode(): (k, scalar_arity(k)) for k in range(SCALAR_BEFORE + 1, SCALAR_END)}


def scalar_costs():
    """Name -> nanoseconds an element, of every scalar and fused operation in a block of float64."""
    return {scalar_name(k).decode(): scalar_cost(k) for k in range(SCALAR_BEFORE + 1, FUSED_END) if scalar_arity(k)}


cdef dict _OPCODES = scalar_opcodes()


def find_operation(name):
    """Return the operation of a name; that of another package's function, "package.function", by importing its rules.

    Raises
    ------
    KeyError
        There is none, or the package is not installed.
    """
    if name not in OPERATIONS:
        rules = PROVIDERS.get(name.rpartition(".")[0])
        if rules is not None:
            try:
                importlib.import_module(rules)
            except ImportError as error:
                raise KeyError(f"{name}: {error}") from error
    return OPERATIONS[name]


cdef class Op:
    """One differentiable operation, declared once (see `mmad.ops.declare`).

    Calling it evaluates on plain values, records on traced ones, and lets dual numbers and batches apply
    their own rule.

    Attributes
    ----------
    name, impl, nin, partials, transposes, jvp, batch, result, joint, boolean, probes, masks, saturates, infinite_at
        As declared.
    opcode : int
        Its place in the scalar table, `_scalar_ops.h`; -1: it is not there.
    needs_out : bool
        Its derivatives read the result, which a recording keeps for them then.
    raw : bool
        The last operand is an index, of which nothing is made an array: in ``x[[0, 2]]``, which is ``gather(x, [0, 2])``, the
        list stays one, while ``multiply(x, [0, 2])`` is ``multiply(x, np.array([0, 2]))``.
    ufunc : ufunc or None
        NumPy's, by whose inner loops small arrays are done.
    transpose : callable or None
        All cotangents at once, of an operation that is made of a user's rules.
    """

    def __init__(self, name, impl, *, nin=1, kind="elementwise", partials=None, jvp=None, transposes=None,
                 batch=None, boolean=False, raw=False, needs_out=True, probes=(), ufunc=None, result=None, masks=(),
                 saturates=None, infinite_at=None, transpose=None, joint=False):
        if name in OPERATIONS:
            raise ValueError(f"operation {name!r} is declared twice")
        self.name, self.impl, self.nin = name, impl, nin
        self.kind = {"elementwise": KIND_ELEMENTWISE, "structural": KIND_STRUCTURAL, "window": KIND_WINDOW,
                     "put": KIND_PUT, "put_index": KIND_PUT_INDEX}[kind]
        self.opcode = _OPCODES.get(name, (-1, 0))[0] if kind == "elementwise" else -1
        if self.opcode >= 0 and _OPCODES[name][1] != nin:
            raise ValueError(f"operation {name!r}: {nin} operands declared, the scalar table has another arity")
        self.partials = partials
        self.jvp, self.transposes, self.batch = jvp, transposes, batch
        self.transpose = transpose
        self.result = result
        self.masks, self.saturates, self.infinite_at = sum([1 << i for i in masks]), saturates, infinite_at
        self.raw = raw
        self.boolean, self.needs_out, self.probes, self.ufunc = boolean, needs_out, probes, ufunc
        self.joint = joint
        OPERATIONS[name] = self
        if self.opcode >= 0:
            _SCALAR_OPS[self.opcode] = self

    def __call__(self, *args, **params):
        return _door(self, args, params if params else None)

    def __repr__(self):
        return f"<op {self.name}>"

    def __reduce__(self):
        return find_operation, (self.name,)

    @property
    def elementwise(self):
        return self.kind == KIND_ELEMENTWISE

    @property
    def norm(self):
        """Whether the result is the square root of a sum of squares."""
        return bool(self.role & ROLE_ROOT)

    @property
    def linear(self):
        """Positions of the arguments in which the operation is linear."""
        return tuple(self.transposes) if self.transposes else ()


_SCALAR_OPS = [None] * SCALAR_END
cdef list _scalar_ops = _SCALAR_OPS


cpdef Op scalar_op(int opcode):
    """Return the declared operation of a scalar opcode."""
    return _scalar_ops[opcode]


@cython.final
@cython.freelist(64)
cdef class Rec:
    """An array operation on the tape: operands' nodes (-1: constant), their values, parameters, result."""

    def __init__(self):
        raise TypeError("records are made by recording")

    def __dealloc__(self):
        if self.at != self.few:
            free(self.at)

    @property
    def args(self):
        """The operands' nodes; -1: a constant."""
        return tuple([self.at[i] for i in range(self.n)])


cdef Rec new_rec(Op op, int32_t n, tuple vals, dict params, object out, tuple shape, object dtype):
    """Return a record of n operands, whose nodes the caller fills in."""
    cdef Rec r = Rec.__new__(Rec)
    r.at = r.few
    if n > 3:
        r.at = <int32_t *> malloc(n * sizeof(int32_t))
        if r.at == NULL:
            raise MemoryError("the trace ran out of memory")
    r.op, r.n, r.vals, r.params = op, n, vals, params
    r.out, r.shape, r.dtype = out, shape, dtype
    return r


cdef int spare(Rec rec) except -1:
    """Untrack a record on which only numbers and arrays hang: the garbage collector would look through it again and again."""
    if not PyObject_GC_IsTracked(rec.vals) and (rec.params is None or not PyObject_GC_IsTracked(rec.params)):
        PyObject_GC_UnTrack(rec)
    return 0


cdef bint equal(tuple x, const cnp.npy_intp *y, int n, Py_ssize_t unit) noexcept:
    """Return whether numbers of a tuple, times a unit, are those given."""
    cdef int k
    if len(x) != n:
        return False
    for k in range(n):
        if <Py_ssize_t> x[k] * unit != y[k]:
            return False
    return True


cdef class Instructions:
    """The instructions of a tape, in static single assignment form.

    Parameters
    ----------
    origin : object
        What is being traced; its `str` appears in messages ("grad of loss (model.py:12)").
    guarded : bool
        Record for replay: comparisons become instructions, and every place where Python looks at a value
        leaves a guard.
    live : bool
        Keep captured arrays themselves, to be read again at every replay, not copies.
    """

    def __cinit__(self, origin="", guarded=False, live=False, plain_integers=False):
        self.nodes = NULL
        self.n, self.capacity = 0, 0
        self.recs, self.inputs, self.outputs = [], [], None
        self.open, self.guarded, self.origin = True, guarded, origin
        self.plain_integers = plain_integers
        self.live = live
        self.watched, self.used, self.expected, self.rewritten = None, None, None, False
        self.shapes, self.windows = [None] * SHAPES, [None] * SHAPES
        memset(self.const_node, 0xff, sizeof(self.const_node))

    def __dealloc__(self):
        free(self.nodes)

    cdef int grow(self) except -1:
        cdef int64_t capacity = self.capacity + (self.capacity >> 1) + 64
        cdef Node *p
        if self.n >= INT32_MAX - 1:
            raise MemoryError(f"the trace of {self.origin} has more than 2**31 instructions")
        p = <Node *> realloc(self.nodes, capacity * sizeof(Node))
        if p == NULL:
            raise MemoryError(f"the trace of {self.origin} ran out of memory after {self.n} instructions")
        self.nodes, self.capacity = p, capacity
        return 0

    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v) except -1:
        cdef Node *p
        if self.n >= self.capacity:
            self.grow()
        p = self.nodes + self.n
        p.op, p.flags, p.a, p.b, p.c, p.v = op, flags, a, b, c, v
        self.n += 1
        return self.n - 1

    cdef int32_t push_rec(self, int op, int flags, Rec rec, double v) except -1:
        self.recs.append(rec)
        return self.push(op, flags, <int32_t> len(self.recs) - 1, -1, -1, v)

    cdef int32_t constant(self, double v, int flags) except -1:
        """Return the node of a constant; a small direct-mapped table saves repeated ones."""
        cdef uint64_t bits
        cdef int k
        cdef int32_t node
        memcpy(&bits, &v, 8)
        k = const_slot(bits)
        node = self.const_node[k]
        if node >= 0 and self.const_bits[k] == bits and self.nodes[node].flags == flags:
            return node
        node = self.push(OP_CONST, flags, -1, -1, -1, v)
        self.const_node[k], self.const_bits[k] = node, bits
        return node

    cdef Rec rec_of(self, int32_t node):
        """Return the record that knows the shape and dtype of an array node."""
        cdef Node *p = self.nodes + node
        return <Rec> self.recs[p.c if p.op == OP_STORE else p.a]

    cdef tuple shape_of(self, cnp.ndarray arr):
        """Return arr.shape; for an array recorded recently the same tuple."""
        cdef int n = cnp.PyArray_NDIM(arr), k
        cdef size_t h = n
        cdef tuple found
        for k in range(n):
            h ^= <size_t> cnp.PyArray_DIM(arr, k) ^ (h >> 2)
        h %= SHAPES
        found = self.shapes[h]
        if found is not None and equal(found, cnp.PyArray_DIMS(arr), n, 1):
            return found
        found = shape_of_array(arr)
        self.shapes[h] = found
        return found

    cdef tuple window_of(self, Py_ssize_t offset, cnp.ndarray r, cnp.ndarray base):
        """Return view r of a base as (offset, shape, strides), and as parameters of `window`; equal ones are one object."""
        cdef size_t h = <size_t> offset
        cdef int n = cnp.PyArray_NDIM(r), k
        cdef tuple found, window
        cdef dict params
        cdef object of = self.shape_of(base)
        for k in range(n):
            h ^= <size_t> cnp.PyArray_DIM(r, k) ^ (h >> 4)
        h %= SHAPES
        found = self.windows[h]
        if found is not None:
            window, params = found
            if <Py_ssize_t> window[0] == offset and params["of"] is of and equal(window[1], cnp.PyArray_DIMS(r), n, 1) \
                    and equal(window[2], cnp.PyArray_STRIDES(r), n, cnp.PyArray_ITEMSIZE(r)):
                return found
        window = offset, self.shape_of(r), strides_of_array(r)
        params = {"offset": offset, "shape": window[1], "strides": window[2], "of": of}
        found = self.windows[h] = window, params
        return found

    cpdef check_watched(self):
        """Raise if a large captured array was changed in place after the trace used it."""
        if self.watched is not None:
            for arr, digest in self.watched.values():
                if checksum(arr) != digest:
                    raise CaptureError(
                        f"an array of shape {arr.shape} that {self.origin} captured was changed in place after it "
                        "had been used, so its derivative would be wrong; use a copy where it is used, or rebind "
                        "the name instead of writing into the array")

    def expect(self, list arrays):
        """Note the contents of captured arrays before the function runs."""
        self.expected = [(arr, checksum(arr)) for arr in arrays if arr.size and not arr.dtype.hasobject]

    def settle(self):
        """Raise if captured arrays were written to after the function had read them; from now on they may be.

        Returns
        -------
        bool
            Whether arrays that were noted before the run have other contents now.
        """
        self.check_watched()
        if self.rewritten:
            raise CaptureError(f"an array that {self.origin} captured was changed in place between two of its uses")
        self.watched = None
        return any([checksum(arr) != digest for arr, digest in self.expected or ()])

    def __len__(self):
        return self.n

    def node(self, int32_t k):
        """Return instruction k as (op name, operand nodes, value or None), for printing and interpreting."""
        if not 0 <= k < self.n:
            raise IndexError(k)
        cdef Node *p = self.nodes + k
        if p.op == OP_REC:
            return (<Rec> self.recs[p.a]).op.name, (<Rec> self.recs[p.a]).args, None if p.flags & NODE_ARRAY else p.v
        if p.op == OP_INPUT:
            return "input", (), None if p.flags & NODE_ARRAY else p.v
        if p.op == OP_CONST:
            return "const", (), None if p.flags & NODE_ARRAY else p.v
        if p.op == OP_LOAD:
            return "load", (p.a, node_index(p)), p.v
        if p.op == OP_STORE:
            return "store", (p.a, p.b, p.i), None
        if p.op == OP_GUARD:
            return "guard", (p.a,), p.v
        return scalar_name(p.op).decode(), (p.a, p.b, p.c)[:scalar_arity(p.op)], p.v

    def operands_of(self, int32_t k):
        """Return the nodes that instruction k reads; -1 for a constant of its record."""
        cdef int32_t i, n
        cdef const int32_t *at
        if not 0 <= k < self.n:
            raise IndexError(k)
        at = operands_of(self, k, &n)
        return tuple([at[i] for i in range(n)])

    def record_of(self, int32_t k):
        """Return the Rec behind array node k (for a store: its root's), or None for a scalar instruction."""
        cdef Node *p = self.nodes + k
        if p.op == OP_REC or p.flags & NODE_ARRAY:
            return self.rec_of(k)
        if p.op == OP_GUARD and p.c >= 0:
            return self.recs[p.c]
        return None

    def is_array(self, int32_t k):
        return bool(self.nodes[k].flags & NODE_ARRAY)

    def flags(self, int32_t k):
        return self.nodes[k].flags

    cpdef bint is_version(self, int32_t k) noexcept:
        """Return whether node k is a written version of a storage that nothing else holds: a write may go in place."""
        cdef Node *p = self.nodes + k
        if p.flags & NODE_CONSUMED:
            return False
        return p.op == OP_STORE or (p.op == OP_REC and (<Rec> self.recs[p.a]).op.kind >= KIND_PUT)

    cdef object record(self, Op op, tuple args, dict params):
        """Evaluate an operation on traced values of this tape and add it; return the traced result."""
        raise NotImplementedError

    cdef int fill(self, int32_t node) except -1:
        """Compute the value of an instruction that was recorded without it."""
        raise NotImplementedError

    @property
    def nbytes(self):
        """Bytes of the scalar instructions (arrays are held by reference)."""
        return self.n * sizeof(Node)


cdef object frozen_index(Instructions tape, object index):
    """Return an index whose arrays are protected likewise."""
    if isinstance(index, tuple):
        return tuple([freeze(tape, i) for i in index])
    return freeze(tape, index)


cdef object freeze(Instructions tape, object value):
    """Return a captured constant, protected against later writes by user code."""
    cdef cnp.ndarray arr
    if not isinstance(value, cnp.ndarray):
        return value
    arr = value
    if cnp.PyArray_BASE(arr) == NULL and not cnp.PyArray_ISWRITEABLE(arr):
        return arr
    if not tape.live and (cnp.PyArray_NBYTES(arr) <= FREEZE_BYTES or not cnp.PyArray_IS_C_CONTIGUOUS(arr)):
        return cnp.PyArray_NewCopy(arr, cnp.NPY_KEEPORDER)
    if tape.watched is None:
        tape.watched = {}
    digest = checksum(arr)
    seen = tape.watched.setdefault(id(arr), (arr, digest))
    if seen[1] != digest:
        if tape.live:  # the run goes on, and `settle` raises after it
            tape.rewritten = True
            return cnp.PyArray_NewCopy(arr, cnp.NPY_KEEPORDER)
        tape.check_watched()
    return arr
