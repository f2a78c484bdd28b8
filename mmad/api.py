"""The derivative operators that can be planned: gradients, products with Hessians, Jacobians and Hessians."""

import functools

from mmad.derivatives import first_order, second_order
from mmad.derivatives.names import by_name
from mmad.planner.functions import planned

__all__ = ["grad", "hessian", "hvp", "jacobian", "value_and_grad", "value_grad_hvp"]

UNPLANNED = "auto", None, None, "auto"  # strategy, evaluations, memory, mode


def eager(public, operator, f, argnums, **has_aux):
    """Return the derivative function of f without a plan, which can say what the planner would choose."""

    def plan(*args, **kwargs):
        return planned(public.__name__, f, argnums, *UNPLANNED, **has_aux).plan(*args, **kwargs)

    def compare(*args, **kwargs):
        return planned(public.__name__, f, argnums, *UNPLANNED, **has_aux).compare(*args, **kwargs)

    operator.plan, operator.compare = plan, compare
    operator.recipe = lambda: (public, (f, argnums), has_aux)
    return operator


def first_of(f, what):
    """Return a function with auxiliary data without them."""
    if not callable(f):
        raise TypeError(f"mmad.{what} takes a function, not {type(f).__name__}")

    @functools.wraps(f, updated=())
    def value(*args, **kwargs):
        result = f(*args, **kwargs)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{what}: with has_aux=True the function must return (value, auxiliary data)")
        return result[0]

    return value


def with_aux(operator, f):
    """Return a matrix operator that gives the auxiliary data of a function, too."""

    @functools.wraps(operator)
    def both(*args, **kwargs):
        return operator(*args, **kwargs), f(*args, **kwargs)[1]

    both.plan, both.compare = operator.plan, operator.compare
    return both


