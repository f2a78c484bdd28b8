"""Cotangents of array operations as numbers, in C: what most steps of a numeric reverse sweep need.

Elementwise operations go block by block through the compiled partials (`mmad.ops._partials`) and the kernels of the machine, so
nothing between a cotangent and what it is added to is ever a whole array; views are added to their base by a loop over
their window; small matrix products are a product each.  What is not float64 and in C order is left to
:func:`mmad.ops._rules.pull`, which needs no such assumptions.
"""
from cpython.object cimport PyObject
from libc.stdlib cimport free, malloc

cimport numpy as cnp

from mmad.kernels._arrays cimport PyArray_CompareLists, PyArray_ISCARRAY, PyArray_ISCARRAY_RO, unbroadcast_value
from mmad.kernels._machine cimport ALL_VECTORS, FIRST_NUMBER, MM_F64, SECOND_NUMBER, kernel_of
from mmad.kernels._windows cimport add_strided
from mmad.ops._direct cimport multiplied
from mmad.ops._partials cimport MAX_PROGRAM, PARTIAL_NONE, PARTIAL_OPERAND, PARTIAL_PROGRAM, Partial, cuts, partial_of
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, OP_FIRST_SCALAR, OP_INPUT, Node, Op, Rec, SC_chain,
                                      SC_masked, SC_settled, scalar_arity, scalar_eval)

cnp.import_array()

cdef enum:
    BLOCK = 256    # elements; what a program needs of them stays in the first-level cache
    SPREAD = 4096  # elements up to which an operand that was broadcast is written out
    TERMS = 128    # numbers that are summed one after the other, as NumPy does with as many
    RANK = 8


cdef extern from "_kernels.h" nogil:
    void mm_add(double *r, const double *g, Py_ssize_t n) noexcept


cdef inline bint is_double(object x) noexcept:
    return type(x) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE


cdef inline bint has_shape(cnp.ndarray a, int nd, const cnp.npy_intp *dims) noexcept:
    return cnp.PyArray_NDIM(a) == nd and PyArray_CompareLists(cnp.PyArray_DIMS(a), dims, nd)


