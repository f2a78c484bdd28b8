"""Derivatives of special functions at arrays so long that other formulas pay than for a few numbers."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
from exact_special import exact

import mmad
from mmad.scipy import special

N = 700
#: name -> the ends of the points, and what is called.
FUNCTIONS = {
    "psi": ((0.01, 60.0), sc.psi),
    "gammaln": ((0.01, 60.0), sc.gammaln),
    "erfcx": ((-3.0, 30.0), sc.erfcx),
    "log_ndtr": ((-30.0, 6.0), sc.log_ndtr),
    "i0e": ((-40.0, 40.0), sc.i0e),
    "i1e": ((-40.0, 40.0), sc.i1e),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
def test_two_derivatives_are_exact(name, is_compiled):
    (low, high), f = FUNCTIONS[name]
    x = np.random.default_rng(3).uniform(low, high, size=N)
    way = mmad.compile if is_compiled else lambda function: function
    first = way(mmad.grad(lambda x: f(x).sum()))
    second = way(mmad.hvp(lambda x: f(x).sum()))
    first(x[::-1]), second(x[::-1], np.ones(N))
    got = first(x), second(x, np.ones(N))
    for k in range(0, N, 69):
        for order in (1, 2):
            right = float(exact(name, None, (order,), (float(x[k]),)))
            assert abs(got[order - 1][k] - right) < 1e-12 * abs(right) + 1e-15, (order, x[k])


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
def test_polygamma_has_scipys_values_and_exact_derivatives(n):
    x = np.random.default_rng(n).uniform(0.02, 40.0, size=N)
    np.testing.assert_array_equal(mmad.jvp(lambda x: special.polygamma(n, x), (x,), (x,))[0], sc.polygamma(n, x))
    got = mmad.grad(lambda x: special.polygamma(n, x).sum())(x)
    for k in range(0, N, 69):
        right = float(mp.polygamma(n + 1, x[k]))
        assert abs(got[k] - right) < 1e-13 * abs(right)


def test_differences_of_digamma_functions_do_not_cancel():
    """betaln by its first argument, where psi(x) and psi(x + y) are equal to many digits, or not, in one array."""
    x = np.geomspace(0.5, 1e8, N)
    got = mmad.grad(lambda x: sc.betaln(x, 0.25).sum())(x)
    with mp.workdps(40):
        for k in range(0, N, 69):
            right = float(mp.digamma(mp.mpf(x[k])) - mp.digamma(mp.mpf(x[k]) + mp.mpf(0.25)))
            assert abs(got[k] - right) < 1e-13 * abs(right)


@pytest.mark.parametrize("where", [np.inf, 1e200, np.nan])
def test_the_scaled_error_function_far_out(where):
    x = np.array([1.0, where])
    got = mmad.grad(lambda x: sc.erfcx(x).sum())(x)[1]
    assert np.isnan(got) if np.isnan(where) else got == 0.0


def test_densities_of_few_and_of_large_parameters_in_one_array():
    p, x = np.array([2.5, 40.0, 2.5, 19.9, 20.1]), np.array([1.5, 38.0, 0.0, 21.0, 21.0])
    got = mmad.grad(lambda x: sc.gammainc(p, x).sum())(x)
    right = [float(mp.mpf(b) ** (a - 1) * mp.exp(-b) / mp.gamma(a)) for a, b in zip(p, x, strict=True)]
    np.testing.assert_allclose(got, right, rtol=1e-13)
    q, x = np.array([1.5, 30.0, 25.0, 19.9, 300.0]), np.array([0.3, 0.6, 0.2, 0.5, 0.4])
    got = mmad.grad(lambda x: sc.betainc(p, q, x).sum())(x)
    right = [
        float(mp.mpf(c) ** (a - 1) * (1 - mp.mpf(c)) ** (b - 1) / mp.beta(a, b))
        for a, b, c in zip(p, q, x, strict=True)
    ]
    np.testing.assert_allclose(got, right, rtol=1e-12)
