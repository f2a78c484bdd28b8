"""Contract of the chain rule on operations."""
from mmad.tape._instructions cimport Op

cpdef list pull(Op op, object ct, tuple vals, object out, dict params, tuple out_shape, list active)
cpdef object push(Op op, list dots, tuple vals, object out, dict params, tuple out_shape, object out_dtype,
                  list partials=*)
cpdef list pull_through(Op op, object ct, tuple vals, object out, tuple out_shape, list active)
cpdef object kink_of(Op op, tuple vals)
cpdef object spoilt(object ct, object lost, object p)
cdef object fit(object g, object val, tuple out_shape)
cdef double prod(tuple shape)
cdef object chain_any(object bar, object p, bint adjoint)
