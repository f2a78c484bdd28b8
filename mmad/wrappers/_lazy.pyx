"""Lazy power series: the arithmetic that derivative rules are evaluated in for Taylor mode.

No operation has a second rule for its Taylor coefficients.  A declared derivative y' = sum_i p_i(u, y) u_i' is a
differential equation in t, and comparing the powers of t gives

    k y_k = sum_i sum_(j=1..k) j u_(i,j) p_(i,k-j),

where the series of a partial p_i is needed up to order k - 1 only.  So it may depend on the result.  The rule is
evaluated once, on :class:`Lazy` series, whose coefficients are worked out when they are asked for, order by order, and
remembered.  Equal expressions are one (sin asks for cos, which asks for the same sin again), so that an operation
costs a few convolutions: O(d^2) for d coefficients.

References
----------
A. Griewank and A. Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 13.
M. D. McIlroy, "Squinting at power series", Software: Practice and Experience 20 (1990), 661-683: lazy series.
"""
cimport cython
from libc.math cimport isfinite

cimport numpy as cnp

import numpy as np

from mmad._core cimport Jet, Traced, apply1, apply2, apply_op, dtype_of, reordering, shape_of
from mmad.errors import UnsupportedError
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport array_partial
from mmad.ops._rules cimport chain_any, push
from mmad.ops.declare import zero_like
from mmad.ops.movement import broadcast_to, viewed
from mmad.tape._instructions cimport Op, scalar_eval
from mmad.tape._storage import plain_index

cnp.import_array()

cdef Op o_add, o_div, o_mul, o_power, o_real, o_astype, o_unequal, o_all, o_neg, o_reciprocal, o_log

# Up to here x**n is differentiated as it is declared, n x**(n-1) and so on down to a constant, which is exact at zero
# too; a chain as long as the order, which other exponents would start, is cut by x**(r-1) = x**r / x.
DECLARED_POWERS = 8


o_add, o_div, o_mul, o_power, o_real, o_astype, o_unequal, o_all, o_neg, o_reciprocal, o_log = [
    OPERATIONS[k] for k in ("add", "divide", "multiply", "power", "real", "astype", "not_equal", "all", "negative",
                            "reciprocal", "log")]


cdef object plus(object x, object y):
    """Return x + y of coefficients; None is zero."""
    if x is None:
        return y
    if y is None:
        return x
    if isinstance(x, Traced) or isinstance(y, Traced):
        return apply2(o_add, x, y)
    return x + y


cdef object times(int k, object x):
    """Return k x of a coefficient."""
    if k == 1 or x is None:
        return x
    return apply2(o_mul, <double> k, x) if isinstance(x, Traced) else <double> k * x


cdef object over(object x, int k):
    """Return x / k of a coefficient."""
    if k == 1 or x is None:
        return x
    return apply2(o_div, x, <double> k) if isinstance(x, Traced) else x / <double> k


cdef object zeros_like(object value):
    """Return a zero of the kind of a coefficient."""
    shape = shape_of(value)
    if shape == () and not isinstance(value, cnp.ndarray):
        dtype = dtype_of(value)
        return 0.0 if dtype == np.float64 else np.zeros((), dtype)[()]
    return np.zeros(shape, dtype_of(value))


