"""Python decides where the program goes; the derivative is that of the path taken."""

from math import factorial

import numpy as np
import pytest
from helpers import check, derivative

import mmad


@pytest.mark.parametrize("x", [-2.0, 0.5, 3.0])
def test_if_elif_else(mode, x):
    def f(x):
        if x < 0:
            return x * x * x
        if x < 1:
            return np.sin(x) * x
        return 1 / x

    branches = {
        -2.0: lambda m, x: x[0] ** 3,
        0.5: lambda m, x: m.sin(x[0]) * x[0],
        3.0: lambda m, x: 1 / x[0],
    }
    check(mode, f, x, branches[x])


@pytest.mark.parametrize("x", [-1.5, 1.5])
def test_conditional_expression_and_boolean_operators(mode, x):
    def f(x):
        y = x * x if x > 0 else -x * x * x
        return y * 3 if (x > 1 and not x > 2) or x < -10 else y * np.cos(x)

    check(mode, f, x, (lambda m, x: 3 * x[0] ** 2) if x > 0 else (lambda m, x: -(x[0] ** 3) * m.cos(x[0])))


def test_chained_comparison_of_traced_values(mode):
    def f(x):
        low, middle, high = x[0], x[1], x[2]
        return low * middle * high if low < middle < high else low

    check(mode, f, np.array([1.0, 2.0, 3.0]), lambda m, x: x[0] * x[1] * x[2])


def test_match_statement(mode):
    def f(pair):
        match pair:
            case (a, b) if a > b:
                return a - b
            case (a, b):
                return a * a * b
            case _:
                raise AssertionError

    check(mode, f, (1.5, 2.5), lambda m, x: x[0] ** 2 * x[1])


def test_while_until_convergence(mode):
    def newton_sqrt(a):
        x = a
        while abs(x * x - a) > 1e-12:
            x = 0.5 * (x + a / x)
        x = 0.5 * (x + a / x)  # once more, so that the derivatives of the iteration converge too
        return 0.5 * (x + a / x)

    check(mode, newton_sqrt, 7.3, lambda m, x: m.sqrt(x[0]), rtol=1e-10)


def test_while_with_a_data_dependent_trip_count(mode):
    def collatz_like(x):
        count = 0
        while x < 100.0:
            x = x * 2.0 if count % 2 == 0 else x * x
            count += 1
        return x * count

    # 1.5 -> 3 -> 9 -> 18 -> 324: x -> ((2x)^2 * 2)^2, four steps
    check(mode, collatz_like, 1.5, lambda m, x: 4 * ((2 * x[0]) ** 2 * 2) ** 2)


def test_for_with_break_continue_and_else(mode):
    def f(x):
        total = 0.0
        for k in range(1, 100):
            if k % 2 == 0:
                continue
            total = total + x**k / k
            if total > 2.0:
                break
        else:
            return x
        return total * k

    # x = 1.2: 1.2, 1.776, 2.27...: stops at k = 5
    check(mode, f, 1.2, lambda m, x: 5 * (x[0] + x[0] ** 3 / 3 + x[0] ** 5 / 5))
    check(mode, f, 0.5, lambda m, x: x[0])


def test_early_return_from_nested_loops(mode):
    def f(x):
        product = 1.0
        for i in range(3):
            for j in range(4):
                product = product * (x[i] + j)
                if product > 10.0:
                    return product * product
        return product

    # (1.1 + 0)(1.1 + 1)(1.1 + 2)(1.1 + 3) = 29.4 > 10 at j = 3
    x = np.array([1.1, 2.0, 3.0])
    check(mode, f, x, lambda m, x: (x[0] * (x[0] + 1) * (x[0] + 2) * (x[0] + 3)) ** 2)


def test_recursion(mode):
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * x if n % 2 else half * half

    check(mode, lambda x: power(x, 11), 1.3, lambda m, x: x[0] ** 11)


def test_recursion_that_ends_on_a_traced_value(mode):
    def agm(a, b):
        return a if abs(a - b) < 1e-13 else agm((a + b) / 2, np.sqrt(a * b))

    check(mode, lambda x: agm(x, 1.0), 24.0, lambda m, x: m.agm(x[0], 1), rtol=1e-9)


def test_mutual_recursion(mode):
    def even(x, n):
        return x if n == 0 else odd(np.sin(x), n - 1)

    def odd(x, n):
        return even(x * x, n - 1)

    check(mode, lambda x: even(x, 4), 0.8, lambda m, x: m.sin(m.sin(x[0]) ** 2) ** 2)


