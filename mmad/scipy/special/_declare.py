"""How functions of `scipy.special` are declared: a ufunc by its partial derivatives, a private function likewise.

A rule says for each argument what the derivative by it is, in terms of the arguments and the result, or `unknown`: then
a derivative by it is an error that names the function and the argument.  Points where the rule is tested stand with it.
What an older SciPy does not have is left out.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.special as sc

from mmad._core import FUNCTIONS, Traced
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import elementwise

__all__ = [
    "RULES", "Rule", "alias", "composed", "constant", "family", "function", "in_blocks", "numeric", "parts",
    "piecewise", "select", "shifted", "ufunc", "unknown", "whole",
]  # fmt: skip

PACKAGE = "scipy.special"


@dataclass(frozen=True)
class Rule:
    """What is declared of a public function of `scipy.special`.

    Attributes
    ----------
    name : str
    function : callable
        Takes plain and traced values.
    points : tuple of tuples
        Arguments at which the tests differentiate.
    differentiable : tuple of int
        Positions of the arguments that have a derivative.
    unknown : tuple of int
        Positions of those a derivative by which is an error.
    results : int
    plain : bool
        Whether a plain call of SciPy's function is met; if not, the function of `mmad.scipy.special` is.
    bound : float
        The largest relative error of first and second derivatives at the points.
    names : tuple of str
        Of the arguments, where SciPy's documentation does not give them.
    kernel : bool
        Whether the value is computed by other means than SciPy's: within 4 units in the last place of it.
    """

    name: str
    function: Callable[..., Any]
    points: tuple[tuple[Any, ...], ...]
    differentiable: tuple[int, ...]
    unknown: tuple[int, ...] = ()
    results: int = 1
    plain: bool = True
    bound: float = 1e-12
    kernel: bool = False
    names: tuple[str, ...] = ()


RULES: dict[str, Rule] = {}


def constant(*args):
    """Return the derivative of what is piecewise constant: zero."""
    return 0.0


def unknown(*args):
    """Stand for a derivative that is not known."""
    raise NotImplementedError


def arguments(name):
    """Return the names of a ufunc's arguments as its documentation gives them."""
    for line in (getattr(sc, name, None).__doc__ or "").splitlines() if hasattr(sc, name) else ():
        found = re.fullmatch(rf"{name}\(([\w, ]*?)(, out.*)?\)", line.strip())
        if found:
            return found[1].split(", ")
    return []


def _refusal(name, i, names):
    """Return a partial that raises."""

    def refuse(*args):
        known = names or arguments(name)
        argument = f"argument {known[i]!r}" if i < len(known) else f"argument {i}"
        raise UnsupportedError(
            f"scipy.special.{name} has no known derivative with respect to its {argument}; pass it as a constant, "
            "mmad.concrete(v) or mmad.stop_gradient(v), or give the function a rule with mmad.primitive"
        )

    return refuse


def _partials(name, partials, names=None):
    return [_refusal(name, i, names) if p is unknown else p for i, p in enumerate(partials)]


def ufunc(name, *partials, points=(), names=None, bound=1e-12, of=None):
    """Declare a ufunc with one result.

    Parameters
    ----------
    name : str
    *partials : callable
        ``partial(*operands, result)``, `constant` or `unknown`, for each argument.
    points : sequence of tuples
        Arguments inside the domain.
    names : sequence of str, optional
        Of the arguments, where SciPy's documentation does not give them.
    bound : float
        As in :class:`Rule`.
    of : ufunc, optional
        The ufunc, where it is not public.

    Returns
    -------
    Op, or None where this SciPy does not have the ufunc.
    """
    f = getattr(sc, name, None) if of is None else of
    if f is None:
        return None
    op = elementwise(f"{PACKAGE}.{name}", f, *_partials(name, partials, names))
    known = tuple(i for i, p in enumerate(partials) if p is not unknown and p is not constant)
    missing = tuple(i for i, p in enumerate(partials) if p is unknown)
    RULES[name] = Rule(name, getattr(sc, name, f), tuple(points), known, missing, bound=bound, names=tuple(names or ()))
    return op


def family(name, impl, *partials, nin=None):
    """Declare a function that SciPy does not have, or not as a ufunc, which derivatives are written with."""
    return elementwise(f"{PACKAGE}.{name}", impl, *_partials(name, partials), nin=nin)


class Part:
    """One of several results of a ufunc."""

    def __init__(self, f, k):
        self.ufunc, self.k = f, k
        self.__name__ = f"{f.__name__}_{k}"

    def __call__(self, *operands):
        return self.ufunc(*operands)[self.k]


