"""Traced arrays: storages, views, and what writes to them.

Design
------
* An :class:`ArrayVar` is a *storage* (a root: node, buffer, version) or a *view* of one (`base` and an affine window
  of it).  A write makes a new version of the root; views notice by the version number and record their window again
  when next read.
* The real or imaginary part of a complex array is a view whose window has a fourth entry.  Its elements are an operation
  of the window's, so it has an array of its own; what is written to it is written to the complex window.
* Copy-on-write: `fresh` says that nothing but the root holds the buffer, so a write may go in place.  Whatever
  an operation consumes is no longer fresh.
"""
cimport cython
from cpython.object cimport PyObject_GetItem

cimport numpy as cnp

import numpy as np

from mmad._core cimport (PLAIN, ScalarVar, Traced, Wrapper, apply1, apply2, as_plain, leaked, make_scalar,
                         refuse_two_tapes, o_gather, o_pos, o_pow, o_put, o_putidx, o_square, o_window, reordering)
from mmad._core import METHODS, concrete, number_or_array, sealed
from mmad.kernels._arrays cimport taken_shape, window_view
from mmad.python.followers import FOLLOWERS as _FOLLOWERS, refresh as refresh_followers
from mmad.python.refusals import refuse_units, rounding
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, NODE_CONSUMED, NODE_DEFERRED, NODE_STRONG,
                                      NODE_SUPERSEDED, OP_GUARD, OP_LOAD, OP_REC, OP_STORE, Node, Op, Rec, SC_add,
                                      freeze, frozen_index, new_rec, spare)
from mmad.tape._instructions import OPERATIONS
from mmad.tape.constants import lift

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    bint PyArray_IsIntegerScalar(object x)


cdef enum:
    WRITES = 16  # to a storage that are deferred at the most: each then takes a copy of the whole array

cdef dict _METHODS = METHODS
cdef list FOLLOWERS = _FOLLOWERS
cdef tuple _NONE = (None,)


cdef ArrayVar make_array(Instructions tape, int32_t node, cnp.ndarray arr, bint fresh):
    cdef ArrayVar r = ArrayVar.__new__(ArrayVar)
    r.tape, r.node, r.arr, r.fresh, r.base, r.version = tape, node, arr, fresh, None, 0
    return r


cdef ArrayVar make_number(Instructions tape, int32_t node, cnp.ndarray arr):
    """Return a number of a dtype other than float64."""
    cdef ArrayVar r = make_array(tape, node, arr, False)
    r.number = True
    return r


cpdef bint basic_index(object index):
    """Return whether NumPy answers this index with a view."""
    if isinstance(index, tuple):
        for k in index:
            if not (k is None or k is Ellipsis or isinstance(k, slice)
                    or (PyArray_IsIntegerScalar(k) and not isinstance(k, bool))):
                return False
        return True
    return (index is None or index is Ellipsis or isinstance(index, slice)
            or (PyArray_IsIntegerScalar(index) and not isinstance(index, bool)))


cdef bint slicing(object index, cnp.ndarray arr) noexcept:
    """Return whether an index is of whole numbers and slices, and gives an array."""
    if type(index) is slice:
        return cnp.PyArray_NDIM(arr) > 0
    if type(index) is int:
        return cnp.PyArray_NDIM(arr) > 1
    if type(index) is not tuple:
        return False
    cdef bint some = len(<tuple> index) < cnp.PyArray_NDIM(arr)
    for k in <tuple> index:
        if type(k) is slice:
            some = True
        elif type(k) is not int:
            return False
    return some


def plain_index(index):
    """Return an index without traced integers and masks in it."""
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


