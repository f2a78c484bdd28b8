"""Taylor mode: truncated power series over scalars and arrays.

A :class:`Series` carries the coefficients c_0, ..., c_d of t -> c_0 + c_1 t + ... + c_d t^d through the user's function,
as a dual number carries a value and a tangent, and is written to and viewed like one.  What an operation does with the
coefficients follows from its declared derivative: see `mmad/wrappers/_lazy.pyx`.
"""
cimport cython
from libc.math cimport isfinite
from libc.stdint cimport int64_t

cimport numpy as cnp

import numpy as np

from mmad._core cimport (Jet, Traced, Var, Wrapper, apply2, apply_op, dtype_of, o_gather, reordering, seen_through,
                         shape_of)
from mmad._core import METHODS, bound_anew, no_sequence, number_at, sealed
from mmad.ops import OPERATIONS
from mmad.ops._rules cimport push
from mmad.ops.movement import viewed
from mmad.python.followers import FOLLOWERS as _FOLLOWERS, refresh as refresh_followers
from mmad.python.refusals import refuse_units
from mmad.tape._instructions cimport Op, SC_add, SC_multiply, SC_subtract
from mmad.tape._storage cimport selects
from mmad.tape._storage import plain_index
from mmad.tape.constants import conform
from mmad.wrappers._dual import own, settable
from mmad.wrappers._lazy cimport Context, Lazy, over, times, zeros_like

cnp.import_array()

cdef list FOLLOWERS = _FOLLOWERS
cdef Op o_pos


o_pos = OPERATIONS["positive"]


cpdef object make_series(int64_t level, list parts):
    """Make a series of these coefficients (None: zero): scalar or array as the first is."""
    cdef Series r
    cdef int k
    value = parts[0]
    if shape_of(value) == () and not isinstance(value, cnp.ndarray):
        r = ScalarSeries.__new__(ScalarSeries)
        r.level, r.coefficients = level, parts
        return r
    r = ArraySeries.__new__(ArraySeries)
    parts = [zeros_like(value) if c is None else c for c in parts]
    for k in range(len(parts)):
        if isinstance(parts[k], cnp.ndarray) and not parts[k].flags.c_contiguous:
            parts[k] = np.ascontiguousarray(parts[k])
        elif not isinstance(parts[k], (cnp.ndarray, Traced)):
            parts[k] = np.asarray(parts[k])
    # all of one kind, so that a write never has to exchange an array that views share
    like = None
    for c in parts:
        if isinstance(c, Traced) and (like is None or level_of(c) > level_of(like)):
            like = c
    if like is not None:
        parts[1:] = [conform(c, like) for c in parts[1:]]
        if isinstance(like, (Var, Jet)):
            parts[0] = conform(value, like)
    r.level, r.coefficients = level, parts
    return r


cdef inline int64_t level_of(object x):
    return (<Wrapper> x).level if isinstance(x, Wrapper) else 0


cdef class Series(Jet):
    """Coefficients of a truncated power series.

    Attributes
    ----------
    parts : tuple
        The coefficients, d + 1 numbers or arrays of one shape: plain, recorded, or wrappers of an outer level.
    level : int
        The derivative it belongs to.
    """

    cdef readonly list coefficients

    @property
    def __class__(self):
        return self.coefficients[0].__class__

    @property
    def parts(self):
        return tuple([zeros_like(self.coefficients[0]) if c is None else c for c in self.coefficients])

    def of(self, parts):
        """Make a series of the same level with other coefficients (None: zero)."""
        return make_series(self.level, list(parts))

    @property
    def order(self):
        """The highest power that is kept."""
        return len(self.coefficients) - 1

    cpdef object apply(self, Op op, tuple args, dict params):
        cdef Context context
        cdef Lazy root
        cdef int k, order = 0
        if op.transpose is not None:
            return self.by_orders(op, args, params)
        for a in args:
            if isinstance(a, Series) and (<Series> a).level == self.level:
                order = max(order, len((<Series> a).coefficients) - 1)
        if op.opcode >= 0 and params is None:
            r = fast(self, op.opcode, args)
            if r is not None:
                return r
        context = Context(self.level)
        try:
            sources = {}
            for a in args:
                if self.mine(a) and id(a) not in sources:
                    sources[id(a)] = context.source(list((<Series> a).coefficients))
            r = context.apply(op, tuple([sources.get(id(a), a) for a in args]), params)
            if type(r) is not Lazy or (<Lazy> r).level != self.level:
                return r
            root = r
            if type(root.known[0]) is float:
                for k in range(1, order + 1):
                    root.coefficient(k)
            else:
                with np.errstate(all="ignore"):
                    for k in range(1, order + 1):
                        root.coefficient(k)
            parts = root.known[:order + 1]
            if root.shape_ != () or isinstance(parts[0], cnp.ndarray):
                parts = owned(parts, args)
            return make_series(self.level, parts)
        finally:
            context.release()

    cdef object by_orders(self, Op op, tuple args, dict params):
        """Apply an operation with a rule of the user's own, which runs on finished series: of all orders at once, or, if
        it uses the result, of one order more each time."""
        cdef int k, j
        cdef int order = max([(<Series> a).order for a in args if self.mine(a)])
        value = apply_op(op, tuple([(<Series> a).coefficients[0] if self.mine(a) else a for a in args]), params)
        if dtype_of(value).kind in "biu":
            return value
        parts = [value]
        if order == 0:
            return make_series(self.level, owned(parts, args))
        for k in range(order) if op.needs_out else range(order - 1, order):
            dots = [self.of([times(j, (<Series> a).part(j)) for j in range(1, k + 2)]) if self.mine(a) else None
                    for a in args]
            vals = tuple([self.of([(<Series> a).part(j) for j in range(k + 1)]) if self.mine(a) else a for a in args])
            out = self.of(parts[:k + 1] + [None] * (k + 1 - len(parts)))
            g = push(op, dots, vals, out, params, shape_of(value), dtype_of(value))
            parts = [value]
            for j in range(k + 1):
                parts.append(over((<Series> g).part(j), j + 1) if self.mine(g) else g if j == 0 else None)
        return make_series(self.level, owned(parts + [None] * (order + 1 - len(parts)), args))

    cdef inline bint mine(self, object x):
        return isinstance(x, Series) and (<Series> x).level == self.level

    cdef object part(self, int k):
        """Return the coefficient of t^k; a zero of its kind."""
        c = self.coefficients[k] if k < len(self.coefficients) else None
        return zeros_like(self.coefficients[0]) if c is None else c

    @property
    def value(self):
        """The coefficient of t^0."""
        refuse_units()
        return self.coefficients[0]


