"""Forward mode: dual numbers over scalars and arrays, without a tape.

A :class:`Dual` carries a value and a tangent through the same user function.  Either part may be plain, recorded
(`Var`), another dual number of an outer level, or, for many directions at once, a `Batch` of tangents.  The level
tells nested derivatives apart, so perturbations are never confused (Siskind and Pearlmutter, 2008, "Nesting
forward-mode AD in a functional framework").
"""
cimport cython
from libc.math cimport isfinite
from libc.stdint cimport int64_t

cimport numpy as cnp

import itertools

import numpy as np

from mmad._core cimport (Jet, ScalarVar, Traced, Var, Wrapper, apply2, apply_op, o_gather, reordering, seen_through,
                         shape_of)
from mmad._core import METHODS, bound_anew, no_sequence, number_at, sealed
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport scalar_push
from mmad.ops._rules cimport push
from mmad.ops._singularities cimport Singularity, meets_infinity, singularities
from mmad.python.followers import FOLLOWERS as _FOLLOWERS, refresh as refresh_followers
from mmad.python.refusals import refuse_units
from mmad.tape._instructions cimport NODE_DEFERRED, Op, SC_add, SC_divide, SC_multiply, SC_subtract, scalar_eval
from mmad.tape._storage cimport ArrayVar, selects
from mmad.tape._storage import plain_index
from mmad.tape.constants import adopt, conform, zeros

cnp.import_array()

_levels = itertools.count(1)
cdef list FOLLOWERS = _FOLLOWERS
cdef object _np_float64 = np.float64
cdef Op o_pos
cdef const Singularity *POINTS = singularities()
cdef set _doubtful = set()  # levels at which there was an infinite derivative


def doubtful(level):
    """Return whether a tangent of this level has met an infinite derivative, and forget it."""
    if level not in _doubtful:
        return False
    _doubtful.discard(level)
    return True


cdef object plain_of(object x):
    """Return the numbers in a value, whatever carries them; None where there are none yet."""
    while isinstance(x, Wrapper):
        x = x.parts[0] if isinstance(x, Jet) else x.lanes
    if isinstance(x, ScalarVar):
        return None if (<ScalarVar> x).flags & NODE_DEFERRED else (<ScalarVar> x).v
    if isinstance(x, ArrayVar):
        return None if (<ArrayVar> x).pending() else (<ArrayVar> x).arr
    return x


cdef int doubt(int64_t level, Op op, list vals, object value) except -1:
    """See whether there is an infinite derivative here."""
    cdef tuple numbers = tuple([plain_of(x) for x in vals])
    if None not in [type(x) if x is not None else None for x in numbers] and meets_infinity(op, numbers, plain_of(value)):
        _doubtful.add(level)
    return 0


o_pos = OPERATIONS["positive"]
cdef object _observer = None  # called before and after a tangent is worked out; None: nobody asks


def watch_tangents(function):
    """Set the function that is called before and after a tangent is worked out; return the one before it."""
    global _observer
    before, _observer = _observer, function
    return before


def new_level():
    """Return a nesting level above all that were opened before."""
    return next(_levels)


cpdef object make_dual(int64_t level, object value, object tangent):
    """Make a dual number: scalar or array as its value is."""
    cdef Dual r
    if shape_of(value) == () and not isinstance(value, cnp.ndarray):
        r = ScalarDual.__new__(ScalarDual)
        if type(value) is _np_float64:  # kept as a float, which the fast paths take
            value, r.strong = float(value), True
        if type(tangent) is _np_float64:
            tangent = float(tangent)
    else:
        r = ArrayDual.__new__(ArrayDual)
        if isinstance(value, cnp.ndarray) and not value.flags.c_contiguous:
            value = np.ascontiguousarray(value)
        if isinstance(tangent, cnp.ndarray) and not tangent.flags.c_contiguous:
            tangent = np.ascontiguousarray(tangent)
        # both parts of one kind, so that a write never has to exchange an array that views share
        if isinstance(value, Traced):
            tangent = conform(tangent, value)
        if isinstance(tangent, (Var, Jet)):
            value = conform(value, tangent)
    r.level, r._primal, r.tangent = level, value, tangent
    return r


cpdef object own(object x):
    """Return x, or a copy of it where it shares memory with something else, so that it may be written to."""
    cdef bint shared = False
    if isinstance(x, cnp.ndarray):
        shared = cnp.PyArray_BASE(<cnp.ndarray> x) != NULL
    elif isinstance(x, ArrayVar):
        shared = (<ArrayVar> x).base is not None
    elif isinstance(x, Jet):
        shared = any([own(c) is not c for c in x.parts])
    elif isinstance(x, Wrapper):
        shared = own(x.lanes) is not x.lanes
    return apply_op(o_pos, (x,), None) if shared else x