cdef bint selects(object index) noexcept:
    """Return whether an index is a recorded array of integers, with which a program selects anew at each run."""
    return type(index) is ArrayVar and cnp.PyArray_NDIM((<ArrayVar> index).arr) > 0 \
        and cnp.PyArray_ISINTEGER((<ArrayVar> index).arr)


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
        self.version = base.version
        if is_part(self):
            return take_part(self, complex_window(self))
        self.arr = window_view(base.arr, self.window[0], self.window[1], self.window[2])
        self.node = push_window(base, self.tape.window_of(self.window[0], self.arr, base.arr), self.arr)
        return 0

    cdef bint pending(self) noexcept:
        """Return whether the elements have not been computed."""
        return self.tape.nodes[self.node].flags & NODE_DEFERRED

    cdef int known(self) except -1:
        """Compute the elements, before they are read, of an array that was recorded without them."""
        if self.pending():
            self.tape.fill(self.node)
        return 0

    cdef cnp.ndarray take(self):
        """Return the value, for an operation that will hold on to it."""
        cdef ArrayVar root = self if self.base is None else self.base
        self.sync()
        self.tape.nodes[self.node].flags |= NODE_CONSUMED
        if root.fresh:
            if self.base is not None and self.tape.is_version(root.node) and not self.pending():
                return self.arr.copy()  # the storage is being written piece by piece: hold the piece, not all of it
            root.fresh = False
        return self.arr

    cdef int prepare_write(self) except -1:
        """Make the root's buffer this storage's own before a write in place (copy-on-write)."""
        self.known()
        if not self.fresh or not cnp.PyArray_IS_C_CONTIGUOUS(self.arr):
            self.arr = self.arr.copy(order="C")
            self.fresh = True
        return 0

    cdef ArrayVar alias(self, cnp.ndarray r):
        """Return a view for `r`, a NumPy view into this array's buffer."""
        cdef ArrayVar root = self if self.base is None else self.base
        cdef ArrayVar view
        cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(r)
        cdef Py_ssize_t offset = (<Py_ssize_t> cnp.PyArray_DATA(r) - <Py_ssize_t> cnp.PyArray_DATA(root.arr)) // size
        cdef tuple found = self.tape.window_of(offset, r, root.arr)
        view = ArrayVar.__new__(ArrayVar)
        view.tape, view.base, view.arr, view.version = self.tape, root, r, root.version
        view.window = found[0]
        view.node = push_window(root, found, r)
        return view

    def refresh(self):
        """Bring the node of a view up to date with its base."""
        if self.tape.open:
            self.sync()

    def laid_out(self):
        """Return this array, its elements in C order in memory, which windows given as numbers need."""
        self.sync()
        if self.base is None and not self.arr.flags.c_contiguous:
            self.known()
            self.arr, self.fresh = self.arr.copy(order="C"), True
        return self

    def view(self, function=None, *, dtype=None, type=None):
        """Return `function` of this array, as NumPy does it: a view where NumPy gives a view, else a copy.

        Parameters
        ----------
        function : callable
            ndarray -> ndarray, reshaping or reordering axes only; or a dtype, as in NumPy.
        """
        cdef ArrayVar root = self if self.base is None else self.base
        self.sync()
        asked = reordering(self, function, dtype, type)
        if asked is None:
            return self.astype(function or dtype)
        function = asked
        if is_part(self):
            of = getattr_of(self.window[3], function)
            if np.may_share_memory(of(complex_window(self).arr), root.arr):
                return complex_window(self).view(of)
            return (<ArrayVar> apply1(o_pos, self)).view(function)  # NumPy copies here
        r = function(self.arr)
        if cnp.PyArray_TYPE(r) != cnp.PyArray_TYPE(self.arr):
            if not r.size:
                return r
            self.laid_out()
            root.known()
            return alias_part(self, function(self.arr))
        if np.may_share_memory(r, self.arr) or not r.size:
            if not root.arr.flags.c_contiguous:  # a storage that has no views yet: laid out in C order, which windows need
                if root.pending():
                    return (<ArrayVar> apply1(o_pos, self)).rearranged(function)
                root.arr, root.fresh = root.arr.copy(order="C"), True
                r = function(self.arr)
            inside(root.arr, r)
            return self.alias(r[...] if r is self.arr else r)
        # NumPy copies: the same elements in another order, as a window of a new array
        return (<ArrayVar> apply1(o_pos, self)).rearranged(function)

    cdef object rearranged(self, function):
        """Return a view of this array, which is new and in C order, that has no other name."""
        r = function(self.arr)
        if not np.may_share_memory(r, self.arr):
            raise TypeError("this reordering of a traced array is not a view of it")
        return self.alias(r)

    cdef object load(self, Py_ssize_t flat, double v):
        """Read one element: a scalar instruction."""
        cdef ArrayVar root = self if self.base is None else self.base
        return make_scalar(self.tape, load_node(root, flat, v), v, NODE_STRONG)

    cdef object as_number(self):
        if cnp.PyArray_NDIM(self.arr) or cnp.PyArray_TYPE(self.arr) != cnp.NPY_DOUBLE or is_part(self):
            return None
        self.sync()
        if self.pending():
            return None
        return self.load(0 if self.base is None else <Py_ssize_t> self.window[0],
                         (<double *> cnp.PyArray_DATA(self.arr))[0])

    cdef Py_ssize_t element(self, object index, double **address) except -2:
        """Return the flat index in the base of an all-integer index of a float64 array; -1 if it is another kind."""
        cdef cnp.ndarray arr = self.arr
        cdef int nd = arr.ndim, k
        cdef Py_ssize_t i, flat, step
        cdef char *p = <char *> cnp.PyArray_DATA(arr)
        cdef object item
        if cnp.PyArray_TYPE(arr) != cnp.NPY_DOUBLE or nd == 0 or is_part(self):
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
                if not PyArray_IsIntegerScalar(item):
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
                self.known()
                return self.load(flat, p[0])
        if selects(index):
            return apply2(o_gather, self, index)
        if slicing(index, self.arr) and not is_part(self) and (
                self.base is not None or cnp.PyArray_IS_C_CONTIGUOUS(self.arr)):
            return self.alias(PyObject_GetItem(self.arr, index))
        if basic_index(index):
            r = self.view(_Getter(index))
            if type(r) is ArrayVar and (<ArrayVar> r).arr.ndim == 0 and not (
                    index is Ellipsis or (type(index) is tuple and Ellipsis in index)):
                return scalar_of(<ArrayVar> r)
            return r
        return apply2(o_gather, self, plain_index(index))

    def __setitem__(self, index, value):
        if self.number:
            raise TypeError(f"'numpy.{self.arr.dtype}' object does not support item assignment")
        cdef ArrayVar root = self if self.base is None else self.base
        cdef Instructions tape = self.tape
        cdef Py_ssize_t flat
        cdef double *p
        cdef double v
        cdef int32_t source
        self.sync()
        if type(value) is ScalarVar or type(value) is float or type(value) is int:
            flat = -1 if root.pending() else self.element(index, &p)
            if flat >= 0 and writeable(self):
                if type(value) is ScalarVar:
                    if (<ScalarVar> value).tape is not tape:
                        refuse_two_tapes(tape, (<ScalarVar> value).tape)
                    v, source = (<ScalarVar> value).known(), (<ScalarVar> value).node
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
        cdef Rec rec
        cdef int32_t source
        if isinstance(value, Wrapper):
            raise TypeError("a dual number or batched value of an inner derivative cannot be written into an array of "
                            "an outer one; make the array inside the inner function, with np.zeros_like of its "
                            "argument")
        writeable(self)
        if is_part(self):
            return write_part(self, index, value)
        if isinstance(value, (list, tuple)) or (isinstance(value, cnp.ndarray) and value.dtype.hasobject):
            value = lift(value)
        if isinstance(value, Var) and value.tape is not self.tape:
            refuse_two_tapes(self.tape, value.tape)
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
            window = target.window if target.base is not None else whole_window(root.arr)
            op, params = o_put, {"offset": window[0], "shape": window[1], "strides": window[2],
                                 "of": (<object> root.arr).shape}
            value = without_leading(value, len(window[1]))
        else:
            index = plain_index(index)
            if self.base is not None:  # the index of the view, in terms of the base
                flat = np.arange(root.arr.size).reshape((<object> root.arr).shape)
                flat = np.ascontiguousarray(window_view(flat, self.window[0], self.window[1], self.window[2]))[index]
                index = np.unravel_index(flat, (<object> root.arr).shape)
            op, params, index = o_putidx, None, frozen_index(self.tape, index)
            if isinstance(value, (Traced, cnp.ndarray)) and value.shape and value.shape[0] == 1:
                value = without_leading(value, len(taken_shape((<object> root.arr).shape, index) or value.shape))
        if root.pending() or type(value) is ArrayVar and (<ArrayVar> value).pending() \
                or type(value) is ScalarVar and (<ScalarVar> value).flags & NODE_DEFERRED:
            if root.version < WRITES:
                check_fit(value.shape, window[1] if op is o_put else taken_shape((<object> root.arr).shape, index))
                return self.write_later(op, params, index, value)
        if type(value) is ScalarVar:
            source, vals = (<ScalarVar> value).node, (None, (<ScalarVar> value).known())
        elif type(value) is ArrayVar:
            v = (<ArrayVar> value).take()
            (<ArrayVar> value).known()
            source, vals = (<ArrayVar> value).node, (None, v)
        else:
            source, vals = -1, (None, value)
        root.prepare_write()
        if op is o_put:
            window_view(root.arr, window[0], window[1], window[2])[...] = vals[1]
        else:
            root.arr[index] = vals[1]
            vals += (index,)
        rec = new_rec(op, <int32_t> len(vals), vals, params, None, (<object> root.arr).shape, root.arr.dtype)
        rec.at[0], rec.at[1], rec.at[2] = root.node, source, -1
        advance(root, self.tape.push_rec(OP_REC, NODE_ARRAY, rec, 0.0))
        return 0

    cdef int write_later(self, Op op, dict params, object index, object value) except -1:
        """Make a new version of the root whose elements are not computed now."""
        cdef ArrayVar root = self if self.base is None else self.base
        cdef Rec rec
        cdef int32_t source = -1
        cdef object v = value
        if isinstance(value, Var):
            v = (<ArrayVar> value).take() if type(value) is ArrayVar else (<ScalarVar> value).v
            source = (<Var> value).node  # a view is up to date now
        rec = new_rec(op, 2 if op is o_put else 3, (root.arr, v) if op is o_put else (root.arr, v, index), params, None,
                      (<object> root.arr).shape, root.arr.dtype)
        rec.at[0], rec.at[1], rec.at[2] = root.node, source, -1
        self.tape.nodes[root.node].flags |= NODE_CONSUMED
        rec.pending = np.empty((<object> root.arr).shape, root.arr.dtype)
        root.arr, root.fresh = rec.pending, True
        return advance(root, self.tape.push_rec(OP_REC, NODE_ARRAY | NODE_DEFERRED, rec, 0.0))

    cdef object inplace(self, Op op, object other):
        """Do `self op= other` with NumPy's rules: the result keeps this array's shape and dtype."""
        if not isinstance(other, Traced) and not isinstance(other, PLAIN):
            other = as_plain(other)
            if other is NotImplemented:
                return other
        self.sync()
        if self.number:
            return apply2(op, self, other)
        r = apply2(op, self, other)
        self.assign(r, op.name)
        return self

    cpdef assign(self, r, name="assignment"):
        """Let this array (and all its views) take the value `r` of the same shape."""
        cdef ArrayVar result
        self.sync()
        shape = r.shape if hasattr(r, "shape") else np.shape(r)
        own = (<object> self.arr).shape
        if shape != own and np.broadcast_shapes(shape, own) != own:
            raise ValueError(f"non-broadcastable output operand with shape {own} doesn't match the broadcast "
                             f"shape {shape}")
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

    def __ipow__(self, other):
        if type(other) is int and other == 2 and not self.number:
            self.assign(apply1(o_square, self), "square")
            return self
        return self.inplace(o_pow, other)

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
        self.known()
        truth = bool(self.arr)
        if self.tape.guarded:
            self.tape.push(OP_GUARD, NODE_BOOL, self.node, -1, -1, truth)
        return truth

    def __int__(self):
        if self.arr.size != 1:
            raise TypeError("only 0-d or one-element arrays can be converted to int")
        return rounding(self.whole_number("trunc", int))

    cdef object whole_number(self, str how, function):
        """Leave a guard on the rounded value, as Python learns an integer."""
        cdef object value
        self.refresh()
        self.known()
        value = self.arr.reshape(())[()]
        if value.dtype.kind == "c":
            raise TypeError("a complex number has no integer part: take x.real")
        if self.tape.guarded and self.tape.open and (value.dtype.kind != "f" or np.isfinite(value)):
            self.tape.add_guard(self if value.dtype.kind in "biu" else apply1(<Op> OPERATIONS[how], self))
        return function(value)

    def __trunc__(self):
        return self.whole_number("trunc", int)

    def __floor__(self):
        return self.whole_number("floor", lambda v: int(np.floor(v)))

    def __ceil__(self):
        return self.whole_number("ceil", lambda v: int(np.ceil(v)))

    def __round__(self, ndigits=None):
        if not self.number:
            raise TypeError("type numpy.ndarray doesn't define __round__ method")
        if ndigits is None:
            return self.whole_number("rint", lambda v: int(np.rint(v)))
        return _METHODS["round"](self, ndigits)

    def __index__(self):
        if self.arr.dtype.kind not in "iu" or self.arr.ndim:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        self.known()
        k = int(self.arr)
        if self.tape.guarded:
            self.tape.push(OP_GUARD, 0, self.node, -1, -1, k)
        return k

    cdef object shown(self):
        """Return the value where it becomes text: on a guarded tape that leaves a guard."""
        self.refresh()
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        self.known()
        return self.arr

    def __str__(self):
        return str(self.shown())

    def __repr__(self):
        return f"ArrayVar({self.shown()!r})"

    def __format__(self, spec):
        return format(self.shown(), spec) if spec else str(self)

    @property
    def value(self):
        """The array, without derivative; on a guarded tape it leaves a guard."""
        refuse_units()
        self.refresh()
        if self.tape.guarded and self.tape.open:
            self.tape.add_guard(self)
        if self.pending() and not self.tape.open:  # what it is computed from may have changed
            leaked(self.tape)
        self.known()
        return self.arr.copy()

    @property
    def __class__(self):
        return self.arr.dtype.type if self.number else cnp.ndarray

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


