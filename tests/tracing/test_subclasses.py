"""Subclasses of ndarray whose arithmetic is not ndarray's: the right value, or an error, never another value."""

import warnings

import numpy as np
import pytest

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # all that np.matrix does

MASKED = np.ma.masked_array([1.0, 2.0], mask=[False, True])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    MATRIX = np.matrix([[1.0, 2.0], [3.0, 4.0]])  # * is the matrix product


def same_or_refused(f, x):
    try:
        value, _ = mmad.value_and_grad(f)(x)
    except TypeError:
        return
    assert value == f(x)


@pytest.mark.parametrize("x", [MASKED, MATRIX], ids=["masked", "matrix"])
def test_as_argument(x):
    same_or_refused(lambda x: (x * x).sum(), x)


@pytest.mark.parametrize("c", [MASKED, MATRIX], ids=["masked", "matrix"])
@pytest.mark.parametrize("left", [True, False], ids=["left", "right"])
def test_as_captured_operand(c, left):
    same_or_refused(lambda x: (c * x if left else x * c).sum(), np.ones(c.shape))


@pytest.mark.parametrize("x", [MASKED, MATRIX], ids=["masked", "matrix"])
def test_as_argument_of_what_was_recorded_with_a_plain_array(x):
    plain = np.asarray(x)
    compiled = mmad.compile(mmad.grad(lambda x: (x * x).sum()))
    compiled(plain)
    for replay in (compiled, mmad.record(lambda x: (x * x).sum(), plain).compile()):
        with pytest.raises(TypeError, match="arithmetic of their own"):
            replay(x)


def test_a_subclass_without_arithmetic_of_its_own():
    x = np.array([1.0, 2.0]).view(np.recarray)
    np.testing.assert_array_equal(mmad.grad(lambda x: (x * x).sum())(x), [2.0, 4.0])
