"""Plain arrays that traced values are written to: right, or an error, never a zero derivative."""

import numpy as np
import pytest

import mmad

X = np.array([1.0, 2.0, 3.0])
WAYS = {
    "grad": lambda f: mmad.grad(f)(X),
    "jvp": lambda f: mmad.jvp(f, (X,), (X,)),
    "hvp": lambda f: mmad.hvp(f)(X, X),
    "record": lambda f: mmad.record(f, X),
}


def explicit_out(x):
    y = np.zeros(3)
    np.multiply(x, 2.0, out=y)
    return y.sum()


def out_of_a_reduction(x):
    y = np.zeros(())
    np.sum(x, out=y)
    return y * 1.0


def rows_by_another_name(x):
    rows = np.zeros((2, 3))
    for r in rows:
        r += x
    return rows.sum()


def buffer_of_a_helper(x):
    buffer = np.zeros(3)

    def helper(b):
        b += x * x

    helper(buffer)
    return buffer.sum()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("f", [explicit_out, out_of_a_reduction, rows_by_another_name, buffer_of_a_helper])
def test_is_refused(f, way):
    with pytest.raises(TypeError, match=r"mmad\.numpy\.zeros"):
        way(f)


def test_a_captured_workspace_is_left_alone():
    work = np.ones(3)
    with pytest.raises(TypeError):
        mmad.grad(lambda x: np.sin(x, out=work).sum())(X)
    np.testing.assert_array_equal(work, 1.0)


def test_nan_of_the_functions_own_is_no_error():
    assert np.isnan(mmad.value_and_grad(lambda x: x[0] * np.nan)(X)[0])
    assert mmad.grad(lambda x: float("nan"))(X).tolist() == [0.0, 0.0, 0.0]


def test_written_copy_of_a_traced_array_is_refused():
    def f(x):
        y = x * 1.0
        v = np.asarray(y)
        v[0] = 100.0
        return y.sum()

    with pytest.raises(ValueError, match="read-only"):
        mmad.grad(f)(X)


def strided_ravel(y):
    return np.ravel(y[::2])


def reversed_ravel(y):
    return y[::-1].ravel()


def transposed_reshape(y):
    return (y.reshape(3, 2).T + 0.0).reshape(-1)


def reshaped_slice(y):
    return y[1:].reshape(-1)


def diagonal(y):
    return np.einsum("ii->i", y[:4].reshape(2, 2))


@pytest.mark.parametrize("view", [strided_ravel, reversed_ravel, transposed_reshape, reshaped_slice, diagonal])
@pytest.mark.parametrize("way", ["value_and_grad", "jvp", "vmap", "compile"])
def test_views_alias_where_numpy_aliases(view, way):
    """A write through what `view` gives reaches y exactly where it does in NumPy."""

    def f(x):
        y = x * 1.0
        w = view(y)
        w *= 10.0
        return (y * np.arange(1.0, 7.0)).sum() + w[0]

    x = np.arange(6.0) + 1.0
    if view is transposed_reshape and way == "jvp":
        pytest.skip("dual arrays are laid out in C order")
    got = {
        "value_and_grad": lambda: mmad.value_and_grad(f)(x)[0],
        "jvp": lambda: mmad.jvp(f, (x,), (x,))[0],
        "vmap": lambda: mmad.vmap(f)(np.stack([x, x]))[1],
        "compile": lambda: mmad.compile(f)(x),
    }[way]()
    assert got == pytest.approx(float(f(x.copy())))
