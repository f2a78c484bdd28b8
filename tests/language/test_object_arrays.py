"""What np.asarray of a traced array gives: its elements, which follow later writes, as NumPy's array does."""

import gc

import numpy as np
import pytest

import mmad
from mmad.python.followers import FOLLOWERS

X = np.array([0.3, -1.2, 0.8])


def element(x):
    y = x * x
    z = np.asarray(y)
    y[0] = 5.0
    return z[0] * x[1] + z[1]


def through_a_view(x):
    y = (x * x).reshape(3, 1)
    z = np.asarray(y[1:])
    y.T[0, 1] = x[0] * 3.0
    y *= 2.0
    return z.sum() * x[2]


def of_a_view(x):
    y = x * x
    z = np.asarray(y)[::-1]
    y[:2] = x[1:] * x[0]
    return z[1] * z[2]


def a_copy(x):
    y = x * x
    z = np.array(y)
    w = np.asarray(y, dtype=object)
    y[0] = 5.0
    return z[0] * 2.0 + w[0] + y[0]


@pytest.mark.parametrize("f", [element, through_a_view, of_a_view, a_copy], ids=lambda f: f.__name__)
def test_it_follows(f):
    others = [entry[0] for entry in FOLLOWERS]  # of other tests, until the collector runs
    want, h = f(X.copy()), 1e-6
    slopes = [(f(X + d) - f(X - d)) / (2 * h) for d in np.eye(3) * h]
    y, g = mmad.value_and_grad(f)(X)
    assert y == pytest.approx(want, rel=1e-15)
    np.testing.assert_allclose(g, slopes, rtol=1e-8, atol=1e-9)
    y, y_dot = mmad.jvp(f, (X,), (np.ones(3),))
    assert y == pytest.approx(want, rel=1e-15)
    assert y_dot == pytest.approx(sum(slopes), rel=1e-8)
    np.testing.assert_allclose(mmad.taylor(f, X, np.ones(3), 2)[:2], [want, sum(slopes)], rtol=1e-8)
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(X), g, rtol=1e-14)
    lanes = np.stack([X, X + 0.1])
    np.testing.assert_allclose(mmad.vmap(f)(lanes), [f(row) for row in lanes], rtol=1e-14)
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(lanes), [mmad.grad(f)(row) for row in lanes], rtol=1e-13)
    np.testing.assert_allclose(mmad.hessian(f)(X), mmad.jacfwd(mmad.grad(f))(X), rtol=1e-13, atol=1e-15)
    gc.collect()
    assert all(entry[0] in others for entry in FOLLOWERS)


@pytest.mark.parametrize("wrap", [mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (x,))])
def test_writing_into_it_is_refused(wrap):
    def f(x):
        z = np.asarray(x * x)
        z[0] = 1.0
        return z[0]

    with pytest.raises(ValueError, match="read-only"):
        wrap(f)(X)


@pytest.mark.parametrize("wrap", [mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (x,))])
def test_the_message_says_what_to_write(wrap):
    with pytest.raises(TypeError, match="like=x"):
        wrap(lambda x: np.asarray(x, dtype=float).sum())(X)
    np.testing.assert_array_equal(mmad.grad(lambda x: np.asarray(x, dtype=float, like=x).sum())(X), np.ones(3))
