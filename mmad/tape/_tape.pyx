"""The tape: instructions, and what turns them into traced values and back.

Scalar operations are recorded by :func:`mmad._core.apply_op`; those on arrays here.
"""
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int32_t

cimport numpy as cnp

import numpy as np

from mmad._core cimport CARRIED, ScalarVar, guard_raises, make_scalar, raised_for_values
from mmad.kernels._arrays cimport checksum
from mmad.tape cimport _deferred
from mmad.tape._deferred cimport compute, constants_only, fill_deferred, filled_operands, result_of
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, NODE_ARRAY, NODE_BOOL, NODE_DEFERRED, NODE_STRONG, OP_CONST,
                                      OP_GUARD, OP_INPUT, OP_REC, Op, Rec, freeze, frozen_index, new_rec, spare)
from mmad.tape._instructions import OPERATIONS
from mmad.tape._storage cimport ArrayVar, make_array, make_number

cnp.import_array()

cdef tuple _FOLLOWED = (np.linalg.LinAlgError, ArithmeticError, RuntimeWarning)  # by values, not by shapes or types
cdef frozenset _LINEAR = frozenset(("add", "subtract", "multiply", "divide", "chain", "masked", "positive", "negative"))

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object o)


cdef object _float64 = np.dtype(np.float64)
cdef object _np_float64 = np.float64


cdef object memory_of(object arr):
    """Return the array that an array is a view of, in the end."""
    while type(arr.base) is np.ndarray:
        arr = arr.base
    return arr


