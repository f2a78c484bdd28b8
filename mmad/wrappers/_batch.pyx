"""The batch transform: one value a lane, all lanes at once.

A :class:`Batch` holds an array whose leading axis counts the lanes; user code and derivative rules see the shape of
one lane.  It carries many tangents or cotangents through a sweep and implements `vmap`.
"""
cimport cython
cimport numpy as cnp

import warnings

import numpy as np
from numpy._core.umath import _extobj_contextvar as errstate

from mmad._core cimport Traced, Wrapper, apply_op, reordering, shape_of
from mmad._core import concrete, number_or_array
from mmad.errors import LaneDivergence
from mmad.kernels._arrays cimport view_at
from mmad.ops.movement import stacked
from mmad.python.followers import FOLLOWERS as _FOLLOWERS, refresh as refresh_followers
from mmad.python.refusals import refuse_units, rounding
from mmad.tape._instructions cimport KIND_ELEMENTWISE, Op
from mmad.tape._instructions import OPERATIONS
from mmad.tape._storage import basic_index, plain_index
from mmad.tape.constants import zeros

cnp.import_array()

cdef list FOLLOWERS = _FOLLOWERS


cdef dict _open = {}  # level of every open `vmap` -> its context


cdef class Parting:
    """Context of one `vmap`: notes whether its lanes went different ways, even where the user's code caught the error.

    It also knows who hears of warnings.  Where the mapped function itself collects them (``catch_warnings(record=True)``,
    a function of `np.seterrcall`), it may branch on them, and NumPy has one warning for all lanes.

    Attributes
    ----------
    level : int
    parted : bool
    """

    cdef readonly object level
    cdef readonly bint parted
    cdef object show, showwarning, errors

    def __init__(self, level):
        self.level = level

    def __enter__(self):
        self.show, self.showwarning = getattr(warnings, "_showwarnmsg_impl", None), warnings.showwarning
        self.errors = errstate.get()
        _open[self.level] = self
        return self

    cdef bint heard(self) except -1:
        """Return whether the mapped function may learn of a warning."""
        if (getattr(warnings, "_showwarnmsg_impl", None) is not self.show
                or warnings.showwarning is not self.showwarning):
            return True
        return errstate.get() is not self.errors and not {"call", "log"}.isdisjoint(np.geterr().values())

    def __exit__(self, kind, error, trace):
        del _open[self.level]
        # An error may be that of one lane, or of a batch where only a plain value will do.
        if kind is None or not issubclass(kind, (Exception, LaneDivergence)):
            return False
        self.parted = True
        return True


cdef object part(object level):
    """Note that the lanes of a level went different ways."""
    cdef Parting lanes = _open.get(level)
    if lanes is not None:
        lanes.parted = True


cdef int separate_warnings(object level) except -1:
    """Give the lanes of a level up where their function collects the warnings of NumPy, which has one for all."""
    cdef Parting lanes = _open.get(level)
    if lanes is not None and lanes.heard():
        raise divergence(level, "the function looks at warnings, and a warning does not tell which lane it is of")
    return 0


def divergence(level, message):
    """Return the error to raise where the lanes of a level disagree, noted for the `vmap` that they belong to."""
    part(level)
    return LaneDivergence(message)


