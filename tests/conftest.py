"""Fixtures of the whole test suite."""

import helpers
import pytest


@pytest.fixture(params=helpers.MODES)
def mode(request):
    """Each way to run a program: plain, forward, reverse, and the four second-order mixes."""
    return request.param


@pytest.fixture(params=["fwd", "rev"])
def first(request):
    """Each first-order mode."""
    return request.param