cdef class Pull:
    """One elementwise operation at a time: :meth:`prepare`, then :meth:`cotangent` for each operand."""

    def __cinit__(self):
        self.scratch = NULL

    def __dealloc__(self):
        free(self.scratch)

    cdef bint prepare(self, Rec rec, object ct) except -1:
        """Return whether an operation on arrays and its cotangent are such as are done here."""
        cdef Op op = rec.op
        cdef int k
        if op.opcode < 0 or op.kind != KIND_ELEMENTWISE or op.partials is None or op.boolean or len(rec.shape) > RANK:
            return False
        self.nd, self.n, self.rec = <int> len(rec.shape), 1, rec
        for k in range(self.nd):
            self.dims[k] = rec.shape[k]
            self.n *= self.dims[k]
        self.arity = op.nin
        if type(ct) is float:
            self.bar, self.number = NULL, <double> ct
        elif is_double(ct) and PyArray_ISCARRAY_RO(<cnp.ndarray> ct) and has_shape(<cnp.ndarray> ct, self.nd, self.dims):
            self.bar = <double *> cnp.PyArray_DATA(<cnp.ndarray> ct)
        else:
            return False
        for k in range(self.arity):
            v = rec.vals[k]
            if not (is_double(v) or isinstance(v, float) or type(v) is int) or op.partials[k] is None:
                return False
        self.spread, self.ct = [None] * (self.arity + 1), ct
        if self.scratch == NULL:
            self.scratch = <double *> malloc((MAX_PROGRAM + 4) * BLOCK * sizeof(double))
            if self.scratch == NULL:
                raise MemoryError
        return True

    cdef int operand(self, int k, Value *r) except -1:
        """Read operand k (for k the arity, the result) as a vector of the result's size, or a number; return 0 for neither."""
        cdef cnp.ndarray a
        v = self.spread[k]
        if v is None:
            v = self.rec.vals[k] if k < self.arity else self.rec.out
        if not is_double(v):
            if not isinstance(v, (float, int)):
                return 0
            r.at, r.number = NULL, v
            return 1
        a = <cnp.ndarray> v
        if not (has_shape(a, self.nd, self.dims) and PyArray_ISCARRAY_RO(a)):
            if self.n > SPREAD:
                return 0
            a = cnp.PyArray_EMPTY(self.nd, self.dims, cnp.NPY_DOUBLE, 0)
            cnp.PyArray_CopyInto(a, <cnp.ndarray> v)
            self.spread[k] = a
        r.at = <double *> cnp.PyArray_DATA(a)
        return 1

    cdef bint same_shape(self, int i) noexcept:
        """Return whether operand i has the shape of the result."""
        v = self.rec.vals[i]
        return is_double(v) and has_shape(<cnp.ndarray> v, self.nd, self.dims)

    cdef object cotangent(self, int i, cnp.ndarray into):
        """Return the cotangent of operand i: a float (uniform), an array, None (zero), or NotImplemented.

        With `into`, an array of the operand's shape, it is added to that instead, and `into` is what is returned.
        """
        cdef const Partial *q = partial_of(self.rec.op.opcode, i)
        cdef Value of[4]
        cdef Value p
        cdef int k
        cdef cnp.ndarray r
        cdef bint same = self.same_shape(i)
        if q.kind == PARTIAL_NONE:
            return None
        p.at, p.number = NULL, q.c
        if q.kind == PARTIAL_OPERAND:
            if not self.operand(q.ref, &p):
                return NotImplemented
        for k in range(self.arity + 1):
            of[k].at, of[k].number = NULL, 0.0
            if ((q.kind == PARTIAL_PROGRAM and q.uses & 1 << k) or q.limit == k) and not self.operand(k, &of[k]):
                return NotImplemented
        if q.kind != PARTIAL_PROGRAM and p.at == NULL:
            if p.number == 0.0 and q.kind != PARTIAL_OPERAND:
                return None
            if self.bar == NULL and into is None:
                return self.number * p.number if same else NotImplemented
            if p.number == 1.0 and into is None:
                return self.ct if same else summed(<cnp.ndarray> self.ct, self.rec.vals[i])
        r = into
        if r is None:
            r = cnp.PyArray_EMPTY(self.nd, self.dims, cnp.NPY_DOUBLE, 0)
        self.run(q, of, &p, <double *> cnp.PyArray_DATA(r), into is not None)
        return r if same else summed(r, self.rec.vals[i])

    cdef void run(self, const Partial *q, const Value *of, const Value *partial, double *r, bint add) noexcept:
        """Set r = (or +=) cotangent * partial, in which a zero cotangent gives zero."""
        cdef Value p
        cdef Py_ssize_t lo, m
        cdef double *t
        for lo in range(0, self.n, BLOCK):
            m = min(self.n - lo, <Py_ssize_t> BLOCK)
            if q.kind == PARTIAL_PROGRAM:
                self.program(q, of, lo, m, &p)
            else:
                p.number = partial.number
                p.at = NULL if partial.at == NULL else partial.at + lo
            t = self.scratch + MAX_PROGRAM * BLOCK if add else r + lo
            if p.at == NULL and p.number == 1.0 and add and self.bar != NULL:
                mm_add(r + lo, self.bar + lo, m)
                continue
            if q.limit >= 0 and cuts():
                self.settled(&p, of + q.limit, lo, m, t)
            else:
                self.chained(SC_masked if q.mask else SC_chain, &p, lo, m, t)
            if add:
                mm_add(r + lo, t, m)

    cdef void chained(self, int product, const Value *p, Py_ssize_t lo, Py_ssize_t m, double *t) noexcept:
        """Set t = cotangent * p."""
        cdef double v
        cdef Py_ssize_t k
        if self.bar != NULL:
            kernel_of(MM_F64, product, ALL_VECTORS if p.at != NULL else SECOND_NUMBER)(
                t, self.bar + lo, p.at if p.at != NULL else &p.number, NULL, m)
        elif p.at != NULL:
            kernel_of(MM_F64, product, FIRST_NUMBER)(t, &self.number, p.at, NULL, m)
        else:
            v = scalar_eval(product, self.number, p.number, 0.0)
            for k in range(m):
                t[k] = v

    cdef void settled(self, const Value *p, const Value *limit, Py_ssize_t lo, Py_ssize_t m, double *t) noexcept:
        """Set t = cotangent * p, in which a zero p gives zero where `limit` is infinite."""
        cdef Value bar, u
        bar.at, bar.number = NULL if self.bar == NULL else self.bar + lo, self.number
        u.at, u.number = NULL if limit.at == NULL else limit.at + lo, limit.number
        kernel_of(MM_F64, SC_settled, ALL_VECTORS)(t, self.vector(&bar, 1, m), self.vector(p, 2, m), self.vector(&u, 3, m), m)

    cdef void program(self, const Partial *q, const Value *of, Py_ssize_t lo, Py_ssize_t m, Value *r) noexcept:
        """Run a partial's program on one block; operands are followed by the result."""
        cdef Value w[MAX_PROGRAM]
        cdef const Node *p
        cdef const Value *a
        cdef const Value *b
        cdef const Value *c
        cdef double *t
        cdef int k, arity
        for k in range(q.n):
            p = q.program + k
            w[k].at = NULL
            if p.op == OP_INPUT:
                w[k].number = of[k].number
                w[k].at = NULL if of[k].at == NULL else of[k].at + lo
                continue
            if p.op < OP_FIRST_SCALAR:
                w[k].number = p.v
                continue
            arity = scalar_arity(p.op)
            a, b, c = &w[p.a], &w[p.b], &w[p.c]
            if a.at == NULL and (arity < 2 or b.at == NULL) and (arity < 3 or c.at == NULL):
                w[k].number = scalar_eval(p.op, a.number, b.number, c.number)
                continue
            t = self.scratch + k * BLOCK
            if arity == 1:
                kernel_of(MM_F64, p.op, ALL_VECTORS)(t, a.at, NULL, NULL, m)
            elif arity == 2:
                kernel_of(MM_F64, p.op, FIRST_NUMBER if a.at == NULL else SECOND_NUMBER if b.at == NULL else ALL_VECTORS)(
                    t, a.at if a.at != NULL else &a.number, b.at if b.at != NULL else &b.number, NULL, m)
            else:
                kernel_of(MM_F64, p.op, ALL_VECTORS)(t, self.vector(a, 1, m), self.vector(b, 2, m), self.vector(c, 3, m), m)
            w[k].at = t
        r[0] = w[q.ref]

    cdef const double *vector(self, const Value *x, int place, Py_ssize_t m) noexcept:
        """Return a register as a vector."""
        cdef double *t = self.scratch + (MAX_PROGRAM + place) * BLOCK
        cdef Py_ssize_t k
        if x.at != NULL:
            return x.at
        for k in range(m):
            t[k] = x.number
        return t