cdef class Dual(Jet):
    """A value and its tangent.

    Attributes
    ----------
    primal : float, ndarray or traced value
    tangent : the same kind and shape, or a batch of such
    level : int
        The derivative it belongs to.
    """

    cdef object _primal
    cdef readonly object tangent
    cdef bint strong  # a NumPy float64 number, not a weak Python float (NEP 50); its value is kept as a float

    @property
    def __class__(self):
        return _np_float64 if self.strong else self._primal.__class__

    @property
    def primal(self):
        return _np_float64(self._primal) if self.strong else self._primal

    @property
    def parts(self):
        return self.primal, self.tangent

    def of(self, parts):
        """Make a dual number of the same level with other parts."""
        return make_dual(self.level, parts[0], parts[1])

    cpdef object apply(self, Op op, tuple args, dict params):
        cdef list vals = [], dots = []
        cdef double w[4]
        cdef double d[3]
        cdef double v
        cdef int k
        cdef Dual x
        cdef bint plain = op.opcode >= 0 and params is None, strong = False
        for a in args:
            if isinstance(a, Dual) and (<Dual> a).level == self.level:
                x = <Dual> a
                vals.append(x._primal)
                dots.append(x.tangent)
                plain = plain and type(x._primal) is float and type(x.tangent) is float
                strong = strong or x.strong
            else:
                vals.append(a)
                dots.append(None)
                plain = plain and isinstance(a, (float, int))
                strong = strong or type(a) is _np_float64
        if plain:
            for k in range(len(vals)):
                w[k] = vals[k]
                d[k] = 0.0 if dots[k] is None else <double> dots[k]
            v = scalar_eval(op.opcode, w[0], w[1] if len(vals) > 1 else 0.0, w[2] if len(vals) > 2 else 0.0)
            if op.boolean:
                return (np.True_ if v != 0 else np.False_) if strong else v != 0
            if isfinite(v):
                k = POINTS[op.opcode].operand
                if k >= 0 and (w[k] == POINTS[op.opcode].first or w[k] == POINTS[op.opcode].second):
                    doubt(self.level, op, vals, v)
                w[len(vals)] = v
                return new_scalar(self.level, v, scalar_push(op.opcode, len(vals), w, d), strong)
        if strong:
            vals = [y.primal if isinstance(y, Dual) and (<Dual> y).strong and (<Dual> y).level == self.level else z
                    for y, z in zip(args, vals)]
        value = apply_op(op, tuple(vals), params)
        if op.boolean or getattr(value, "dtype", None) is not None and value.dtype.kind in "biu":
            return value
        if op.opcode >= 0 and POINTS[op.opcode].operand >= 0:
            doubt(self.level, op, vals, value)
        if _observer is not None:
            _observer("tangent", op.name)
        with np.errstate(all="ignore"):
            dot = push(op, dots, tuple(vals), value, params, shape_of(value),
                       value.dtype if hasattr(value, "dtype") else np.dtype(type(value)))
        if _observer is not None:
            _observer("end", None)
        if dot is None:
            dot = zeros(shape_of(value), getattr(value, "dtype", float), self.tangent)
        elif shape_of(value) != () or not isinstance(dot, float):
            value = own(value)
            for t in dots:
                if t is dot:
                    dot = apply_op(o_pos, (dot,), None)
                    break
            else:
                dot = own(dot)
        return make_dual(self.level, value, dot)

    @property
    def value(self):
        """The value, without this level's tangent."""
        refuse_units()
        return self.primal


cdef inline ScalarDual new_scalar(int64_t level, double value, double tangent, bint strong):
    cdef ScalarDual r = ScalarDual.__new__(ScalarDual)
    r.level, r._primal, r.tangent, r.strong = level, value, tangent, strong
    return r


cdef inline object scalar_binary(int opcode, ScalarDual x, object other, bint reflected):
    """Do it in C where both parts are Python floats.  None where the general way is needed."""
    cdef double w[3]
    cdef double d[2]
    cdef double ov, od = 0.0
    cdef bint strong = x.strong
    if type(x._primal) is not float or type(x.tangent) is not float or x.origin is not None:
        return None
    if type(other) is ScalarDual:
        if (<ScalarDual> other).level != x.level or type((<ScalarDual> other)._primal) is not float \
                or type((<ScalarDual> other).tangent) is not float or (<ScalarDual> other).origin is not None:
            return None
        ov, od = (<ScalarDual> other)._primal, (<ScalarDual> other).tangent
        strong = strong or (<ScalarDual> other).strong
    elif type(other) is float or type(other) is int:
        ov = other
    else:
        return None
    if reflected:
        w[0], w[1], d[0], d[1] = ov, x._primal, od, x.tangent
    else:
        w[0], w[1], d[0], d[1] = x._primal, ov, x.tangent, od
    w[2] = scalar_eval(opcode, w[0], w[1], 0.0)
    if not isfinite(w[2]):
        return None
    return new_scalar(x.level, w[2], scalar_push(opcode, 2, w, d), strong)


