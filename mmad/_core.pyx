"""Recording: the tape, operations, and the traced values user code sees.

Design
------
* One :class:`Tape` a thread and trace.  Scalars live inline in an array of 24-byte nodes (`_node.h`); an array
  operation adds a :class:`Rec` beside its node, which holds the operands' values by reference.
* A :class:`ScalarVar` is a number: a tape, a node, a double.  An :class:`ArrayVar` is a *storage* (a root: node,
  buffer, version) or a *view* of one (`base` and an affine window of it).  A write makes a new version of the
  root; views notice by the version number and record their window again when next read.
* Copy-on-write: `fresh` says that nothing but the root holds the buffer, so a write may go in place.  Whatever
  an operation consumes is no longer fresh.
* Everything that is not recorded here dispatches through :func:`apply_op`: wrappers (dual numbers, batches) with
  the highest level first, then traced values, then plain NumPy.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from libc.math cimport isfinite, isnan
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cimport numpy as cnp

import math

import numpy as np

from mmad._arrays cimport window_view, checksum
from mmad.errors import CaptureError, TraceError

cnp.import_array()

UFUNCS = {}      # numpy ufunc -> Op
FUNCTIONS = {}   # numpy function -> implementation on traced values
METHODS = {}     # attribute name -> function of the traced value first
PROPERTIES = {}  # attribute name -> function of the traced value
OPERATIONS = {}  # name -> Op
HOOKS = {}       # "ufunc", "lift", ...: the rarely taken paths, in Python

cdef dict _UFUNCS = UFUNCS, _METHODS = METHODS, _PROPERTIES = PROPERTIES, _FUNCTIONS = FUNCTIONS
cdef dict _HOOKS = HOOKS, _EMPTY = {}
cdef object _float64 = np.dtype(np.float64)
cdef object _np_float64 = np.float64
cdef Py_ssize_t FREEZE_BYTES = 262144  # captured arrays up to here are copied, larger ones checked for change


def scalar_opcodes():
    """Name -> (opcode, arity) of every scalar operation the compiled loops know."""
    return {scalar_name(k).decode(): (k, scalar_arity(k)) for k in range(SCALAR_BEFORE + 1, SCALAR_END)}


cdef dict _OPCODES = scalar_opcodes()


# ---------------------------------------------------------------------------------------------- operations
cdef class Op:
    """One differentiable operation, declared once (see `mmad.ops.declare`).

    Calling it evaluates on plain values, records on traced ones, and lets dual numbers and batches apply
    their own rule.
    """

    def __init__(self, name, impl, *, nin=1, kind="elementwise", partials=None, jvp=None, transposes=None,
                 batch=None, boolean=False, raw=False, needs_out=True, probes=(), ufunc=None, doc=""):
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
        self.raw = raw  # takes an index as an operand: no list or tuple is made an array
        self.boolean, self.needs_out, self.probes, self.ufunc, self.doc = boolean, needs_out, probes, ufunc, doc
        OPERATIONS[name] = self
        if self.opcode >= 0:
            _SCALAR_OPS[self.opcode] = self

    def __call__(self, *args, **params):
        return apply_op(self, args, params if params else None)

    def __repr__(self):
        return f"<op {self.name}>"

    def __reduce__(self):
        return OPERATIONS.__getitem__, (self.name,)

    @property
    def elementwise(self):
        return self.kind == KIND_ELEMENTWISE

    @property
    def linear(self):
        """Positions of the arguments in which the operation is linear."""
        return tuple(self.transposes) if self.transposes else ()


_SCALAR_OPS = [None] * SCALAR_END
cdef list _scalar_ops = _SCALAR_OPS


def scalar_op(int opcode):
    """The declared operation of a scalar opcode."""
    return _scalar_ops[opcode]


cdef Op o_add, o_sub, o_mul, o_div, o_neg, o_pos, o_pow, o_square, o_floordiv, o_mod, o_abs, o_matmul
cdef Op o_lt, o_le, o_gt, o_ge, o_eq, o_ne, o_and, o_or, o_xor, o_invert, o_window, o_put, o_gather, o_putidx


def bind_operators():
    """Look up the operations Python's operators stand for, once all are declared."""
    global o_add, o_sub, o_mul, o_div, o_neg, o_pos, o_pow, o_square, o_floordiv, o_mod, o_abs, o_matmul
    global o_lt, o_le, o_gt, o_ge, o_eq, o_ne, o_and, o_or, o_xor, o_invert, o_window, o_put, o_gather, o_putidx
    g = OPERATIONS.__getitem__
    o_add, o_sub, o_mul, o_div, o_neg, o_pos = (
        g("add"), g("subtract"), g("multiply"), g("divide"), g("negative"), g("positive"))
    o_pow, o_square, o_floordiv, o_mod, o_abs = (
        g("power"), g("square"), g("floor_divide"), g("remainder"), g("absolute"))
    o_matmul, o_window, o_put, o_gather, o_putidx = (
        g("matmul"), g("window"), g("put"), g("gather"), g("put_index"))
    o_lt, o_le, o_gt, o_ge, o_eq, o_ne = (
        g("less"), g("less_equal"), g("greater"), g("greater_equal"), g("equal"), g("not_equal"))
    o_and, o_or, o_xor, o_invert = g("bitwise_and"), g("bitwise_or"), g("bitwise_xor"), g("invert")


@cython.final
@cython.freelist(64)
cdef class Rec:
    """An array operation on the tape: operands' nodes (-1: constant), their values, parameters, result."""

    def __init__(self):
        raise TypeError("records are made by recording")


cdef inline Rec new_rec(Op op, tuple args, tuple vals, dict params, object out, tuple shape, object dtype):
    cdef Rec r = Rec.__new__(Rec)
    r.op, r.args, r.vals, r.params = op, args, vals, params
    r.out, r.shape, r.dtype = out, shape, dtype
    return r


