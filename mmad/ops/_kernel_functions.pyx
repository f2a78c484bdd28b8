"""Functions of arrays that are the machine's own kernels.

An operation without a ufunc of NumPy, such as the slope of tanh or SciPy's erf, is evaluated by one: what would be written
with NumPy's functions reads and writes an array a step.
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
cdef class KernelFunction:
    """An elementwise function: the kernel of an operation in float64 and float32, a formula in other dtypes.

    Parameters
    ----------
    name : str
        The operation in `_scalar_ops.h`.
    formula : callable
        The same with NumPy's functions, for complex numbers and long doubles.
    half : bool
        Whether float16 gives float16, by way of float32; else it is left to the formula.

    Raises
    ------
    TypeError
        The scalar table has no operation of this name, or the formula is no function.

    Examples
    --------
    >>> from mmad.ops._kernel_functions import KernelFunction
    >>> slope = KernelFunction("arctan_slope", lambda x: 1 / (1 + x * x))
    >>> slope(np.float32(2.0)), slope(1j / 2)
    (np.float32(0.2), (1.3333333333333333+0j))
    """

    cdef int op, arity
    cdef object formula
    cdef bint half

    def __init__(self, name, formula, half=True):
        known = scalar_opcodes()
        if name not in known:
            raise TypeError(f"{name} has no kernel: add a line X({name}, ...) to mmad/kernels/_scalar_ops.h, and build again")
        if not callable(formula):
            raise TypeError(f"{name} has no formula for complex numbers, long doubles and integers: {formula!r} is no function")
        self.op, self.arity = known[name]
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
