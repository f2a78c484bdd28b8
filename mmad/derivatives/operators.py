"""Hessians and Jacobians as `scipy.sparse.linalg.LinearOperator`: recorded once, multiplied as often as wanted."""

import functools

import numpy as np

from mmad._core import Traced
from mmad.derivatives.calls import suspended
from mmad.derivatives.first_order import grad
from mmad.derivatives.recorded import Recorded, plain_leaves
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.pickling import Made

__all__ = ["hessian_operator", "jacobian_operator"]


def _linear_operator():
    try:
        from scipy.sparse.linalg import LinearOperator
    except ImportError as e:
        raise ImportError(
            "operators are scipy.sparse.linalg.LinearOperator objects, and SciPy is not installed: "
            "pip install mmad[scipy]"
        ) from e
    return LinearOperator


@functools.cache
def _operator_class():
    """Return the class of operators at a point, which stands on SciPy's: made when it is first needed."""

    class PointOperator(_linear_operator(), Made):
        """A Jacobian at a point; pickled as the call that records it."""

        def __init__(self, made, products, dtype, symmetric):
            super().__init__(dtype, products.shape)
            maker, f, x = made
            leaves, structure = tree.flatten(x)
            # The point as it was: the caller's arrays may be written to.
            kept = tree.unflatten(structure, [v.copy() if isplain(v, np.ndarray) else v for v in leaves])
            self.made, self.products, self.symmetric = (maker, (f, kept), {}), products, symmetric

        def recipe(self):
            return self.made

        def _matvec(self, v):
            return self.products.push(v)

        def _rmatvec(self, v):
            return self.products.push(v) if self.symmetric else self.products.pull(v)

        def _matmat(self, matrix):
            return self.products.push_many(matrix)

        def _rmatmat(self, matrix):
            return self.products.push_many(matrix) if self.symmetric else self.products.pull_many(matrix)

        __reduce__ = Made.__reduce__

    return PointOperator


class _Products:
    """Products of a recorded function's Jacobian with columns."""

    def __init__(self, f, x, what):
        plain_leaves(x, what)
        with suspended():
            self.r = Recorded(f, (x,), what)
        for y in self.r.trace.outputs:
            if isinstance(y, Traced) and not hasattr(y, "node"):
                raise TypeError(
                    f"{self.r.trace.origin}: an operator multiplies plain vectors, so it cannot be made of "
                    "traced values"
                )
        self.shape = self.r.shape

    def push(self, v):
        """Return J v."""
        return self._forward(self.r.push, np.ravel(v))

    def pull(self, v):
        """Return the conjugate transpose of J times v."""
        return self._adjoint(self.r.pull, np.ravel(v))

    def push_many(self, matrix):
        return self._forward(self.r.push_many, np.ascontiguousarray(matrix.T)).T

    def pull_many(self, matrix):
        return self._adjoint(self.r.pull_many, np.ascontiguousarray(matrix.T)).T

    @staticmethod
    def _forward(product, v):
        """Multiply by real tangents, as the arguments are real."""
        with suspended():
            return product(v.real) + 1j * product(v.imag) if v.dtype.kind == "c" else product(v)

    def _adjoint(self, product, v):
        """Multiply by cotangents, whose pullback is the real part of the product."""
        with suspended():
            if v.dtype.kind != "c" and self.r.rows.dtype.kind != "c":
                return product(v)
            return product(v) + 1j * product(-1j * v)


def hessian_operator(f, x):
    """Return the Hessian of a real scalar function at a point, as a linear operator.

    The gradient is recorded once; each product is one forward sweep over it.

    Parameters
    ----------
    f : callable
        Returns one real number.
    x : float, ndarray or tree, n numbers in all

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (n, n)
        Acts on vectors of the leaves of `x`, raveled in C order, one after the other.  ``@`` of a matrix multiplies
        many columns at once.

    Raises
    ------
    ImportError
        SciPy is not installed.

    See Also
    --------
    hvp : products in the structure of x, one at a time.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> H = mmad.hessian_operator(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    >>> H @ np.array([1.0, 1.0])
    array([ 6., 12.])
    """
    p = _Products(grad(f), x, "hessian_operator")
    return _operator_class()((hessian_operator, f, x), p, p.r.columns.dtype, symmetric=True)


def jacobian_operator(f, x):
    """Return the Jacobian of a function at a point, as a linear operator.

    The function is recorded once; each product with the Jacobian is one forward sweep over it, each product with its
    transpose one reverse sweep; two of complex vectors, and of cotangents of complex results.

    Parameters
    ----------
    f : callable
        Returns a number, an array or a tree of them, m numbers in all.
    x : float, ndarray or tree, n numbers in all

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (m, n)
        Acts on vectors of the leaves, raveled in C order, one after the other.

    Raises
    ------
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> J = mmad.jacobian_operator(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0]))
    >>> J @ np.ones(3), J.T @ np.ones(2)
    (array([3., 5.]), array([2., 4., 2.]))
    """
    p = _Products(f, x, "jacobian_operator")
    dtype = np.result_type(p.r.rows.dtype, p.r.columns.dtype)
    return _operator_class()((jacobian_operator, f, x), p, dtype, symmetric=False)


def operator_of_products(products, n, dtype):
    """Return a real symmetric linear operator by its products with the columns of real matrices.

    Parameters
    ----------
    products : callable
        ``products(matrix)`` -> ndarray, shape (n, k), of a matrix of shape (n, k).
    n : int
    dtype : dtype

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (n, n)
    """

    def matmat(matrix):
        if np.iscomplexobj(matrix):
            return products(matrix.real) + 1j * products(matrix.imag)
        return products(matrix)

    def matvec(v):
        return matmat(np.reshape(v, (n, 1)))[:, 0]

    return _linear_operator()((n, n), matvec=matvec, rmatvec=matvec, matmat=matmat, rmatmat=matmat, dtype=dtype)


def factored(left, right):
    """Return the product of two factors, kept apart, as a linear operator.

    Parameters
    ----------
    left : ndarray, shape (m, w)
    right : ndarray, shape (w, n)

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (m, n)
        With the attributes `left` and `right`, and ``todense()``.
    """
    operator = _linear_operator()(
        (left.shape[0], right.shape[1]),
        matvec=lambda v: left @ (right @ v), rmatvec=lambda v: right.T @ (left.T @ v),
        matmat=lambda v: left @ (right @ v), rmatmat=lambda v: right.T @ (left.T @ v),
        dtype=np.result_type(left.dtype, right.dtype),
    )  # fmt: skip
    operator.left, operator.right, operator.todense = left, right, lambda: left @ right
    return operator
