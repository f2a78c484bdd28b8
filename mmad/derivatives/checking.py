"""`check_derivatives`: derivatives against differences and against each other."""

from __future__ import annotations

import dataclasses

import numpy as np

from mmad._core import shape_of
from mmad.derivatives.first_order import jvp, vjp
from mmad.derivatives.references import REFERENCES, extrapolated_difference, inner_product
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.leaves import describe

__all__ = ["ReferenceComparison", "Report", "check_derivatives"]

ROUNDING = 2.0**-44  # relative, of two modes that are both exact

#: Spelling -> mode.
MODES = {"forward": "forward", "fwd": "forward", "reverse": "reverse", "rev": "reverse"}

#: Default tolerances by the coarsest precision among the arguments: what extrapolated differences can confirm.
TOLERANCES = {8: (1e-6, 1e-8), 4: (2e-3, 1e-4), 2: (5e-2, 1e-2)}


@dataclasses.dataclass(frozen=True)
class ReferenceComparison:
    """One derivative compared with one reference, along one random direction.

    Attributes
    ----------
    order : int
    derivative : str
        "reverse", "forward over reverse", ...
    reference : str
        Its name, or the mode it was compared with.
    got, expected : float
    error : float
        ``|got - expected| / (atol + rtol * scale)``: above 1 they disagree.
    """

    order: int
    derivative: str
    reference: str
    got: float
    expected: float
    error: float


@dataclasses.dataclass(frozen=True)
class Report:
    """What `check_derivatives` compared."""

    comparisons: tuple[ReferenceComparison, ...]

    @property
    def worst(self) -> float:
        """The largest error, in units of the tolerance."""
        return max((c.error for c in self.comparisons), default=0.0)

    @property
    def failures(self) -> tuple[ReferenceComparison, ...]:
        """The comparisons that disagree."""
        return tuple(c for c in self.comparisons if not c.error <= 1)

    def __str__(self) -> str:
        rows = [("order", "derivative", "against", "got", "expected", "error/tolerance")]
        rows += [
            (str(c.order), c.derivative, c.reference, f"{c.got:.10g}", f"{c.expected:.10g}", f"{c.error:.2g}")
            for c in self.comparisons
        ]
        widths = [max(len(r[k]) for r in rows) for k in range(6)]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows)


class _Flat:
    """A function as one of arrays to arrays: differentiable leaves in, differentiable leaves out."""

    def __init__(self, f, args):
        self.f = f
        self.leaves, self.structure = tree.flatten(tuple(args))
        self.where = [k for k, x in enumerate(self.leaves) if _varies(x)]
        if not self.where:
            raise TypeError("none of the arguments is a floating-point number or array")

    def __call__(self, *xs):
        leaves = list(self.leaves)
        for k, x in zip(self.where, xs, strict=True):
            leaves[k] = x
        out = tree.flatten(self.f(*tree.unflatten(self.structure, leaves)))[0]
        out = [unboxed(y) for y in out]
        return tuple(y for y in out if _varies(y))

    @property
    def point(self):
        return tuple(self.leaves[k] for k in self.where)


def _varies(x):
    if isplain(x, bool | int | str | bytes | type(None)):
        return False
    dtype = getattr(x, "dtype", None)
    return dtype.kind in "fc" if dtype is not None else isplain(x, float | complex)


def _dtype(x):
    return getattr(x, "dtype", None) or np.result_type(type(x))


def _in_kind_of(x, values):
    """Return the values in the kind and dtype of x."""
    if type(x) in (float, complex):
        return type(x)(values)
    return np.asarray(values, _dtype(x))[()] if not isplain(x, np.ndarray) else np.asarray(values, _dtype(x))


def _direction(xs, rng):
    """Return a random direction, each entry at the scale of its value."""
    out = []
    for x in xs:
        v = rng.uniform(0.25, 1.0, shape_of(x)) * rng.choice([-1.0, 1.0], shape_of(x))
        if _dtype(x).kind == "c":
            v = v * np.exp(2j * np.pi * rng.uniform(size=shape_of(x)))
        out.append(_in_kind_of(x, v * np.maximum(1.0, np.abs(x))))
    return tuple(out)


