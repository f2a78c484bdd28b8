"""Dispatch every operation; define the base classes of traced values, and traced numbers.

Design
------
* Each trace, in each thread, has one :class:`mmad.tape._tape.Tape`.  A :class:`ScalarVar` is a traced number: it holds
  its tape, its node and a double.  A :class:`mmad.tape._storage.ArrayVar` is a traced array.
* :func:`apply_op` dispatches every operation: first to the wrapper (dual number, batch) with the highest level, then to
  the tape of a traced value, then to plain NumPy.
* This module records operations on doubles itself; it passes every other operation to the tape (`Instructions.record`),
  which knows arrays.
"""
cimport cython
from cpython.object cimport PyObject
from libc.math cimport isfinite

cimport numpy as cnp

import math
import numbers
import operator
import warnings

import numpy as np

from mmad.errors import TraceError
from mmad.python.handlers import caught_here
from mmad.python.refusals import array_method, refuse_complex, refuse_float, refuse_units, rounding
from mmad.tape._instructions cimport (NODE_BOOL, NODE_DEFERRED, NODE_STRONG, OP_CONST, OP_FIRST_SCALAR, OP_GUARD,
                                      OP_LOAD, OP_REC, ROLE_EVEN, ROLE_LINEAR, ROLE_ROOT, Node, Rec, SC_add,
                                      SC_divide, SC_floor_divide, SC_multiply, SC_negative, SC_power, SC_remainder,
                                      SC_square, SC_subtract, scalar_eval, scalar_op, set_door)
from mmad.tape._instructions import OPERATIONS

cnp.import_array()


cdef extern from "Python.h":
    ctypedef struct PySequenceMethods:
        void *sq_item

    ctypedef struct PyTypeObject:
        PySequenceMethods *tp_as_sequence


cdef extern from "_types.h":
    void mmad_seal(PyTypeObject *t)
    void mmad_seal_abstract(PyTypeObject *t)
    int mmad_count_as_number(PyTypeObject *t) except -1
    int mmad_bind_anew(PyTypeObject *t) except -1


UFUNCS = {}      # numpy ufunc -> Op
FUNCTIONS = {}   # numpy function -> implementation on traced values
METHODS = {}     # attribute name -> function of the traced value first
PROPERTIES = {}  # attribute name -> function of the traced value
SETTERS = {}     # attribute name -> function of the traced value and the assigned value

cdef dict _UFUNCS = UFUNCS, _METHODS = METHODS, _PROPERTIES = PROPERTIES, _FUNCTIONS = FUNCTIONS
cdef dict _SETTERS = SETTERS
cdef object _lift = None      # makes a traced array from a list or object array with traced values in it
cdef object _protocol = None  # handles calls of NumPy's ufuncs with keywords, and their methods
cdef object _float64 = np.dtype(np.float64)
cdef object _np_float64 = np.float64
PLAIN = (int, float, complex, np.generic, np.ndarray, list, tuple)


def bind_operators():
    """Look up the operation of each Python operator; called once all operations are declared."""
    global o_add, o_sub, o_mul, o_div, o_neg, o_pos, o_pow, o_square, o_floordiv, o_mod, o_abs, o_matmul
    global o_lt, o_le, o_gt, o_ge, o_eq, o_ne, o_and, o_or, o_xor, o_invert, o_logical_or
    global o_window, o_put, o_gather, o_putidx
    cdef Op op
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
    o_logical_or = g("logical_or")
    for role, names in ((ROLE_ROOT, ("root", "absolute", "fabs", "hypot")),
                        (ROLE_LINEAR, ("multiply", "divide", "negative", "positive", "window", "gather", "astype")),
                        (ROLE_EVEN, ("square", "multiply", "power", "matmul", "sum_of_squares"))):
        for name in names:
            op = g(name)
            op.role |= role


# ------------------------------------------------------------------------------------------------ dispatch
cdef ScalarVar make_scalar(Instructions tape, int32_t node, double v, int flags):
    cdef ScalarVar r = ScalarVar.__new__(ScalarVar)
    r.tape, r.node, r.v, r.flags = tape, node, v, flags
    return r


