"""`jacobian` and `hessian`, planned gradients and products: what they take, checked."""

from mmad.amounts import size_in_bytes
from mmad.api import derivative_function
from mmad.kinds import isplain
from mmad.planner.colored import Coloring
from mmad.planner.pattern import Pattern
from mmad.planner.planned import FORMATS, PlannedHessian, PlannedJacobian
from mmad.planner.problem import COLORED, DENSE, MODES, STRUCTURED, UNCOMPILED, Options
from mmad.planner.products import (
    PlannedGradient,
    PlannedProduct,
    PlannedValueAndGradient,
    PlannedValueGradProduct,
)

__all__ = ["hessian", "jacobian", "product"]


def jacobian(
    f,
    argnums=0,
    strategy="auto",
    *,
    sparse=False,
    format="csr",
    pattern=None,
    evaluations=None,
    memory=None,
    mode="auto",
    factored=False,
):
    """Jacobian of a function of arrays, computed in the way that is expected to be the fastest.

    Parameters
    ----------
    f : callable
        Returns a number, an array, or a tree of them.
    argnums : int or tuple of int
    strategy : {"auto", "forward", "reverse", "columns", "rows", "bicoloring", "blocks", "waist"}
        "auto" looks for a sparsity pattern where that may pay, and chooses; ``jacobian(f).plan(x)`` says what and why.
        "columns", "rows" and "bicoloring" colour the pattern and need few sweeps; "blocks" does the same for each of
        many repeated blocks, between where arguments are gathered and where results are put together; "waist" is the
        product of two factors, where few numbers are between arguments and results; "forward" and "reverse" are dense.
    sparse : bool
        Give a `scipy.sparse` array, of all elements of the result by all elements of the arguments.
    format : str
        Of sparse results: "csr", "csc", "coo", ...
    pattern : Pattern, sparse or dense matrix, or Coloring, optional
        Where the Jacobian may be nonzero, if that is known; a coloured one is not coloured again.
    evaluations : int, optional
        How often the Jacobian will be evaluated.  From 2 on the evaluation may be compiled (see :func:`compile` for
        what that does not notice); without it every call runs the function.
    memory : int or str, optional
        Bytes, or as in "500MB", that the result and the sweeps may take.
    mode : {"auto", "eager", "compiled"}
        "compiled" without `evaluations`: compile, however often it will be evaluated; "eager": never.
    factored : bool
        Give the two factors of strategy "waist" as a `scipy.sparse.linalg.LinearOperator`, of all elements of the
        result by all elements of the arguments, with attributes ``left`` and ``right`` and ``todense()``.

    Returns
    -------
    callable
        ``J(*args, **kwargs)`` -> ndarray, shape ``y.shape + x.shape``; for trees the tree of the result, with a tree
        of the argument at each leaf.  With ``J.plan(*args)``, the decision, and ``J.compare(*args)``, all strategies
        measured.

    Raises
    ------
    TypeError
        An argument is an integer, or a value is complex.
    PatternError
        The pattern given is of another shape, or leaves out entries.
    StructureError
        The strategy asked for needs a structure that the function does not have.
    MemoryError
        No strategy fits into `memory`.

    References
    ----------
    .. [1] Gebremedhin, Manne, Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM
       Review 47 (2005), 629-705.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> J = mmad.jacobian(lambda x: x[1:] * x[:-1], strategy="columns", sparse=True)
    >>> J(np.arange(1000.0)).nnz
    1998
    >>> J.plan(np.arange(1000.0)).coloring.column_count
    2
    >>> J = mmad.jacobian(lambda x: np.sin(np.arange(1000.0) * (x @ x)), factored=True)(np.arange(1000.0))
    >>> J.shape, J.left.shape, J.right.shape
    ((1000, 1000), (1000, 1), (1, 1000))
    """
    if factored and (sparse or pattern is not None or strategy not in ("auto", "waist")):
        raise ValueError("jacobian: factored=True is strategy 'waist', neither sparse nor with a pattern")
    return _planned(
        PlannedJacobian, "jacobian", f, argnums, "waist" if factored else strategy, sparse, format, pattern,
        evaluations, memory, mode, bool(factored),
    )  # fmt: skip