# ---------------------------------------------------------------------------------------------------- tape
cdef class Tape:
    """A Wengert list of scalar and array instructions in static single assignment form.

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

    def __cinit__(self, origin="", guarded=False, live=False):
        self.nodes = NULL
        self.n, self.capacity = 0, 0
        self.recs, self.inputs, self.outputs = [], [], None
        self.open, self.guarded, self.origin = True, guarded, origin
        self.live = live
        self.watched = None
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
        """The node of a constant; a small direct-mapped table saves repeated ones."""
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
        """The record that knows the shape and dtype of an array node."""
        cdef Node *p = self.nodes + node
        return <Rec> self.recs[p.c if p.op == OP_STORE else p.a]

    cpdef check_watched(self):
        """Raise if a large captured array was changed in place after the trace used it."""
        if self.watched is not None:
            for arr, digest in self.watched.values():
                if checksum(arr) != digest:
                    raise CaptureError(
                        f"an array of shape {arr.shape} that {self.origin} captured was changed in place after it "
                        "had been used, so its derivative would be wrong; use a copy where it is used, or rebind "
                        "the name instead of writing into the array")

    def settle(self):
        """Captured arrays have not changed while the function ran: from now on they may."""
        self.check_watched()
        self.watched = None

    def __len__(self):
        return self.n

    def node(self, int32_t k):
        """Instruction k as (op name, operand nodes, value or None), for printing and interpreting."""
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

    def record_of(self, int32_t k):
        """The Rec behind array node k (for a store: its root's), or None for a scalar instruction."""
        cdef Node *p = self.nodes + k
        if p.op == OP_REC or p.flags & NODE_ARRAY:
            return self.rec_of(k)
        if p.op == OP_GUARD and p.c >= 0:
            return self.recs[p.c]
        return None

    def value_of(self, var):
        """The value of a traced value as it is now; unlike `var.value` it leaves no guard."""
        if type(var) is ScalarVar:
            return (<ScalarVar> var).v
        (<ArrayVar> var).refresh()
        return (<ArrayVar> var).arr

    def add_guard(self, var):
        """Python looks at a traced value: a replay is good only where it is what it is now."""
        cdef ArrayVar x
        if type(var) is ScalarVar:
            if (<ScalarVar> var).flags & NODE_BOOL:
                bool(var)
            else:
                self.push(OP_GUARD, 0, (<ScalarVar> var).node, -1, -1, (<ScalarVar> var).v)
            return
        x = var
        x.sync()
        self.recs.append(new_rec(None, (), (), None, x.arr.copy(), (<object> x.arr).shape, x.arr.dtype))
        self.push(OP_GUARD, 0, x.node, -1, <int32_t> len(self.recs) - 1, 0.0)

    def is_array(self, int32_t k):
        return bool(self.nodes[k].flags & NODE_ARRAY)

    def flags(self, int32_t k):
        return self.nodes[k].flags

    def is_version(self, int32_t k):
        """Whether node k is a written version of a storage that nothing else holds: a write may go in place."""
        cdef Node *p = self.nodes + k
        if p.flags & NODE_CONSUMED:
            return False
        return p.op == OP_STORE or (p.op == OP_REC and (<Rec> self.recs[p.a]).op.kind >= KIND_PUT)

    def add_input(self, value, strong=False):
        """A new input: a traced copy of a float or of a C-contiguous array."""
        cdef int32_t node
        cdef cnp.ndarray arr
        if isinstance(value, float):
            node = self.push(OP_INPUT, NODE_STRONG if strong else 0, -1, -1, -1, value)
            return make_scalar(self, node, value, NODE_STRONG if strong else 0)
        arr = value
        rec = new_rec(None, (), (), None, arr, value.shape, value.dtype)
        node = self.push_rec(OP_INPUT, NODE_ARRAY, rec, 0.0)
        return make_array(self, node, arr, False)

    def add_constant(self, value):
        """A traced constant: a float, or an array whose buffer the trace may write to."""
        if isinstance(value, float):
            return make_scalar(self, self.constant(value, 0), value, 0)
        rec = new_rec(None, (), (), None, value, value.shape, value.dtype)
        return make_array(self, self.push_rec(OP_CONST, NODE_ARRAY, rec, 0.0), value, False)

    def var_at(self, int32_t k, value=None):
        """A traced value for node k; `value` is the array where the node is one."""
        if self.nodes[k].flags & NODE_ARRAY:
            if value is None:
                value = self.rec_of(k).out
            return make_array(self, k, value, False)
        return make_scalar(self, k, self.nodes[k].v, self.nodes[k].flags & (NODE_STRONG | NODE_BOOL))

    @property
    def nbytes(self):
        """Bytes of the scalar instructions (arrays are held by reference)."""
        return self.n * sizeof(Node)


cdef object freeze(Tape tape, object value):
    """A captured constant, protected against later writes by user code."""
    cdef cnp.ndarray arr
    if not isinstance(value, cnp.ndarray):
        return value
    arr = value
    if cnp.PyArray_BASE(arr) == NULL and not arr.flags.writeable:
        return arr
    if not tape.live and (arr.nbytes <= FREEZE_BYTES or not arr.flags.c_contiguous):
        return arr.copy(order="K")
    if tape.watched is None:
        tape.watched = {}
    digest = checksum(arr)
    seen = tape.watched.setdefault(id(arr), (arr, digest))
    if seen[1] != digest:
        tape.check_watched()
    return arr


# ------------------------------------------------------------------------------------------------ dispatch
cdef ScalarVar make_scalar(Tape tape, int32_t node, double v, int flags):
    cdef ScalarVar r = ScalarVar.__new__(ScalarVar)
    r.tape, r.node, r.v, r.flags = tape, node, v, flags
    return r


cdef ArrayVar make_array(Tape tape, int32_t node, cnp.ndarray arr, bint fresh):
    cdef ArrayVar r = ArrayVar.__new__(ArrayVar)
    r.tape, r.node, r.arr, r.fresh, r.base, r.version = tape, node, arr, fresh, None, 0
    return r


cdef int leaked(Tape tape) except -1:
    raise TraceError(f"a traced value from {tape.origin} is used after that call has ended; return it from the "
                     "function instead of keeping it in a global, an attribute or a default argument")


cdef int mixed(Tape a, Tape b) except -1:
    if not a.open:
        leaked(a)
    if not b.open:
        leaked(b)
    raise TraceError(f"values of two separate traces met in one operation: {a.origin} and {b.origin}; traced values "
                     "cannot be handed to another thread or to a function under record()")


cdef int warn(int opcode, double a, double b) except -1:
    """Let NumPy raise its own warning for a result that is not finite."""
    cdef Op op = <Op> _scalar_ops[opcode]
    if op is not None and op.ufunc is not None:
        if op.nin == 2:
            op.ufunc(_np_float64(a), _np_float64(b))
        else:
            op.ufunc(_np_float64(a))
    return 0


cdef inline object scalar_record(Tape tape, int opcode, int32_t a, int32_t b, double va, double vb, int flags):
    cdef double v
    cdef ScalarVar r
    if not tape.open:
        leaked(tape)
    v = scalar_eval(opcode, va, vb, 0.0)
    if not isfinite(v):
        warn(opcode, va, vb)
    r = ScalarVar.__new__(ScalarVar)
    r.tape, r.v, r.flags = tape, v, flags
    r.node = tape.push(opcode, flags, a, b, -1, v)
    return r


cdef inline object scalar_binary(int opcode, Op op, ScalarVar x, object other, bint reflected):
    cdef Tape tape = x.tape
    cdef double w
    cdef int32_t node
    cdef int flags = x.flags & NODE_STRONG
    if type(other) is ScalarVar:
        if (<ScalarVar> other).tape is not tape:
            mixed(tape, (<ScalarVar> other).tape)
        w, node = (<ScalarVar> other).v, (<ScalarVar> other).node
        flags |= (<ScalarVar> other).flags & NODE_STRONG
    elif type(other) is float:
        w = <double> other
        node = tape.constant(w, 0)
    elif type(other) is int:
        w = float(other)
        node = tape.constant(w, 0)
    else:
        return binary(op, x, other, reflected)
    if reflected:
        return scalar_record(tape, opcode, node, x.node, w, x.v, flags)
    return scalar_record(tape, opcode, x.node, node, x.v, w, flags)


cdef object _PLAIN = (int, float, complex, np.generic, np.ndarray, list, tuple)


cdef object binary(Op op, object x, object y, bint reflected):
    if not isinstance(y, Traced) and not isinstance(y, _PLAIN):
        return NotImplemented
    return apply_op(op, (y, x) if reflected else (x, y), None)


cdef object apply1(Op op, object x):
    return apply_op(op, (x,), None)


cdef object apply2(Op op, object x, object y):
    return apply_op(op, (x, y), None)


cdef object apply_op(Op op, tuple args, dict params):
    """Evaluate, record, or hand to the outermost wrapper."""
    cdef Wrapper top = None
    cdef Tape tape = None
    cdef bint lift = False
    cdef object alien = None
    for a in args:
        if isinstance(a, Traced):
            if isinstance(a, Wrapper):
                if top is None or (<Wrapper> a).level > top.level:
                    top = <Wrapper> a
            elif tape is None:
                tape = (<Var> a).tape
            elif (<Var> a).tape is not tape:
                mixed(tape, (<Var> a).tape)
        elif type(a) is not float and type(a) is not int:
            if type(a) is cnp.ndarray:
                if cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_OBJECT:
                    lift = not op.raw
            elif isinstance(a, (list, tuple)):
                lift = not op.raw
            elif isinstance(a, cnp.ndarray):
                alien = a
    if lift:
        return apply_op(op, tuple([_HOOKS["lift"](a) if isinstance(a, (list, tuple, np.ndarray)) else a
                                   for a in args]), params)
    if alien is not None and (top is not None or tape is not None):
        own_arithmetic(alien, op.name)
    if top is not None:
        return top.apply(op, args, params)
    if tape is None:
        if params is None:
            return op.impl(*args)
        return op.impl(*args, **params)
    if not tape.open:
        leaked(tape)
    if op.opcode >= 0 and params is None:
        r = try_scalar(tape, op, args)
        if r is not None:
            return r
    return record(tape, op, args, params)


def own_arithmetic(x, where):
    """Raise if an array is of a subclass whose arithmetic is not ndarray's (masked arrays, matrices, units)."""
    cls = type(x)
    if cls is not np.ndarray and (cls.__mul__ is not np.ndarray.__mul__
                                  or cls.__array_ufunc__ is not np.ndarray.__array_ufunc__):
        raise TypeError(f"{where}: arrays of type {cls.__name__} have arithmetic of their own, which has no derivative here; "
                        "use np.asarray(x), or the data and the mask by themselves")


cdef object try_scalar(Tape tape, Op op, tuple args):
    """Record as a scalar instruction if every operand is a double; None otherwise."""
    cdef double w[3]
    cdef int32_t node[3]
    cdef int k = 0, flags = 0
    cdef double v
    w[0] = w[1] = w[2] = 0.0
    node[0] = node[1] = node[2] = -1
    for a in args:
        if type(a) is ScalarVar:
            w[k], node[k] = (<ScalarVar> a).v, (<ScalarVar> a).node
            flags |= (<ScalarVar> a).flags & NODE_STRONG
        elif isinstance(a, float):
            w[k] = <double> a
            if type(a) is not float:
                flags |= NODE_STRONG
            node[k] = tape.constant(w[k], NODE_STRONG if type(a) is not float else 0)
        elif isinstance(a, (int, np.bool_)):
            w[k] = float(a)
            node[k] = tape.constant(w[k], 0)
        else:
            return None
        k += 1
    v = scalar_eval(op.opcode, w[0], w[1], w[2])
    if op.boolean:
        if not tape.guarded:
            return (np.True_ if v != 0 else np.False_) if flags else v != 0
        flags = NODE_BOOL
    if not isfinite(v):
        warn(op.opcode, w[0], w[1])
    return make_scalar(tape, tape.push(op.opcode, flags, node[0], node[1], node[2], v), v, flags)


cdef object record(Tape tape, Op op, tuple args, dict params):
    """Evaluate an array operation and add it to the tape."""
    cdef list ids = [], vals = []
    cdef bint foreign = False
    cdef int k
    cdef cnp.ndarray arr
    for a in args:
        if type(a) is ScalarVar:
            ids.append((<ScalarVar> a).node)
            vals.append((<ScalarVar> a).v if not (<ScalarVar> a).flags & NODE_BOOL else (<ScalarVar> a).v != 0)
        elif type(a) is ArrayVar:
            arr = (<ArrayVar> a).take()
            ids.append((<ArrayVar> a).node)
            vals.append(arr)
            if cnp.PyArray_TYPE(arr) != cnp.NPY_DOUBLE:
                foreign = True
        else:
            ids.append(-1)
            if isinstance(a, cnp.ndarray):
                foreign = foreign or cnp.PyArray_TYPE(<cnp.ndarray> a) != cnp.NPY_DOUBLE
                a = freeze(tape, a)
            vals.append(a)
    if foreign:  # NEP 50: a NumPy float64 scalar promotes, a Python float does not
        for k in range(len(vals)):
            if type(args[k]) is ScalarVar:
                if (<ScalarVar> args[k]).flags & NODE_STRONG:
                    vals[k] = _np_float64(vals[k])
    cdef tuple v = tuple(vals)
    if params is not None:
        out = op.impl(*v, **params)
    elif len(v) == 1:
        out = op.impl(v[0])
    elif len(v) == 2:
        out = op.impl(v[0], v[1])
    else:
        out = op.impl(*v)
    return wrap(tape, op, tuple(ids), v, params, out)


cdef object wrap(Tape tape, Op op, tuple ids, tuple vals, dict params, object out):
    """The traced result of an operation whose value is `out`."""
    cdef cnp.ndarray arr
    cdef int flags = NODE_ARRAY
    cdef bint fresh
    if isinstance(out, float):
        rec = new_rec(op, ids, vals, params, out, (), _float64)
        return make_scalar(tape, tape.push_rec(OP_REC, NODE_STRONG, rec, out), out, NODE_STRONG)
    if type(out) is not cnp.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> out) != cnp.NPY_DOUBLE:
        out = np.asarray(out)
        kind = out.dtype.kind
        if kind not in "fcbiu":
            raise TypeError(f"{op.name} gave an array of dtype {out.dtype}, which has no derivative")
        if kind in "biu":
            if not tape.guarded:
                return out if out.ndim else out[()]
            if kind == "b" and not out.ndim:
                rec = new_rec(op, ids, vals, params, out, (), out.dtype)
                return make_scalar(tape, tape.push_rec(OP_REC, NODE_BOOL, rec, out), out, NODE_BOOL)
            flags |= NODE_BOOL
    arr = out
    fresh = not op.needs_out and cnp.PyArray_BASE(arr) == NULL
    if fresh:
        for a in vals:
            if a is out:
                fresh = False
    rec = new_rec(op, ids, vals, params, arr if op.needs_out else None, out.shape, arr.dtype)
    return make_array(tape, tape.push_rec(OP_REC, flags, rec, 0.0), arr, fresh)


