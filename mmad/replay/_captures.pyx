"""Whether what a compiled function reads besides its arguments is still what it was when it was recorded.

A check names one place - a cell of a closure, an entry of a dictionary of globals or attributes, the contents of a list -
and what was there.  Numbers and texts are compared by value, to the sign of a zero; anything else is the same only if it
is the same object.  `mmad/replay/captures.py` finds the places.
"""
cimport cython
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next, PyDict_Size
from cpython.ref cimport PyObject
from libc.string cimport memcmp

import numpy as np

cdef extern from "Python.h":
    PyObject *PyCell_GET(object cell)
    PyObject *PyFunction_GET_CODE(object f)
    PyObject *PyFunction_GET_DEFAULTS(object f)
    PyObject *PyFunction_GET_KW_DEFAULTS(object f)

cdef enum:
    CELL = 0      # owner: the cell
    ENTRY = 1     # of a dict
    ATTRIBUTE = 2  # found by getattr
    CLASS = 3     # of the dictionary of a class, itself
    LIST = 4      # value: a copy
    DICT = 5      # likewise, with the order of its keys
    SET = 6
    SIZE = 7      # of a dict or of a class: how many entries it has
    FUNCTION = 8  # code and default values
    MADE = 9      # name: a function that makes of the owner what is compared

KINDS = {"cell": CELL, "entry": ENTRY, "attribute": ATTRIBUTE, "class": CLASS, "list": LIST, "dict": DICT, "set": SET,
         "size": SIZE, "function": FUNCTION, "made": MADE}
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
        What has the place: a cell, dict, object, function, list or set.
    name : object
        The entry or attribute; for "made" what makes a value of the owner; None for the contents of a container.
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
            return self.value is _absent if found == NULL else is_unchanged(<object> found, self.value)
        if kind == ENTRY:
            found = PyDict_GetItemWithError(self.owner, self.name)
            return self.value is _absent if found == NULL else is_unchanged(<object> found, self.value)
        if kind == FUNCTION:
            return is_at(PyFunction_GET_CODE(self.owner), (<tuple> self.value)[0]) \
                and is_at(PyFunction_GET_DEFAULTS(self.owner), (<tuple> self.value)[1]) \
                and is_at(PyFunction_GET_KW_DEFAULTS(self.owner), (<tuple> self.value)[2])
        if kind == SIZE:
            if isinstance(self.owner, dict):
                return PyDict_Size(self.owner) == <Py_ssize_t> self.value
            return len(self.owner.__dict__) == self.value
        if kind == ATTRIBUTE:
            return is_unchanged(getattr(self.owner, self.name, _absent), self.value)
        if kind == CLASS:
            return is_unchanged(self.owner.__dict__.get(self.name, _absent), self.value)
        if kind == LIST:
            if len(<list> self.owner) != len(<list> self.value):
                return False
            for i in range(len(<list> self.value)):
                if not is_unchanged((<list> self.owner)[i], (<list> self.value)[i]):
                    return False
            return True
        if kind == DICT:
            return same_dict(<dict> self.owner, <dict> self.value)
        if kind == SET:
            return set.__eq__(self.owner, self.value) is True
        return is_unchanged(self.name(self.owner), self.value)

    def describe(self):
        """Return what has the place, for messages."""
        return repr(self.name) if isinstance(self.name, str) else f"a {type(self.owner).__name__}"

    def __repr__(self):
        return f"<Check of {self.name!r} in a {type(self.owner).__name__}: {self.value!r}>"


cdef inline bint is_at(PyObject *found, object value) noexcept:
    """Return whether an object, or None where there is none, is where it was."""
    return value is None if found == NULL else found == <PyObject *> value


cdef bint same_dict(dict now, dict then) except -1:
    """Return whether two dicts have the same keys, in one order, and values."""
    cdef PyObject *key
    cdef PyObject *value
    cdef PyObject *other
    cdef PyObject *before
    cdef Py_ssize_t i = 0, j = 0
    if PyDict_Size(now) != PyDict_Size(then):
        return False
    while PyDict_Next(now, &i, &key, &value):
        if not PyDict_Next(then, &j, &other, &before) or not is_unchanged(<object> key, <object> other) \
                or not is_unchanged(<object> value, <object> before):
            return False
    return True


cdef bint is_unchanged(object now, object then) except -1:
    """Return whether two values are one object, or one number or text."""
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
            if not is_unchanged((<tuple> now)[i], (<tuple> then)[i]):
                return False
        return True
    if issubclass(type(now), np.generic):
        return now.dtype == then.dtype and now.tobytes() == then.tobytes()
    if isinstance(now, complex):
        return is_unchanged(now.real, then.real) and is_unchanged(now.imag, then.imag)
    return isinstance(now, _STATIC) and bool(now == then)


cdef bint unchanged(list checks) except -1:
    """Return whether all of them hold."""
    cdef Py_ssize_t i
    for i in range(len(checks)):
        if not (<Check> checks[i]).holds():
            return False
    return True


def changed(list checks):
    """Return the first check that does not hold, or None."""
    for c in checks:
        if not (<Check> c).holds():
            return c
    return None