# ------------------------------------------------------------------------------------------------- by need
cdef class Context:
    """The lazy series of one operation: what the evaluation of its rule has made so far."""

    def __init__(self, level):
        self.level, self.made, self.nodes = level, {}, []

    cdef Lazy source(self, list coefficients):
        """Return a finished series as a lazy one."""
        cdef Lazy r = self.new(None, (), None)
        r.known, r.mode = coefficients, FINISHED
        r.shape_, r.dtype_ = shape_of(coefficients[0]), None if type(coefficients[0]) is float else dtype_of(coefficients[0])
        return r

    cdef Lazy new(self, Op op, tuple args, dict params):
        cdef Lazy r = Lazy.__new__(Lazy)
        r.level, r.context, r.op, r.args, r.params = self.level, self, op, args, params
        self.nodes.append(r)
        return r

    cdef object apply(self, Op op, tuple args, dict params):
        """Return the operation of lazy series and constants: one that was made before, or a new one with its value."""
        cdef list vals = [], key = [op.name]
        cdef Lazy r
        cdef double w[3]
        cdef int n = 0
        cdef bint plain = op.opcode >= 0 and params is None
        for a in args:
            if type(a) is Lazy and (<Lazy> a).level == self.level:
                key.append(id(a))
                a = (<Lazy> a).known[0]
            elif type(a) is float:
                key.append((float, a) if <double> a != 0 else repr(a))
            elif type(a) is int:
                key.append((int, a))
            else:
                key.append(id(a))
            vals.append(a)
            if plain:
                if type(a) is float or type(a) is int:
                    w[n] = a
                    n += 1
                else:
                    plain = False
        if params is not None:
            key.append(tuple(sorted(params.items())))
        try:
            r = self.made.get(tuple(key))
        except TypeError:  # parameters that cannot be compared
            r, key = None, None
        if r is not None:
            return r
        value = None
        if plain:
            w[n] = scalar_eval(op.opcode, w[0], w[1] if n > 1 else 0.0, w[2] if n > 2 else 0.0)
            if op.boolean:
                return w[n] != 0
            if isfinite(w[n]):
                value = w[n]
        if value is None:
            value = apply_op(op, tuple(vals), params)
        if op.boolean or dtype_of(value).kind in "biu":
            return value
        r = self.new(op, args, params)
        r.known.append(value)
        r.shape_, r.dtype_ = shape_of(value), None if type(value) is float else dtype_of(value)
        r.mode = r.how()
        if key is not None:
            self.made[tuple(key)] = r
        return r

    cdef void release(self):
        """Break the cycles of references, so that memory does not wait for the collector."""
        cdef Lazy x
        for x in self.nodes:
            x.args = x.terms = x.context = None
        self.nodes, self.made = [], {}


cdef enum:
    FINISHED   # all coefficients are known, the rest is zero
    TOGETHER   # linear in all operands together: coefficient by coefficient
    BILINEAR   # linear in each of two operands: a convolution
    QUOTIENT   # y x = u, solved for the last coefficient of y
    PARTIALS   # elementwise, by the declared partials
    PUSHED     # by the declared pushforward
    RATE       # the derivative of its operand with respect to t
    EACH       # a linear function of each coefficient of its operand


