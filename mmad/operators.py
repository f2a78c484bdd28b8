"""Hessians and Jacobians as `scipy.sparse.linalg.LinearOperator`: recorded once, multiplied as often as wanted."""

import numpy as np

from mmad import tree
from mmad._batch import Batch
from mmad._core import Traced
from mmad._dual import new_level
from mmad.api import Linearized, grad
from mmad.calls import suspended
from mmad.matrices import LANES, lanes_of, real_leaf
from mmad.ops.declare import shape_of
from mmad.ops.structure import size
from mmad.tracing import is_static

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


class _Side:
    """The vector space of a tree: its differentiable leaves, raveled in C order, one after the other."""

    def __init__(self, leaves, where):
        for x in leaves:
            if isinstance(x, Traced) and not hasattr(x, "node"):
                raise TypeError(f"{where}: an operator multiplies plain vectors, so it cannot be made of traced values")
        self.leaves = leaves
        self.dtype = np.result_type(*[real_leaf(x, where) for x in leaves if not is_static(x)] or [float])
        self.size = sum(size(shape_of(x)) for x in leaves if not is_static(x))

    def split(self, v, lead=()):
        """A vector (or rows of them, `lead` being their number) as one value a leaf, None for a static leaf."""
        parts, at = [], 0
        for x in self.leaves:
            if is_static(x):
                parts.append(None)
                continue
            n, shape = size(shape_of(x)), shape_of(x)
            part = v[..., at : at + n].reshape((*lead, *shape))
            dtype = real_leaf(x, "")
            parts.append(
                float(part) if not lead and not shape and dtype == np.float64 else np.array(part, dtype, order="C")
            )
            at += n
        return parts

    def join(self, parts):
        """One value a leaf (None: zero) as a vector."""
        flat = [
            np.zeros(size(shape_of(x))) if g is None else np.ravel(g)
            for x, g in zip(self.leaves, parts, strict=True)
            if not is_static(x)
        ]
        return np.concatenate([np.zeros(0, self.dtype), *flat]).astype(self.dtype, copy=False)

    def join_lanes(self, parts, level, count):
        """The same for batches: shape (count, size)."""
        rows = np.zeros((count, self.size), self.dtype)
        at = 0
        for x, g in zip(self.leaves, parts, strict=True):
            if not is_static(x):
                n = size(shape_of(x))
                if g is not None:
                    rows[:, at : at + n] = lanes_of(g, level, count).reshape(count, n)
                at += n
        return rows


class _Recorded:
    """A function recorded at a point, as products with plain vectors."""

    def __init__(self, f, x, what):
        with suspended():
            self.lin = Linearized(f, (x,), what)
        trace = self.lin.trace
        self.rows, self.columns = _Side(trace.outputs, trace.origin), _Side(trace.inputs, trace.origin)

    def push(self, v):
        """J v."""
        trace = self.lin.trace
        with suspended():
            return self.rows.join(trace.push(self.columns.split(np.ravel(v)), trace.outputs, self.lin.cache))

    def pull(self, v):
        """J.T v."""
        with suspended():
            pairs = [
                (y, ct)
                for y, ct in zip(self.lin.trace.outputs, self.rows.split(np.ravel(v)), strict=True)
                if isinstance(y, Traced)
            ]
            if not pairs:
                return np.zeros(self.columns.size, self.columns.dtype)
            return self.columns.join(self.lin.trace.pull(*map(list, zip(*pairs, strict=True))))

    def push_many(self, matrix):
        """J V, many columns at a time."""
        return self._many(matrix, self.columns, self.rows, self.lin.push_lanes)

    def pull_many(self, matrix):
        """J.T V, many columns at a time."""

        def pull(lanes):
            pairs = [(y, ct) for y, ct in zip(self.lin.trace.outputs, lanes, strict=True) if isinstance(y, Traced)]
            return (
                self.lin.trace.pull(*map(list, zip(*pairs, strict=True)))
                if pairs
                else [None] * len(self.columns.leaves)
            )

        return self._many(matrix, self.rows, self.columns, pull)

    def _many(self, matrix, source, target, product):
        columns = []
        for start in range(0, matrix.shape[1], LANES):
            rows = np.ascontiguousarray(matrix[:, start : start + LANES].T)
            level, count = new_level(), len(rows)
            lanes = [None if v is None else Batch(level, v) for v in source.split(rows, (count,))]
            with suspended():
                columns.append(target.join_lanes(product(lanes), level, count))
        return np.concatenate([np.zeros((0, target.size), target.dtype), *columns]).T


def _checked_leaves(x, what):
    leaves, _ = tree.flatten(x)
    if any(isinstance(v, Traced) for v in leaves):
        raise TypeError(
            f"{what}: an operator multiplies plain vectors, so it cannot be made at a traced point; inside a "
            "function being differentiated use mmad.hvp, mmad.jvp or mmad.vjp"
        )


def hessian_operator(f, x):
    """The Hessian of a real scalar function at a point, as a linear operator.

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
    operator = _linear_operator()
    _checked_leaves(x, "hessian_operator")
    r = _Recorded(grad(f), x, "hessian_operator")
    n = r.columns.size
    return operator(
        (n, n), matvec=r.push, rmatvec=r.push, matmat=r.push_many, rmatmat=r.push_many, dtype=r.columns.dtype
    )


def jacobian_operator(f, x):
    """The Jacobian of a function at a point, as a linear operator.

    The function is recorded once; each product with the Jacobian is one forward sweep over it, each product with its
    transpose one reverse sweep.

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
    operator = _linear_operator()
    _checked_leaves(x, "jacobian_operator")
    r = _Recorded(f, x, "jacobian_operator")
    dtype = np.result_type(r.rows.dtype, r.columns.dtype)
    return operator(
        (r.rows.size, r.columns.size),
        matvec=r.push,
        rmatvec=r.pull,
        matmat=r.push_many,
        rmatmat=r.pull_many,
        dtype=dtype,
    )
