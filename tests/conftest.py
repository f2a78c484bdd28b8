"""Fixtures of the whole test suite."""

import functools

import helpers
import numpy as np
import pytest

import mmad
from mmad.tape import _deferred


@pytest.fixture(params=helpers.MODES)
def mode(request):
    """Each way to run a program: plain, forward, reverse, and the four second-order mixes."""
    return request.param


@pytest.fixture(params=["fwd", "rev"])
def first(request):
    """Each first-order mode."""
    return request.param


COMPILED = ("grad", "value_and_grad", "hessian", "jacobian", "jacfwd", "jacrev", "hvp", "value_grad_hvp")


def pytest_addoption(parser):
    parser.addoption(
        "--compiled", action="store_true", help="derivatives are compiled functions: what holds, holds replayed"
    )
    parser.addoption(
        "--deferred", action="store_true", help="small arrays are recorded without values too, as large ones"
    )


def pytest_configure(config):
    if config.getoption("--deferred"):
        _deferred.set_large(0)
    if config.getoption("--compiled"):
        for name in COMPILED:
            setattr(mmad, name, compiled(getattr(mmad, name)))
        config.addinivalue_line("filterwarnings", "ignore:.*run eagerly:RuntimeWarning")


def compiled(operator):
    """A derivative operator whose derivative functions are compiled."""

    @functools.wraps(operator)
    def made(f, *args, **kwargs):
        return mmad.compile(operator(f, *args, **kwargs))

    return made


@pytest.fixture
def same_value(request):
    """Compare a value with the function's own: equal, or within rounding where derivatives are compiled."""

    def compare(got, want):
        if request.config.getoption("--compiled"):
            np.testing.assert_allclose(got, want, rtol=45 * np.finfo(np.result_type(want)).eps)
        else:
            assert got == want

    return compare
