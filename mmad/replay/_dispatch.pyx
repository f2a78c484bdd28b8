"""Which recorded trace a call of a compiled function is for.

1. The arguments are matched against the pattern of an earlier call: the same containers, exact types, shapes and dtypes,
   the same values where they are not floating-point.  Matching collects the floating-point leaves and makes nothing.
2. What the function reads besides its arguments is what it was at that call (`mmad/replay/_captures.pyx`).
3. The traces of one signature form a tree: a trace whose guard fails leads, by that guard and what it saw, to the trace
   that was recorded then.
"""
cimport cython
from cpython.ref cimport PyObject
cimport numpy as cnp
import numpy as np

from mmad.kernels._machine cimport forget_poles, met_poles
from mmad.replay._captures cimport unchanged
from mmad.vm._vm cimport Machine

from numpy._core.umath import _extobj_contextvar

from mmad.tracing import tree

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISCARRAY_RO(cnp.ndarray arr) nogil

cdef extern from "Python.h":
    int PyContextVar_Get(object variable, PyObject *otherwise, PyObject **value) except -1
    void Py_DECREF(PyObject *o)

cdef enum:
    FLOAT = 0
    FLOAT64 = 1
    ARRAY = 2
    STATIC = 3
    TUPLE = 4
    LIST = 5
    DICT = 6

cdef enum:
    ZEROS_PLAIN = 0
    ZEROS_WIN = 1
    ZEROS_EXACT = 2

PLAIN, WIN, EXACT = ZEROS_PLAIN, ZEROS_WIN, ZEROS_EXACT
POLE = ("pole", 0)  # the guard that fails where a program has divided by zero, and a zero may have won that should not

cdef object _f64 = np.float64
cdef object _eager = None  # runs the function of a call instead of a program; None: programs run
cdef object _errors = _extobj_contextvar
cdef tuple _STATIC = (bool, int, str, bytes, type(None))


def set_eager(function):
    """Set what runs functions instead of their programs, ``function(f, args, kwargs)``; None: programs run."""
    global _eager
    _eager = function


@cython.final
cdef class ArgumentPattern:
    """One argument, or container of them, as an earlier call had it."""

    cdef int kind, ndim
    cdef cnp.npy_intp shape[32]
    cdef object dtype
    cdef object value    # of a static leaf; the keys of a dict, sorted
    cdef list order      # the keys of a dict as they come
    cdef list parts

    cdef bint matches(self, object x, list values) except -1:
        """Return whether x is like it; floating-point leaves are appended to `values`."""
        cdef cnp.ndarray arr
        cdef Py_ssize_t i
        if self.kind == ARRAY:
            if type(x) is not np.ndarray:
                return False
            arr = x
            if cnp.PyArray_NDIM(arr) != self.ndim or (arr.descr is not self.dtype and arr.descr != self.dtype):
                return False
            for i in range(self.ndim):
                if cnp.PyArray_DIM(arr, i) != self.shape[i]:
                    return False
            if not PyArray_ISCARRAY_RO(arr):
                return False
            values.append(x)
            return True
        if self.kind == FLOAT:
            if type(x) is not float:
                return False
            values.append(x)
            return True
        if self.kind == FLOAT64:
            if type(x) is not _f64:
                return False
            values.append(float(x))
            return True
        if self.kind == STATIC:
            return x is self.value or (type(x) is type(self.value) and x == self.value)
        if self.kind == TUPLE:
            if type(x) is not tuple or len(<tuple> x) != len(self.parts):
                return False
            for i in range(len(self.parts)):
                if not (<ArgumentPattern> self.parts[i]).matches((<tuple> x)[i], values):
                    return False
            return True
        if self.kind == LIST:
            if type(x) is not list or len(<list> x) != len(self.parts):
                return False
            for i in range(len(self.parts)):
                if not (<ArgumentPattern> self.parts[i]).matches((<list> x)[i], values):
                    return False
            return True
        if type(x) is not dict or len(<dict> x) != len(self.parts):
            return False
        i = 0
        for key in <dict> x:  # what iterates over it sees this order
            before = (<list> self.order)[i]
            if key is not before and key != before:
                return False
            i += 1
        for i in range(len(self.parts)):
            part = (<dict> x).get((<list> self.value)[i], self)  # itself: nobody has it for a value
            if part is self or not (<ArgumentPattern> self.parts[i]).matches(part, values):
                return False
        return True

    cdef object build(self, list leaves, Py_ssize_t *at):
        """Build tuples and lists of leaves[at...]."""
        cdef list out
        if self.kind == FLOAT:
            at[0] += 1
            return leaves[at[0] - 1]
        out = [(<ArgumentPattern> part).build(leaves, at) for part in self.parts]
        return tuple(out) if self.kind == TUPLE else out


