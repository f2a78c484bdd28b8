"""An element of an array is a number: a later write leaves it alone, and comparing it gives NumPy's truth value."""

import numpy as np
import pytest

import mmad

X, V = np.array([1.5, 2.0]), np.array([1.0, 10.0])


def read_then_write(x):
    y = x * 1.0
    t = y[0]
    y[0] = 5.0 * y[1]
    return t * t + y[0]


def copy_of_an_element_view(x):
    y = x * 1.0
    t = +y[0, ...]
    y[0] = 0.0
    return t * t + y.sum()


def elements_kept_in_a_list(x):
    y = x * 1.0
    kept = list(y)
    y *= 0.0
    return kept[0] * kept[1] + y.sum()


CASES = [(read_then_write, [3.0, 5.0]), (copy_of_an_element_view, [3.0, 1.0]), (elements_kept_in_a_list, [2.0, 1.5])]


@pytest.mark.parametrize(("f", "gradient"), CASES, ids=lambda c: getattr(c, "__name__", None))
@pytest.mark.parametrize("mode", ["rev", "fwd", "tape", "rev of vmap", "fwd of vmap", "vmap of rev", "rev over rev"])
def test_elements_are_values(f, gradient, mode):
    gradient = np.array(gradient)
    rows = np.stack([X, X])
    if mode == "rev":
        got, want = mmad.grad(f)(X), gradient
    elif mode == "fwd":
        got, want = mmad.jvp(f, (X,), (V,))[1], gradient @ V
    elif mode == "tape":
        got, want = mmad.record(f, X).pullback().batch(2)(rows, np.ones(2))[0], np.stack([gradient] * 2)
    elif mode == "rev of vmap":
        got, want = mmad.grad(lambda z: mmad.vmap(f)(z).sum())(rows), np.stack([gradient] * 2)
    elif mode == "fwd of vmap":
        got, want = mmad.jvp(mmad.vmap(f), (rows,), (np.stack([V, V]),))[1], np.full(2, gradient @ V)
    elif mode == "vmap of rev":
        got, want = mmad.vmap(mmad.grad(f))(rows), np.stack([gradient] * 2)
    else:
        got, want = mmad.grad(lambda x: mmad.grad(f)(x) @ gradient)(X), None
        want = mmad.hessian(f)(X) @ gradient
    np.testing.assert_allclose(got, want, rtol=1e-14)


def inverted(x):
    return np.where(~(x[0] > 0), x, -x).sum()


def added(x):
    return (x * ((x[0] > 0) + (x[1] > 0))).sum()


@pytest.mark.parametrize("f", [inverted, added])
@pytest.mark.parametrize("mode", ["rev", "fwd", "tape", "vmap"])
def test_comparisons_of_elements_are_numpy_truth_values(f, mode):
    if mode == "rev":
        got = mmad.value_and_grad(f)(X)[0]
    elif mode == "fwd":
        got = mmad.jvp(f, (X,), (V,))[0]
    elif mode == "tape":
        got = mmad.record(f, X)(X)
    else:
        got = mmad.vmap(f)(np.stack([X, X]))[0]
    assert got == f(X)
