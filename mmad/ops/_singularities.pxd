"""Contract of the table of singular points."""
from mmad.tape._instructions cimport Op


cdef struct Singularity:
    int operand           # that matters, -1: there is none
    double first, second  # its values at which a partial is infinite


cdef const Singularity *singularities() noexcept nogil
cdef bint kinked(int opcode) noexcept nogil
cpdef bint at_singularity(Op op, tuple vals) except -1
cpdef bint meets_infinity(Op op, tuple vals, object out) except -1
cdef list infinite_partials(Op op, tuple vals, object out, list active)