sealed(ArrayVar)
number_or_array(ArrayVar)


cdef class _Getter:
    cdef object index

    def __init__(self, index):
        self.index = index

    def __call__(self, a):
        return _as_view(a, self.index)


cdef int inside(cnp.ndarray whole, cnp.ndarray r) except -1:
    """Raise if a view of an array reaches beyond it, as one made with strides can."""
    cdef Py_ssize_t first = <Py_ssize_t> cnp.PyArray_DATA(r) - <Py_ssize_t> cnp.PyArray_DATA(whole), last, reach
    cdef int k
    last = first + cnp.PyArray_ITEMSIZE(r)
    for k in range(cnp.PyArray_NDIM(r)):
        if cnp.PyArray_DIM(r, k) == 0:
            return 0
        reach = (cnp.PyArray_DIM(r, k) - 1) * cnp.PyArray_STRIDE(r, k)
        if reach < 0:
            first += reach
        else:
            last += reach
    if first < 0 or last > cnp.PyArray_NBYTES(whole):
        raise ValueError("a view of a traced array reaches beyond the memory of the array: check shape and strides")
    return 0


cdef inline bint is_part(ArrayVar x) noexcept:
    """Return whether this is the real or the imaginary part of a window."""
    return x.base is not None and len(x.window) == 4


