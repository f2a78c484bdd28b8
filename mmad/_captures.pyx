"""Whether what a compiled function reads beside its arguments is still what it was when it was recorded.

A check names one place - a cell of a closure, an entry of a dictionary of globals or attributes, the contents of a list -
and what was there.  Numbers and texts are compared by value, to the sign of a zero; anything else is the same only if it
is the same object.  `mmad/captures.py` finds the places.
"""
cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.ref cimport PyObject
from libc.string cimport memcmp

import numpy as np

cdef extern from "Python.h":
    PyObject *PyCell_GET(object cell)

cdef enum:
    CELL = 0      # owner: the cell
    ENTRY = 1     # of a dict
    ATTRIBUTE = 2  # found by getattr
    CLASS = 3     # of the dictionary of a class, itself
    LIST = 4      # value: a copy
    DICT = 5
    SET = 6

KINDS = {"cell": CELL, "entry": ENTRY, "attribute": ATTRIBUTE, "class": CLASS, "list": LIST, "dict": DICT, "set": SET}
ABSENT = type("Absent", (), {"__repr__": lambda self: "nothing"})()
STATIC = (bool, int, float, complex, str, bytes, type(None), np.generic)
cdef object _absent = ABSENT
cdef tuple _STATIC = STATIC


@cython.final
cdef class Check:
    """One place that a function reads, and what is there.

    Parameters
    ----------
    kind : str
        Of :data:`KINDS`.
    owner : object
        What has the place: a cell, dict, object, list or set.
    name : object
        The entry or attribute; None for a cell and for the contents of a container.
    value : object
        What is there now; the copy of a container; :data:`ABSENT`.
    """

    def __init__(self, kind, owner, name, value):
        self.kind, self.owner, self.name, self.value = KINDS[kind], owner, name, value

    cdef bint holds(self) except -1:
        cdef PyObject *found
        cdef Py_ssize_t i
        cdef int kind = self.kind
        if kind == CELL:
            found = PyCell_GET(self.owner)
            return self.value is _absent if found == NULL else same(<object> found, self.value)
        if kind == ENTRY:
            found = PyDict_GetItemWithError(self.owner, self.name)
            return self.value is _absent if found == NULL else same(<object> found, self.value)
        if kind == ATTRIBUTE:
            return same(getattr(self.owner, self.name, _absent), self.value)
        if kind == CLASS:
            return same(self.owner.__dict__.get(self.name, _absent), self.value)
        if kind == LIST:
            if len(<list> self.owner) != len(<list> self.value):
                return False
            for i in range(len(<list> self.value)):
                if not same((<list> self.owner)[i], (<list> self.value)[i]):
                    return False
            return True
        if kind == DICT:
            if len(<dict> self.owner) != len(<dict> self.value):
                return False
            for key, v in (<dict> self.value).items():
                found = PyDict_GetItemWithError(self.owner, key)
                if found == NULL or not same(<object> found, v):
                    return False
            return True
        return self.owner == self.value

    def __repr__(self):
        return f"<Check of {self.name!r} in a {type(self.owner).__name__}: {self.value!r}>"


cdef bint same(object now, object then) except -1:
    """Whether two values are one object, or one number or text."""
    cdef double a, b
    cdef Py_ssize_t i
    if now is then:
        return True
    if type(now) is not type(then):
        return False
    if type(now) is float:
        a, b = now, then
        return memcmp(&a, &b, sizeof(double)) == 0
    if type(now) is tuple:
        if len(<tuple> now) != len(<tuple> then):
            return False
        for i in range(len(<tuple> now)):
            if not same((<tuple> now)[i], (<tuple> then)[i]):
                return False
        return True
    if issubclass(type(now), np.generic):
        return now.dtype == then.dtype and now.tobytes() == then.tobytes()
    if isinstance(now, complex):
        return same(now.real, then.real) and same(now.imag, then.imag)
    return isinstance(now, _STATIC) and bool(now == then)


cdef bint unchanged(list checks) except -1:
    """Whether all of them hold."""
    cdef Py_ssize_t i
    for i in range(len(checks)):
        if not (<Check> checks[i]).holds():
            return False
    return True


def changed(list checks):
    """The first check that does not hold, or None."""
    for c in checks:
        if not (<Check> c).holds():
            return c
    return None
