"""Diagonals and traces of derivative matrices without the matrices: by colours where they are sparse, else by lanes."""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.api import hessian, jacobian
from mmad.derivatives.arguments import derivative_function
from mmad.derivatives.batching import vmap
from mmad.derivatives.first_order import jvp
from mmad.derivatives.recorded import LANES, blocks
from mmad.planner import sparsity
from mmad.tape.contexts import open_tape, wrappers_open
from mmad.tracing.ravel import ravel_pytree

__all__ = ["curl", "divergence", "hessian_diagonal", "laplacian"]

SPARSE = 0.05  # nonzeros of a matrix, up to which its colours are fewer than its directions by far


class _Diagonal:
    """The diagonal of a Jacobian or a Hessian of a function of a vector.

    Parameters
    ----------
    order : {1, 2}
    """

    def __init__(self, order, entry):
        self.order, self.entry, self.coloured = order, entry, {}

    def __call__(self, f, x):
        """Return the diagonal at a vector x, plain or traced."""
        (n,) = shape_of(x)
        plain = not isinstance(x, Traced) and open_tape() is None and not wrappers_open()
        if plain and n > LANES:
            if n not in self.coloured:
                self.coloured[n] = self._matrix(f) if sparsity(f, x, order=self.order).nnz < SPARSE * n * n else None
            if self.coloured[n] is not None:
                return self.coloured[n](x).diagonal()
        unit, indices = np.eye(min(n, LANES)), np.arange(n)
        found = []
        for a, b in blocks(0, n, LANES):
            directions = unit[: b - a] if n <= LANES else np.zeros((b - a, n))
            if n > LANES:
                directions[np.arange(b - a), indices[a:b]] = 1.0
            found.append(vmap(lambda u: self.entry(f, x, u))(directions))
        return np.concatenate(found) if found else np.zeros(0)

    def _matrix(self, f):
        if self.order == 2:
            return hessian(f, strategy="star", sparse=True)
        return jacobian(f, strategy="columns", sparse=True)


def _second(f, x, u):
    """Return u' H u."""
    return jvp(lambda y: jvp(f, (y,), (u,))[1], (x,), (u,))[1]


def _first(f, x, u):
    """Return u' J u."""
    return (jvp(f, (x,), (u,))[1] * u).sum()


def _of_vectors(f, x, args, kwargs):
    """Return f as a function of a vector, of a vector where it gives a tree, the vector of x, and what undoes it."""
    vector, unravel = ravel_pytree(x)
    return (lambda v: f(unravel(v), *args, **kwargs)), vector, unravel


def hessian_diagonal(f):
    """Return the function that computes the diagonal of the Hessian, without the Hessian.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> one real number; x is a number, an array or a tree.

    Returns
    -------
    callable
        ``d(x, *args)`` -> the second derivatives, in the structure of x.  Many unknowns of a function with a sparse
        Hessian take a few coloured sweeps; else each takes one pass in forward mode, 64 at a time.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.hessian_diagonal(lambda x: (x**3).sum() + x[0] * x[1])(np.array([1.0, 2.0]))
    array([ 6., 12.])
    """
    diagonals = {}

    def operator(x, *args, **kwargs):
        g, vector, unravel = _of_vectors(f, x, args, kwargs)
        diagonal = _Diagonal(2, _second) if args or kwargs else diagonals.setdefault("alone", _Diagonal(2, _second))
        return unravel(diagonal(g, vector))

    return derivative_function(f, operator, "hessian_diagonal", (hessian_diagonal,))


def laplacian(f):
    """Return the function that computes the Laplacian, the trace of the Hessian, without the Hessian.

    Parameters
    ----------
    f : callable
        As of :func:`hessian_diagonal`.

    Returns
    -------
    callable
        ``l(x, *args)`` -> float

    Examples
    --------
    >>> import numpy as np, mmad
    >>> float(mmad.laplacian(lambda x: (x**2).sum())(np.ones(3)))
    6.0
    """
    diagonal = _Diagonal(2, _second)

    def operator(x, *args, **kwargs):
        g, vector, _ = _of_vectors(f, x, args, kwargs)
        return (_Diagonal(2, _second) if args or kwargs else diagonal)(g, vector).sum()

    return derivative_function(f, operator, "laplacian", (laplacian,))


def divergence(f):
    """Return the function that computes the divergence of a vector field, the trace of its Jacobian.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> as many numbers as x has.

    Returns
    -------
    callable
        ``d(x, *args)`` -> float

    Raises
    ------
    ValueError
        The field has another number of components than x.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> float(mmad.divergence(lambda x: x**2)(np.array([1.0, 2.0])))
    6.0
    """
    diagonal = _Diagonal(1, _first)

    def operator(x, *args, **kwargs):
        g, vector, _ = _of_vectors(f, x, args, kwargs)
        (n,) = shape_of(vector)

        def field(v):
            found = ravel_pytree(g(v))[0]
            if shape_of(found) != (n,):
                raise ValueError(f"divergence: the field has {shape_of(found)[0]} components at a point of {n} numbers")
            return found

        return (_Diagonal(1, _first) if args or kwargs else diagonal)(field, vector).sum()

    return derivative_function(f, operator, "divergence", (divergence,))


def curl(f):
    """Return the function that computes the curl of a field of three components; of two, their one number.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> array, shape (3,) or (2,), as x.

    Returns
    -------
    callable
        ``c(x, *args)`` -> ndarray, shape (3,), or float

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.curl(lambda x: np.array([-x[1], x[0], 0.0 * x[2]]))(np.ones(3))
    array([0., 0., 2.])
    """

    def operator(x, *args, **kwargs):
        if shape_of(x) not in ((2,), (3,)):
            raise ValueError(f"curl: the point must have shape (3,) or (2,), it has {shape_of(x)}")
        n = shape_of(x)[0]
        columns = [jvp(lambda y: f(y, *args, **kwargs), (x,), (unit,))[1] for unit in np.eye(n)]
        if any(shape_of(c) != (n,) for c in columns):
            raise ValueError(f"curl: the field must have {n} components, as the point")
        if n == 2:
            return columns[0][1] - columns[1][0]
        return np.stack([columns[j][k] - columns[k][j] for j, k in ((1, 2), (2, 0), (0, 1))])

    return derivative_function(f, operator, "curl", (curl,))