cdef class Tape(Instructions):
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
    plain_integers : bool
        On a guarded tape, give Python plain integers and truth values, each with a guard on its value.
    """

    cdef object record(self, Op op, tuple args, dict params):
        """Evaluate an array operation and add it to the tape."""
        cdef Py_ssize_t n = len(args), k
        cdef tuple vals = PyTuple_New(n)
        cdef Rec rec = new_rec(op, <int32_t> n, vals, params, None, (), _float64)
        cdef bint foreign = False, atoms = True, large = False, waits = False
        cdef object a, v, out = None
        for k in range(n):
            a = <object> PyTuple_GET_ITEM(args, k)
            if type(a) is ArrayVar:
                v = (<ArrayVar> a).take()
                foreign = foreign or cnp.PyArray_TYPE(<cnp.ndarray> v) != cnp.NPY_DOUBLE
                rec.at[k] = (<ArrayVar> a).node
                large = large or cnp.PyArray_SIZE(<cnp.ndarray> v) >= _deferred.large
                waits = waits or self.nodes[rec.at[k]].flags & NODE_DEFERRED
            elif type(a) is ScalarVar:
                v = (<ScalarVar> a).v if not (<ScalarVar> a).flags & NODE_BOOL else (<ScalarVar> a).v != 0
                rec.at[k] = (<ScalarVar> a).node
                waits = waits or (<ScalarVar> a).flags & NODE_DEFERRED
            else:
                v = a
                rec.at[k] = -1
                if isinstance(a, cnp.ndarray):
                    foreign = foreign or cnp.PyArray_TYPE(<cnp.ndarray> a) != cnp.NPY_DOUBLE
                    v = freeze(self, a)
                elif op.raw and type(a) is tuple:
                    v = frozen_index(self, a)
                else:
                    foreign = foreign or type(a) is not float and type(a) is not int
                atoms = atoms and (type(v) is float or type(v) is int or type(v) is cnp.ndarray
                                   and cnp.PyArray_TYPE(<cnp.ndarray> v) != cnp.NPY_OBJECT)
            Py_INCREF(v)
            PyTuple_SET_ITEM(vals, k, v)
        if foreign:  # NEP 50: a NumPy float64 scalar promotes, a Python float does not
            vals = tuple([_np_float64(v) if type(a) is ScalarVar and (<ScalarVar> a).flags & NODE_STRONG else v
                          for a, v in zip(args, vals)])
            rec.vals = vals
        if atoms:
            PyObject_GC_UnTrack(vals)
        if self.live and (large or waits):
            out = None if self.heeds else self.defer(rec)
            if out is not None:
                return out
            if waits:
                for k in range(n):
                    if rec.at[k] >= 0:
                        self.fill(rec.at[k])
                rec.vals = vals = filled_operands(self, rec)
        try:
            if self.kept is not None:
                out = self.kept.take(op)
            if out is None and op.direct != NULL:
                out = op.direct(op, vals, params)
            if out is None:
                out = op.impl(*vals) if params is None else op.impl(*vals, **params)
            if self.kept is not None:
                self.kept.note(op, out)
        except Exception as error:
            if self.guarded and self.open:
                self.guard_failure(op, args, params, error)
            raise
        if self.heeds and self.guarded and self.open:
            self.guard_success(op, args, params)
        return self.wrap(rec, out)

    cdef int guard_failure(self, Op op, tuple args, dict params, object error) except -1:
        """Guard that an operation raises: the function may go on from there, so a replay is good only where it raises again."""
        if op.name != "raises" and not op.raw and (isinstance(error, _FOLLOWED) or OPERATIONS.get(op.name) is not op):
            guard_raises(args, op, params, type(error))
        return 0

    cdef int guard_success(self, Op op, tuple args, dict params) except -1:
        """Guard that an operation raises no error for its values, as `np.errstate` says: a replay is good only where not."""
        cdef object kinds = None if op.name == "raises" or op.raw else raised_for_values()
        if kinds is not None:
            guard_raises(args, op, params, kinds)
        return 0

    cdef object defer(self, Rec rec):
        """Return the traced result of an operation that is not evaluated now; None if it has to be."""
        cdef tuple found, shape
        cdef int flags = NODE_ARRAY | NODE_DEFERRED
        cdef int32_t k
        if rec.op.raw:  # an index tells the shape
            for k in range(1, rec.n):
                if rec.at[k] >= 0:
                    self.fill(rec.at[k])
        found = result_of(rec.op, rec.vals, rec.params)
        if found is None:
            return None
        shape, dtype = found
        rec.forgets = self.forgets
        if not shape:
            if dtype != _float64:
                return None
            rec.out = np.nan
            return make_scalar(self, self.push_rec(OP_REC, NODE_STRONG | NODE_DEFERRED, rec, np.nan), np.nan,
                               NODE_STRONG | NODE_DEFERRED)
        if dtype.kind not in "fcbiu" or dtype.kind in "biu" and self.plain_integers:
            return None
        if dtype.kind in "biu":
            flags |= NODE_BOOL
        rec.pending = np.empty(shape, dtype)
        if rec.op.needs_out and not self.forgets:
            rec.out = rec.pending
        rec.shape, rec.dtype = self.shape_of(rec.pending), dtype
        spare(rec)
        return make_array(self, self.push_rec(OP_REC, flags, rec, 0.0), rec.pending, not rec.op.needs_out)

    cdef int fill(self, int32_t node) except -1:
        if self.nodes[node].flags & NODE_DEFERRED:
            fill_deferred(self, node)
        return 0

    cpdef fill_all(self):
        """Compute all values: before they are read by what knows nothing of deferred ones."""
        cdef int32_t k
        if not self.live or self.filled == self.n:  # only what is recorded for a program has deferred ones
            return
        self.check_watched()
        with np.errstate(all="ignore"):  # a program raises no warnings
            for k in range(self.filled, self.n):
                if self.nodes[k].flags & NODE_DEFERRED:
                    compute(self, k)
        self.filled = self.n

    cdef object wrap(self, Rec rec, object out):
        """Return the traced result of a recorded operation whose value is `out`."""
        cdef cnp.ndarray arr
        cdef Op op = rec.op
        cdef int flags = NODE_ARRAY
        cdef bint fresh, number = False
        cdef ArrayVar found
        if isinstance(out, float):
            rec.out = out
            return make_scalar(self, self.push_rec(OP_REC, NODE_STRONG, rec, out), out, NODE_STRONG)
        if type(out) is not cnp.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> out) != cnp.NPY_DOUBLE:
            number = not isinstance(out, cnp.ndarray)
            out = np.asarray(out)
            kind = out.dtype.kind
            if kind not in "fcbiu":
                raise TypeError(f"{op.name} gave an array of dtype {out.dtype}, which has no derivative")
            if kind in "biu":
                if not self.guarded:
                    return out if out.ndim else out[()]
                if kind == "b" and not out.ndim:
                    rec.out, rec.dtype = out, out.dtype
                    truth = make_scalar(self, self.push_rec(OP_REC, NODE_BOOL, rec, out), out, NODE_BOOL)
                    return np.bool_(bool(truth)) if self.plain_integers else truth
                flags |= NODE_BOOL
        arr = out
        fresh = not op.needs_out and cnp.PyArray_BASE(arr) == NULL and self.kept is None
        if fresh:
            for a in rec.vals:
                if a is out:
                    fresh = False
        if self.forgets:
            rec.vals = constants_only(rec)
        elif op.needs_out:
            rec.out = arr
        rec.shape, rec.dtype = self.shape_of(arr), <object> cnp.PyArray_DESCR(arr)
        spare(rec)
        found = make_array(self, self.push_rec(OP_REC, flags, rec, 0.0), arr, fresh and not number)
        found.number = number
        if self.plain_integers and flags & NODE_BOOL:
            self.add_guard(found)
            return arr.copy() if arr.ndim else arr[()]
        return found

    def value_of(self, var):
        """Return the value of a traced value as it is now; unlike `var.value` it leaves no guard."""
        if type(var) is ScalarVar:
            return (<ScalarVar> var).known()
        (<ArrayVar> var).refresh()
        (<ArrayVar> var).known()
        return (<ArrayVar> var).arr

    def add_guard(self, var):
        """Leave a guard, as Python looks at a traced value: a replay is good only where the value is what it is now."""
        cdef ArrayVar x
        if type(var) is ScalarVar:
            if (<ScalarVar> var).flags & NODE_BOOL:
                bool(var)
            else:
                self.push(OP_GUARD, 0, (<ScalarVar> var).node, -1, -1, (<ScalarVar> var).known())
            return
        x = var
        x.sync()
        x.known()
        self.recs.append(new_rec(None, 0, (), None, x.arr.copy(), (<object> x.arr).shape, x.arr.dtype))
        self.push(OP_GUARD, 0, x.node, -1, <int32_t> len(self.recs) - 1, 0.0)

    def add_input(self, value, strong=False, number=False):
        """Add an input: a traced copy of a float or of a C-contiguous array (`number`: that stands for a number)."""
        cdef int32_t node
        cdef cnp.ndarray arr
        if isinstance(value, float):
            node = self.push(OP_INPUT, NODE_STRONG if strong else 0, -1, -1, -1, value)
            return make_scalar(self, node, value, NODE_STRONG if strong else 0)
        arr = value
        rec = new_rec(None, 0, (), None, arr, value.shape, value.dtype)
        node = self.push_rec(OP_INPUT, NODE_ARRAY, rec, 0.0)
        if number:
            return make_number(self, node, arr)
        return make_array(self, node, arr, False)

    def add_constant(self, value):
        """Add a constant: a float, or an array whose buffer the trace may write to."""
        if isinstance(value, float):
            return make_scalar(self, self.constant(value, 0), value, 0)
        rec = new_rec(None, 0, (), None, value, value.shape, value.dtype)
        return make_array(self, self.push_rec(OP_CONST, NODE_ARRAY, rec, 0.0), value, False)

    # A rule that computes with captured arrays alone would leave a number of this run in the program.  If the cotangent or
    # tangent is traced, such arrays are traced constants, so that the computation is recorded; if not, the program watches
    # their contents.  Most rules compute nothing with captured arrays alone, and are recorded with the arrays themselves.
    cpdef object captured(self, object x):
        """Return an operand that is not recorded: in a recording for a program an array as a traced constant."""
        if not self.live or type(x) is not np.ndarray or not x.size or x.dtype.kind not in "fc":
            return x
        return self.add_constant(x)

    cpdef tuple for_rules(self, Op op, object args, tuple vals, bint plain):
        """Return operands of an instruction for its rules; `plain`: all that they are given to multiply is."""
        cdef int i
        if not self.live or (not plain and (op.kind != KIND_ELEMENTWISE or op.name in _LINEAR)):
            return vals
        if not plain:
            return tuple([self.captured(v) if args[i] < 0 else v for i, v in enumerate(vals)])
        for i, v in enumerate(vals):
            if args[i] < 0 and type(v) is np.ndarray:
                self.use(v)
        return vals

    cdef int use(self, cnp.ndarray arr) except -1:
        """Have the program watch the contents of a captured array."""
        if cnp.PyArray_BASE(arr) != NULL or cnp.PyArray_ISWRITEABLE(arr):
            if self.used is None:
                self.used = {}
            if id(arr) not in self.used:
                self.used[id(arr)] = (arr, checksum(arr))
        return 0

    def depend(self, cnp.ndarray arr):
        """Have the program watch the contents of an array, whether it reads it or not."""
        self.use(arr)

    def watch(self, list arrays, list computed):
        """Have the program watch captured arrays: what NumPy has computed of them is a constant of the recording.

        Parameters
        ----------
        arrays : list of ndarray
            All; those that the program does not read are watched.
        computed : list of ndarray
            Watched in any case.
        """
        cdef set read = set(), ids = {id(arr) for arr in computed}
        cdef Rec rec
        cdef int i
        for rec in self.recs:
            if rec.op is None and type(rec.out) is cnp.ndarray:
                read.add(id(memory_of(rec.out)))
            for i in range(len(rec.vals)):
                if rec.at[i] < 0 and isinstance(rec.vals[i], cnp.ndarray):
                    read.add(id(memory_of(rec.vals[i])))
        for arr in arrays:
            if arr.size and not arr.dtype.hasobject and (id(arr) in ids or id(memory_of(arr)) not in read):
                self.use(arr)

    def sources(self):
        """Return the captured arrays that constants of the recording were computed from, with checksums."""
        return [] if self.used is None else list(self.used.values())

    def var_at(self, int32_t k, value=None):
        """Return a traced value for node k; `value` is the array where the node is one."""
        if self.nodes[k].flags & NODE_ARRAY:
            if value is None:
                value = self.rec_of(k).out
            return make_array(self, k, value, False)
        return make_scalar(self, k, self.nodes[k].v, self.nodes[k].flags & (CARRIED | NODE_BOOL))