cdef int leaked(Instructions tape) except -1:
    raise TraceError(f"a traced value from {tape.origin} is used after that call has ended; return it from the "
                     "function instead of keeping it in a global, an attribute or a default argument")


cdef int refuse_two_tapes(Instructions a, Instructions b) except -1:
    if not a.open:
        leaked(a)
    if not b.open:
        leaked(b)
    raise TraceError(f"values of two separate traces met in one operation: {a.origin} and {b.origin}; traced values "
                     "cannot be handed to another thread or to a function under record()")


cdef int warn(int opcode, double a, double b) except -1:
    """Evaluate with NumPy, so that it issues its own warning for a result that is not finite."""
    cdef Op op = scalar_op(opcode)
    if op is not None and op.ufunc is not None:
        if op.nin == 2:
            op.ufunc(_np_float64(a), _np_float64(b))
        else:
            op.ufunc(_np_float64(a))
    return 0


cdef int guard_raises(tuple args, object of, dict params, object error) except -1:
    """Record a guard on whether an operation, or a Python function, raises an error of a given class."""
    bool(OPERATIONS["raises"](*args, of=of, params={} if params is None else params, error=error, states=np.geterr()))
    return 0


cdef object raised_for_values():
    """Return the classes of errors that NumPy now raises for a result that is not finite; None if it raises none."""
    cdef object states = np.geterr().values()
    cdef bint warned = "warn" in states and warnings_are_errors()
    if "raise" in states:
        return (FloatingPointError, RuntimeWarning) if warned else FloatingPointError
    return RuntimeWarning if warned else None


cdef bint warnings_are_errors() except -1:
    """Return whether the warning filters turn every RuntimeWarning into an error, whichever module issues it."""
    for action, message, category, module, _ in warnings.filters:
        if message is None and module is None and issubclass(RuntimeWarning, category):
            return action == "error"
    return False


cdef object python_operator(int opcode):
    """Return Python's operator, where it may raise a ZeroDivisionError or OverflowError; None for other operations."""
    if opcode == SC_divide:
        return operator.truediv
    if opcode == SC_power:
        return operator.pow
    if opcode == SC_floor_divide:
        return operator.floordiv
    return operator.mod if opcode == SC_remainder else None


cdef int unusual(Instructions tape, int opcode, int32_t a, int32_t b, double va, double vb, int flags) except -1:
    """Warn or raise, as NumPy does, because a result is not finite.

    For Python's own numbers, raise Python's error if the function catches it.  If nothing catches it, division by zero
    gives infinity, as it does for NumPy's numbers.
    """
    cdef object of = None if flags & NODE_STRONG else python_operator(opcode)
    cdef tuple args
    try:
        if of is not None:
            try:
                of(va, vb)
            except ArithmeticError as error:
                if caught_here(type(error)):
                    raise
        warn(opcode, va, vb)
    except (ArithmeticError, RuntimeWarning) as error:
        if tape.guarded and tape.open:
            args = operands(tape, a, b, va, vb)
            if of is None or isinstance(error, (FloatingPointError, RuntimeWarning)):
                of = scalar_op(opcode)
            guard_raises(args, of, None, type(error))
        raise
    return 0


cdef int heed(Instructions tape, int opcode, int32_t a, int32_t b, double va, double vb, int flags) except -1:
    """Record a guard that this operation raises no arithmetic error, because the function may catch one."""
    cdef object of = None if flags & NODE_STRONG else python_operator(opcode)
    if of is not None and (b < 0 or tape.nodes[b].op != OP_CONST or opcode == SC_power):
        guard_raises(operands(tape, a, b, va, vb), of, None, ArithmeticError)
    cdef object kinds = raised_for_values()
    if kinds is not None:
        guard_raises(operands(tape, a, b, va, vb), scalar_op(opcode), None, kinds)
    return 0


