"""`scipy.sparse.linalg`: direct and iterative solutions of systems whose matrix or right side is traced."""

import numpy as np
import scipy.sparse.linalg as _scipy

from mmad._core import shape_of
from mmad.errors import UnsupportedError
from mmad.numpy._implements import is_traced
from mmad.numpy.joining import as_operand
from mmad.scipy._drop_in import handed_through
from mmad.scipy.sparse._matrices import as_traced_matrix, is_traced_matrix
from mmad.scipy.sparse._operations import iterated, solve

__all__ = ["bicgstab", "cg", "factorized", "gmres", "minres", "splu", "spsolve"]


def _square(A):
    A = as_traced_matrix(A)
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"matrix must be square (has shape {A.shape})")
    return A


def spsolve(A, b, permc_spec=None, use_umfpack=True):
    """`scipy.sparse.linalg.spsolve`."""
    if not is_traced(b) and not is_traced_matrix(A):
        return _scipy.spsolve(A, b, permc_spec, use_umfpack)
    A, b = _square(A), as_operand(b)
    x = solve(A.data, b, pattern=A.pattern, adjoint=False)
    return x.reshape(-1) if len(shape_of(b)) == 2 and shape_of(b)[1] == 1 else x


class _Factors:
    """The LU factors of a matrix, for right sides plain and traced, as `scipy.sparse.linalg.SuperLU`."""

    def __init__(self, A):
        self.A, self.shape, self.nnz = A, A.shape, A.nnz

    def solve(self, rhs, trans="N"):
        """Solve for a right side; with the transposed ("T") or conjugate transposed ("H") matrix."""
        if trans not in ("N", "T", "H"):
            raise ValueError("trans must be N, T, or H")
        rhs, A = as_operand(rhs), self.A
        if trans == "T" and A.dtype.kind == "c":
            return np.conj(solve(A.data, np.conj(rhs), pattern=A.pattern, adjoint=True))
        return solve(A.data, rhs, pattern=A.pattern, adjoint=trans != "N")


def splu(A, *args, **kwargs):
    """`scipy.sparse.linalg.splu`, whose `solve` takes traced right sides."""
    return _Factors(_square(A))


def factorized(A):
    """`scipy.sparse.linalg.factorized`."""
    return splu(A).solve


def _iterative(name):
    plain = getattr(_scipy, name)

    def method(A, b, x0=None, **options):
        if not is_traced(b) and not is_traced_matrix(A) and not is_traced(A):
            return plain(A, b, x0=x0, **options)
        if isinstance(A, _scipy.LinearOperator):
            raise UnsupportedError(
                f"mmad.scipy.sparse.linalg.{name} of a traced right side takes a matrix, not a LinearOperator"
            )
        if options.get("callback") is not None:
            raise UnsupportedError(f"mmad.scipy.sparse.linalg.{name} of traced values takes no callback")
        A, b = _square(A), as_operand(b)
        flat = b if len(shape_of(b)) == 1 else b.reshape(-1)
        out = iterated(A.data, flat, pattern=A.pattern, method=name, options=tuple(sorted(options.items())))
        return out[: shape_of(flat)[0]], int(np.real(out[-1]))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = (
        f"`scipy.sparse.linalg.{name}`; derivatives solve a system with the same method and tolerances.\n\n"
        "    The first guess `x0` is not used where a value is traced."
    )
    return method


cg, gmres, minres, bicgstab = (_iterative(name) for name in ("cg", "gmres", "minres", "bicgstab"))
__getattr__, __dir__ = handed_through(_scipy, __all__)
