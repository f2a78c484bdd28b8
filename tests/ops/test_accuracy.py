"""Derivatives of elementwise operations to the last digits, from one end of the exponent range to the other.

Against 60 digits, first derivatives within 4 units in the last place and second ones within 16, eagerly and compiled.
docs/accuracy.md has the errors at 2000 points each; ``python tests/ops/test_accuracy.py`` writes it.
"""

import pathlib
import re
import sys

import numpy as np
import pytest
from exact_derivatives import BINARY, UNARY, binary_points, exact, ulps, unary_points

import mmad
from mmad.tape._instructions import OPERATIONS, Op

FIRST, SECOND = 4, 16
FEW, MANY = 200, 2000
DTYPES = (np.float64, np.float32)
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
#: Selections between operands, and what serves other operations.
WITHOUT = {"chain", "masked", "settled", "conjugate", "imag", "real", "select", "stop_gradient", "astype", "tied"}


def derivatives(name):
    """The positions that a derivative is by, and what it is in 60 digits."""
    if name in UNARY:
        return list(zip([(0,), (0, 0)], UNARY[name], strict=True))
    return list(zip([(0,), (1,), (0, 0), (0, 1), (1, 1)], BINARY[name], strict=True))


def points(name, dtype, n):
    return (unary_points(name, dtype, n),) if name in UNARY else binary_points(name, dtype, n)


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
    for by, f in derivatives(name):
        want = exact(f, *xs)
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


NAMES = sorted([*UNARY, *BINARY])


def test_every_elementwise_operation_is_here():
    from operation_cases import DIFFERENTIABLE

    from mmad.ops import powers, slopes

    slopes = {op.name for module in (powers, slopes) for op in vars(module).values() if isinstance(op, Op)}
    slopes -= {"absolute", "cbrt", "fabs", "hypot", "log", "power"}
    assert sorted({n for n in DIFFERENTIABLE if OPERATIONS[n].elementwise} - WITHOUT - slopes) == NAMES


@pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_in_the_last_places(name, dtype):
    _, beyond = errors(name, dtype, FEW)
    assert not beyond, "\n".join(beyond)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_in_the_last_places_at_many_points(name, dtype):
    _, beyond = errors(name, dtype, MANY)
    assert not beyond, "\n".join(beyond)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_as_arrays_are(name):
    """Numbers go through the scalar programs: the same limits."""
    op = OPERATIONS[name]
    xs = tuple(x[:40] for x in points(name, np.float64, FEW))
    for by, f in derivatives(name):
        want = exact(f, *xs)

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
exact answer, against 60 digits ([mpmath](https://mpmath.org)), at about {MANY} points each: numbers of every exponent,
subnormal ones included, both ends of the exponent range, the neighbourhood of zeros and poles, and numbers of ordinary
size. Each number is the worst of forward mode, reverse mode and the compiled program. First derivatives are within
{FIRST}, second ones within {SECOND}; `tests/ops/test_accuracy.py` checks it and writes this page. Where the exact
derivative over- or underflows, so does the computed one. Where 1 + y log(x) cancels, the mixed derivative of x**y
has the error of y log(x); where x / y is subnormal, its derivatives have its error: these points are left out.

| operation | float64, first | second | float32, first | second |
|---|---|---|---|---|
"""


def page():
    """The text of docs/accuracy.md."""
    rows = []
    for name in NAMES:
        cells = [f"{e:.1f}" for dtype in DTYPES for e in errors(name, dtype, MANY)[0]]
        rows.append(f"| `{name}` | {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def test_the_page_is_up_to_date():
    """In its text and rows; its numbers depend on the machine's math library, their limits do not."""
    text = PAGE.read_text()
    assert text.startswith(HEAD), "run python tests/ops/test_accuracy.py"
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == NAMES
    for name, cells in rows:
        numbers = [float(c) for c in cells.split(" | ")]
        assert all(e <= limit for e, limit in zip(numbers, (FIRST, SECOND) * 2, strict=True)), name


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.exit(0)