cdef tuple operands(Instructions tape, int32_t a, int32_t b, double va, double vb):
    """Return the operands of a scalar operation, as traced numbers."""
    cdef ScalarVar x = make_scalar(tape, a, va, tape.nodes[a].flags & CARRIED)
    return (x,) if b < 0 else (x, make_scalar(tape, b, vb, tape.nodes[b].flags & CARRIED))


cdef inline object scalar_record(Instructions tape, int opcode, int32_t a, int32_t b, double va, double vb, int flags):
    cdef double v
    cdef ScalarVar r
    if not tape.open:
        leaked(tape)
    v = scalar_eval(opcode, va, vb, 0.0)
    if not isfinite(v) and not flags & NODE_DEFERRED:
        unusual(tape, opcode, a, b, va, vb, flags)
    if tape.heeds and tape.guarded:
        heed(tape, opcode, a, b, va, vb, flags)
    r = ScalarVar.__new__(ScalarVar)
    r.tape, r.v, r.flags = tape, v, flags
    r.node = tape.push(opcode, flags, a, b, -1, v)
    return r


cdef inline object scalar_binary(int opcode, Op op, ScalarVar x, object other, bint reflected):
    cdef Instructions tape = x.tape
    cdef double w
    cdef int32_t node
    cdef int flags = x.flags & CARRIED
    if type(other) is ScalarVar:
        if (<ScalarVar> other).tape is not tape:
            refuse_two_tapes(tape, (<ScalarVar> other).tape)
        if opcode == SC_add and x.flags & (<ScalarVar> other).flags & NODE_BOOL \
                and (x.flags | (<ScalarVar> other).flags) & NODE_STRONG:
            return apply_op(o_logical_or, (x, other), None)  # NumPy's + of two truth values is their logical or
        w, node = (<ScalarVar> other).v, (<ScalarVar> other).node
        flags |= (<ScalarVar> other).flags & CARRIED
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


cdef object binary(Op op, object x, object y, bint reflected):
    if not isinstance(y, Traced) and not isinstance(y, PLAIN):
        y = as_plain(y)
        if y is NotImplemented:
            return y
    return apply_op(op, (y, x) if reflected else (x, y), None)


cdef object as_plain(object y):
    """Return an operand of another class as NumPy uses it: a fraction as a float, else the result of `__array__`."""
    if isinstance(y, numbers.Rational):
        return float(y)
    if hasattr(y, "__array__") and not hasattr(y, "__array_ufunc__") and getattr(y, "__array_priority__", 0.0) <= 0:
        return np.asarray(y)
    return NotImplemented


cdef object apply1(Op op, object x):
    return apply_op(op, (x,), None)


cdef object apply2(Op op, object x, object y):
    return apply_op(op, (x, y), None)


def set_lift(function):
    """Set the function that makes a traced array from a list or object array; a higher layer defines it."""
    global _lift
    _lift = function


def set_protocol(function):
    """Set the function that handles NumPy's ufunc protocol beyond the plain call; a higher layer defines it."""
    global _protocol
    _protocol = function


cdef EvenPower _even_power = NULL


cdef void set_even_power(EvenPower f) noexcept:
    """Set the function that recognises even powers of norms; a higher layer defines it."""
    global _even_power
    _even_power = f


cdef object apply_op(Op op, tuple args, dict params):
    """Apply an operation: evaluate it, record it, or pass it to the outermost wrapper.

    Even powers of norms are recognised first: as powers of a sum of squares they have derivatives where the norm is 0.
    """
    if op.role & ROLE_EVEN and params is None and _even_power != NULL:
        r = _even_power(op, args)
        if r is not None:
            return r
    return apply_plain(op, args, params)


