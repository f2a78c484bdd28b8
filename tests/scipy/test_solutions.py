"""What `mmad.scipy.integrate.solve_ivp` returns besides the solution itself."""

import copy

import numpy as np
import pytest
import scipy.integrate

import mmad
from mmad.scipy import integrate

TIMES = np.array([0.0, 0.3, 1.0])


def solved(module, p, times=TIMES, span=(0.0, 2.0)):
    return module.solve_ivp(lambda t, y: -p * y, span, [1.0, 2.0], t_eval=times)


def test_what_scipy_tells_of_its_run():
    want = solved(scipy.integrate, 1.5)
    names = ("nfev", "njev", "nlu", "status", "message", "success", "t_events", "y_events", "sol")

    def f(p):
        found = solved(integrate, p)
        for name in names:
            assert getattr(found, name) == want[name]
        assert found["nfev"] == want.nfev
        with pytest.raises(AttributeError):
            found.nothing  # noqa: B018
        assert copy.copy(found).status == 0
        np.testing.assert_array_equal(mmad.concrete(found.t), want.t)
        return found.y.sum()

    np.testing.assert_allclose(mmad.vjp(f, 1.5)[0], want.y.sum(), rtol=1e-14)
    assert mmad.grad(f)(1.5) == pytest.approx(-3.0 * (TIMES * np.exp(-1.5 * TIMES)).sum(), rel=2e-3)


def test_values_are_those_of_scipys_steps():
    def dense(module, p):
        return module.solve_ivp(lambda t, y: -p * y, (0.0, 2.0), [1.0, 2.0], dense_output=True).sol(0.7)

    np.testing.assert_allclose(mmad.vjp(lambda p: dense(integrate, p), 1.5)[0], dense(scipy.integrate, 1.5), rtol=1e-14)
    for span, times in (((0.0, 2.0), TIMES), ((2.0, 0.0), TIMES[::-1]), ((0.0, 2.0), None)):
        want = solved(scipy.integrate, 1.5, times, span).y
        np.testing.assert_allclose(mmad.vjp(lambda p: solved(integrate, p, times, span).y, 1.5)[0], want, rtol=1e-14)  # noqa: B023


@pytest.mark.parametrize(
    ("times", "span"), [([0.5, 2.5], (0.0, 2.0)), ([1.0, 0.5], (0.0, 2.0)), ([0.5, 1.0], (2.0, 0.0))]
)
def test_times_are_checked_as_scipy_checks_them(times, span):
    with pytest.raises(ValueError, match="t_eval") as plain:
        solved(scipy.integrate, 1.5, times, span)
    with pytest.raises(ValueError, match="t_eval") as ours:
        mmad.grad(lambda p: solved(integrate, p, times, span).y.sum())(1.5)
    assert str(plain.value) in str(ours.value)


def test_one_recording_at_given_times():
    compiled = mmad.compile(mmad.grad(lambda p: solved(integrate, p).y.sum()))
    for p in (1.5, 1.0, 0.5, 2.0):
        assert compiled(p) == pytest.approx(mmad.grad(lambda p: solved(integrate, p).y.sum())(p), rel=1e-12)
    assert compiled.counts["records"] == 1
