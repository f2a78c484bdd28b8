"""Gradients where the mathematics has none, or none that is finite: a replay gives what the derivative itself gives."""

import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES

FUNCTIONS = {
    "largest": lambda x: x.max(),
    "largest of rows": lambda x: (x.reshape(2, -1).max(axis=1) * np.array([1.0, 2.0])).sum(),
    "where with log": lambda x: np.where(x > 0, np.log(x), x * 0.5).sum(),
    "square roots": lambda x: np.sqrt(x).sum(),
    # (without the guard, a program recorded elsewhere lets the zero win at 0, where the eager sweep says NaN)
    "entropy": lambda x: np.where(x > 0, x * np.log(x), 0.0).sum(),
    "quotients": lambda x: (x / x[::-1]).sum(),
    "powers": lambda x: (x**3.0 + np.abs(x) ** 0.5).sum(),
    "roots of absolute values": lambda x: (np.abs(x) ** 0.5).sum(),
    "product": lambda x: x.prod(),
    "norm": lambda x: np.sqrt((x * x).sum()),
    "maxima that tie": lambda x: np.maximum(x, x[::-1]).sum(),
    "rectified": lambda x: np.maximum(x, 0).sum(),
    "log-sum-exp": lambda x: np.log(np.exp(x - x.max()).sum()) + x.max(),
    "numbers": lambda x: x[0] * x[1] + x[2] / x[3] + np.log(x[0]),
    "times zero": lambda x: (x * 0.0).sum() * x[0],
    "sums of multiples": lambda x: (x[0] * x).sum() + x.sum() * x[1],
    "differences of equals": lambda x: ((x - x) * x).sum(),
    "hypotenuses": lambda x: np.hypot(x, x[::-1]).sum(),
    "angles": lambda x: np.arctan2(x, x[::-1]).sum(),
    "saturated": lambda x: np.tanh(x * 1e3).sum(),
    "signs": lambda x: (-x * -x + (-x)).sum(),
}
VALUES = (0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan, 1e300, 5e-324)


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_gradient_at_special_values(f):
    derivative = mmad.value_and_grad(f)
    tape = mmad.record(derivative, np.array([1.0, 1.0, 2.0, 3.0]))
    rng = np.random.default_rng(0)
    for passes in (PASSES, ()):
        program = tape.compile(passes)
        for x in rng.choice(VALUES, (60, 4)):
            with np.errstate(all="ignore"):
                for got, want in zip(program(x), derivative(x), strict=True):
                    np.testing.assert_allclose(got, want, rtol=1e-12, err_msg=str(x))