@cython.final
cdef class Lazy(Jet):
    """A power series whose coefficients are worked out as they are asked for; rules are evaluated on it."""

    def __cinit__(self):
        self.version = -1
        self.known, self.rates = [], []

    cpdef object apply(self, Op op, tuple args, dict params):
        return self.context.apply(op, args, params)

    cdef int how(self) except -1:
        """Return which recurrence the declaration leads to."""
        cdef Op op = self.op
        cdef int i, n = 0
        if op.jvp is not None and type(op.transposes) is dict or op.transposes is None and op.jvp is not None:
            return PUSHED
        if op.transposes is not None:
            for i in range(len(self.args)):
                if self.active(i):
                    n += 1
                    if i not in op.transposes:
                        raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
            if n == 1 or op.joint or type(op.transposes) is not dict:
                return TOGETHER
            return BILINEAR if n == 2 else PUSHED
        if op.partials is None:
            raise UnsupportedError(f"{op.name} has no derivative")
        # the declared partial of a quotient is a quotient again, and so on: a chain as long as the order
        return QUOTIENT if op is o_div and self.active(1) else PARTIALS

    cdef inline bint active(self, int i):
        return type(self.args[i]) is Lazy and (<Lazy> self.args[i]).level == self.level

    cdef object coefficient(self, int k):
        """Return the coefficient of t^k; None if it is zero."""
        while len(self.known) <= k:
            if self.mode == FINISHED:
                return None
            self.known.append(self.fitted(self.worked_out(len(self.known))))
        return self.known[k]

    cdef object rate(self, int j):
        """Return j times the coefficient of t^j."""
        while len(self.rates) <= j:
            self.rates.append(times(len(self.rates), self.coefficient(len(self.rates))) if self.rates else None)
        return self.rates[j]

    cdef object fitted(self, object c):
        """Return a coefficient in the shape and dtype of the value."""
        if c is None or type(c) is float and self.dtype_ is None:
            return c
        shape = shape_of(c)
        if shape != self.shape_:
            c = broadcast_to(c, self.shape_)
        dtype, wanted = dtype_of(c), self.dtype_ or np.dtype(np.float64)
        if dtype != wanted:
            if dtype.kind == "c" and wanted.kind != "c":
                c = apply1(o_real, c)
            c = apply_op(o_astype, (c,), {"dtype": wanted})
        return c

    cdef object worked_out(self, int k):
        if self.mode == TOGETHER:
            return self.together(k)
        if self.mode == BILINEAR:
            return self.bilinear(k)
        if self.mode == PARTIALS:
            return self.by_partials(k)
        if self.mode == QUOTIENT:
            return self.quotient(k)
        if self.mode == RATE:
            return (<Lazy> self.args[0]).rate(k + 1)
        if self.mode == EACH:
            c = (<Lazy> self.args[0]).coefficient(k)
            return None if c is None else self.terms(c)
        if self.terms is None:
            self.terms = (push(self.op, [self.derivative(i) for i in range(len(self.args))], self.args, self, self.params,
                               self.shape_, self.dtype), )
        g = self.terms[0]
        if type(g) is Lazy and (<Lazy> g).level == self.level:
            return over((<Lazy> g).coefficient(k - 1), k)
        return g if k == 1 else None

    cdef object derivative(self, int i):
        """Return the derivative of an operand with respect to t; None if it is constant."""
        cdef Lazy r, u
        if not self.active(i):
            return None
        u = self.args[i]
        r = self.context.new(None, (u,), None)
        r.mode, r.shape_, r.dtype_ = RATE, u.shape_, u.dtype_
        first = u.rate(1)
        r.known.append(zeros_like(u.known[0]) if first is None else first)
        return r

    cdef object together(self, int k):
        """Return the operation of the coefficients where it is linear in the operands together; constants have none."""
        cdef list args = list(self.args)
        cdef bint some = False
        cdef int i
        for i in range(len(args)):
            if self.active(i):
                c = (<Lazy> args[i]).coefficient(k)
                some = some or c is not None
                args[i] = zeros_like((<Lazy> args[i]).known[0]) if c is None else c
            elif self.op.transposes is not None and i in self.op.transposes and (
                    self.op.joint or type(self.op.transposes) is not dict):
                args[i] = zero_like(args[i])
        return apply_op(self.op, tuple(args), self.params) if some else None

    cdef object bilinear(self, int k):
        cdef list args = list(self.args), at = [i for i in range(len(args)) if self.active(i)]
        cdef Lazy u = args[at[0]], v = args[at[1]]
        cdef object total = None
        cdef int j
        for j in range(k + 1):
            x, y = u.coefficient(j), v.coefficient(k - j)
            if x is not None and y is not None:
                args[at[0]], args[at[1]] = x, y
                total = plus(total, apply_op(self.op, tuple(args), self.params))
        return total

    cdef object quotient(self, int k):
        """Return (u_k - sum_(j=1..k) x_j y_(k-j)) / x_0, zero where the numerator is."""
        cdef Lazy u, x = self.args[1]
        cdef object c = None, s = None
        cdef int j
        if self.active(0):
            u = self.args[0]
            c = u.coefficient(k)
        for j in range(1, k + 1):
            d, y = x.coefficient(j), self.known[k - j]
            if d is not None and y is not None:
                s = plus(s, chain_any(d, y, False))
        if s is not None:
            s = apply1(o_neg, s) if isinstance(s, Traced) else -s
        s = plus(c, s)
        if s is None:
            return None
        if self.terms is None:
            self.terms = apply1(o_reciprocal, x.known[0])
        return chain_any(s, self.terms, False)

    cdef object by_partials(self, int k):
        cdef object total = None
        cdef Lazy u
        cdef int i
        if self.terms is None:
            self.terms = [self.partial(i) if self.active(i) else None for i in range(len(self.args))]
        if len(self.args) == 2 and self.terms[0] is self.args[1] and self.terms[1] is self.args[0] and self.active(0) \
                and self.active(1):
            return convolve(self.args[0], self.args[1], k)
        for i in range(len(self.args)):
            p = self.terms[i]
            if p is None:
                continue
            u = self.args[i]
            if type(p) is Lazy and (<Lazy> p).level == self.level:
                g = over(convolved(u, <Lazy> p, k), k)
            else:
                g = u.coefficient(k)
                g = None if g is None else chain_any(g, p, False)
            total = plus(total, g)
        return total

    cdef object partial(self, int i):
        """Return the series of the partial derivative by an operand, or a constant."""
        if self.op.partials[i] is None:
            raise UnsupportedError(f"{self.op.name} has no derivative with respect to its argument {i}")
        if self.op is o_power:
            x, y = self.args
            short = isinstance(y, (int, float)) and 0 <= y <= DECLARED_POWERS and y == int(y)
            if not short and regular((<Lazy> x).known[0] if type(x) is Lazy else x):
                return apply2(o_mul, y, apply2(o_div, self, x)) if i == 0 else apply2(o_mul, self, apply1(o_log, x))
        return array_partial(self.op, i, self.args, self)

    # --- what a rule may ask of an operand
    @property
    def shape(self):
        return self.shape_

    @property
    def dtype(self):
        return dtype_of(self.known[0])

    @property
    def value(self):
        """The coefficient of t^0."""
        return self.known[0]

    @property
    def parts(self):
        """The coefficients that are known."""
        return tuple([c for c in self.known if c is not None])

    def __bool__(self):
        return bool(self.known[0])

    def __len__(self):
        return self.shape[0]

    def view(self, function=None, *, dtype=None, type=None):
        """Return `function` (reshaping or reordering axes only) of every coefficient."""
        function = reordering(self, function, dtype, type)
        return self.each(lambda c: viewed(c, function))

    def __getitem__(self, index):
        index = plain_index(index)
        return self.each(lambda c: c[index])

    cdef object each(self, object function):
        """Return a series whose coefficients are a linear function of this one's."""
        cdef Lazy r = self.context.new(None, (self,), None)
        value = function(self.known[0])
        r.mode, r.terms, r.shape_, r.dtype_ = EACH, function, shape_of(value), None if type(value) is float else dtype_of(value)
        r.known.append(value)
        return r