def _differences(f, xs, vs, ct):
    """Return d/dt <ct, f(x + t v)> at 0, in double precision whatever that of the arguments is."""
    wide = [np.result_type(_dtype(x), np.float64) for x in xs]

    def at(t):
        moved = [(np.asarray(x, d) + t * np.asarray(v, d))[()] for x, v, d in zip(xs, vs, wide, strict=True)]
        return inner_product(ct, f(*[_as(x, m) for x, m in zip(xs, moved, strict=True)]))

    return extrapolated_difference(at)[0]


def _as(x, moved):
    """Return a moved argument in the kind of the original, in double precision."""
    return type(x)(moved) if type(x) in (float, complex) else np.array(moved) if isplain(x, np.ndarray) else moved


def check_derivatives(
    f, args, order=2, modes=("forward", "reverse"), *, reference="differences", rtol=None, atol=None, seed=0
):
    """Check the derivatives of a function at a point.

    Along random directions, each mode is compared with a reference, by default central differences
    (Richardson-extrapolated, of the derivative of the order below), and the modes with each other, to rounding, by the
    identity <y_bar, J v> = <J^T y_bar, v>.  For second order the derivatives are themselves checked, in every nesting.

    Parameters
    ----------
    f : callable
        Of numbers, arrays and trees, to the same.  Integers, truth values, None and text stay as they are.
    args : tuple
    order : int
        Highest order of derivative.
    modes : sequence of {"forward", "reverse"} (or "fwd", "rev")
    reference : {"differences", "extended", "complex step"} or callable, optional
        What derivatives are compared with.  "extended": differences of `f` itself in extended precision, in which it
        must run, and so sharper; "complex step": `f` itself at complex points, which is exact for analytic functions
        of real arguments; or ``reference(f, xs, directions, weights)``, which gives the mixed derivative of the inner
        product of `weights` with ``f(*xs)`` along the directions; there, `f` takes and gives flat tuples of arrays.
    rtol, atol : float, optional
        By default 1e-6 and 1e-8, more for float32 arguments; 2e-12 for "extended" and 1e-13 for "complex step" in first
        order, 1e-9 in second.
    seed : int
        Of the random directions.

    Returns
    -------
    Report
        Its `comparisons`, and `worst`, the largest error in units of the tolerance.

    Raises
    ------
    AssertionError
        With a table of what disagrees; or where the function, run on traced values, gives another *value* than it gives
        plainly.

    Notes
    -----
    At a kink, differences are symmetric, as mmad's conventions are (the slopes' mean): it passes in first order.

    References
    ----------
    .. [1] Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982), 75-76.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> report = mmad.check_derivatives(lambda x: np.sin(x) * x, (np.array([0.5, -1.0]),))
    >>> report.worst < 1
    True
    """
    unknown = [m for m in modes if m not in MODES]
    if unknown or not modes:
        raise ValueError(f"check_derivatives: modes are 'forward' and 'reverse', not {unknown or modes!r}")
    if not isinstance(args, tuple | list):
        raise TypeError("check_derivatives: args is a tuple with the function's arguments, as in (x,)")
    if order < 1:
        raise ValueError(f"check_derivatives: order must be at least 1, it is {order}")
    if not callable(reference) and reference not in REFERENCES:
        raise ValueError(f"check_derivatives: reference is one of {', '.join(REFERENCES)}, or a function")
    flat = _Flat(f, args)
    defaults = TOLERANCES[
        min(_dtype(x).itemsize // (2 if _dtype(x).kind == "c" else 1) for x in flat.point)
        if all(_dtype(x).itemsize <= 16 for x in flat.point)
        else 8
    ]
    checker = _Checker(flat, tuple(dict.fromkeys(MODES[m] for m in modes)), reference, (rtol, atol), defaults, seed)
    checker.check(flat, order, (), None, (), False)
    report = Report(tuple(checker.found))
    if report.failures:
        raise AssertionError(f"{describe(f, 'derivatives')} disagree:\n{Report(report.failures)}")
    return report


def _compare_values(f, xs, ys, modes, rtol, atol):
    """Raise where the traced run of a function gives another value than the function itself: it took another branch."""
    traced = {"forward": lambda: jvp(f, xs, xs)[0], "reverse": lambda: vjp(f, *xs)[0]}
    for mode in modes:
        for y, t in zip(ys, traced[mode](), strict=True):
            scale = atol + rtol * float(np.max(np.abs(y), initial=0.0, where=np.isfinite(y)))
            if np.shape(y) != np.shape(t) or not np.allclose(y, t, rtol=rtol, atol=scale, equal_nan=True):
                raise AssertionError(
                    f"{describe(f.f, 'check_derivatives')}: the value of the traced run ({mode} mode) is {t}, that of "
                    f"the function itself {y}: it takes another branch when it is traced, because it tests `type(x)` "
                    "or swallows an exception"
                )


class _Checker:
    """Comparisons of a function's derivatives with a reference and with each other.

    A derivative along a direction is a function again, and so is one along all directions, contracted with weights:
    both are checked as the function itself is.  All these contractions are mixed derivatives of <weights, f> along some
    directions, which a reference can give.
    """

    def __init__(self, flat, modes, reference, tolerances, defaults, seed):
        self.flat, self.xs, self.modes, self.found = flat, flat.point, modes, []
        self.name = reference if type(reference) is str else getattr(reference, "__name__", "reference")
        self.reference, self.by_order = REFERENCES[reference] if type(reference) is str else (reference, None)
        self.tolerances, self.defaults = tolerances, defaults
        self.rng = np.random.default_rng(seed)

    def tolerance(self, order):
        """Return the relative and the absolute tolerance of an order."""
        defaults = self.defaults
        if self.by_order is not None and defaults == TOLERANCES[8]:  # beyond it the arguments' precision is what counts
            defaults = (self.by_order[min(order, max(self.by_order))],) * 2
        return [d if t is None else t for t, d in zip(self.tolerances, defaults, strict=True)]

    def check(self, f, order, path, weights, directions, contracted):
        """Compare the derivatives of f, which is itself `path` applied to the user's function.

        It is the mixed derivative of <weights, user's function> along `directions` and one more that is left open
        (`contracted`), or of the user's function along `directions`, its results left open.
        """
        xs = self.xs
        ys = f(*[x.copy() if isplain(x, np.ndarray) else x for x in xs])
        if not ys:
            return
        level = len(path) + 1
        rtol, atol = self.tolerance(level)
        if not path:
            _compare_values(f, xs, ys, self.modes, *self.defaults)
        vs = _direction(xs, self.rng)
        ct = tuple(_in_kind_of(y, c) for y, c in zip(ys, _direction(ys, self.rng), strict=True))
        closed = (weights, (*directions, ct)) if contracted else (ct, directions)
        if self.reference is None:
            expected = _differences(f, xs, vs, ct)
        else:
            expected = self.reference(self.flat, xs, [*closed[1], vs], closed[0])
        got, derived = {}, {}
        if "forward" in self.modes:
            derived["forward"] = lambda *x: jvp(f, x, vs)[1], weights, (*directions, vs), contracted
            y_dots = derived["forward"][0](*xs)
            got["forward"] = inner_product(ct, y_dots)
            scale = sum(float(np.sum(np.abs(c * d))) for c, d in zip(ct, y_dots, strict=True))
        if "reverse" in self.modes:
            derived["reverse"] = lambda *x: vjp(f, *x)[1](ct), *closed, True
            x_bars = derived["reverse"][0](*xs)
            got["reverse"] = inner_product(x_bars, vs)
            scale = sum(float(np.sum(np.abs(c * d))) for c, d in zip(x_bars, vs, strict=True))

        def compare(mode, value, against, wanted, tolerance):
            difference = abs(value - wanted)
            error = difference / tolerance if difference == difference else np.inf
            self.found.append(ReferenceComparison(level, " over ".join((mode, *path)), against, value, wanted, error))

        for mode, value in got.items():
            compare(mode, value, self.name, expected, atol + rtol * scale)
        if len(got) == 2:
            # both are exact to rounding: a thousandth of what differences can show
            exact = max(1e-3 * (atol + rtol * scale), ROUNDING * scale)
            compare("forward", got["forward"], "reverse", got["reverse"], exact)
        if order > 1:
            for mode, (g, *form) in derived.items():
                self.check(g, order - 1, (mode, *path), *form)