cdef object apply_plain(Op op, tuple args, dict params):
    """Apply an operation without looking for even powers of norms."""
    cdef Wrapper top = None
    cdef Instructions tape = None
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
                refuse_two_tapes(tape, (<Var> a).tape)
        elif type(a) is not float and type(a) is not int:
            if type(a) is cnp.ndarray:
                if cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_OBJECT:
                    lift = not op.raw
            elif isinstance(a, (list, tuple)):
                lift = not op.raw
            elif isinstance(a, cnp.ndarray):
                alien = a
    if lift:
        return apply_op(op, tuple([_lift(a) if isinstance(a, (list, tuple, cnp.ndarray)) else a
                                   for a in args]), params)
    if alien is not None and (top is not None or tape is not None):
        own_arithmetic(alien, op.name)
    if top is not None:
        r = top.apply(op, args, params)
        if op.role & (ROLE_ROOT | ROLE_LINEAR) and isinstance(r, Jet):
            remember(<Jet> r, op, args, params)
        return r
    if tape is None:
        if op.direct != NULL:
            r = op.direct(op, args, params)
            if r is not None:
                return r
        return op.impl(*args) if params is None else op.impl(*args, **params)
    if not tape.open:
        leaked(tape)
    if op.role & ROLE_ROOT:
        tape.rooted = True
    if op.opcode >= 0 and params is None:
        r = try_scalar(tape, op, args)
        if r is not None:
            return r
    return tape.record(op, args, params)


set_door(apply_op)


cdef int remember(Jet r, Op op, tuple args, dict params) except -1:
    """Store how a value was computed, if it may be a norm or a multiple of a norm."""
    cdef list kept = [], states = []
    if r.version < 0:
        return 0
    if not op.role & ROLE_ROOT and not any([isinstance(a, Jet) and (<Jet> a).origin is not None for a in args]):
        return 0
    for a in args:
        if type(a) is cnp.ndarray:
            a = a.copy()
        elif isinstance(a, Wrapper) and not isinstance(a, Jet):
            return 0
        kept.append(a)
        states.append(state_of(a))
    r.origin = op, tuple(kept), params, tuple(states)
    return 0


cdef object state_of(object x):
    """Return the version of an array's storage, which changes with every write; None for a plain value."""
    if isinstance(x, Jet):
        return (<Jet> x).version if (<Jet> x).base is None else (<Jet> x).base.version
    if isinstance(x, Var):
        if type(x) is not ScalarVar:
            x.refresh()
        return (<Var> x).node
    return None


cdef object reordering(object x, object function, object dtype, object kind):
    """Return the function that `ndarray.view` has to apply, given NumPy's arguments or a function of mmad's own.

    Return None if integers are to be read as another integer dtype of the same size.
    """
    if function is not None and callable(function) and not isinstance(function, type):
        return function
    for asked in (function, dtype, kind):
        if asked is None or asked is np.ndarray:
            continue
        if isinstance(asked, type) and issubclass(asked, np.ndarray):
            raise TypeError(f"a traced array cannot be viewed as a {asked.__name__}")
        asked = np.dtype(asked)
        if asked == x.dtype:
            continue
        if x.dtype.kind in "biu" and asked.kind in "iu" and asked.itemsize == x.dtype.itemsize:
            return None
        raise TypeError("a traced array cannot be viewed as another dtype, which reads its memory as other numbers; "
                        "x.astype(dtype) converts the numbers")
    return whole


def whole(a):
    return a[...]


cdef object seen_through(Jet r, Jet of, object how):
    """Mark r as a view of `of`, taken by an index or by a function that returns views; return r."""
    r.base = of if of.base is None else of.base
    if of.origin is not None:
        r.origin = None, (of,), how, (state_of(of),)
    return r


cdef int written(Jet x) except -1:
    """Count a write to an array; how it was computed no longer holds."""
    if x.base is not None:
        x = x.base
    x.version += 1
    x.origin = None
    return 0