cdef object fast(Series x, int opcode, tuple args):
    """Return the sum, difference or product of numbers, all of whose coefficients are Python floats; None otherwise."""
    cdef list u, v, r = []
    cdef int k, j, n
    cdef double s
    if opcode != SC_add and opcode != SC_subtract and opcode != SC_multiply or type(x) is not ScalarSeries:
        return None
    u, v = floats(args[0], x), floats(args[1], x)
    if u is None or v is None:
        return None
    n = max(len(u), len(v))
    for k in range(n):
        if opcode == SC_multiply:
            s = 0.0
            for j in range(max(0, k - len(v) + 1), min(k + 1, len(u))):
                if k == 0 or <double> u[j] != 0 and (j == 0 or <double> v[k - j] != 0):
                    s += <double> u[j] * <double> v[k - j]
        else:
            s = <double> u[k] if k < len(u) else 0.0
            if k < len(v):
                s = s + <double> v[k] if opcode == SC_add else s - <double> v[k]
        if k == 0 and not isfinite(s):
            return None
        r.append(s)
    return make_series(x.level, r)


cdef list floats(object a, Series x):
    """Return the coefficients of an operand where they are Python floats."""
    if type(a) is float:
        return [a]
    if type(a) is int:
        return [float(a)]
    if type(a) is not ScalarSeries or (<Series> a).level != x.level:
        return None
    for c in (<Series> a).coefficients:
        if type(c) is not float and c is not None:
            return None
    return [0.0 if c is None else c for c in (<Series> a).coefficients]


cdef list owned(list parts, tuple args):
    """Return coefficients that share memory with nothing else, so that they may be written to."""
    cdef set seen = set()
    cdef list out = []
    for a in args:
        if isinstance(a, Series):
            seen.update([id(c) for c in (<Series> a).coefficients])
        else:
            seen.add(id(a))
    for c in parts:
        fresh = c
        if c is not None:
            fresh = apply_op(o_pos, (c,), None) if id(c) in seen else own(c)
            seen.add(id(c))
        out.append(fresh)
    return out


@cython.final
cdef class ScalarSeries(Series):
    """A series of numbers."""

    def __trunc__(self):
        c = self.coefficients[0]
        return c.__trunc__() if isinstance(c, Traced) else int(np.trunc(c))

    def __floor__(self):
        c = self.coefficients[0]
        return c.__floor__() if isinstance(c, Traced) else int(np.floor(c))

    def __ceil__(self):
        c = self.coefficients[0]
        return c.__ceil__() if isinstance(c, Traced) else int(np.ceil(c))

    def __round__(self, ndigits=None):
        return round(self.coefficients[0]) if ndigits is None else METHODS["round"](self, ndigits)

    def __getitem__(self, index):
        return number_at(self, index)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


no_sequence(ScalarSeries)
bound_anew(ScalarSeries)
sealed(ScalarSeries)
sealed(Series)


@cython.final
cdef class ArraySeries(Series):
    """A series of arrays: its coefficients are arrays of one shape."""

    @property
    def __class__(self):
        return cnp.ndarray

    def laid_out(self):
        """Return this array, its coefficients in C order in memory."""
        self.coefficients = [np.ascontiguousarray(c) if isinstance(c, cnp.ndarray) else c.laid_out()
                             for c in self.coefficients]
        return self

    def view(self, function=None, *, dtype=None, type=None):
        """Return `function` (reshaping or reordering axes only) of every coefficient, sharing memory with this array."""
        function = reordering(self, function, dtype, type)
        return seen_through(array_of(self.level, [viewed(c, function) for c in self.coefficients]), self, function)

    def __getitem__(self, index):
        if selects(index):
            return apply2(o_gather, self, index)
        index = plain_index(index)
        parts = [c[index] for c in self.coefficients]
        if shape_of(parts[0]) == () and not isinstance(parts[0], cnp.ndarray):
            return seen_through(make_series(self.level, parts), self, index)
        return seen_through(array_of(self.level, parts), self, index)

    def __setitem__(self, index, value):
        cdef int k
        index = plain_index(index)
        value = self.stored(value)
        parts = (<Series> value).coefficients if self.mine(value) else [value]
        for k in range(len(self.coefficients)):
            c = parts[k] if k < len(parts) else None
            c = 0.0 if c is None else c
            self.coefficients[k] = settable(self.coefficients[k], c)
            self.coefficients[k][index] = c
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


sealed(ArraySeries)


cdef ArraySeries array_of(int64_t level, list parts):
    cdef ArraySeries r = ArraySeries.__new__(ArraySeries)
    r.level, r.coefficients = level, [c if isinstance(c, (cnp.ndarray, Traced)) else np.asarray(c) for c in parts]
    return r
