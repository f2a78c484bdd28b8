"""The functions of scipy.special: values, first and second derivatives at their points, in every way."""

import itertools

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")
from exact_special import EXACT, exact  # noqa: E402

import mmad  # noqa: E402
from mmad.scipy.special import RULES  # noqa: E402

FLOOR = 1e-45  # smaller numbers are compared with zero
#: (name, number of the result; None where there is one)
CASES = [(r.name, k) for r in RULES.values() if r.points for k in (range(r.results) if r.results > 1 else (None,))]
IDS = [name if k is None else f"{name}-{k}" for name, k in CASES]


def one_result(f, k):
    return f if k is None else (lambda *x: f(*x)[k])


def by(f, i, point):
    """The function of argument i alone."""
    return lambda x: f(*point[:i], x, *point[i + 1 :])


def forward(f):
    return lambda x: mmad.jvp(f, (x,), (1.0 + 0j if isinstance(x, complex) else 1.0,))[1]


def check(got, want, bound, *what):
    want, got = complex(want), complex(got)
    if not np.isfinite(want):
        assert not np.isfinite(got), (*what, got, want)
    error = abs(got - want)
    assert not error > max(bound * abs(want), FLOOR), (*what, got, want, f"{error / (abs(want) + FLOOR):.1e}")


def count(point, *arguments):
    return [arguments.count(m) for m in range(len(point))]


def mixed(f, i, j, point):
    """The second derivative by arguments i and j: forward over reverse."""

    def slope(y):
        at = list(point)
        at[j] = y
        return mmad.grad(by(f, i, at))(at[i])

    return forward(slope)(point[j])


@pytest.mark.parametrize(("name", "k"), [c for c in CASES if c[0] in EXACT])
def test_derivatives_against_mpmath(name, k):
    rule = RULES[name]
    f = one_result(rule.function, k)
    for point in rule.points:
        if any(isinstance(v, complex) for v in point) or np.iscomplexobj(f(*point)):
            for i in rule.differentiable:
                g = by(f, i, point)
                check(forward(g)(point[i]), exact(name, k, count(point, i), point), rule.bound, point, i)
                second = forward(forward(g))(point[i])
                check(second, exact(name, k, count(point, i, i), point), rule.bound, point, i, i)
            continue
        for i in rule.differentiable:
            want = exact(name, k, count(point, i), point)
            check(forward(by(f, i, point))(point[i]), want, rule.bound, point, i, "forward")
            check(mmad.grad(by(f, i, point))(point[i]), want, rule.bound, point, i, "reverse")
        for i, j in itertools.combinations_with_replacement(rule.differentiable, 2):
            want = exact(name, k, count(point, i, j), point)
            check(mixed(f, i, j, point), want, rule.bound, point, i, j)


def _column(values, rule):
    """An argument at all points; a number, where a Python function takes nothing else."""
    return values[0] if isinstance(values[0], int) and not rule.plain else np.array(values)


@pytest.mark.parametrize(("name", "k"), CASES, ids=IDS)
def test_values_dtypes_and_ways(name, k):
    """The value is SciPy's to the bit, eager and compiled; single precision stays; all ways to a derivative agree."""
    rule = RULES[name]
    if not rule.differentiable and rule.unknown:
        return
    real = [p for p in rule.points if not any(isinstance(v, complex) for v in p)] or rule.points
    columns = [_column(c, rule) for c in zip(*real, strict=True)]
    i = rule.differentiable[-1] if rule.differentiable else 0
    f, g = one_result(rule.function, k), by(one_result(rule.function, k), i, columns)
    x, one = columns[i], np.ones_like(columns[i])
    want = one_result(getattr(special, name, rule.function), k)(*columns)
    value, tangent = mmad.jvp(g, (x,), (one,))
    for got in (value, mmad.compile(g)(x)):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=9e-16 if rule.kernel else 0)
    if np.iscomplexobj(want):
        return
    total = lambda x: np.sum(g(x))
    first, second = mmad.grad(total)(x), mmad.hvp(total)(x, one)
    np.testing.assert_allclose(tangent, first, rtol=1e-13)
    np.testing.assert_allclose(mmad.compile(mmad.grad(total))(x), first, rtol=1e-13)
    np.testing.assert_allclose(mmad.compile(mmad.hvp(total))(x, one), second, rtol=1e-12, atol=1e-40)
    single = [c.astype(np.float32) if np.asarray(c).dtype.kind == "f" else c for c in columns]
    g = by(f, i, single)
    assert mmad.grad(lambda x: np.sum(g(x)))(single[i]).dtype == np.float32
    assert mmad.jvp(g, (single[i],), (single[i],))[1].dtype == g(single[i]).dtype


UNKNOWN = [
    (name, k, i) for name, k in CASES for i in RULES[name].unknown if isinstance(RULES[name].points[0][i], float)
]


@pytest.mark.parametrize(("name", "k", "i"), UNKNOWN)
def test_an_argument_without_a_derivative_is_named(name, k, i):
    point = RULES[name].points[0]
    with pytest.raises(TypeError, match=r"scipy.special.\w+ has no known derivative with respect to its argument '"):
        forward(by(one_result(RULES[name].function, k), i, point))(point[i])