cdef bint may_be_norm(Instructions tape, int32_t node, int depth) except -1:
    """Return whether the result of an instruction may be a norm, or a linear function of one."""
    cdef Node *p = tape.nodes + node
    cdef Op op
    cdef Rec rec
    cdef int i
    if p.op == OP_LOAD:
        return may_be_norm(tape, p.a, depth)
    if p.op >= OP_FIRST_SCALAR:
        op = scalar_op(p.op)
        if op is None or not op.role & (ROLE_ROOT | ROLE_LINEAR):
            return False
        if op.role & ROLE_ROOT:
            return True
        return depth > 0 and (may_be_norm(tape, p.a, depth - 1) or op.nin > 1 and may_be_norm(tape, p.b, depth - 1))
    if p.op != OP_REC:
        return False
    rec = <Rec> tape.recs[p.a]
    if rec.op.role & ROLE_ROOT:
        return True
    if depth > 0 and rec.op.role & ROLE_LINEAR:
        for i in range(rec.n):
            if rec.at[i] >= 0 and may_be_norm(tape, rec.at[i], depth - 1):
                return True
    return False


def own_arithmetic(x, where):
    """Raise TypeError if a subclass of ndarray has arithmetic of its own (masked arrays, matrices, units)."""
    cls = type(x)
    if cls is not np.ndarray and (cls.__mul__ is not np.ndarray.__mul__
                                  or cls.__array_ufunc__ is not np.ndarray.__array_ufunc__):
        raise TypeError(f"{where}: arrays of type {cls.__name__} have arithmetic of their own, which has no derivative "
                        "here; use np.asarray(x), or the data and the mask by themselves")


cdef object try_scalar(Instructions tape, Op op, tuple args):
    """Record a scalar instruction and return its result if every operand is a double; otherwise return None."""
    cdef double w[3]
    cdef int32_t node[3]
    cdef int k = 0, flags = 0
    cdef double v
    cdef ScalarVar r
    w[0] = w[1] = w[2] = 0.0
    node[0] = node[1] = node[2] = -1
    for a in args:
        if type(a) is ScalarVar:
            w[k], node[k] = (<ScalarVar> a).v, (<ScalarVar> a).node
            flags |= (<ScalarVar> a).flags & CARRIED
        elif isinstance(a, float):
            w[k] = <double> a
            if type(a) is not float:
                flags |= NODE_STRONG
            node[k] = tape.constant(w[k], NODE_STRONG if type(a) is not float else 0)
        elif isinstance(a, (int, np.bool_)):
            w[k] = float(a)
            node[k] = tape.constant(w[k], 0)
        elif isinstance(a, np.integer) and not isinstance(a, Traced):  # promotes, with any float, to NumPy's float64
            w[k] = float(a)
            flags |= NODE_STRONG
            node[k] = tape.constant(w[k], NODE_STRONG)
        elif type(a) is cnp.ndarray:
            if tape.live or cnp.PyArray_NDIM(<cnp.ndarray> a) or cnp.PyArray_TYPE(<cnp.ndarray> a) != cnp.NPY_DOUBLE \
                    and not cnp.PyArray_ISINTEGER(<cnp.ndarray> a):
                return None  # a program reads captured arrays when it runs
            w[k] = float(a)
            flags |= NODE_STRONG
            node[k] = tape.constant(w[k], NODE_STRONG)
        elif isinstance(a, Var):
            r = <ScalarVar> (<Var> a).as_number()
            if r is None:
                return None
            w[k], node[k] = r.v, r.node
            flags |= NODE_STRONG
        else:
            return None
        k += 1
    v = scalar_eval(op.opcode, w[0], w[1], w[2])
    if op.boolean:
        if not tape.guarded:
            return (np.True_ if v != 0 else np.False_) if flags else v != 0
        flags |= NODE_BOOL  # np.bool_ if an operand is a NumPy scalar, else bool
    if op.nin < 3:
        if not isfinite(v) and not flags & NODE_DEFERRED:
            unusual(tape, op.opcode, node[0], node[1], w[0], w[1], flags)
        if tape.heeds and tape.guarded and not op.boolean:
            heed(tape, op.opcode, node[0], node[1], w[0], w[1], flags)
    r = make_scalar(tape, tape.push(op.opcode, flags, node[0], node[1], node[2], v), v, flags)
    if op.boolean and tape.plain_integers:
        truth = bool(r)
        return np.bool_(truth) if flags & ~NODE_BOOL else truth
    return r


