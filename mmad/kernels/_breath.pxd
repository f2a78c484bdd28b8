"""A long loop without the interpreter's lock looks at signals, so that Ctrl-C ends it."""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t

cdef enum:
    BREATH = 4_000_000  # steps of some nanoseconds after which signals are looked at: 10 to 20 ms


cdef inline int breathe(int64_t *taken, int64_t steps) except -1 nogil:
    """Count the steps of a loop in `taken`; raise what the handler of a signal raises."""
    taken[0] += steps
    if taken[0] < BREATH:
        return 0
    taken[0] = 0
    with gil:
        PyErr_CheckSignals()
    return 0