cdef object summed(cnp.ndarray g, object val):
    """Return the sum of g over the axes along which `val` was broadcast: an array of its shape, or a float."""
    cdef double *p = <double *> cnp.PyArray_DATA(g)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(g), k
    cdef int nd = cnp.PyArray_NDIM(g), d, e
    cdef cnp.npy_intp steps[RANK]
    cdef cnp.npy_intp step = 1, terms = 1
    cdef cnp.ndarray r
    cdef double s = 0.0
    if not is_double(val):
        if n > TERMS:
            return unbroadcast_value(g, (), None)
        for k in range(n):
            s += p[k]
        return s
    e = nd - cnp.PyArray_NDIM(<cnp.ndarray> val)
    for d in range(nd - 1, -1, -1):
        if d < e or cnp.PyArray_DIM(<cnp.ndarray> val, d - e) == 1:
            steps[d] = 0
            terms *= cnp.PyArray_DIM(g, d)
        else:
            steps[d] = step
            step *= cnp.PyArray_DIM(g, d)
    if terms > TERMS or n > SPREAD:
        return unbroadcast_value(g, (<object> val).shape, (<cnp.ndarray> val).dtype)
    r = cnp.PyArray_ZEROS(nd - e, cnp.PyArray_DIMS(<cnp.ndarray> val), cnp.NPY_DOUBLE, 0)
    add_strided(<double *> cnp.PyArray_DATA(r), p, nd, cnp.PyArray_DIMS(g), steps)
    return r


cdef object product_cotangent(object ct, object x, object y, int i):
    """Return the cotangent of factor i of a small product of a matrix and a matrix or vector; None: not done here."""
    if not is_double(ct) or not is_double(x) or not is_double(y) or cnp.PyArray_NDIM(<cnp.ndarray> x) != 2:
        return None
    if i == 1:
        return multiplied(<cnp.ndarray> x, True, <cnp.ndarray> ct, False)
    if cnp.PyArray_NDIM(<cnp.ndarray> y) != 2:
        return None
    return multiplied(<cnp.ndarray> ct, False, <cnp.ndarray> y, True)


cdef cnp.ndarray writable(PyObject *cell):
    """Return the array of a cell that may be added to in place: float64, contiguous, with no other owner; else None."""
    cdef cnp.ndarray a
    if cell == NULL or Py_REFCNT(cell) != 1:
        return None
    x = <object> cell
    if not is_double(x):
        return None
    a = <cnp.ndarray> x
    return a if cnp.PyArray_BASE(a) == NULL and PyArray_ISCARRAY(a) else None