def hessian(
    f,
    argnums=0,
    strategy="auto",
    *,
    sparse=False,
    format="csr",
    pattern=None,
    evaluations=None,
    memory=None,
    mode="auto",
):
    """Hessian of a real scalar function, computed in the way that is expected to be the fastest.

    Parameters
    ----------
    f : callable
        Returns one real number.
    argnums : int or tuple of int
    strategy : str
        "auto" chooses; ``hessian(f).plan(x)`` says what and why.  "star" and "acyclic" colour the sparsity pattern,
        "blocks" goes by repeated elements, as of :func:`jacobian`; "forward-over-reverse", "reverse-over-reverse",
        "reverse-over-forward" and "forward-over-forward" are dense.
    sparse, format, pattern, evaluations, memory, mode
        As of :func:`jacobian`.

    Returns
    -------
    callable
        ``H(*args, **kwargs)`` -> ndarray, shape ``x.shape + x.shape``; for trees a tree of trees.  With
        ``H.plan(*args)`` and ``H.compare(*args)``.

    Raises
    ------
    TypeError, PatternError, MemoryError
        As by :func:`jacobian`; the result is not one real number.

    References
    ----------
    .. [1] Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with application to computing
       Hessians", SIAM J. Sci. Comput. 29 (2007), 1042-1072.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    >>> H = mmad.hessian(lambda x: (x[1:] ** 2 * x[:-1]).sum(), sparse=True)
    >>> H(np.ones(1000)).nnz, H.plan(np.ones(1000)).strategy
    (2997, 'star')
    """
    return _planned(PlannedHessian, "hessian", f, argnums, strategy, sparse, format, pattern, evaluations, memory, mode)


PRODUCTS = {
    "grad": PlannedGradient,
    "value_and_grad": PlannedValueAndGradient,
    "hvp": PlannedProduct,
    "value_grad_hvp": PlannedValueGradProduct,
}


def product(what, f, argnums, has_aux, strategy, evaluations, memory, mode):
    """The planned form of `mmad.grad`, `mmad.hvp` and their like with values."""
    kind = PRODUCTS[what]
    return _planned(
        kind, what, f, argnums, strategy, False, "csr", None, evaluations, memory, mode, has_aux=bool(has_aux)
    )


def _planned(
    kind, what, f, argnums, strategy, sparse, format, pattern, evaluations, memory, mode, factored=False, has_aux=False
):
    ways = kind.product
    known = ("auto", *DENSE[ways], *COLORED[ways], *STRUCTURED[ways])
    if strategy not in known:
        raise ValueError(f"{what}: strategy must be one of {', '.join(known)}, not {strategy!r}")
    if mode not in MODES or (mode == "compiled" and strategy in UNCOMPILED):
        raise ValueError(
            f"{what}: mode must be one of {', '.join(MODES)}, and eager with {', '.join(UNCOMPILED)}; not {mode!r}"
        )
    if format not in FORMATS:
        raise ValueError(f"{what}: format must be one of {', '.join(FORMATS)}, not {format!r}")
    if evaluations is not None and (isplain(evaluations, bool) or not isplain(evaluations, int) or evaluations < 1):
        raise ValueError(f"{what}: evaluations must be a positive int, not {evaluations!r}")
    if pattern is not None and strategy == "blocks":
        raise ValueError(f"{what}: strategy 'blocks' finds the pattern by itself; leave pattern= out")
    if pattern is not None and not isinstance(pattern, Coloring):
        pattern = Pattern.of(pattern)
    if isinstance(pattern, Coloring):
        fits = {"column": "columns", "row": "rows"}.get(pattern.kind, pattern.kind)
        if strategy not in ("auto", fits) or fits not in COLORED[ways]:
            raise ValueError(f"{what}: the colouring given is of kind {pattern.kind!r}, the strategy {strategy!r}")
        strategy = fits
    options = Options(
        strategy, bool(sparse), pattern, evaluations, size_in_bytes(memory, what), mode, factored, has_aux
    )
    return derivative_function(f, kind(f, argnums, options, format) if callable(f) else None, what)