cdef bint regular(object x):
    """Return whether no element is zero."""
    nonzero = apply2(o_unequal, x, 0.0)
    if shape_of(nonzero) != ():
        nonzero = apply_op(o_all, (nonzero,), {"axis": tuple(range(len(shape_of(nonzero)))), "keepdims": False})
    return bool(nonzero)


cdef object convolve(Lazy u, Lazy v, int k):
    """Return sum_(j=0..k) u_j v_(k-j)."""
    cdef object total = None
    cdef double s = 0.0
    cdef bint plain = True
    cdef int j
    u.coefficient(k)
    v.coefficient(k)
    for j in range(k + 1):
        x, y = u.coefficient(j), v.coefficient(k - j)
        if x is None or y is None:
            continue
        if plain and type(x) is float and type(y) is float:
            if <double> x != 0 and (j == 0 or <double> y != 0):
                s += <double> x * <double> y
            continue
        plain = False
        total = plus(total, chain_any(x, y, False) if j else chain_any(y, x, False))
    return s if plain else total if s == 0 else plus(s, total)


cdef object convolved(Lazy u, Lazy p, int k):
    """Return sum_(j=1..k) j u_j p_(k-j)."""
    cdef object total = None
    cdef double s = 0.0
    cdef bint plain = True
    cdef int j
    u.rate(k)
    p.coefficient(k - 1)
    for j in range(1, k + 1):
        x, y = u.rate(j), p.coefficient(k - j)
        if x is None or y is None:
            continue
        if plain and type(x) is float and type(y) is float:
            if <double> x != 0:
                s += <double> x * <double> y
            continue
        plain = False
        total = plus(total, chain_any(x, y, False))
    return s if plain else total if s == 0 else plus(s, total)
