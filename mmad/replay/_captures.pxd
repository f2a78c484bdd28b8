"""Contract of the checks of what a compiled function reads besides its arguments."""


cdef class Check:
    cdef readonly int kind
    cdef readonly object owner, name, value
    cdef bint holds(self) except -1


cdef bint unchanged(list checks) except -1