cdef ArgumentPattern pattern_of(object x):
    """Return the pattern of an argument; None where only the general way knows its leaves."""
    cdef ArgumentPattern p = ArgumentPattern.__new__(ArgumentPattern)
    cdef cnp.ndarray arr
    cdef int i
    if type(x) is float:
        p.kind = FLOAT
    elif type(x) is np.float64:
        p.kind = FLOAT64
    elif type(x) is np.ndarray:
        arr = x
        if x.dtype.kind not in "fc" or not x.dtype.isnative or x.ndim > 32:
            return None
        p.kind, p.ndim, p.dtype = ARRAY, cnp.PyArray_NDIM(arr), x.dtype
        for i in range(p.ndim):
            p.shape[i] = cnp.PyArray_DIM(arr, i)
    elif type(x) in _STATIC:
        p.kind, p.value = STATIC, x
    elif type(x) is tuple or type(x) is list:
        p.kind, p.parts = TUPLE if type(x) is tuple else LIST, [pattern_of(v) for v in x]
        if None in p.parts:
            return None
    elif type(x) is dict:
        try:
            keys = sorted(x)
        except TypeError:
            return None
        p.kind, p.value, p.order, p.parts = DICT, keys, list(x), [pattern_of(x[k]) for k in keys]
        if None in p.parts:
            return None
    else:
        return None
    return p


cdef ArgumentPattern pattern_of_structure(object structure):
    """Return the pattern of a tree of tuples and lists, by its structure; None where there is anything else."""
    cdef ArgumentPattern p = ArgumentPattern.__new__(ArgumentPattern)
    if structure.is_leaf():
        p.kind = FLOAT
    elif structure.type is tuple or structure.type is list:
        p.kind = TUPLE if structure.type is tuple else LIST
        p.parts = [pattern_of_structure(part) for part in structure.children()]
        if None in p.parts:
            return None
    else:
        return None
    return p


cdef class Signature:
    """Calls of one signature: what they have in common, and the traces recorded for them."""

    cdef ArgumentPattern args, kwargs
    cdef public list checks  # of what the function reads besides its arguments
    cdef public Replay root
    cdef public Replay latest
    cdef public int count  # traces
    cdef public long long hits, misses  # calls that were replayed, and that ran the function since recording paid no more
    cdef public double recording, running  # seconds of all recordings; of the fastest run of the function
    cdef public bint eager  # calls run the function: it cannot be recorded, or recordings do not pay

    def __init__(self, args, kwargs, checks, values):
        cdef list found = []
        self.checks, self.running = checks, float("inf")
        self.args, self.kwargs = pattern_of(args), pattern_of(kwargs)
        if self.args is not None and self.kwargs is not None:
            # The general way decides about the order of leaves; where the two do not agree, it is taken.
            if not self.args.matches(args, found) or not self.kwargs.matches(kwargs, found) \
                    or len(found) != len(values) or any([a is not b and not isinstance(a, float)
                                                         for a, b in zip(found, values)]):
                self.args = None
        else:
            self.args = None

    def traces(self):
        """Return every trace."""
        out, waiting = [], [self.root] if self.root is not None else []
        while waiting:
            t = waiting.pop()
            out.append(t)
            waiting.extend(t.children.values())
        return out


