"""Runs of sums and products of numbers, which one loop computes whatever they are."""

import itertools
import math

import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES

SPECIAL = (0.0, -0.0, 1.5, -2.25, 5e-324, -1e308, math.inf, -math.inf, math.nan)


def same(a, b):
    return (a != a and b != b) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))


def values(a, b, c):
    return a * b + c, a * b - c, c - a * b, a + b, a - b, a * b, -a, +a, a * a, (a + b) * c - a, -(a * b)


def products(a, b, c):
    """Cotangent a times some partials."""

    def pulled(partial):
        _, pull = mmad.vjp(lambda x: x * partial, 1.0)
        return pull(a)[0]

    return pulled(b), c + pulled(b * b), c - pulled(b + c), pulled(b - c) - c


def products_by_hand(a, b, c):
    """An exact zero of a contributes zero, whatever it multiplies."""

    def chain(partial):
        return 0.0 if a == 0 else a * partial

    return chain(b), c + chain(b * b), c - chain(b + c), chain(b - c) - c


@pytest.mark.parametrize(("f", "right"), [(values, values), (products, products_by_hand)])
def test_to_the_sign_of_a_zero(f, right):
    g = mmad.compile(f)
    for point in itertools.product(SPECIAL, repeat=3):
        with np.errstate(all="ignore"):
            found = zip(g(*point), right(*point), strict=True)
        for k, (ours, expected) in enumerate(found):
            assert same(ours, expected), (point, k, ours, expected)


def test_that_these_are_the_instructions():
    g = mmad.compile(products, passes=PASSES)
    g(1.5, 2.0, 3.0)
    ((kind, instructions),) = g.programs()[0].machine.step_list()
    assert kind == "scalars"
    assert {"chain", "chain_add", "subtract_chain", "chain_subtract"} <= {name for name, *_ in instructions}


def test_a_long_run():
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=60)

    def f(x):
        total, product = 0.0, 1.0
        for v in numbers.tolist():
            total = total * x + v - product
            product = product * v - total * x
        return total - product

    slope = np.imag(f(0.9 + 1e-200j)) / 1e-200
    value, gradient = mmad.compile(mmad.value_and_grad(f))(0.9)
    assert value == f(0.9)
    assert gradient == pytest.approx(slope, rel=1e-12)