def test_determinant_by_minors(mode):
    def det(rows):
        if len(rows) == 1:
            return rows[0][0]
        return sum(
            (-1) ** j * rows[0][j] * det([[*row[:j], *row[j + 1 :]] for row in rows[1:]]) for j in range(len(rows))
        )

    def f(a):
        return det([[a[i, j] for j in range(4)] for i in range(4)])

    a = np.random.default_rng(3).normal(size=(4, 4))
    check(mode, f, a, lambda m, x: m.det(m.matrix([x[4 * i : 4 * i + 4] for i in range(4)])))


def test_walrus_and_tuple_swap(mode):
    def f(x):
        a, b = x, 2.0 * x
        while (s := a + b) < 50.0:
            a, b = b, s
        return s * a

    # multiples of x: 1, 2, 3, 5, 8, 13, 21, 34: at x = 1.7 the sum passes 50 at 34 x = 13 x + 21 x
    check(mode, f, 1.7, lambda m, x: 34 * x[0] * 13 * x[0])


def test_assertions(mode):
    def f(x):
        assert x > 0, "positive only"
        y = np.log(x)
        assert np.isfinite(y)
        assert y == y
        return y * x

    check(mode, f, 2.5, lambda m, x: m.log(x[0]) * x[0])
    if mode != "value":
        with pytest.raises(AssertionError, match="positive only"):
            mmad.grad(f)(-1.0)


def test_equality_and_truth_of_traced_values(mode):
    def f(x):
        y = x - 2.0
        if y:
            return x
        return x * x if y == 0 and x != 3.0 and not y else x

    check(mode, f, 2.0, lambda m, x: x[0] ** 2)


def test_min_max_abs_round_builtins(mode):
    def f(x):
        return max(x[0], x[1]) * min(x[1], x[2], 7.0) + abs(-x[0]) + sum(x) + pow(x[2], 2)

    x = np.array([1.0, 4.0, 2.0])
    check(mode, f, x, lambda m, x: x[1] * x[2] + x[0] + x[0] + x[1] + x[2] + x[2] ** 2)


def test_sorted_by_traced_values(mode):
    def f(x):
        ordered = sorted([x[0], x[1], x[2]], key=lambda t: -t)
        return ordered[0] + 10 * ordered[1] ** 2 + 100 * ordered[2] ** 3

    x = np.array([2.0, 0.5, 3.0])
    check(mode, f, x, lambda m, x: x[2] + 10 * x[0] ** 2 + 100 * x[1] ** 3)


def taylor_sine(x):
    """Sine by its series; the first listing of the Zygote paper (arXiv 1907.07587), in Python."""
    total = 0.0
    sign = -1.0
    for i in range(1, 20):
        if i % 2 == 1:
            term = x**i / factorial(i)
            if abs(term) < 1e-8:
                return total
            print("i =", i, "term =", term)
            sign = -sign
            total = total + sign * term
    return total


def taylor_sine_at_one(m, x):
    """The path that `taylor_sine` takes near 1: the term of degree 13 is the first below the tolerance."""
    return m.fsum((-1) ** k * x[0] ** (2 * k + 1) / m.factorial(2 * k + 1) for k in range(6))


def test_taylor_sine(mode, capsys):
    check(mode, taylor_sine, 1.0, taylor_sine_at_one)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["1", "3", "5", "7", "9", "11"]


def test_taylor_sine_gives_the_published_digits(first, capsys):
    assert derivative(first, taylor_sine)(1.0) == pytest.approx(0.540302303791887, abs=5e-16)
    capsys.readouterr()


def test_horner_with_enumerate_zip_reversed(mode):
    def f(x):
        y = 0.0
        for i, (c, t) in enumerate(zip(reversed([1.0, -2.0, 0.5]), [x, x, x], strict=True)):
            y = y * t + c * (i + 1)
        return y

    check(mode, f, 1.4, lambda m, x: 0.5 * x[0] ** 2 - 4 * x[0] + 3)


def test_loop_over_an_array(mode):
    def f(x):
        total = 1.0
        for row in x:
            for element in row:
                total = total * np.sin(element)
        return total

    check(mode, f, np.array([[0.5, 1.0, 1.5], [2.0, 2.5, 0.3]]), lambda m, x: m.fprod(m.sin(t) for t in x))
