"""Arguments that are integers, or that SciPy makes integers: the derivatives are those of what SciPy computes."""

import numpy as np
import pytest
import scipy.special

import mmad
from mmad.scipy.special._declare import RULES

CASES = [
    (name, k)
    for name, rule in RULES.items()
    if getattr(scipy.special, name, None) is not None and rule.points and rule.plain
    for k in rule.differentiable
    if not isinstance(rule.points[0][k], int | complex)
]


@pytest.mark.parametrize(("name", "k"), CASES)
def test_derivatives_at_integers(name, k):
    f, point = getattr(scipy.special, name), RULES[name].points[0]

    def at(others):
        def value(x):
            y = f(*others[:k], x, *others[k + 1 :])
            return (y[0] if isinstance(y, tuple) else y).real

        return mmad.value_and_grad(value)(point[k])

    free = [j for j, v in enumerate(point) if j != k and isinstance(v, float)]
    integers = [max(1, round(v)) if j in free else v for j, v in enumerate(point)]
    if not free:
        pytest.skip("no other argument may be an integer")
    try:
        want = at([float(v) if j in free else v for j, v in enumerate(integers)])
    except mmad.UnsupportedError as error:
        pytest.skip(str(error))
    np.testing.assert_allclose(at(integers), want, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:floating point number truncated")
@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("name", ["expn", "kn", "yn", "smirnov"])
def test_an_order_that_scipy_truncates(name, order):
    f, x, h = getattr(scipy.special, name), 0.7, 1e-5
    first = mmad.grad(lambda x: f(order + 0.6, x))
    second = mmad.derivative(lambda x: f(order + 0.6, x), order=2)
    np.testing.assert_allclose(first(x), mmad.grad(lambda x: f(order, x))(x), rtol=1e-12)
    np.testing.assert_allclose(second(x), (first(x + h) - first(x - h)) / (2 * h), rtol=1e-7)


def test_a_power_of_zero_does_not_depend_on_its_exponent():
    assert mmad.grad(lambda y: scipy.special.powm1(0.0, y))(2.0) == 0.0
