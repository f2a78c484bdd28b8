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
from math import comb, factorial, prod

import numpy as np

from mmad._core import Traced, shape_of
from mmad.derivatives.arguments import derivative_function
from mmad.derivatives.batching import vmap
from mmad.derivatives.first_order import grad
from mmad.derivatives.higher import checked_order, expand
from mmad.derivatives.jacobians import jacfwd
from mmad.derivatives.recorded import real_leaf
from mmad.numpy.joining import concatenate
from mmad.ops.movement import gather, reshape, size, viewed
from mmad.ops.reduction import matmul
from mmad.python.amounts import available_bytes, readable
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.leaves import describe

__all__ = ["TensorPlan", "derivative_tensor"]

LANES = 256  # directions at once: the value and what belongs to it alone are worked out once for them all
MOST_WORK = 10**8  # evaluations of the function, or terms of the weights, that a tensor may take: some minutes
DIMENSIONS = 64  # of a NumPy array at the most


@functools.lru_cache(maxsize=64)
def _falling(k, length):
    """Return, by t and e, the products of k t - s length over s < e, for t and e from 0 to k; integers."""
    table = []
    for t in range(k + 1):
        row = [1]
        for s in range(k):
            row.append(row[-1] * (k * t - s * length))
        table.append(row)
    return table


def _compositions(total, places):
    """Yield all tuples of `places` non-negative integers with this sum."""
    for bars in itertools.combinations(range(total + places - 1), places - 1):
        edges = (-1, *bars, total + places - 1)
        yield tuple(b - a - 1 for a, b in itertools.pairwise(edges))


@functools.lru_cache(maxsize=4096)
def _weights(exponents):
    """Return the nonzero c_ij of one i, given by its positive exponents: pairs of j on the same places and a float.

    In integers but for the division at the end: (k t / l over e) (l / k)^e is a product of e numbers k t - s l, divided
    by k^e e!.
    """
    k = sum(exponents)
    js = list(_compositions(k, len(exponents)))
    totals = [0] * len(js)
    for m in itertools.product(*(range(e + 1) for e in exponents)):
        length = sum(m)
        if not length:
            continue
        table = _falling(k, length)
        rows = [table[t] for t in m]
        sign = prod(comb(e, t) for e, t in zip(exponents, m, strict=True)) * (1 if (k - length) % 2 == 0 else -1)
        for at, j in enumerate(js):
            term = sign
            for row, e in zip(rows, j, strict=True):
                term *= row[e]
                if not term:
                    break
            totals[at] += term
    return [(j, c / (k**k * prod(map(factorial, j)))) for j, c in zip(js, totals, strict=True) if c]


@functools.lru_cache(maxsize=4)  # each holds as much as a tensor
def interpolation(n, k):
    """Return directions, and what turns the Taylor coefficients along them into the tensor.

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
        Either, in evaluations of the function, roughly; of interpolation the terms of its weights count, too.
    outputs, itemsize : int
        Numbers that the function returns, and bytes of each.
    """

    strategy: str
    order: int
    inputs: int
    directions: int
    sweeps: int
    taylor_work: int
    nested_work: int
    outputs: int = 1
    itemsize: int = 8

    @property
    def work(self):
        """Of the strategy chosen, in evaluations of the function, roughly."""
        return self.taylor_work if self.strategy == "taylor" else self.nested_work

    @property
    def bytes(self):
        """What the tensor takes and, where it is interpolated, what is worked out for it."""
        entries = self.inputs**self.order
        held = entries * self.outputs * self.itemsize
        if self.strategy == "taylor":  # positions of the entries, and coefficients along all directions
            held += entries * 8 * (2 * self.order + 2)
            held += self.directions * (8 * self.inputs + 16 * (self.order + 1) * self.outputs)
        return held

    def explain(self):
        """Return the plan in words."""
        mark = {True: "chosen", False: "not chosen"}
        return (
            f"derivative tensor of order {self.order} in {self.inputs} variables\n"
            f"  taylor: {self.directions} directions, interpolated; about {self.taylor_work} evaluations "
            f"({mark[self.strategy == 'taylor']})\n"
            f"  nested: {self.sweeps} directions; about {self.nested_work} evaluations "
            f"({mark[self.strategy == 'nested']})"
        )