@cython.final
cdef class Batch(Wrapper):
    """Lanes of a value: `lanes` has shape (K,) + shape.

    Attributes
    ----------
    lanes : ndarray or traced array
    level : int
    """

    def __init__(self, level, lanes):
        self.level, self.lanes = level, lanes

    @property
    def count(self):
        """Number of lanes."""
        return self.lanes.shape[0]

    cpdef object apply(self, Op op, tuple args, dict params):
        if _open:
            separate_warnings(self.level)
        try:
            return self.applied(op, args, params)
        except Exception:  # it may be the error of one lane
            part(self.level)
            raise

    cdef object applied(self, Op op, tuple args, dict params):
        cdef list vals = [], batched = []
        for a in args:
            if isinstance(a, Batch) and (<Batch> a).level == self.level:
                vals.append((<Batch> a).lanes)
                batched.append(True)
            else:
                vals.append(a)
                batched.append(False)
        if op.batch is not None:
            r = op.batch(vals, batched, **params) if params is not None else op.batch(vals, batched)
            if r is not None:
                return Batch(self.level, r)
        if op.kind == KIND_ELEMENTWISE:
            return Batch(self.level, apply_op(op, align(vals, batched), params))
        rows = []
        for k in range(self.count):
            rows.append(apply_op(op, tuple([v[k] if b else v for v, b in zip(vals, batched)]), params))
        return Batch(self.level, stacked(rows))

    @property
    def value(self):
        """The value of every lane, where they are all the same."""
        refuse_units()
        v = concrete(self.lanes)
        if len(v) and not all([np.array_equal(w, v[0], equal_nan=v.dtype.kind in "fc") for w in v[1:]]):
            raise divergence(self.level, "the lanes of a batch have different values here")
        return v[0] if len(v) else np.zeros(self.shape, self.dtype)

    @property
    def shape(self):
        return shape_of(self.lanes)[1:]

    @property
    def dtype(self):
        return self.lanes.dtype

    @property
    def strides(self):
        return self.lanes.strides[1:]

    def __bool__(self):
        v = concrete(self.lanes)
        if v.size and not (v == v.flat[0]).all():
            raise divergence(self.level, "the lanes of a batch take different branches here")
        return bool(v.flat[0])

    def __int__(self):
        v = np.trunc(concrete(self.lanes))
        if v.size and not (v == v.flat[0]).all():
            raise divergence(self.level, "the lanes of a batch give different integers here")
        return rounding(int(v.flat[0]))

    def __index__(self):
        if self.dtype.kind not in "biu":
            raise TypeError("a traced float cannot be an index")
        return int(self)

    def __str__(self):
        cdef str guarded = str(self.lanes)  # where the lanes are recorded, the text leaves a guard
        texts = {str(v) for v in concrete(self.lanes)}
        if len(texts) > 1:
            raise divergence(self.level, "the lanes of a batch have different texts here")
        return texts.pop() if texts else guarded

    def __repr__(self):
        return f"Batch({self.lanes!r})"

    def laid_out(self):
        """Return this batch, its lanes in C order in memory."""
        self.lanes = np.ascontiguousarray(self.lanes) if isinstance(self.lanes, cnp.ndarray) else self.lanes.laid_out()
        return self

    def view(self, function=None, *, dtype=None, type=None):
        """Return `function` of every lane (reshaping or reordering axes only), sharing memory with this batch."""
        asked = reordering(self, function, dtype, type)
        if asked is None:
            return self.astype(function or dtype)
        function = asked

        def lanewise(a):
            if not len(a):
                return np.empty((0,) + function(np.empty(a.shape[1:], a.dtype)).shape, a.dtype)
            r = function(a[0, ...])
            if r.dtype != a.dtype:
                return function(a)  # the real or imaginary part, whatever the axes
            if not np.may_share_memory(r, a):
                return np.stack([function(lane) for lane in a])  # NumPy copies here
            offset = r.__array_interface__["data"][0] - a.__array_interface__["data"][0]
            return view_at(a, offset, (a.shape[0],) + r.shape, (a.strides[0],) + r.strides)

        return Batch(self.level, lanewise(self.lanes) if isinstance(self.lanes, cnp.ndarray)
                     else self.lanes.view(lanewise))

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        index = plain_index(index)
        if basic_index(index):
            index = index if isinstance(index, tuple) else (index,)
            r = self.lanes[(slice(None),) + index]
            if len(shape_of(r)) == 1 and Ellipsis not in index:  # an element is a number, not a view
                r = apply_op(<Op> OPERATIONS["positive"], (r,), None)
            return Batch(self.level, r)
        return apply_op(<Op> OPERATIONS["gather"], (self, index), None)

    def __setitem__(self, index, value):
        if _open:
            separate_warnings(self.level)
        index = plain_index(index)
        if isinstance(value, Batch) and (<Batch> value).level == self.level:
            v = (<Batch> value).lanes
        else:
            v = value[None, ...] if shape_of(value) else value
        if isinstance(v, Traced) and not isinstance(self.lanes, Traced):
            lanes = zeros(self.lanes.shape, self.lanes.dtype, v)
            lanes[...] = self.lanes
            self.lanes = lanes
        if basic_index(index):
            index = index if isinstance(index, tuple) else (index,)
            target = self.lanes[(slice(None),) + index + ((Ellipsis,) if Ellipsis not in index else ())]
            target[...] = of_rank(v, len(shape_of(target)))
        else:
            flat = np.arange(int(np.prod(self.shape))).reshape(self.shape)[index]
            offset = (np.arange(self.count) * int(np.prod(self.shape))).reshape((-1,) + (1,) * flat.ndim)
            where = np.unravel_index(offset + flat, shape_of(self.lanes))
            self.lanes[where] = of_rank(v, flat.ndim + 1)
        if FOLLOWERS:
            refresh_followers(self)

    cdef bint is_number(self) except -1:
        return self.shape == ()


number_or_array(Batch)


cdef object of_rank(object v, Py_ssize_t rank):
    """Return lanes with so many axes: some of length 1 after the first are added, or those that broadcast away are dropped."""
    cdef tuple shape = shape_of(v)
    cdef Py_ssize_t missing = rank - len(shape)
    if not shape or missing == 0 or any([d != 1 for d in shape[1:1 - missing]]):
        return v
    return v.reshape(shape[:1] + (1,) * missing + shape[1:] if missing > 0 else shape[:1] + shape[1 - missing:])


cpdef tuple align(list vals, list batched):
    """Give the lanes' arrays a common rank, so that broadcasting lines the lanes up."""
    cdef int rank = 0
    cdef list out = []
    for v, b in zip(vals, batched):
        rank = max(rank, len(shape_of(v)) - (1 if b else 0))
    for v, b in zip(vals, batched):
        shape = shape_of(v)
        if b and len(shape) - 1 < rank:
            v = v.reshape(shape[:1] + (1,) * (rank + 1 - len(shape)) + shape[1:])
        out.append(v)
    return tuple(out)
