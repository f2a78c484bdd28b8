"""Full derivative tensors of any order: by interpolation of Taylor coefficients, or by nesting.

The k-th derivative of f along d is a polynomial of degree k in d, and known from its values in the C(n + k - 1, k)
directions whose entries are non-negative integers with the sum k.  The entries of the tensor are linear combinations
of the Taylor coefficients F_j of order k along these directions: with multi-indices i, j and m,

    d^k f / dx^i = sum_(|j| = k) c_ij F_j,
    c_ij = sum_(0 < m <= i) (-1)^|i - m| (i over m) (k m / |m| over j) (|m| / k)^k.

c_ij is zero unless j has entries only where i has some, so it is a sparse matrix, and its entries depend on the
positive exponents in i alone.

References
----------
A. Griewank, J. Utke and A. Walther, "Evaluating higher derivative tensors by forward propagation of univariate Taylor
series", Mathematics of Computation 69 (2000), 1117-1130.
"""

import dataclasses
import functools
import itertools
from fractions import Fraction
from math import comb, prod

import numpy as np

from mmad import tree
from mmad._core import HOOKS, Traced
from mmad.api import derivative_function, grad
from mmad.batching import vmap
from mmad.higher import checked_order, expand
from mmad.matrices import jacfwd
from mmad.numpy.joining import concatenate
from mmad.ops.declare import shape_of
from mmad.ops.reduction import matmul
from mmad.ops.structure import gather, reshape, size
from mmad.recorded import real_leaf
from mmad.tracing import describe

__all__ = ["TensorPlan", "derivative_tensor"]

LANES = 256  # directions at once: the value and what belongs to it alone are worked out once for them all


def _over(a, k):
    """The binomial coefficient of a fraction."""
    return prod((a - t) / Fraction(k - t) for t in range(k))


def _compositions(total, places):
    """All tuples of `places` non-negative integers with this sum."""
    for bars in itertools.combinations(range(total + places - 1), places - 1):
        edges = (-1, *bars, total + places - 1)
        yield tuple(b - a - 1 for a, b in itertools.pairwise(edges))


@functools.cache
def _weights(exponents):
    """The nonzero c_ij of one i, given by its positive exponents: pairs of j on the same places and a float."""
    k = sum(exponents)
    pairs = []
    for j in _compositions(k, len(exponents)):
        total = Fraction(0)
        for m in itertools.product(*(range(e + 1) for e in exponents)):
            length = sum(m)
            if length:
                term = prod(comb(e, t) for e, t in zip(exponents, m, strict=True)) * Fraction(length, k) ** k
                term *= prod(_over(Fraction(k * t, length), e) for t, e in zip(m, j, strict=True))
                total += term if (k - length) % 2 == 0 else -term
        if total:
            pairs.append((j, float(total)))
    return pairs


@functools.lru_cache(maxsize=16)
def interpolation(n, k):
    """Directions, and what turns the Taylor coefficients along them into the tensor.

    Returns
    -------
    directions : ndarray, shape (C, n)
        C = C(n + k - 1, k) rows of non-negative integers with the sum k.
    weights : scipy.sparse.csr_array, shape (C, C)
    places : ndarray of int, shape (n**k,)
        Which row of the product each entry of the tensor is.
    """
    indices = list(itertools.combinations_with_replacement(range(n), k))
    row = {i: r for r, i in enumerate(indices)}
    directions = np.zeros((len(indices), n))
    for r, i in enumerate(indices):
        np.add.at(directions[r], list(i), 1.0)
    rows, columns, data = [], [], []
    for r, i in enumerate(indices):
        support = sorted(set(i))
        for j, c in _weights(tuple(i.count(t) for t in support)):
            rows.append(r)
            columns.append(row[tuple(itertools.chain.from_iterable([t] * e for t, e in zip(support, j, strict=True)))])
            data.append(c)
    try:
        from scipy.sparse import csr_array
    except ImportError as e:
        raise ImportError("interpolation takes scipy.sparse arrays: pip install mmad[scipy]") from e
    weights = csr_array((data, (rows, columns)), shape=(len(indices),) * 2)
    keys = np.sort(np.indices((n,) * k).reshape(k, -1), axis=0)
    scale = n ** np.arange(k - 1, -1, -1)
    at = np.zeros(n**k, np.intp)
    at[[int(scale @ i) for i in indices]] = np.arange(len(indices))
    return directions, weights, at[scale @ keys]


@dataclasses.dataclass(frozen=True)
class TensorPlan:
    """How a derivative tensor is computed, and why.

    Attributes
    ----------
    strategy : str
        "taylor" or "nested".
    order, inputs : int
    directions, sweeps : int
        Univariate Taylor series that interpolation takes; directions that nesting takes.
    taylor_work, nested_work : int
        Either, in evaluations of the function, roughly.
    """

    strategy: str
    order: int
    inputs: int
    directions: int
    sweeps: int
    taylor_work: int
    nested_work: int

    def explain(self):
        """The plan in words."""
        mark = {True: "chosen", False: "not chosen"}
        return (
            f"derivative tensor of order {self.order} in {self.inputs} variables\n"
            f"  taylor: {self.directions} directions, interpolated; about {self.taylor_work} evaluations "
            f"({mark[self.strategy == 'taylor']})\n"
            f"  nested: {self.sweeps} directions; about {self.nested_work} evaluations "
            f"({mark[self.strategy == 'nested']})"
        )