def choose_strategy(n, order, scalar, strategy="auto", outputs=1, itemsize=8):
    """Return the plan for a function of n numbers, by counting: the cheaper one, or the one that `strategy` names."""
    directions = comb(n + order - 1, order)
    taylor = directions * (order * (order + 1) // 2)  # products of series up to the order, the value is shared
    taylor += _terms(n, order)  # each in the time of an evaluation of a small function
    sweeps = n ** (order - 1) if scalar else n**order
    nested = sweeps * (4 * 2 ** (order - 1) if scalar else 2**order)  # a gradient is worth about four evaluations
    if strategy == "auto":
        strategy = "taylor" if taylor <= nested else "nested"
    return TensorPlan(strategy, order, n, directions, sweeps, taylor, nested, outputs, itemsize)


def _terms(n, k):
    """Return the number of terms that :func:`_weights` adds up for all multi-indices of order k in n variables."""
    total = 0
    counts = [1] + [0] * k  # of the products of e + 1 over all exponents e > 0 of p variables, by the sum of the e
    for p in range(1, min(n, k) + 1):
        counts = [sum(counts[s - e] * (e + 1) for e in range(1, s + 1)) for s in range(k + 1)]
        total += comb(k + p - 1, p - 1) * counts[k]
    return total


def checked(found, what):
    """Return the plan; raise MemoryError or ValueError if it would take more memory or work than is allowed."""
    shape = f"{found.inputs}**{found.order} entries" + (f" for each of {found.outputs} results" * (found.outputs > 1))
    if found.bytes > available_bytes():
        raise MemoryError(
            f"{what}: a tensor of {shape} takes about {readable(found.bytes)}, of which {readable(available_bytes())} "
            "are free; use mmad.taylor, which gives the derivatives along directions"
        )
    if found.work > MOST_WORK:
        raise ValueError(
            f"{what}: a tensor of {shape} takes about {found.work:.2g} evaluations of the function, the limit is "
            f"{MOST_WORK:.0e}; use mmad.taylor, which gives the derivatives along directions"
        )
    return found


def derivative_tensor(f, order, strategy="auto"):
    """Return the function that computes the tensor of all partial derivatives of one order.

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

    Raises
    ------
    MemoryError
        The tensor does not fit into the memory that is free.
    ValueError
        It would take more than 10**8 evaluations of the function, or have more axes than an array can.

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
      taylor: 4 directions, interpolated; about 76 evaluations (not chosen)
      nested: 4 directions; about 64 evaluations (chosen)
    """
    what = describe(f, "derivative_tensor")
    order = checked_order(order, what)
    if order == 0:
        raise ValueError(f"{what}: order must be at least 1; of order 0 it is the function itself")
    if strategy not in ("auto", "taylor", "nested"):
        raise ValueError(f"{what}: strategy must be 'auto', 'taylor' or 'nested', not {strategy!r}")

    def plan(x, *args, **kwargs):
        own = x.copy() if isplain(x, np.ndarray) else +x  # f may write into its argument
        leaves, _ = tree.flatten(f(own, *args, **kwargs))
        scalar = len(leaves) == 1 and shape_of(leaves[0]) == ()
        axes = len(shape_of(x)) * order + max([len(shape_of(y)) for y in leaves], default=0)
        if axes > DIMENSIONS:
            raise ValueError(f"{what}: the tensor would have {axes} axes, but an array has at most {DIMENSIONS}")
        outputs, itemsize = sum(size(shape_of(y)) for y in leaves), getattr(x, "dtype", np.dtype(float)).itemsize
        return checked(choose_strategy(size(shape_of(x)), order, scalar, strategy, outputs, itemsize), what)

    def operator(x, *args, **kwargs):
        if not isplain(x, np.ndarray | float | Traced):
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

    T = derivative_function(f, operator, "derivative_tensor", (derivative_tensor, order, strategy))
    T.plan = plan
    return T


def by_interpolation(f, x, order, what):
    """Return the tensor from Taylor coefficients."""
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
        entries = viewed(entries, lambda m: m.T)
        return reshape(+entries, (*inner, *shape * order))
    entries = np.asarray(weights.astype(flat.dtype) @ flat)[places]
    return np.ascontiguousarray(entries.T).reshape((*inner, *shape * order))
