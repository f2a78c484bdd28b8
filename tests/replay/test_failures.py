"""Exceptions under `mmad.compile`: the function's own `except` decides, at every call."""

import operator
import warnings
from warnings import catch_warnings as collecting

import numpy as np
import pytest

import mmad

GOOD = np.array([2.0, 3.0])
BAD = np.array([-2.0, 3.0])


def both(f, *points, derivative=lambda f: f):
    """A compiled function compared with itself at points, several times over."""
    g, h = mmad.compile(derivative(f)), derivative(f)
    for _ in range(3):
        for x in points:
            np.testing.assert_allclose(g(x), h(x), rtol=1e-12, atol=1e-300)
    return g


def likelihood(x):
    k = np.array([[4.0, 1.0], [1.0, 3.0]]) * x[0]
    try:
        factor = np.linalg.cholesky(k)
    except np.linalg.LinAlgError:
        factor = np.linalg.cholesky(k + 30.0 * np.eye(2))
    return np.log(np.diagonal(factor)).sum() * x[1]


@pytest.mark.parametrize("derivative", [lambda f: f, mmad.grad, mmad.hessian, mmad.jacobian])
@pytest.mark.parametrize("points", [(GOOD, BAD), (BAD, GOOD), (BAD, 2 * BAD, GOOD, 3 * GOOD)])
def test_a_factor_that_does_not_exist(derivative, points):
    g = both(likelihood, *points, derivative=derivative)
    assert g.stats()["records"] == 2
    assert g.stats()["eager"] == 0


def test_jitter_in_a_loop():
    def f(x):
        k, jitter = np.outer(x, x), 1e-3
        for _ in range(8):
            try:
                return np.linalg.cholesky(k - np.eye(2) * 0.5 + jitter * np.eye(2))[1, 1]
            except np.linalg.LinAlgError:
                jitter = jitter * 10
        return x[0]

    both(f, np.array([1.0, 2.0]), np.array([3.0, 0.1]), np.array([0.5, 0.5]), derivative=mmad.grad)


def test_what_nobody_catches_escapes():
    g = mmad.compile(mmad.grad(lambda x: np.linalg.cholesky(np.eye(2) * x[0])[0, 0]))
    np.testing.assert_allclose(g(GOOD), [0.5 / np.sqrt(2.0), 0.0])
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            g(BAD)
    np.testing.assert_allclose(g(4 * GOOD), [0.5 / np.sqrt(8.0), 0.0])


@pytest.mark.parametrize(
    "attempt",
    [
        lambda a: np.linalg.inv(a)[0, 0],
        lambda a: np.linalg.solve(a, a[0])[0],
        lambda a: np.linalg.cholesky(a)[0, 0],
    ],
)
@pytest.mark.parametrize("caught", [np.linalg.LinAlgError, ValueError, Exception])
def test_other_factorisations(attempt, caught):
    def f(x):
        a = np.stack([x, np.stack([x[1] * 0.0, x[0] * x[1]])])
        try:
            return attempt(a)
        except caught:
            return (x * x).sum()

    both(f, GOOD, np.array([0.0, 3.0]), 2 * GOOD, derivative=mmad.grad)


def test_a_function_of_the_users_own_that_raises():
    def plain(x):
        if x < 0:
            raise ValueError("negative")
        return np.sqrt(x)

    root = mmad.primitive(plain, jvp=lambda dots, out, x: dots[0] / (2 * out))

    def f(x):
        try:
            return root(x)
        except ValueError:
            return -5.0 * x

    g = mmad.compile(f)
    for x in (4.0, -4.0, 9.0, -9.0):
        assert g(x) == (np.sqrt(x) if x > 0 else -5 * x)
    assert g.stats()["eager"] == 0


# ------------------------------------------------------------------------------------------------ arithmetic
@pytest.mark.parametrize("op", [operator.truediv, operator.mod, operator.floordiv])
@pytest.mark.parametrize("caught", [ZeroDivisionError, ArithmeticError, Exception])
@pytest.mark.parametrize("first", [2.0, 0.0])
def test_division_of_pythons_numbers_by_zero(op, caught, first):
    def f(x):
        try:
            return op(7.5, x)
        except caught:
            return 5.0 * x + 3.0

    g = mmad.compile(f)
    for x in (first, 2.0, 0.0, 4.0, -0.0, 2.0):
        assert g(x) == f(x)
    assert g.stats()["eager"] == 0
    h = mmad.compile(mmad.grad(f))
    for x in (first, 0.0, 4.0, 0.0):
        assert h(x) == mmad.grad(f)(x)
    assert mmad.grad(f)(0.0) == 5.0


def test_other_handlers():
    def bare(x):
        try:
            return 1.0 / x
        except:  # noqa: E722
            return x

    def second(x):
        try:
            return 1.0 / x
        except (KeyError, ValueError):
            return 0.0 * x
        except (TypeError, ZeroDivisionError) as e:
            return x + len(str(e))

    def outside(x):
        try:
            return inside(x)
        except ZeroDivisionError:
            return 2.0 * x + 1.0

    def inside(x):
        try:
            with warnings.catch_warnings():
                return 1.0 / x
        except KeyError:
            return 100.0 * x
        finally:
            x = 3.0

    def at_power(x):
        try:
            return x**-2.0
        except ZeroDivisionError:
            return x - 7.0

    def overflow(x):
        try:
            return 10.0 ** (x + 400.0)
        except OverflowError:
            return x - 7.0

    for f in (bare, second, outside, at_power, overflow):
        g = mmad.compile(f)
        for x in (2.0, 0.0, -300.0, 0.0, 2.0):
            assert g(x) == f(x), f


