"""Values of the operations that only derivatives need, by the kernels of the machine.

NumPy has no function for them, and what would be written with its functions reads and writes an array a step.
"""
cimport cython

cimport numpy as cnp

import numpy as np

from mmad.kernels._machine cimport MM_F32, MM_F64, Kernel, kernel_of
from mmad.tape._instructions import scalar_opcodes

cnp.import_array()

cdef enum:
    LONG = 8192  # elements from which the interpreter's lock is released

cdef object _float16, _float32, _float64
_float16, _float32, _float64 = [np.dtype(t) for t in (np.float16, np.float32, np.float64)]


@cython.final
cdef class Slope:
    """An elementwise function: the kernel of an operation in float64 and float32, a formula in other dtypes.

    Parameters
    ----------
    name : str
        The operation in `_scalar_ops.h`.
    formula : callable
        The same with NumPy's functions, for complex numbers and long doubles.
    half : bool
        Whether float16 gives float16, by way of float32; else it is left to the formula.
    """

    cdef int op, arity
    cdef object formula
    cdef bint half

    def __init__(self, name, formula, half=True):
        self.op, self.arity = scalar_opcodes()[name]
        self.formula, self.half = formula, half

    def __call__(self, *args):
        cdef list vectors = []
        cdef const void *at[3]
        cdef int k, variant = 0
        cdef Kernel kernel
        cdef cnp.ndarray r, a
        cdef Py_ssize_t n
        if len(args) != self.arity:
            raise TypeError(f"{self.arity} operands are expected, and {len(args)} given")
        dtype = np.result_type(*args)
        if dtype.kind in "biu":
            dtype = _float64
        if dtype == _float16 and self.half:
            return np.asarray(self(*[x.astype(_float32) if isinstance(x, (cnp.ndarray, np.generic)) else x
                                     for x in args])).astype(_float16)[()]
        if dtype != _float64 and dtype != _float32:
            return self.formula(*args)
        shape = np.broadcast_shapes(*[np.shape(x) for x in args])
        r = np.empty(shape, dtype)
        n = r.size
        at[0] = at[1] = at[2] = NULL
        for k in range(self.arity):
            if np.ndim(args[k]) == 0 and n > 1:
                variant |= 1 << k
                a = np.asarray(args[k], dtype)
            else:
                a = np.ascontiguousarray(np.broadcast_to(args[k], shape), dtype)
            vectors.append(a)
            at[k] = cnp.PyArray_DATA(a)
        kernel = kernel_of(MM_F64 if dtype == _float64 else MM_F32, self.op, variant)
        if n < LONG:
            kernel(cnp.PyArray_DATA(r), at[0], at[1], at[2], n)
        else:
            with nogil:
                kernel(cnp.PyArray_DATA(r), at[0], at[1], at[2], n)
        return r[()]