@cython.final
cdef class Replay:
    """One way through a function: its program, how results are given back, and where its guards lead.

    Parameters
    ----------
    program : Machine
    structure : structure of the result
    givers : list of callable or None
        For each leaf of the result, what makes it of what the program gives; None: as it is.
    zeros : int
        What the program does with zeros that meet an infinite derivative: PLAIN, there are no such products; WIN, a
        zero wins, which is not known to be right once there is a pole; EXACT, it looks where a zero comes from.
    """

    cdef readonly Machine program
    cdef readonly object structure
    cdef readonly list givers
    cdef readonly dict children
    cdef public object facts  # structure and kinds of arguments, kinds of results, origin
    cdef readonly int zeros
    cdef bint single
    cdef ArgumentPattern pattern  # of the result, where it is made of tuples and lists only

    def __init__(self, Machine program, object structure, list givers, int zeros):
        self.program, self.structure, self.givers, self.children = program, structure, givers, {}
        self.zeros = zeros
        self.single = structure is tree.LEAF and len(givers) == 1
        self.pattern = None if structure is tree.LEAF else pattern_of_structure(structure)

    cpdef object give(self, list found):
        """Return the result."""
        cdef Py_ssize_t i
        for i in range(len(self.givers)):
            if self.givers[i] is not None:
                found[i] = self.givers[i](found[i])
        if self.single:
            return found[0]
        i = 0
        return tree.unflatten(self.structure, found) if self.pattern is None else self.pattern.build(found, &i)


cdef class Dispatcher:
    """Finds signatures and traces; :class:`mmad.replay.compiled.Compiled` records what is missing.

    Attributes
    ----------
    calls, replays, guard_failures : int
    """

    cdef public Signature recent
    cdef public long long calls, replays, guard_failures
    cdef object state
    cdef object errors  # the settings of `np.errstate` at the last general call

    def __init__(self, state):
        self.state, self.recent, self.errors = state, None, None

    def note_errors(self):
        """Remember the settings of `np.errstate`: other ones make a call of another signature."""
        self.errors = _errors.get()

    cdef bint quick(self, Signature s, tuple args, dict kwargs, list values) except -1:
        """Return whether a call is of a signature, found without flattening its arguments."""
        cdef dict open
        cdef PyObject *now = NULL
        if s is None or s.args is None or s.root is None:
            return False
        open = self.state.__dict__  # this thread's
        if open.get("tapes") or open.get("wrappers"):
            return False
        PyContextVar_Get(_errors, NULL, &now)
        Py_DECREF(now)  # NumPy's variable, or its default, holds it
        if now != <PyObject *> self.errors:
            return False
        return s.args.matches(args, values) and s.kwargs.matches(kwargs, values) and unchanged(s.checks)

    def run(self, Replay t, list values):
        """Do as `outcome`, for callers in Python."""
        return self.outcome(t, values)

    cdef object outcome(self, Replay t, list values):
        """Return what a program gives: a list, or the guard that failed and what it saw; an error is a guard that fails.

        The function itself may catch the error and go on in another way.
        """
        if t.zeros != ZEROS_PLAIN:
            forget_poles()
        try:
            found = t.program.run(values)
        except Exception as error:
            return "raised", type(error)
        if t.zeros == ZEROS_WIN and type(found) is list and met_poles():
            return POLE
        return found

    cpdef object replay(self, Signature s, list values):
        """Return the trace whose guards all hold and its results; or the last trace tried and the guard that failed there."""
        cdef Replay t = s.latest
        if t is not None and t is not s.root:
            found = self.outcome(t, values)
            if type(found) is list:
                self.replays += 1
                s.hits += 1
                if t.zeros == ZEROS_EXACT and not met_poles():
                    s.latest = None  # what is recorded without regard for poles is faster
                return t, found
            self.guard_failures += 1
        t = s.root
        while True:
            found = self.outcome(t, values)
            if type(found) is list:
                self.replays += 1
                s.hits += 1
                s.latest = t
                return t, found
            self.guard_failures += 1
            following = t.children.get(found)
            if following is None:
                return t, found
            t = following

    def __call__(self, *args, **kwargs):
        cdef list values = []
        cdef Signature s = self.recent
        cdef Replay t
        if _eager is not None:
            return _eager(self.f, args, kwargs)
        if self.quick(s, args, kwargs, values):
            self.calls += 1
            if s.eager:
                return self.eagerly(args, kwargs)
            t = s.latest if s.latest is not None else s.root
            found = self.outcome(t, values)
            if type(found) is list:
                self.replays += 1
                s.hits += 1
                if t.zeros == ZEROS_EXACT and not met_poles():
                    s.latest = None
                return t.give(found)
            self.calls -= 1
        return self.general(args, kwargs)