def test_without_a_handler_division_by_zero_is_ieees():
    with np.errstate(all="ignore"):
        assert mmad.grad(lambda x: 1.0 / x)(0.0) == -np.inf


@pytest.mark.parametrize("first", [2.0, 0.0])
@pytest.mark.parametrize("kind", [np.float64, np.array, lambda x: np.array([x, x]), lambda x: np.full(6000, x)])
def test_errors_that_numpy_was_asked_to_raise(first, kind):
    def f(x):
        try:
            with np.errstate(divide="raise", invalid="raise"):
                y = 1.0 / x
        except FloatingPointError:
            y = 5.0 * x + 2.0
        return np.sum(y * y)

    both(f, kind(first), kind(2.0), kind(0.0), kind(3.0))
    both(f, kind(first), kind(0.0), kind(3.0), derivative=mmad.grad)


def test_invalid_and_overflow():
    def f(x):
        total = x[0]
        for operation in (np.log, np.sqrt, np.exp):
            try:
                with np.errstate(all="raise"):
                    total = total + operation(x[1])
            except FloatingPointError:
                total = total * 3.0
        return total

    both(f, np.array([1.0, 2.0]), np.array([1.0, -2.0]), np.array([1.0, 800.0]), derivative=mmad.grad)


@pytest.mark.parametrize("first", [2.0, 0.0])
@pytest.mark.parametrize("kind", [np.float64, np.array, lambda x: np.array([x, x]), lambda x: np.full(6000, x)])
@pytest.mark.parametrize("error", [RuntimeWarning, Warning, Exception])
def test_warnings_that_the_function_makes_errors(first, kind, error):
    def f(x):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                y = np.log(1.0 / x)
            except error:
                y = 5.0 * x + 2.0
        return np.sum(y * y)

    both(f, kind(first), kind(2.0), kind(0.0), kind(3.0), kind(-1.0))
    both(f, kind(first), kind(0.0), kind(3.0), kind(-1.0), derivative=mmad.grad)


def test_warnings_that_the_function_ignores_leave_no_guard():
    def f(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return np.sum(np.log(x))
            except RuntimeWarning:
                return np.sum(x)

    with np.errstate(all="ignore"):
        g = both(f, np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([1.0, 3.0]))
    assert g.stats()["records"] == 1


def by_record(x):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        y = np.log(x[0]) * x[1]
    return x[1] * x[1] if seen else y


def by_another_name(x):
    with collecting(record=True) as seen:
        warnings.simplefilter("always")
        y = np.log(x[0]) * x[1]
    return x[1] * x[1] if seen else y


def by_seterrcall(x):
    seen = []
    before = np.seterrcall(lambda kind, _: seen.append(kind))
    try:
        with np.errstate(all="call"):
            y = np.log(x[0]) * x[1]
    finally:
        np.seterrcall(before)
    return x[1] * x[1] if seen else y


def by_errstate(x):
    seen = []
    with np.errstate(divide="call", call=lambda kind, _: seen.append(kind)):
        y = np.log(x[0]) * x[1]
    return x[1] * x[1] if seen else y


def by_showwarning(x):
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args, **_: seen.append(args)
        y = np.log(x[0]) * x[1]
    return x[1] * x[1] if seen else y


class Collecting(warnings.catch_warnings):
    def __init__(self):
        super().__init__(record=True)


def by_a_class(x):
    with Collecting() as seen:
        warnings.simplefilter("always")
        y = np.log(x[0]) * x[1]
    return x[1] * x[1] if seen else y


def by_a_function_of_numpy(x):
    try:
        np.testing.assert_no_warnings(np.log, x[0])
    except AssertionError:
        return x[1] * x[1]
    return np.log(x[0]) * x[1]


COLLECTING = [
    by_record,
    by_another_name,
    by_seterrcall,
    by_errstate,
    by_showwarning,
    by_a_class,
    by_a_function_of_numpy,
]


@pytest.mark.parametrize("f", COLLECTING)
def test_a_function_that_collects_warnings_is_eager(f):
    g = mmad.compile(f)
    with pytest.warns(RuntimeWarning, match="looks at warnings: such calls run eagerly"):
        g(np.array([2.0, 3.0]))
    assert g(np.array([0.0, 3.0])) == 9.0
    assert g(np.array([2.0, 3.0])) == np.log(2.0) * 3.0


# ------------------------------------------------------------------------------------------------ text
TEXTS = {
    "str": lambda x: len(str(x)),
    "format": lambda x: len(format(x)),
    "f-string": lambda x: len(f"{x}"),
    "method": lambda x: len(f"{x!s}"),
    "in a list": lambda x: len(f"{[str(x), 1]}"),
    "digits": lambda x: len(f"{x:.3f}" if np.ndim(x) == 0 else f"{x[0]:.3f}"),
    "a number again": lambda x: float(str(x)[:3]) if np.ndim(x) == 0 else float(str(x[0])[:3]),
    "representation": lambda x: "1" in repr(x),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("points", [(2.0, 2.0, 10.25, 123456.0, 2.0), (GOOD, BAD, GOOD, np.array([1.0, 1e9]))])
def test_text_of_traced_values_leaves_a_guard(name, points):
    def f(x):
        return x * TEXTS[name](x)

    g = both(f, *points)
    assert g.stats()["eager"] == 0
    both(f, *points, derivative=lambda f: mmad.grad(lambda x: np.sum(f(x))))


def test_text_in_a_result():
    g = mmad.compile(lambda x: (x, f"{x:.1f}"))
    for x in (1.0, 2.0, 1.0):
        assert g(x) == (x, f"{x:.1f}")