@cython.final
cdef class ScalarDual(Dual):
    """A dual number."""

    def __add__(self, other):
        r = scalar_binary(SC_add, self, other, False)
        return Traced.__add__(self, other) if r is None else r

    def __radd__(self, other):
        r = scalar_binary(SC_add, self, other, True)
        return Traced.__radd__(self, other) if r is None else r

    def __sub__(self, other):
        r = scalar_binary(SC_subtract, self, other, False)
        return Traced.__sub__(self, other) if r is None else r

    def __rsub__(self, other):
        r = scalar_binary(SC_subtract, self, other, True)
        return Traced.__rsub__(self, other) if r is None else r

    def __mul__(self, other):
        r = scalar_binary(SC_multiply, self, other, False)
        return Traced.__mul__(self, other) if r is None else r

    def __rmul__(self, other):
        r = scalar_binary(SC_multiply, self, other, True)
        return Traced.__rmul__(self, other) if r is None else r

    def __truediv__(self, other):
        r = scalar_binary(SC_divide, self, other, False)
        return Traced.__truediv__(self, other) if r is None else r

    def __rtruediv__(self, other):
        r = scalar_binary(SC_divide, self, other, True)
        return Traced.__rtruediv__(self, other) if r is None else r

    def __trunc__(self):
        return self.primal.__trunc__() if isinstance(self.primal, Traced) else int(np.trunc(self.primal))

    def __floor__(self):
        return self.primal.__floor__() if isinstance(self.primal, Traced) else int(np.floor(self.primal))

    def __ceil__(self):
        return self.primal.__ceil__() if isinstance(self.primal, Traced) else int(np.ceil(self.primal))

    def __round__(self, ndigits=None):
        return round(self.primal) if ndigits is None else METHODS["round"](self, ndigits)

    def __getitem__(self, index):
        return number_at(self, index)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


no_sequence(ScalarDual)
bound_anew(ScalarDual)
sealed(ScalarDual)
sealed(Dual)


cdef object viewed(object x, function):
    return function(x) if isinstance(x, cnp.ndarray) else x.view(function)


@cython.final
cdef class ArrayDual(Dual):
    """An array of dual numbers: value and tangent are two arrays of one shape."""

    @property
    def __class__(self):
        return cnp.ndarray

    def laid_out(self):
        """Return this array, both parts in C order in memory."""
        self._primal, self.tangent = [
            np.ascontiguousarray(x) if isinstance(x, cnp.ndarray) else x.laid_out() for x in (self._primal, self.tangent)]
        return self

    def view(self, function=None, *, dtype=None, type=None):
        """Return `function` (reshaping or reordering axes only) of both parts, sharing memory with this array."""
        function = reordering(self, function, dtype, type)
        return seen_through(make_view(self.level, viewed(self._primal, function), viewed(self.tangent, function)), self,
                            function)

    def __getitem__(self, index):
        if selects(index):
            return apply2(o_gather, self, index)
        index = plain_index(index)
        value, tangent = self._primal[index], self.tangent[index]
        if shape_of(value) == () and not isinstance(value, cnp.ndarray):
            return seen_through(make_dual(self.level, value, tangent), self, index)
        return seen_through(make_view(self.level, value, tangent), self, index)

    def __setitem__(self, index, value):
        index = plain_index(index)
        value = self.stored(value)
        if isinstance(value, Dual) and (<Dual> value).level == self.level:
            v, t = (<Dual> value).primal, (<Dual> value).tangent
        else:
            v, t = value, 0.0
        self._primal = settable(self._primal, v)
        self.tangent = settable(self.tangent, t)
        self._primal[index] = v
        self.tangent[index] = t
        if FOLLOWERS:
            refresh_followers(self)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))


sealed(ArrayDual)


cdef ArrayDual make_view(int64_t level, object value, object tangent):
    cdef ArrayDual r = ArrayDual.__new__(ArrayDual)
    if not isinstance(value, (cnp.ndarray, Traced)):
        value = np.asarray(value)
    if not isinstance(tangent, (cnp.ndarray, Traced)):
        tangent = np.asarray(tangent)
    r.level, r._primal, r.tangent = level, value, tangent
    return r


cpdef object settable(object array, object v):
    """Return `array` itself, or a traced copy of it where a traced value is to be written into a plain array."""
    if isinstance(v, Traced) and not isinstance(array, Traced):
        fresh = adopt(np.zeros(array.shape, array.dtype), v)
        fresh[...] = array
        return fresh
    return array
