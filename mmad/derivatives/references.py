"""Derivatives of a function by other means than mmad's: what `check_derivatives` compares with.

A reference gives the derivative of <weights, f> at a point along one direction, or a mixed one along several.

================  =================================================================================================
name              how
================  =================================================================================================
"differences"     extrapolated central differences in double precision, of mmad's derivative of the order below
"extended"        central differences of eighth order in extended precision, of the function itself to any order
"complex step"    the imaginary part of the function at a complex point, exact to rounding; of analytic functions of
                  real arguments, by differences of it beyond first order
================  =================================================================================================
"""

import numpy as np

from mmad.python.kinds import isplain

__all__ = ["REFERENCES", "central_difference", "extrapolated_difference", "inner_product", "mixed_difference"]

STEPS = 10  # rows of the extrapolation table
FIRST_STEP = 2.0**-6  # times max(1, |x|); the last is 2**-15, where rounding costs about 1e-11 of f
WEIGHTS = ((4, 5), (-1, 5), (4, 105), (-1, 280))  # of f(x + k h) - f(x - k h), k = 1..4, as fractions: of eighth order
#: The step in extended precision by the order of the derivative: truncation h**8, rounding 1e-19 / h**order.
EXTENDED_STEP = {1: 1e-4, 2: 1e-3, 3: 4e-3}
COMPLEX_STEP = 1e-30  # times the direction: squared it is nothing


def inner_product(xs, ys):
    """Return the real inner product of two lists of arrays."""
    return float(sum(np.sum(np.real(np.conj(x) * y), dtype=np.float64) for x, y in zip(xs, ys, strict=True)))


def central_difference(at, h):
    """Return d/dt at(t) at 0 by a central difference of eighth order; `at` gives numbers or arrays."""
    return sum(p * (at(k * h) - at(-k * h)) / q for k, (p, q) in enumerate(WEIGHTS, start=1)) / h


def mixed_difference(f, xs, directions, h):
    """Return the derivative of f at `xs` along several directions, by central differences of such.

    Parameters
    ----------
    f : callable
        ``f(*xs)`` -> number or array.
    xs : tuple of ndarray
        In the precision that the differences are to have.
    directions : list of tuple of ndarray
        Each like `xs`.
    h : float
    """
    if not directions:
        return f(*xs)
    *rest, v = directions

    def at(t):
        return mixed_difference(f, tuple(x + t * d for x, d in zip(xs, v, strict=True)), rest, h)

    return central_difference(at, h)


def extrapolated_difference(at):
    """Return d/dt at(t) at 0, by central differences with Richardson extrapolation; and an estimate of its error.

    The entry of the table with the smallest difference from its neighbours is taken (Ridders 1982).
    """
    table, best, estimate, h = [], np.nan, np.inf, FIRST_STEP
    with np.errstate(all="ignore"):
        for i in range(STEPS):
            row = [(at(h) - at(-h)) / (2 * h)]
            for j in range(i):
                row.append(row[j] + (row[j] - table[i - 1][j]) / (4.0 ** (j + 1) - 1))
                error = max(abs(row[j + 1] - row[j]), abs(row[j + 1] - table[i - 1][j]))
                if error <= estimate:
                    best, estimate = row[j + 1], error
            table.append(row)
            h /= 2
    return best, estimate


def by_extended_differences(f, xs, directions, weights):
    """Return the reference "extended"."""
    wide = tuple(np.asarray(x, np.result_type(x, np.longdouble))[()] for x in xs)
    with np.errstate(all="ignore"):
        h = np.longdouble(EXTENDED_STEP[min(len(directions), max(EXTENDED_STEP))])
        return float(mixed_difference(lambda *x: _weighted(f, x, weights), wide, directions, h))


def by_complex_step(f, xs, directions, weights):
    """Return the reference "complex step"."""
    if any(np.iscomplexobj(x) for x in xs):
        raise TypeError("check_derivatives: a complex step is for real arguments")
    *rest, v = directions

    def imaginary(*x):
        moved = [p + 1j * COMPLEX_STEP * np.asarray(d, float) for p, d in zip(x, v, strict=True)]
        return sum(np.sum(w * np.imag(y)) for w, y in zip(weights, f(*moved), strict=True)) / COMPLEX_STEP

    wide = tuple(np.asarray(x, np.float64)[()] for x in xs)
    with np.errstate(all="ignore"):
        return float(mixed_difference(imaginary, wide, rest, 1e-2))


def _weighted(f, xs, weights):
    """Return <weights, f(xs)> in the precision of the values."""
    results = f(*[x.copy() if isplain(x, np.ndarray) else x for x in xs])
    return sum(np.sum(np.real(np.conj(w) * y)) for w, y in zip(weights, results, strict=True))


#: By name: the reference, and its relative and absolute tolerance by order; None: as the arguments' precision allows.
REFERENCES = {
    "differences": (None, None),
    "extended": (by_extended_differences, {1: 2e-12, 2: 1e-9, 3: 1e-6}),
    "complex step": (by_complex_step, {1: 1e-13, 2: 1e-9, 3: 1e-6}),
}