cdef ArrayVar complex_window(ArrayVar x):
    """Return the complex window that this is a part of."""
    return x.base.alias(window_view(x.base.arr, x.window[0], x.window[1], x.window[2]))


cdef int take_part(ArrayVar x, ArrayVar of) except -1:
    cdef ArrayVar r = <ArrayVar> apply1(<Op> OPERATIONS[x.window[3]], of)
    x.arr, x.node = r.arr, r.node
    return 0


cdef object alias_part(ArrayVar x, cnp.ndarray r):
    """Return a view for `r`, NumPy's view of the real or imaginary parts in this complex array's buffer."""
    cdef ArrayVar root = x if x.base is None else x.base
    cdef ArrayVar view, of
    cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(root.arr)
    cdef Py_ssize_t offset = <Py_ssize_t> cnp.PyArray_DATA(r) - <Py_ssize_t> cnp.PyArray_DATA(root.arr)
    name = "imag" if offset % size else "real"
    of = root.alias(window_view(root.arr, offset // size, (<object> r).shape,
                                tuple([step // size for step in (<object> r).strides])))
    if r.ndim == 0:
        return apply1(<Op> OPERATIONS[name], of)
    view = ArrayVar.__new__(ArrayVar)
    view.tape, view.base, view.version, view.window = x.tape, root, root.version, (*of.window, name)
    take_part(view, of)
    return view


cdef int write_part(ArrayVar x, object index, object value) except -1:
    """Assign to the real or imaginary parts: the complex numbers with the other parts as they are."""
    cdef ArrayVar of = complex_window(x)
    if isinstance(value, (list, tuple)) or (isinstance(value, cnp.ndarray) and value.dtype.hasobject):
        value = lift(value)
    if np.result_type(value.dtype if hasattr(value, "dtype") else type(value)).kind == "c":
        raise TypeError(f"cannot store a complex value in the {x.window[3]} part of an array")
    element = of[index]
    if x.window[3] == "real":
        of.write(index, value + 1j * apply1(<Op> OPERATIONS["imag"], element))
    else:
        of.write(index, 1j * value + apply1(<Op> OPERATIONS["real"], element))
    return 0


def getattr_of(name, function):
    """Return `function` of an array's real or imaginary part."""
    return lambda a: function(getattr(a, name))


cdef object _as_view(a, index):
    """Return a[index] as an array view even where NumPy would give a scalar."""
    if type(index) is tuple:
        return a[index] if Ellipsis in index else a[index + (Ellipsis,)]
    return a[index] if index is Ellipsis else a[index, ...]


cdef tuple whole_window(cnp.ndarray arr):
    """Return the window that is all of a C-ordered array."""
    cdef list strides = []
    cdef Py_ssize_t step = 1
    for d in reversed((<object> arr).shape):
        strides.append(step)
        step *= d
    return 0, (<object> arr).shape, tuple(reversed(strides))


cdef int32_t push_window(ArrayVar root, tuple found, cnp.ndarray r) except -1:
    """Record view r of a storage, whose window and parameters were found."""
    cdef Rec rec
    if root.tape.nodes[root.node].flags & NODE_SUPERSEDED:  # a view of a version already written over
        root.tape.nodes[root.node].flags |= NODE_CONSUMED
    rec = new_rec(o_window, 1, _NONE, found[1], None, found[0][1], <object> cnp.PyArray_DESCR(r))
    rec.at[0] = root.node
    spare(rec)
    return root.tape.push_rec(OP_REC, NODE_ARRAY | root.tape.nodes[root.node].flags & NODE_DEFERRED, rec, 0.0)


cdef int store(ArrayVar root, int32_t source, Py_ssize_t flat) except -1:
    cdef Instructions tape = root.tape
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
    """Add scalar node to acc[flat], for a float64 storage of its own (not a view)."""
    cdef double *p
    cdef double v
    cdef int32_t k
    acc.prepare_write()
    p = <double *> cnp.PyArray_DATA(acc.arr) + flat
    if acc.tape.nodes[node].flags & NODE_DEFERRED:
        acc.tape.fill(node)
    k = load_node(acc, flat, p[0])
    v = p[0] + acc.tape.nodes[node].v
    k = acc.tape.push(SC_add, NODE_STRONG, k, node, -1, v)
    p[0] = v
    return store(acc, k, flat)


cdef int32_t element_take(ArrayVar acc, int64_t flat) except -1:
    """Read acc[flat] and write zero there."""
    cdef double *p
    cdef int32_t k
    acc.prepare_write()
    p = <double *> cnp.PyArray_DATA(acc.arr) + flat
    k = load_node(acc, flat, p[0])
    p[0] = 0.0
    store(acc, acc.tape.constant(0.0, 0), flat)
    return k


cdef int advance(ArrayVar root, int32_t node) except -1:
    root.tape.nodes[root.node].flags |= NODE_SUPERSEDED
    root.node = node
    root.version += 1
    if FOLLOWERS:
        refresh_followers(root)
    return 0


cdef int check_fit(tuple shape, tuple target) except -1:
    """Raise NumPy's error unless a value of a shape can be written to a place of another one."""
    cdef Py_ssize_t extra = len(shape) - len(target), k
    cdef bint fits = True
    for k in range(len(shape)):
        if k < extra:
            fits = fits and shape[k] == 1
        else:
            fits = fits and (shape[k] == 1 or shape[k] == target[k - extra])
    if not fits:
        raise ValueError(f"could not broadcast input array from shape {shape} into shape {target}")
    return 0


cpdef object without_leading(object value, Py_ssize_t rank):
    """Return a value without the leading axes of length 1 that a target of a lower rank has no use for."""
    cdef Py_ssize_t extra
    if not isinstance(value, (Traced, cnp.ndarray)):
        return value
    extra = len(value.shape) - rank
    if extra <= 0 or any([d != 1 for d in value.shape[:extra]]):
        return value
    return value.reshape(value.shape[extra:])


cdef bint writeable(ArrayVar x) except -1:
    if x.base is not None and 0 not in x.window[1]:  # the strides of an array without elements may all be zero
        for d, s in zip(x.window[1], x.window[2]):
            if s == 0 and d > 1:
                raise ValueError("assignment destination is read-only: it is a broadcast view")
    return True


cdef object scalar_of(ArrayVar x):
    """Return what NumPy gives for a fully indexed element: a number, which later writes do not reach."""
    if x.arr.dtype.num == cnp.NPY_DOUBLE:
        x.known()
        return x.load(<Py_ssize_t> x.window[0], (<double *> cnp.PyArray_DATA(x.arr))[0])
    return apply1(o_pos, x)