def decide(n, order, scalar, strategy="auto"):
    """The plan for a function of n numbers, by counting: the cheaper one, or the one that `strategy` names."""
    directions = comb(n + order - 1, order)
    taylor = directions * (order * (order + 1) // 2)  # products of series up to the order, the value is shared
    sweeps = n ** (order - 1) if scalar else n**order
    nested = sweeps * (4 * 2 ** (order - 1) if scalar else 2**order)  # a gradient is worth about four evaluations
    if strategy == "auto":
        strategy = "taylor" if taylor <= nested else "nested"
    return TensorPlan(strategy, order, n, directions, sweeps, taylor, nested)


def derivative_tensor(f, order, strategy="auto"):
    """The full tensor of all partial derivatives of one order.

    Parameters
    ----------
    f : callable
        Of a real array; returns a real number or array.
    order : int
        At least 1.
    strategy : {"auto", "taylor", "nested"}
        Interpolation of Taylor coefficients along C(n + order - 1, order) directions; Jacobians of Jacobians, the
        innermost a gradient where the result is a number; or the one of them with less work.

    Returns
    -------
    callable
        ``T(x, *args, **kwargs)`` -> ndarray of shape ``f(x).shape + x.shape * order``, symmetric in the last axes;
        ``T.plan(x, *args, **kwargs)`` -> the `TensorPlan`, whose `explain()` says why.

    See Also
    --------
    hessian : of order 2, sparse as well.
    taylor : derivatives along one direction.

    References
    ----------
    .. [1] Griewank, Utke and Walther, "Evaluating higher derivative tensors by forward propagation of univariate Taylor
       series", Mathematics of Computation 69 (2000), 1117-1130.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> T = mmad.derivative_tensor(lambda x: x[0] ** 2 * x[1], 3)
    >>> T(np.array([1.0, 2.0]))[0, 0]
    array([0., 2.])
    >>> print(T.plan(np.array([1.0, 2.0])).explain())
    derivative tensor of order 3 in 2 variables
      taylor: 4 directions, interpolated; about 24 evaluations (chosen)
      nested: 4 directions; about 64 evaluations (not chosen)
    """
    what = describe(f, "derivative_tensor")
    order = checked_order(order, what)
    if order == 0:
        raise ValueError(f"{what}: order must be at least 1; of order 0 it is the function itself")
    if strategy not in ("auto", "taylor", "nested"):
        raise ValueError(f"{what}: strategy must be 'auto', 'taylor' or 'nested', not {strategy!r}")

    def plan(x, *args, **kwargs):
        own = x.copy() if isinstance(x, np.ndarray) else +x  # f may write into its argument
        leaves, _ = tree.flatten(f(own, *args, **kwargs))
        return decide(size(shape_of(x)), order, len(leaves) == 1 and shape_of(leaves[0]) == (), strategy)

    def operator(x, *args, **kwargs):
        if not isinstance(x, np.ndarray | float | Traced):
            raise TypeError(f"{what}: it takes one array, not {type(x).__name__}")
        real_leaf(x, what)

        def g(y):
            return f(y, *args, **kwargs)

        functools.update_wrapper(g, f, updated=())
        found = plan(x, *args, **kwargs)
        if found.strategy == "taylor":
            return by_interpolation(g, x, order, what)
        scalar = found.sweeps == found.inputs ** (order - 1)
        tensor = grad(g) if scalar else jacfwd(g)
        for _ in range(order - 1):
            tensor = jacfwd(tensor)
        return tensor(x)

    T = derivative_function(f, operator, "derivative_tensor")
    T.plan = plan
    return T


def by_interpolation(f, x, order, what):
    """The tensor from Taylor coefficients."""
    shape = shape_of(x)
    if not size(shape):
        return np.zeros((*shape_of(f(x)), *shape * order), x.dtype)
    directions, weights, places = interpolation(size(shape), order)

    def along(v):
        leaves, _ = expand(f, x, [reshape(v, shape) if shape else v[0]], order, what)
        if len(leaves) != 1:
            raise TypeError(f"{what}: the function must return one number or array, it returned {len(leaves)} leaves")
        return leaves[0][order]

    dtype = x.dtype if hasattr(x, "dtype") else np.dtype(float)
    rows = [vmap(along)(directions[i : i + LANES].astype(dtype)) for i in range(0, len(directions), LANES)]
    values = rows[0] if len(rows) == 1 else concatenate(rows)
    inner = shape_of(values)[1:]
    flat = reshape(values, (len(directions), size(inner)))
    if isinstance(flat, Traced):
        entries = gather(matmul(weights.toarray().astype(dtype), flat), places)
        entries = HOOKS["viewed"](entries, lambda m: m.T)
        return reshape(+entries, (*inner, *shape * order))
    entries = np.asarray(weights.astype(flat.dtype) @ flat)[places]
    return np.ascontiguousarray(entries.T).reshape((*inner, *shape * order))