# ------------------------------------------------------------------------------------------- traced values
cdef class Traced:
    """Base class of all values that stand for a number or an array in the user's code."""

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

    @property
    def __class__(self):
        """The class of the plain value that this one stands for: `isinstance` answers as for the plain value."""
        return np.ndarray if self.shape else self.dtype.type

    def __hash__(self):  # the only one: a subclass that defines __hash__ would not inherit the comparisons
        if self.__class__ is np.ndarray:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        value = self.value
        if isinstance(value, cnp.ndarray):
            value = value[()]
        if value != value:  # NaN equals nothing: hash by identity, as Python does
            return <Py_hash_t> (<size_t> <PyObject *> self >> 4)
        return hash(value)

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

    cdef object inplace(self, Op op, object other):
        """Apply an operation in place, by NumPy's rules, and return this array.

        Return NotImplemented for a number, so that Python rebinds the name.
        """
        return NotImplemented

    def __iadd__(self, other):
        return self.inplace(o_add, other)

    def __isub__(self, other):
        return self.inplace(o_sub, other)

    def __imul__(self, other):
        return self.inplace(o_mul, other)

    def __itruediv__(self, other):
        return self.inplace(o_div, other)

    def __ifloordiv__(self, other):
        return self.inplace(o_floordiv, other)

    def __imod__(self, other):
        return self.inplace(o_mod, other)

    def __ipow__(self, other):
        return self.inplace(o_pow, other)

    def __imatmul__(self, other):
        return self.inplace(o_matmul, other)

    def __iand__(self, other):
        return self.inplace(o_and, other)

    def __ior__(self, other):
        return self.inplace(o_or, other)

    def __ixor__(self, other):
        return self.inplace(o_xor, other)

    @property
    def real(self):
        return _PROPERTIES["real"](self)

    @real.setter
    def real(self, value):
        _SETTERS["real"](self, value)

    @property
    def imag(self):
        return _PROPERTIES["imag"](self)

    @imag.setter
    def imag(self, value):
        _SETTERS["imag"](self, value)

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
        return _protocol(ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        f = _FUNCTIONS.get(func)
        if f is None:
            name = f"{func.__module__}.{func.__name__}"
            raise TypeError(f"{name} is not supported on traced values; write it with supported functions, or "
                            f"give it a derivative with mmad.primitive or mmad.custom_vjp")
        return f(*args, **kwargs)

    @property
    def __array__(self):
        """NumPy's conversion to a plain array: it returns an object array of the elements, or raises TypeError."""
        return array_method(self, not hasattr(type(self), "__len__"))

    def __float__(self):
        refuse_float()

    def __complex__(self):
        refuse_complex()

    def __copy__(self):
        return apply1(o_pos, self)

    def __deepcopy__(self, memo):
        return apply1(o_pos, self)

    def __reduce__(self):
        raise TypeError("a traced value cannot be pickled; pickle mmad.concrete(x)")


cdef class Wrapper(Traced):
    """A value that carries tangents or batch entries at one nesting level; the highest level is handled first."""

    cpdef object apply(self, Op op, tuple args, dict params):
        raise NotImplementedError

    def assign(self, r, name="assignment"):
        """Write the value `r` into this array, and so into all its views."""
        if np.broadcast_shapes(r.shape, self.shape) != self.shape:
            raise ValueError(f"non-broadcastable output operand with shape {self.shape} doesn't match the broadcast "
                             f"shape {r.shape}")
        if not np.can_cast(np.result_type(r.dtype), self.dtype, "same_kind"):
            raise TypeError(f"cannot cast {name} output from {r.dtype!r} to {self.dtype!r} with casting rule 'same_kind'")
        self[...] = r

    cdef bint is_number(self) except -1:
        """Return whether this value stands for a number."""
        return False

    cdef object inplace(self, Op op, object other):
        if self.is_number():
            return NotImplemented
        r = binary(op, self, other, False)
        if r is not NotImplemented:
            self.assign(r, op.name)
            return self
        return r


cdef class Jet(Wrapper):
    """A value with derivatives along a path: a dual number or a Taylor series.

    A subclass has `parts`, the value first, and `of(parts)`, which returns an object of the same class and level with
    other parts.
    """

    def __bool__(self):
        return bool(self.value)

    def __int__(self):
        return rounding(int(self.value))

    def __index__(self):
        return self.value.__index__()

    def __str__(self):
        return str(self.value)

    def __format__(self, spec):
        return format(self.value, spec)

    def __repr__(self):
        return f"{type(self).__mro__[1].__name__}({', '.join(map(repr, self.parts))})"

    @property
    def shape(self):
        return shape_of(self.value)

    @property
    def dtype(self):
        return dtype_of(self.value)

    @property
    def strides(self):
        return self.value.strides

    @property
    def flags(self):
        return self.value.flags

    cdef object stored(self, object value):
        """Return a value ready to be written into this array; raise TypeError if the write would lose a derivative."""
        cdef object dtype = self.dtype
        if isinstance(value, (list, tuple)) or (isinstance(value, cnp.ndarray) and value.dtype.hasobject):
            value = _lift(value)
        if isinstance(value, Wrapper) and (<Wrapper> value).level > self.level:
            raise TypeError("a dual number or batched value of an inner derivative cannot be written into an array of "
                            "an outer one; make the array inside the inner function, with np.zeros_like of its argument")
        if type(value) is not float and dtype_of(value).kind == "c" and dtype.kind != "c":
            raise TypeError(f"cannot store a traced complex value in an array of dtype {dtype}")
        if dtype.kind in "biu":
            raise TypeError(f"cannot store a traced value in an array of dtype {dtype} without losing its derivative")
        written(self)
        return value


cdef class Var(Traced):
    """A value recorded on a tape: a :class:`ScalarVar` or an :class:`ArrayVar`."""

    cdef object as_number(self):
        """Return the element of a float64 array without axes as a traced number, as NumPy computes; else None."""
        return None


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
        if self.tape.rooted and type(other) is ScalarVar and (<ScalarVar> other).tape is self.tape and (
                other is self or self.tape.nodes[self.node].op == self.tape.nodes[(<ScalarVar> other).node].op
                and may_be_norm(self.tape, self.node, 0)):
            return apply_op(o_mul, (self, other), None)
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
        if self.tape.rooted and may_be_norm(self.tape, self.node, 3):
            return Traced.__pow__(self, other, None)
        if type(other) is int and other == 2:
            return scalar_record(self.tape, SC_square, self.node, -1, self.v, 0.0, self.flags & CARRIED)
        return scalar_binary(SC_power, o_pow, self, other, False)

    def __neg__(self):
        return scalar_record(self.tape, SC_negative, self.node, -1, self.v, 0.0, self.flags & CARRIED)

    @property
    def __class__(self):
        if self.flags & NODE_BOOL:
            return np.bool_ if self.flags & NODE_STRONG else bool
        return _np_float64 if self.flags & NODE_STRONG else float

    cdef double known(self) except? -1.0:
        """Return the value because Python looks at it; compute it first if it was deferred."""
        if self.flags & NODE_DEFERRED:
            self.tape.fill(self.node)
            self.v, self.flags = self.tape.nodes[self.node].v, self.flags & ~NODE_DEFERRED
        return self.v

    def __bool__(self):
        cdef bint truth = self.known() != 0
        if self.tape.guarded and self.tape.open:
            self.tape.push(OP_GUARD, NODE_BOOL, self.node, -1, -1, truth)
        return truth

    def __int__(self):
        if not isfinite(self.known()):
            return int(self.v)
        return self.look(rounding(math.trunc(self.known())), "trunc")

    def __index__(self):
        if self.flags & NODE_BOOL:
            return int(bool(self))
        raise TypeError("a traced float cannot be an index; int(x) gives its integer part, whose derivative is zero")

    def __trunc__(self):
        return self.look(math.trunc(self.known()), "trunc")

    def __floor__(self):
        return self.look(math.floor(self.known()), "floor")

    def __ceil__(self):
        return self.look(math.ceil(self.known()), "ceil")

    def __round__(self, ndigits=None):
        if ndigits is None:
            return self.look(round(self.known()), "rint")
        return _METHODS["round"](self, ndigits)

    cdef object look(self, object k, str how):
        """Record a guard on the rounded value, because Python sees the integer; return the integer."""
        if self.tape.guarded and self.tape.open:
            w = apply1(<Op> OPERATIONS[how], self)
            self.tape.push(OP_GUARD, 0, (<ScalarVar> w).node, -1, -1, k)
        return k

    def __getitem__(self, index):
        return number_at(self, index)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    cdef object shown(self):
        """Return the value to be shown as text; a guarded tape records a guard on it."""
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        return bool(self.known()) if self.flags & NODE_BOOL else self.known()

    def __str__(self):
        return str(self.shown())

    def __repr__(self):
        return f"ScalarVar({self})"

    def __format__(self, spec):
        return format(self.shown(), spec)

    @property
    def value(self):
        """The number, without its derivative; a guarded tape records a guard on it."""
        refuse_units()
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        if self.flags & NODE_DEFERRED and not self.tape.open:  # its operands may have changed since
            leaked(self.tape)
        return bool(self.known()) if self.flags & NODE_BOOL else self.known()

    @property
    def shape(self):
        return ()

    @property
    def dtype(self):
        return np.dtype(bool) if self.flags & NODE_BOOL else _float64

    @property
    def strong(self):
        return bool(self.flags & NODE_STRONG)


def no_sequence(type t):
    """Let objects of a type have subscripts without being sequences to Python and NumPy.

    Where NumPy takes an object for a sequence and cannot store it in an array, its error says only that it is a
    sequence.
    """
    (<PyTypeObject *> t).tp_as_sequence.sq_item = NULL


def number_or_array(type t):
    """Hide `__len__` and `__iter__` of those values of a type that stand for numbers: code tells arrays by them."""
    mmad_count_as_number(<PyTypeObject *> t)


def sealed(type t):
    """Forbid Python to instantiate a type, as its fields would be empty; functions such as `make_scalar` still can."""
    mmad_seal(<PyTypeObject *> t)


def bound_anew(type t):
    """Remove the in-place operators of a type of numbers, so that `x += y` rebinds x."""
    mmad_bind_anew(<PyTypeObject *> t)


no_sequence(ScalarVar)
bound_anew(ScalarVar)
sealed(ScalarVar)
sealed(Traced)
mmad_seal_abstract(<PyTypeObject *> Var)  # called for ArrayVar, which is defined elsewhere


cpdef ScalarVar weakened(ScalarVar x):
    """Return a traced number as a weak one, like a Python float (NEP 50): combined with float32 it gives float32."""
    return make_scalar(x.tape, x.node, x.v, x.flags & ~NODE_STRONG) if x.flags & NODE_STRONG else x


def number_at(x, index):
    """Index a traced number as NumPy indexes its scalars: with new axes, an ellipsis, or an empty tuple."""
    cdef tuple parts = index if type(index) is tuple else (index,)
    if any([i is not None and i is not Ellipsis for i in parts]) or parts.count(Ellipsis) > 1:
        raise IndexError("a number takes no index but new axes (None) and an ellipsis")
    return x.reshape((1,) * parts.count(None)) if parts else x


cpdef tuple shape_of(object x):
    """Return the shape of a plain or traced value."""
    if isinstance(x, float):
        return ()
    return x.shape if isinstance(x, (cnp.ndarray, Traced)) else np.shape(x)


cpdef object dtype_of(object x):
    """Return the dtype of a plain or traced value; for a Python number, the dtype of an array made from it."""
    return x.dtype if hasattr(x, "dtype") else np.result_type(type(x))


def concrete(x):
    """Return the plain number or array behind a traced value, without its derivative.

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
    while isinstance(x, Traced) or getattr(type(x), "is_traced_other_number", False):
        x = x.value
    return x