# ------------------------------------------------------------------------------------------- traced values
cdef class Traced:
    """Base of all values that stand in for a number or an array in user code."""

    __array_priority__ = 1000.0

    def __add__(self, other):
        return binary(o_add, self, other, False)

    def __radd__(self, other):
        return binary(o_add, self, other, True)

    def __sub__(self, other):
        return binary(o_sub, self, other, False)

    def __rsub__(self, other):
        return binary(o_sub, self, other, True)

    def __mul__(self, other):
        return binary(o_mul, self, other, False)

    def __rmul__(self, other):
        return binary(o_mul, self, other, True)

    def __truediv__(self, other):
        return binary(o_div, self, other, False)

    def __rtruediv__(self, other):
        return binary(o_div, self, other, True)

    def __floordiv__(self, other):
        return binary(o_floordiv, self, other, False)

    def __rfloordiv__(self, other):
        return binary(o_floordiv, self, other, True)

    def __mod__(self, other):
        return binary(o_mod, self, other, False)

    def __rmod__(self, other):
        return binary(o_mod, self, other, True)

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __pow__(self, other, modulo):
        if modulo is not None:
            return NotImplemented
        if type(other) is int and other == 2:
            return apply1(o_square, self)
        return binary(o_pow, self, other, False)

    def __rpow__(self, other, modulo):
        return binary(o_pow, self, other, True)

    def __matmul__(self, other):
        return binary(o_matmul, self, other, False)

    def __rmatmul__(self, other):
        return binary(o_matmul, self, other, True)

    def __neg__(self):
        return apply1(o_neg, self)

    def __pos__(self):
        return apply1(o_pos, self)

    def __abs__(self):
        return apply1(o_abs, self)

    def __invert__(self):
        return apply1(o_invert, self)

    def __lt__(self, other):
        return binary(o_lt, self, other, False)

    def __le__(self, other):
        return binary(o_le, self, other, False)

    def __gt__(self, other):
        return binary(o_gt, self, other, False)

    def __ge__(self, other):
        return binary(o_ge, self, other, False)

    def __eq__(self, other):
        if other is None:
            return False
        return binary(o_eq, self, other, False)

    def __ne__(self, other):
        if other is None:
            return True
        return binary(o_ne, self, other, False)

    def __hash__(self):
        return <Py_hash_t> (<size_t> <PyObject *> self >> 4)

    def __and__(self, other):
        return binary(o_and, self, other, False)

    def __rand__(self, other):
        return binary(o_and, self, other, True)

    def __or__(self, other):
        return binary(o_or, self, other, False)

    def __ror__(self, other):
        return binary(o_or, self, other, True)

    def __xor__(self, other):
        return binary(o_xor, self, other, False)

    def __rxor__(self, other):
        return binary(o_xor, self, other, True)

    def __getattr__(self, name):
        f = _PROPERTIES.get(name)
        if f is not None:
            return f(self)
        f = _METHODS.get(name)
        if f is not None:
            return f.__get__(self)
        raise AttributeError(f"a traced value has no attribute {name!r}")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if not kwargs and method == "__call__":
            op = _UFUNCS.get(ufunc)
            if op is not None:
                return apply_op(<Op> op, inputs, None)
        return _HOOKS["ufunc"](ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        f = _FUNCTIONS.get(func)
        if f is None:
            name = f"{func.__module__}.{func.__name__}"
            raise TypeError(f"{name} is not supported on traced values; write it with supported functions, or "
                            f"give it a derivative with mmad.primitive or mmad.custom_vjp")
        return f(*args, **kwargs)

    def __float__(self):
        raise TypeError("float() of a traced value would lose its derivative: write NumPy functions in place of "
                        "math's (np.sin, not math.sin); to fill an array, make it with np.zeros(n, like=x) or "
                        "mmad.numpy.zeros(n); for the number alone, use mmad.concrete(x)")

    def __complex__(self):
        raise TypeError("complex() of a traced value would lose its derivative: use a + 1j*b; for the number alone, "
                        "use mmad.concrete(x)")

    def __copy__(self):
        return apply1(o_pos, self)

    def __deepcopy__(self, memo):
        return apply1(o_pos, self)

    def __reduce__(self):
        raise TypeError("a traced value cannot be pickled; pickle mmad.concrete(x)")


cdef class Wrapper(Traced):
    """A value with something carried along (tangents, lanes) at a nesting level; the highest level acts first."""

    cpdef object apply(self, Op op, tuple args, dict params):
        raise NotImplementedError


cdef class Var(Traced):
    """A value recorded on a tape; :class:`ScalarVar` or :class:`ArrayVar`."""


@cython.final
cdef class ScalarVar(Var):
    """A traced float64 number."""

    def __add__(self, other):
        return scalar_binary(SC_add, o_add, self, other, False)

    def __radd__(self, other):
        return scalar_binary(SC_add, o_add, self, other, True)

    def __sub__(self, other):
        return scalar_binary(SC_subtract, o_sub, self, other, False)

    def __rsub__(self, other):
        return scalar_binary(SC_subtract, o_sub, self, other, True)

    def __mul__(self, other):
        return scalar_binary(SC_multiply, o_mul, self, other, False)

    def __rmul__(self, other):
        return scalar_binary(SC_multiply, o_mul, self, other, True)

    def __truediv__(self, other):
        return scalar_binary(SC_divide, o_div, self, other, False)

    def __rtruediv__(self, other):
        return scalar_binary(SC_divide, o_div, self, other, True)

    def __pow__(self, other, modulo):
        if modulo is not None:
            return NotImplemented
        if type(other) is int and other == 2:
            return scalar_record(self.tape, SC_square, self.node, -1, self.v, 0.0, self.flags & NODE_STRONG)
        return scalar_binary(SC_power, o_pow, self, other, False)

    def __neg__(self):
        return scalar_record(self.tape, SC_negative, self.node, -1, self.v, 0.0, self.flags & NODE_STRONG)

    def __bool__(self):
        cdef bint truth = self.v != 0
        if self.tape.guarded and self.tape.open:
            self.tape.push(OP_GUARD, NODE_BOOL, self.node, -1, -1, truth)
        return truth

    def __int__(self):
        if not isfinite(self.v):
            return int(self.v)
        return self.look(math.trunc(self.v), "trunc")

    def __index__(self):
        if self.flags & NODE_BOOL:
            return int(bool(self))
        raise TypeError("a traced float cannot be an index; int(x) gives its integer part, whose derivative is zero")

    def __trunc__(self):
        return self.look(math.trunc(self.v), "trunc")

    def __floor__(self):
        return self.look(math.floor(self.v), "floor")

    def __ceil__(self):
        return self.look(math.ceil(self.v), "ceil")

    def __round__(self, ndigits=None):
        if ndigits is None:
            return self.look(round(self.v), "rint")
        return _METHODS["round"](self, ndigits)

    cdef object look(self, object k, str how):
        """Python learns an integer: leave a guard on the rounded value."""
        if self.tape.guarded and self.tape.open:
            w = apply1(<Op> OPERATIONS[how], self)
            self.tape.push(OP_GUARD, 0, (<ScalarVar> w).node, -1, -1, k)
        return k

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __str__(self):
        return str(bool(self.v) if self.flags & NODE_BOOL else self.v)

    def __repr__(self):
        return f"ScalarVar({self})"

    def __format__(self, spec):
        return format(self.v, spec)

    @property
    def value(self):
        """The number, without derivative; on a guarded tape it leaves a guard."""
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        return bool(self.v) if self.flags & NODE_BOOL else self.v

    @property
    def shape(self):
        return ()

    @property
    def dtype(self):
        return np.dtype(bool) if self.flags & NODE_BOOL else _float64

    @property
    def strong(self):
        return bool(self.flags & NODE_STRONG)


cpdef bint basic_index(object index):
    """Whether NumPy answers this index with a view."""
    if isinstance(index, tuple):
        for k in index:
            if not (k is None or k is Ellipsis or isinstance(k, slice)
                    or (isinstance(k, (int, np.integer)) and not isinstance(k, bool))):
                return False
        return True
    return (index is None or index is Ellipsis or isinstance(index, slice)
            or (isinstance(index, (int, np.integer)) and not isinstance(index, bool)))


@cython.final
cdef class ArrayVar(Var):
    """A traced array: a storage of its own, or a view of another one."""

    # A view is (offset, shape, strides) in elements of its C-ordered base.
    cdef int sync(self) except -1:
        """Bring a view up to date with its base."""
        cdef ArrayVar base = self.base
        if not self.tape.open:
            leaked(self.tape)
        if base is None or self.version == base.version:
            return 0
        self.arr = window_view(base.arr, self.window[0], self.window[1], self.window[2])
        self.node = push_window(base, self.window, self.arr)
        self.version = base.version
        return 0

    cdef cnp.ndarray take(self):
        """The value, for an operation that will hold on to it."""
        cdef ArrayVar root = self if self.base is None else self.base
        self.sync()
        self.tape.nodes[self.node].flags |= NODE_CONSUMED
        if root.fresh:
            if self.base is not None and self.tape.is_version(root.node):
                return self.arr.copy()  # the storage is being written piece by piece: hold the piece, not all of it
            root.fresh = False
        return self.arr

    cdef int prepare_write(self) except -1:
        """Make the root's buffer this storage's own before a write in place (copy-on-write)."""
        if not self.fresh or not self.arr.flags.c_contiguous:
            self.arr = self.arr.copy(order="C")
            self.fresh = True
        return 0

    cdef ArrayVar alias(self, cnp.ndarray r):
        """A view for `r`, a NumPy view into this array's buffer."""
        cdef ArrayVar root = self if self.base is None else self.base
        cdef ArrayVar view
        cdef Py_ssize_t size = r.dtype.itemsize
        offset = (<char *> cnp.PyArray_DATA(r) - <char *> cnp.PyArray_DATA(root.arr)) // size
        view = ArrayVar.__new__(ArrayVar)
        view.tape, view.base, view.arr, view.version = self.tape, root, r, root.version
        view.window = (offset, (<object> r).shape, tuple([s // size for s in (<object> r).strides]))
        view.node = push_window(root, view.window, r)
        return view

    def refresh(self):
        """Bring the node of a view up to date with its base."""
        if self.tape.open:
            self.sync()

    def view(self, function=None):
        """`function` of this array, as NumPy does it: a view where NumPy gives a view, else a copy.

        Parameters
        ----------
        function : callable
            ndarray -> ndarray, reshaping or reordering axes only.
        """
        cdef ArrayVar root = self if self.base is None else self.base
        self.sync()
        if function is None:
            function = _whole
        elif not callable(function) or isinstance(function, type):
            raise TypeError("a traced array cannot be viewed as another dtype")
        if not root.arr.flags.c_contiguous:  # only a storage without views can be laid out anew
            root.arr, root.fresh = root.arr.copy(order="C"), True
        r = function(self.arr)
        if r is self.arr:
            r = r[...]
        if np.may_share_memory(r, root.arr) or not r.size:
            return self.alias(r)
        # NumPy copied: the same elements in another order, a window of this array laid out in C order
        if self.arr.flags.c_contiguous:
            raise TypeError("this reordering of a traced array is not a view of it")
        return (<ArrayVar> apply1(o_pos, self)).view(function)

    cdef object load(self, Py_ssize_t flat, double v):
        """Read one element: a scalar instruction."""
        cdef ArrayVar root = self if self.base is None else self.base
        return make_scalar(self.tape, load_node(root, flat, v), v, NODE_STRONG)

    cdef Py_ssize_t element(self, object index, double **address) except -2:
        """Flat index in the base of an all-integer index of a float64 array; -1 if it is another kind."""
        cdef cnp.ndarray arr = self.arr
        cdef int nd = arr.ndim, k
        cdef Py_ssize_t i, flat, step
        cdef char *p = <char *> cnp.PyArray_DATA(arr)
        cdef object item
        if arr.dtype.num != cnp.NPY_DOUBLE or nd == 0:
            return -1
        if type(index) is tuple:
            if len(<tuple> index) != nd:
                return -1
        elif nd != 1:
            return -1
        flat = 0 if self.base is None else <Py_ssize_t> self.window[0]
        step = 1
        for k in range(nd - 1, -1, -1):
            item = (<tuple> index)[k] if type(index) is tuple else index
            if type(item) is not int:
                if not isinstance(item, np.integer):
                    return -1
            i = item
            if i < 0:
                i += cnp.PyArray_DIM(arr, k)
            if i < 0 or i >= cnp.PyArray_DIM(arr, k):
                raise IndexError(f"index {item} is out of bounds for axis {k} with size {cnp.PyArray_DIM(arr, k)}")
            p += i * cnp.PyArray_STRIDE(arr, k)
            if self.base is None:
                flat += i * step
                step *= cnp.PyArray_DIM(arr, k)
            else:
                flat += i * <Py_ssize_t> (<tuple> self.window[2])[k]
        address[0] = <double *> p
        return flat

    def __getitem__(self, index):
        cdef Py_ssize_t flat
        cdef double *p
        self.sync()
        if type(index) is not slice:
            flat = self.element(index, &p)
            if flat >= 0:
                return self.load(flat, p[0])
        if basic_index(index):
            r = <ArrayVar> self.view(_Getter(index))
            if (<ArrayVar> r).arr.ndim == 0 and not (index is Ellipsis or (type(index) is tuple and Ellipsis in index)):
                return scalar_of(<ArrayVar> r)
            return r
        return apply2(o_gather, self, plain_index(index))

    def __setitem__(self, index, value):
        cdef ArrayVar root = self if self.base is None else self.base
        cdef Tape tape = self.tape
        cdef Py_ssize_t flat
        cdef double *p
        cdef double v
        cdef int32_t source
        self.sync()
        if type(value) is ScalarVar or type(value) is float or type(value) is int:
            flat = self.element(index, &p)
            if flat >= 0 and writeable(self):
                if type(value) is ScalarVar:
                    if (<ScalarVar> value).tape is not tape:
                        mixed(tape, (<ScalarVar> value).tape)
                    v, source = (<ScalarVar> value).v, (<ScalarVar> value).node
                else:
                    v = value
                    source = tape.constant(v, 0)
                root.prepare_write()
                (<double *> cnp.PyArray_DATA(root.arr))[flat] = v
                store(root, source, flat)
                return
        self.write(index, value)

    cdef int write(self, object index, object value) except -1:
        """Assign to any index: a new version of the root."""
        cdef ArrayVar root = self if self.base is None else self.base
        cdef ArrayVar target
        if isinstance(value, Wrapper):
            raise TypeError("a dual number or batched value of an inner derivative cannot be written into an array of "
                            "an outer one; make the array inside the inner function, with np.zeros_like of its argument")
        writeable(self)
        if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype.hasobject):
            value = _HOOKS["lift"](value)
        if isinstance(value, Var) and value.tape is not self.tape:
            mixed(self.tape, value.tape)
        if not isinstance(value, Var):
            value = np.asarray(value)
            if value.ndim == 0:
                value = value[()]
            value = freeze(self.tape, value)
        if (self.arr.dtype.kind in "biu" and isinstance(value, Traced) and value.dtype.kind not in "biu") or (
                value.dtype.kind == "c" and self.arr.dtype.kind == "f"):
            raise TypeError(f"cannot store a traced {value.dtype} value in an array of dtype {self.arr.dtype} without "
                            "losing its derivative")
        if isinstance(index, ScalarVar):
            index = bool(index)
        if basic_index(index):
            target = self if index is Ellipsis else self.view(_Getter(index))
            if type(value) is ArrayVar and (<ArrayVar> value).base is root and target is not self:
                (<ArrayVar> value).sync()
                if (<ArrayVar> value).window == target.window:
                    return 0  # y[k] += v writes its own view back
            window = target.window if target.base is not None else whole(root.arr)
            op, params = o_put, {"offset": window[0], "shape": window[1], "strides": window[2],
                                 "of": (<object> root.arr).shape}
        else:
            index = plain_index(index)
            if self.base is not None:  # the index of the view, in terms of the base
                flat = np.arange(root.arr.size).reshape((<object> root.arr).shape)
                flat = np.ascontiguousarray(window_view(flat, self.window[0], self.window[1], self.window[2]))[index]
                index = np.unravel_index(flat, (<object> root.arr).shape)
            op, params = o_putidx, None
        if type(value) is ScalarVar:
            ids, vals = (root.node, (<ScalarVar> value).node), (None, (<ScalarVar> value).v)
        elif type(value) is ArrayVar:
            v = (<ArrayVar> value).take()
            ids, vals = (root.node, (<ArrayVar> value).node), (None, v)
        else:
            ids, vals = (root.node, -1), (None, value)
        root.prepare_write()
        if op is o_put:
            window_view(root.arr, window[0], window[1], window[2])[...] = vals[1]
        else:
            root.arr[index] = vals[1]
            ids, vals = ids + (-1,), vals + (index,)
        rec = new_rec(op, ids, vals, params, None, (<object> root.arr).shape, root.arr.dtype)
        advance(root, self.tape.push_rec(OP_REC, NODE_ARRAY, rec, 0.0))
        return 0

    cdef object inplace(self, Op op, object other):
        """`self op= other` with NumPy's rules: the result keeps this array's shape and dtype."""
        cdef ArrayVar result
        if not isinstance(other, Traced) and not isinstance(other, _PLAIN):
            return NotImplemented
        self.sync()
        r = apply2(op, self, other)
        self.assign(r, op.name)
        return self

    cpdef assign(self, r, name="assignment"):
        """Let this array (and all its views) take the value `r` of the same shape."""
        cdef ArrayVar result
        self.sync()
        shape = r.shape if hasattr(r, "shape") else np.shape(r)
        if shape != (<object> self.arr).shape and np.broadcast_shapes(shape, (<object> self.arr).shape) != (<object> self.arr).shape:
            raise ValueError(f"non-broadcastable output operand with shape {(<object> self.arr).shape} doesn't match the "
                             f"broadcast shape {shape}")
        if not np.can_cast(np.result_type(r if not isinstance(r, Traced) else r.dtype), self.arr.dtype, "same_kind"):
            raise TypeError(f"cannot cast {name} output from {r.dtype!r} to {self.arr.dtype!r} with casting rule "
                            "'same_kind'")
        if self.base is None and type(r) is ArrayVar:
            result = r
            if result.base is None and result.arr.dtype == self.arr.dtype and shape == (<object> self.arr).shape \
                    and result.arr.flags.c_contiguous:
                result.sync()
                self.arr, self.fresh = result.arr, False
                advance(self, result.node)
                return
        self.write(Ellipsis, r)

    def __iadd__(self, other):
        return self.inplace(o_add, other)

    def __isub__(self, other):
        return self.inplace(o_sub, other)

    def __imul__(self, other):
        return self.inplace(o_mul, other)

    def __itruediv__(self, other):
        return self.inplace(o_div, other)

    def __ipow__(self, other):
        if type(other) is int and other == 2:
            self.assign(apply1(o_square, self), "square")
            return self
        return self.inplace(o_pow, other)

    def __imatmul__(self, other):
        return self.inplace(o_matmul, other)

    def __ifloordiv__(self, other):
        return self.inplace(o_floordiv, other)

    def __imod__(self, other):
        return self.inplace(o_mod, other)

    def __len__(self):
        if self.arr.ndim == 0:
            raise TypeError("len() of unsized object")
        return cnp.PyArray_DIM(self.arr, 0)

    def __iter__(self):
        if self.arr.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        self.sync()
        truth = bool(self.arr)
        if self.tape.guarded:
            self.tape.push(OP_GUARD, NODE_BOOL, self.node, -1, -1, truth)
        return truth

    def __int__(self):
        if self.arr.size != 1:
            raise TypeError("only 0-d or one-element arrays can be converted to int")
        if self.arr.dtype.kind == "f":
            return int(apply1(o_pos, self[(0,) * self.arr.ndim] if self.arr.ndim else self))
        self.sync()
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        return int(self.arr.item())

    def __index__(self):
        if self.arr.dtype.kind not in "iu" or self.arr.ndim:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        k = int(self.arr)
        if self.tape.guarded:
            self.tape.push(OP_GUARD, 0, self.node, -1, -1, k)
        return k

    def __str__(self):
        self.refresh()
        return str(self.arr)

    def __repr__(self):
        self.refresh()
        return f"ArrayVar({self.arr!r})"

    def __format__(self, spec):
        self.sync()
        return format(self.arr, spec) if spec else str(self.arr)

    def __array__(self, dtype=None, copy=None):
        if dtype is not None and np.dtype(dtype) != np.dtype(object):
            raise TypeError(f"a traced array cannot become a plain {np.dtype(dtype)} array without losing its derivative; "
                            "make the array with np.zeros(n, like=x) or mmad.numpy.zeros(n), or use mmad.concrete(x)")
        out = np.empty((<object> self.arr).shape, dtype=object)
        for k in np.ndindex(*(<object> self.arr).shape):
            out[k] = self[k] if k else self[()]
        return out

    @property
    def value(self):
        """The array, without derivative; on a guarded tape it leaves a guard."""
        self.refresh()
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        return self.arr.copy()

    @property
    def strong(self):
        return True

    @property
    def shape(self):
        return (<object> self.arr).shape

    @shape.setter
    def shape(self, shape):
        raise AttributeError("set the shape of a traced array with x = x.reshape(shape)")

    @property
    def dtype(self):
        return self.arr.dtype

    @property
    def strides(self):
        return (<object> self.arr).strides

    @property
    def flags(self):
        return self.arr.flags


cdef class _Getter:
    cdef object index

    def __init__(self, index):
        self.index = index

    def __call__(self, a):
        return _as_view(a, self.index)


def _whole(a):
    return a[...]


cdef object _as_view(a, index):
    """a[index] as an array view even where NumPy would give a scalar."""
    if type(index) is tuple:
        return a[index] if Ellipsis in index else a[index + (Ellipsis,)]
    return a[index] if index is Ellipsis else a[index, ...]


cdef tuple whole(cnp.ndarray arr):
    """The window that is all of a C-ordered array."""
    cdef list strides = []
    cdef Py_ssize_t step = 1
    for d in reversed((<object> arr).shape):
        strides.append(step)
        step *= d
    return 0, (<object> arr).shape, tuple(reversed(strides))


cdef int32_t push_window(ArrayVar root, tuple window, cnp.ndarray r) except -1:
    if root.tape.nodes[root.node].flags & NODE_SUPERSEDED:  # a view of a version already written over
        root.tape.nodes[root.node].flags |= NODE_CONSUMED
    params = {"offset": window[0], "shape": window[1], "strides": window[2], "of": (<object> root.arr).shape}
    rec = new_rec(o_window, (root.node,), (None,), params, None, window[1], r.dtype)
    return root.tape.push_rec(OP_REC, NODE_ARRAY, rec, 0.0)


cdef int store(ArrayVar root, int32_t source, Py_ssize_t flat) except -1:
    cdef Tape tape = root.tape
    cdef Node *p = tape.nodes + root.node
    cdef int32_t rec = p.c if p.op == OP_STORE else p.a
    cdef int32_t node = tape.push(OP_STORE, NODE_ARRAY, root.node, source, rec, 0.0)
    tape.nodes[node].i = flat
    return advance(root, node)


cdef int32_t load_node(ArrayVar root, int64_t flat, double v) except -1:
    """Record that element `flat` of a storage is read."""
    if root.tape.nodes[root.node].flags & NODE_SUPERSEDED:
        root.tape.nodes[root.node].flags |= NODE_CONSUMED
    return root.tape.push(OP_LOAD, NODE_STRONG, root.node, <int32_t> (flat & 0xffffffff), <int32_t> (flat >> 32), v)


cdef int element_add(ArrayVar acc, int64_t flat, int32_t node) except -1:
    """acc[flat] += scalar node, for a float64 storage of its own (not a view)."""
    cdef double *p
    cdef double v
    cdef int32_t k
    acc.prepare_write()
    p = <double *> cnp.PyArray_DATA(acc.arr) + flat
    k = load_node(acc, flat, p[0])
    v = p[0] + acc.tape.nodes[node].v
    k = acc.tape.push(SC_add, NODE_STRONG, k, node, -1, v)
    p[0] = v
    return store(acc, k, flat)


cdef int32_t element_take(ArrayVar acc, int64_t flat, double *v) except -1:
    """Read acc[flat] and write zero there."""
    cdef double *p
    cdef int32_t k
    acc.prepare_write()
    p = <double *> cnp.PyArray_DATA(acc.arr) + flat
    v[0] = p[0]
    k = load_node(acc, flat, p[0])
    p[0] = 0.0
    store(acc, acc.tape.constant(0.0, 0), flat)
    return k


cdef int advance(ArrayVar root, int32_t node) except -1:
    root.tape.nodes[root.node].flags |= NODE_SUPERSEDED
    root.node = node
    root.version += 1
    return 0


cdef bint writeable(ArrayVar x) except -1:
    if x.base is not None:
        for d, s in zip(x.window[1], x.window[2]):
            if s == 0 and d > 1:
                raise ValueError("assignment destination is read-only: it is a broadcast view")
    return True


cdef object scalar_of(ArrayVar x):
    """What NumPy gives for a fully indexed element: a number."""
    if x.arr.dtype.num == cnp.NPY_DOUBLE:
        return x.load(<Py_ssize_t> x.window[0], (<double *> cnp.PyArray_DATA(x.arr))[0])
    return x


def plain_index(index):
    """An index without traced integers and masks in it."""
    if isinstance(index, tuple):
        return tuple([plain_index(k) for k in index])
    if isinstance(index, list):
        return np.asarray(index)
    if isinstance(index, Traced):
        if index.dtype.kind not in "biu":
            raise IndexError("arrays used as indices must be of integer or boolean type, not a traced float")
        if index.shape == () and index.dtype.kind != "b":
            return index.__index__()
        return concrete(index)
    return index


def concrete(x):
    """The plain number or array behind a traced value, without its derivative.

    Parameters
    ----------
    x : traced value, number or array

    Returns
    -------
    float or ndarray
        A copy; changes to it do not reach the trace.

    Examples
    --------
    >>> import mmad
    >>> def f(x):
    ...     if mmad.concrete(x) > 1:
    ...         return x * x
    ...     return x
    >>> mmad.grad(f)(3.0)
    6.0
    """
    while isinstance(x, Traced):
        x = x.value
    return x