def parts(name, *results, points=(), names=None, bound=1e-12):
    """Declare a ufunc with several results.

    Parameters
    ----------
    *results : tuple of callable
        For each result its partials.

    Returns
    -------
    tuple of Op
        One for each result.
    """
    f = getattr(sc, name)
    ops = tuple(
        elementwise(f"{PACKAGE}.{name}_{k}", Part(f, k), *_partials(name, partials, names), nin=f.nin)
        for k, partials in enumerate(results)
    )
    FUNCTIONS[f] = lambda *operands: tuple(op(*operands) for op in ops)
    known = tuple(i for i in range(f.nin) if any(p[i] not in (unknown, constant) for p in results))
    missing = tuple(i for i in range(f.nin) if all(p[i] is unknown for p in results))
    RULES[name] = Rule(name, f, tuple(points), known, missing, f.nout, bound=bound, names=tuple(names or ()))
    return ops


def function(name, f, differentiable, points=(), bound=1e-12, kernel=False):
    """Declare a Python function of `scipy.special` by a function of traced values, and return it."""
    original = getattr(sc, name, None)
    if original is not None:
        FUNCTIONS[original] = f
        RULES[name] = Rule(name, f, tuple(points), differentiable, plain=False, bound=bound, kernel=kernel)
    return f


def composed(name, differentiable, points=(), bound=1e-12):
    """Declare a Python function that is made of functions with rules, so that traced values pass through it."""
    if hasattr(sc, name):
        RULES[name] = Rule(name, getattr(sc, name), tuple(points), differentiable, bound=bound, kernel=True)


def alias(name, other):
    """Declare another name of a ufunc."""
    RULES[name] = replace(RULES[other], name=name)


def shifted(n, by, least=None):
    """Return an order or degree n + by, an integer where n is one: SciPy has other formulas for those."""
    if isinstance(n, Traced):
        y = a.add(n, by)
        return y if least is None else a.maximum(y, least)
    y = n + by
    return y if least is None else np.maximum(y, least)


def whole(n):
    """Return what SciPy uses of an argument that it converts to an integer."""
    return a.trunc(a.multiply(n, 1.0))


WEAK = (float, complex)


def _real(dtype):
    return np.empty(0, dtype).real.dtype


def numeric(f):
    """Decorate a function of arrays in double precision: it takes numbers and arrays, and keeps single precision."""

    @functools.wraps(f)
    def kept(*args):
        arrays = [np.asarray(x) for x in args]
        # Python's numbers do not promote, as in NumPy
        strong = [x.dtype for x, v in zip(arrays, args, strict=True) if x.dtype.kind in "fc" and type(v) not in WEAK]
        dtype = np.result_type(np.float32, *strong) if strong else np.dtype(np.float64)
        arrays = [x.astype(np.result_type(x, np.float64)) if x.dtype.kind in "fc" else x for x in arrays]
        with np.errstate(all="ignore"):
            y = np.asarray(f(*arrays))
        return y.astype(np.result_type(dtype, np.complex64) if y.dtype.kind == "c" else _real(dtype))[()]

    return kept


BLOCK = 128  # elements that a quadrature takes at once: their nodes fit into the cache


def in_blocks(orders):
    """Decorate a function of arrays whose memory is many times that of its arrays; the first `orders` are numbers."""

    def decorate(f):
        @functools.wraps(f)
        def blocked(*args):
            arrays = np.broadcast_arrays(*args[orders:])
            shape, flat = arrays[0].shape, [v.reshape(-1) for v in arrays]
            parts = [f(*args[:orders], *(v[k : k + BLOCK] for v in flat)) for k in range(0, flat[0].size, BLOCK)]
            return np.concatenate(parts).reshape(shape) if parts else np.zeros(shape)

        return blocked

    return decorate


def piecewise(condition, first, second, *operands):
    """Return one formula where a condition on plain arrays holds and another where not, of those elements alone.

    Parameters
    ----------
    condition : array of bool
    first, second : callable
        Of the operands, arrays that broadcast with the condition; elementwise.
    """
    if condition.all():
        return first(*operands)
    if not condition.any():
        return second(*operands)
    condition, *operands = np.broadcast_arrays(condition, *operands)
    held = first(*(v[condition] for v in operands))
    y = np.empty(condition.shape, held.dtype)
    y[condition] = held
    y[~condition] = second(*(v[~condition] for v in operands))
    return y


def select(condition, first, second, *operands, safe):
    """Return one formula where a condition holds and another where not, each evaluated only where it is used.

    Parameters
    ----------
    condition : bool or array of bool
        Plain: traced comparisons leave no derivative.
    first, second : callable
        Of the operands.
    safe : tuple of two tuples
        Operands where the first, and the second, formula may be evaluated instead; None: as they are.
    """

    def kept(where, values):
        return [x if v is None else a.select(where, x, v) for x, v in zip(operands, values, strict=True)]

    otherwise = a.logical_not(condition)
    return a.select(condition, first(*kept(condition, safe[0])), second(*kept(otherwise, safe[1])))