@by_name
def grad(f, argnums=0, has_aux=False, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Return the function that computes the gradient of a real scalar function.

    Parameters
    ----------
    f : callable
        Returns one real number.  Control flow, recursion, mutation and data structures are Python's own.
    argnums : int, str, or tuple of them
        Arguments to differentiate with respect to, by position or by the name of the parameter: floats, floating-point
        or complex arrays, or trees of them (tuples, lists, dicts, named tuples, dataclasses, objects with attributes).
    has_aux : bool
        `f` returns ``(value, auxiliary data)``.
    strategy : {"auto", "reverse", "forward"}, optional
        With any of the keywords from here on the planner chooses, as for :func:`jacobian`; arguments are then real.
    evaluations : int, optional
        How often the gradient will be evaluated: from 2 on it is compiled where that pays.
    memory : int or str, optional
        Bytes, or as in "500MB", that the recording may take.
    mode : {"auto", "eager", "compiled"}, optional
        "compiled": compile, however often it will be evaluated; "eager": never.

    Returns
    -------
    callable
        ``g(*args, **kwargs)`` -> gradient in the structure of the argument (a tuple of them for a tuple `argnums`), or
        ``(gradient, auxiliary data)``.  For complex z it is df/dx + i df/dy.  With ``g.plan(*args)``, what the
        planner would choose or has chosen, and ``g.compare(*args)``, all strategies measured.

    Raises
    ------
    TypeError
        The result is not one real number, or an argument is an integer.
    MemoryError
        Nothing fits into `memory`; see :func:`checkpoint`.

    See Also
    --------
    value_and_grad, jacobian, hvp

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 3.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.grad(lambda x: np.sin(x[0]) * x[1])(np.array([0.0, 2.0]))
    array([2., 0.])
    >>> mmad.grad(lambda x, *, rate: rate**2 * x, argnums="rate")(3.0, rate=2.0)
    12.0
    >>> g = mmad.grad(lambda x: (np.sin(x) * x).sum(), evaluations=1000)
    >>> g.plan(np.ones(1000)).mode
    'compiled'
    """
    if (strategy, evaluations, memory, mode) != UNPLANNED:
        return planned("grad", f, argnums, strategy, evaluations, memory, mode, has_aux=has_aux)
    return eager(grad, first_order.grad(f, argnums, has_aux), f, argnums, has_aux=has_aux)


@by_name
def value_and_grad(f, argnums=0, has_aux=False, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Return the function that computes value and gradient in one sweep.

    Parameters
    ----------
    f, argnums, has_aux, strategy, evaluations, memory, mode
        As of :func:`grad`.

    Returns
    -------
    callable
        ``g(*args, **kwargs)`` -> ``(value, gradient)``, or ``((value, auxiliary data), gradient)``.  With
        ``g.plan(*args)`` and ``g.compare(*args)``, as of :func:`grad`.

    Examples
    --------
    >>> import mmad
    >>> mmad.value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """
    if (strategy, evaluations, memory, mode) != UNPLANNED:
        return planned("value_and_grad", f, argnums, strategy, evaluations, memory, mode, has_aux=has_aux)
    return eager(value_and_grad, first_order.value_and_grad(f, argnums, has_aux), f, argnums, has_aux=has_aux)


@by_name(vector=True)
def hvp(f, argnums=0, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Return the function that computes Hessian-vector products, each for the cost of a few gradients.

    Parameters
    ----------
    f : callable
        Returns one real number.
    argnums : int, str, or tuple of them
    strategy : {"auto", "forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"}, optional
        With this or any of the next keywords the planner chooses, as for :func:`hessian`.
    evaluations, memory, mode : optional
        As of :func:`grad`.

    Returns
    -------
    callable
        ``h(x, v)`` -> H(x) v in the structure of x.  For several arguments ``h(*args, v)``, where `v` has the
        structure of the arguments that `argnums` names (a tuple for a tuple).  With ``h.plan(x, v)`` and
        ``h.compare(x, v)``, as of :func:`grad`.

    Raises
    ------
    TypeError, MemoryError
        As by :func:`grad`.
    ValueError
        The vector has another shape than the argument.

    See Also
    --------
    value_grad_hvp, hessian_operator : repeated products at one point.

    References
    ----------
    .. [1] Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994), 147-160.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> h = mmad.hvp(lambda x: (x**3).sum())
    >>> h(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    if (strategy, evaluations, memory, mode) != UNPLANNED:
        return planned("hvp", f, argnums, strategy, evaluations, memory, mode)
    return eager(hvp, second_order.hvp(f, argnums), f, argnums)


@by_name(vector=True)
def value_grad_hvp(f, argnums=0, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Return the function that computes value, gradient and Hessian-vector product over one recording.

    Parameters
    ----------
    f, argnums, strategy, evaluations, memory, mode
        As of :func:`hvp`.

    Returns
    -------
    callable
        ``h(x, v)`` -> ``(value, gradient, H v)``.  With ``h.plan(x, v)`` and ``h.compare(x, v)``, as of :func:`grad`.

    Examples
    --------
    >>> import mmad
    >>> mmad.value_grad_hvp(lambda x: x**3)(2.0, 1.0)
    (8.0, 12.0, 12.0)
    """
    if (strategy, evaluations, memory, mode) != UNPLANNED:
        return planned("value_grad_hvp", f, argnums, strategy, evaluations, memory, mode)
    return eager(value_grad_hvp, second_order.value_grad_hvp(f, argnums), f, argnums)


@by_name
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
    has_aux=False,
):
    """Return the function that computes the Jacobian of a function of arrays, in the way expected to be the fastest.

    Parameters
    ----------
    f : callable
        Returns a number, an array, or a tree of them.
    argnums : int, str, or tuple of them
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
    has_aux : bool
        `f` returns ``(value, auxiliary data)``; the result is ``(Jacobian, auxiliary data)``.  A call runs `f` once
        more, for the data.

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
    operator = planned(
        "jacobian", first_of(f, "jacobian") if has_aux else f, argnums, "waist" if factored else strategy,
        evaluations, memory, mode,
        sparse=sparse, format=format, pattern=pattern, factored=bool(factored),
    )  # fmt: skip
    return with_aux(operator, f) if has_aux else operator


@by_name
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
    has_aux=False,
):
    """Return the function that computes the Hessian of a real scalar function, in the way expected to be the fastest.

    Parameters
    ----------
    f : callable
        Returns one real number.
    argnums : int, str, or tuple of them
    strategy : str
        "auto" chooses; ``hessian(f).plan(x)`` says what and why.  "star" colours the sparsity pattern,
        "blocks" goes by repeated elements, as of :func:`jacobian`; "forward-over-reverse", "reverse-over-reverse",
        "reverse-over-forward" and "forward-over-forward" are dense.
    sparse, format, pattern, evaluations, memory, mode, has_aux
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
    operator = planned(
        "hessian", first_of(f, "hessian") if has_aux else f, argnums, strategy, evaluations, memory, mode,
        sparse=sparse, format=format, pattern=pattern,
    )  # fmt: skip
    return with_aux(operator, f) if has_aux else operator
