"""Derivatives of elementwise operations to the last digits, from one end of the exponent range to the other.

First derivatives are within 4 units in the last place of exact ones, second ones within 16, eagerly and compiled.
docs/accuracy.md has the errors at 1000 points each; :data:`WRITE` writes it, with names after it the rows of these.
"""

import pathlib
import re
import sys

import numpy as np
import pytest
from exact_derivatives import binary_points, convention, derivative, ulps, unary_points
from operation_cases import WITH_PARTIALS

import mmad
from mmad.ops.declare import OPTIONAL
from mmad.tape._instructions import OPERATIONS

WRITE = "PYTHONPATH=tests/support python tests/ops/test_accuracy.py"
FIRST, SECOND = 4, 16
FEW, SOME, MANY = 80, 200, 1000  # of the tests, the slow tests, the page
DTYPES = (np.float64, np.float32)
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
#: What users call by name; the others serve these, and are tested with them.
NAMES = [n for n in WITH_PARTIALS if hasattr(np, n) or n in {op.name for _, op in OPTIONAL}]


def orders(name):
    """The operands that first and second derivatives are by."""
    return [(0,), (0, 0)] if OPERATIONS[name].nin == 1 else [(0,), (1,), (0, 0), (0, 1), (1, 1)]


def exact(name, by, xs):
    """A derivative at each point, or what mmad gives by convention where there is none; None where nothing is said."""
    found = []
    for point in zip(*(x.astype(float) for x in xs), strict=True):
        right = derivative(name, by, *point)
        found.append(convention(name, by, *map(float, point)) if right is None else right)
    return found


def points(name, dtype, n):
    return (unary_points(name, dtype, n),) if OPERATIONS[name].nin == 1 else binary_points(name, dtype, n)


def pulled(op, i):
    """The first derivative by operand i, of arrays, in reverse mode."""
    return lambda *xs: mmad.vjp(op, *xs)[1](np.ones(xs[0].shape, xs[0].dtype))[i]


def along(xs, j):
    one = np.ones_like(xs[0])
    return tuple(one if k == j else np.zeros_like(one) for k in range(len(xs)))


def ways(op, by):
    """The ways to a derivative: name -> function of arrays."""
    if len(by) == 1:
        (i,) = by
        return {
            "reverse": pulled(op, i),
            "forward": lambda *xs: mmad.jvp(op, xs, along(xs, i))[1],
            "compiled": mmad.compile(pulled(op, i)),
        }
    i, j = by

    def forward(*xs):
        return mmad.jvp(pulled(op, i), xs, along(xs, j))[1]

    return {
        "forward over reverse": forward,
        "reverse over reverse": lambda *xs: mmad.vjp(pulled(op, i), *xs)[1](np.ones_like(xs[0]))[j],
        "compiled": mmad.compile(forward),
    }


def errors(name, dtype, n):
    """The largest errors of first and second derivatives, with a line for every way that is beyond the limits."""
    op, xs = OPERATIONS[name], points(name, dtype, n)
    largest, beyond = [0.0, 0.0], []
    for by in orders(name):
        want = exact(name, by, xs)
        for way, calculate in ways(op, by).items():
            with np.errstate(all="ignore"):
                got = np.broadcast_to(calculate(*xs), xs[0].shape)
            assert got.dtype == dtype
            e = ulps(got, want, dtype)
            k, order = int(np.argmax(e)), len(by) - 1
            largest[order] = max(largest[order], e[k])
            if e[k] > (FIRST, SECOND)[order]:
                at = ", ".join(repr(float(x[k])) for x in xs)
                beyond.append(f"{way}, by {by}: {e[k]:.3g} ulp at {at}: {got[k]!r} for {float(want[k])!r}")
    return largest, beyond


@pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_in_the_last_places(name, dtype):
    _, beyond = errors(name, dtype, FEW)
    assert not beyond, "\n".join(beyond)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_in_the_last_places_at_many_points(name, dtype):
    _, beyond = errors(name, dtype, SOME)
    assert not beyond, "\n".join(beyond)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_as_arrays_are(name):
    """Numbers go through the scalar programs: the same limits."""
    op = OPERATIONS[name]
    xs = tuple(x[:40] for x in points(name, np.float64, FEW))
    for by in orders(name):
        want = exact(name, by, xs)

        def first(*z, i=by[0]):
            return mmad.vjp(op, *z)[1](1.0)[i]

        unit = tuple(float(k == by[-1]) for k in range(len(xs)))
        calculate = first if len(by) == 1 else lambda *z, first=first, unit=unit: mmad.jvp(first, z, unit)[1]
        with np.errstate(all="ignore"):
            got = [calculate(*[float(v) for v in point]) for point in zip(*xs, strict=True)]
        assert max(ulps(got, want, np.float64)) <= (FIRST if len(by) == 1 else SECOND), (name, by)


# --------------------------------------------------------------------------------------------- the page
HEAD = f"""# Accuracy of derivatives

The largest error of the first and second derivatives of every elementwise operation, in units in the last place of the
exact answer ([mpmath](https://mpmath.org) in 25 digits), at about {MANY} points each: numbers of every exponent,
subnormal ones included, both ends of the exponent range, the neighbourhood of zeros and poles, and numbers of ordinary
size. Each number is the worst of forward mode, reverse mode and the compiled program. First derivatives are within
{FIRST}, second ones within {SECOND}; `tests/ops/test_accuracy.py` checks it and writes this page. Where the exact
derivative over- or underflows, so does the computed one. Where 1 + y log(x) cancels, the mixed derivative of x**y
has the error of y log(x); where x / y is subnormal, its derivatives have its error: these points are left out.

| operation | float64, first | second | float32, first | second |
|---|---|---|---|---|
"""


ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)


def page(measured, before=""):
    """The text of docs/accuracy.md; operations that are not measured keep their rows of the page before."""
    rows = dict(ROW.findall(before))
    for name in measured:
        rows[name] = " | ".join(f"{e:.1f}" for dtype in DTYPES for e in errors(name, dtype, MANY)[0])
    return HEAD + "".join(f"| `{name}` | {rows[name]} |\n" for name in NAMES if name in rows)


def test_the_page_is_up_to_date():
    """In its text and rows; its numbers depend on the machine's math library, their limits do not."""
    text = PAGE.read_text()
    assert text.startswith(HEAD), f"run {WRITE}"
    rows = ROW.findall(text)
    missing = " ".join(set(NAMES) - {name for name, _ in rows})
    assert [name for name, _ in rows] == NAMES, f"run {WRITE} {missing}"
    for name, cells in rows:
        numbers = [float(c) for c in cells.split(" | ")]
        assert all(e <= limit for e, limit in zip(numbers, (FIRST, SECOND) * 2, strict=True)), name


if __name__ == "__main__":
    PAGE.write_text(page(sys.argv[1:] or NAMES, PAGE.read_text()))
