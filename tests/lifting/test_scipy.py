"""Objects, classes and methods of SciPy in lifted code, imported by name, and values of Python's own functions."""

import functools
import gc
import math
import statistics
import weakref

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose
from scipy.interpolate import CubicSpline, PPoly, interp1d, make_interp_spline
from scipy.sparse import csr_matrix
from scipy.stats import gaussian_kde, multivariate_normal, norm, poisson
from scipy.stats import t as student

import mmad

POINTS = np.array([0.0, 1.0, 2.0, 3.0])
MATRIX = np.eye(2)
STANDARD = norm(0.1, 2.0)
COUNTS = poisson(2.5)
PLAIN = make_interp_spline(POINTS, POINTS**2)
PLAIN_PIECES = PPoly.from_spline(PLAIN)
cumulative, spline_of = norm.cdf, PPoly.from_spline
shown = functools.partial(round, ndigits=3)


class Model:
    """Holds distributions as attributes of the class and of the object."""

    density = norm.pdf

    def __init__(self):
        self.noise = norm(scale=0.5)

    def __call__(self, x):
        return float(self.noise.logpdf(x)) * Model.density(x, 0.2)


MODEL = Model()


def values(x):
    return np.array([x, 1.0, x * x, 2.0])


FUNCTIONS = {
    "distribution": lambda x: float(norm.cdf(x)) * norm.pdf(1.0, scale=x),
    "module": lambda x: scipy.stats.norm.sf(x),
    "shape": lambda x: student.ppf(0.9, 5.0, loc=x) + poisson.logpmf(3, x),
    "parameters given here": lambda x: norm(x, 2.0).logpdf(0.3),
    "parameters given before": lambda x: STANDARD.logpdf(x) + STANDARD.ppf(x / 2),
    "method": lambda x: cumulative(x, 0.2),
    "attributes": lambda x: MODEL(x),
    "several dimensions": lambda x: multivariate_normal.logpdf(np.array([x, 1.0]), np.zeros(2), np.eye(2)),
    "spline": lambda x: float(CubicSpline(POINTS, values(x))(0.4)) * interp1d(POINTS, values(x))(x),
    "density": lambda x: gaussian_kde(values(x))(0.4)[0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_those_of_differences(name):
    f = FUNCTIONS[name]
    lifted, g = mmad.lift(f), mmad.grad(mmad.lift(f))
    compiled = mmad.compile(lifted)
    for x in (0.7, 0.9):
        h = 1e-3
        want = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
        assert lifted(x) == f(x)
        assert_allclose(g(x), want, rtol=1e-8)
        assert_allclose(mmad.jvp(lifted, (x,), (1.0,)), (f(x), want), rtol=1e-8)
        assert_allclose(mmad.grad(compiled)(x), want, rtol=1e-8)
        second = (8 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12 * h)
        assert_allclose(mmad.derivative(lifted, 2)(x), second, rtol=1e-7, atol=1e-9)


def test_a_distribution_stays_one_for_plain_values():
    def f(x):
        assert isinstance(norm, scipy.stats.rv_continuous)
        assert isinstance(csr_matrix(np.asarray(MATRIX)), csr_matrix)
        assert isinstance(CubicSpline(POINTS, POINTS), CubicSpline)
        assert spline_of(PLAIN)(0.4) == PLAIN_PIECES(0.4) == PPoly.from_spline(PLAIN)(0.4)
        assert isinstance(spline_of(PLAIN), PPoly)
        assert COUNTS.pmf(2) == poisson.pmf(2, 2.5)
        return x * STANDARD.cdf(0.3) * STANDARD.mean()

    assert mmad.grad(mmad.lift(f))(1.5) == STANDARD.cdf(0.3) * STANDARD.mean()


def test_the_state_of_a_distribution_is_its_own():
    seeded = norm(1.0, 2.0)
    seeded.random_state = 7
    drawn = seeded.rvs(3)
    seeded.random_state = 7
    assert_allclose(mmad.grad(mmad.lift(lambda x: x * seeded.rvs(3).sum()))(1.5), drawn.sum())


def test_round_as_a_value_is_an_error_too():
    with pytest.raises(TypeError, match=r"replace=.round"):
        mmad.grad(mmad.lift(lambda x: shown(3 * x)))(1.234)
    lifted = mmad.lift(lambda x: shown(3 * x), replace={round: lambda x, ndigits=None: x})
    assert mmad.grad(lifted)(1.234) == 3.0


def test_builtins_as_values_know_copies():
    check, read = functools.partial(isinstance, MODEL), functools.partial(getattr, MODEL)

    def f(x, check=check):
        assert check(Model)
        return read("noise").logpdf(x)

    assert_allclose(mmad.grad(mmad.lift(f))(0.7), -0.7 / 0.25)


def test_attributes_of_functions_are_lifted():
    def f(x):
        return f.model(x) * f.scale

    f.model, f.scale = MODEL, 2.0
    x, h = 0.7, 1e-5
    assert_allclose(mmad.grad(mmad.lift(f))(x), (f(x + h) - f(x - h)) / (2 * h), rtol=1e-8)


@pytest.mark.parametrize(
    ("original", "f"),
    [
        (np.round, lambda x: np.round(x, 3)),
        (math.sin, lambda x: math.sin(x)),
        (np.sin, lambda x: np.sin(x)),
        (np.linalg.norm, lambda x: np.linalg.norm(x)),
        (scipy.special.logsumexp, lambda x: scipy.special.logsumexp(x)),
        (norm, lambda x: scipy.stats.norm(x)),
        (statistics.fmean, lambda x: statistics.fmean(x)),
    ],
)
def test_functions_of_modules_that_are_left_are_replaced(original, f):
    lifted = mmad.lift(f, replace={original: lambda x, *more: 7.0 * x})
    assert mmad.grad(lifted)(0.4) == 7.0


def test_stand_ins_are_freed_with_what_they_stand_for():
    def f(x, model):
        return model.noise.logpdf(x)

    lifted, alive = mmad.lift(f), []
    for k in range(3):
        model = Model()
        alive.append(weakref.ref(model.noise))
        assert_allclose(mmad.grad(lifted)(0.5 + k, model), -(0.5 + k) / 0.25)
        del model
    gc.collect()
    assert [r() for r in alive] == [None] * 3
