"""Contract of the numeric sweeps."""
from mmad._core cimport Op

cdef double scalar_push(int opcode, int arity, const double *operands, const double *dots) noexcept nogil
cpdef list pull(Op op, object ct, tuple vals, object out, dict params, tuple out_shape, list active)
cpdef object push(Op op, list dots, tuple vals, object out, dict params, tuple out_shape, list partials=*)
