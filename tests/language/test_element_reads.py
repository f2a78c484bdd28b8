"""An element that was read is a copy: a later write does not reach it, whatever the dtype and the mode."""

import numpy as np
import pytest

import mmad

DTYPES = [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble]


def by_index(y):
    return y[0]


def by_tuple(y):
    return y.reshape(3, 1)[0, 0]


def by_list(y):
    elements = list(y)
    return elements[0]


def by_tolist(y):
    return y.tolist()[0]


def by_unpacking(y):
    first, *_ = y
    return first


def by_iteration(y):
    for e in y:
        return e
    return None


def by_flat(y):
    return y.flat[0]


def by_item(y):
    return y.item(0)


def by_item_of_two(y):
    return y.reshape(3, 1).item(0, 0)


def by_item_of_a_tuple(y):
    return y.reshape(3, 1).item((0, 0))


def by_item_of_one(y):
    return y[:1].item()


def by_empty_index(y):
    return y.reshape(3, 1)[0].reshape(())[()]


READS = [
    by_item,
    by_item_of_two,
    by_item_of_a_tuple,
    by_item_of_one,
    by_index,
    by_tuple,
    by_list,
    by_tolist,
    by_unpacking,
    by_iteration,
    by_flat,
    by_empty_index,
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("read", READS)
def test_a_write_does_not_reach_an_element(read, dtype):
    x = np.array([3.0, 4.0, 5.0]).astype(dtype)

    def f(x):
        y = x * 1
        e = read(y)
        y[0] = 9.0
        return abs(e) ** 2 * 1.0

    expected, slope = 9.0, np.array([6.0, 0.0, 0.0])
    value, g = mmad.value_and_grad(f)(x)
    assert value == expected
    np.testing.assert_allclose(g, slope, rtol=1e-3)
    value, dot = mmad.jvp(f, (x,), (np.ones_like(x),))
    assert value == expected
    np.testing.assert_allclose(dot, 6.0, rtol=1e-3)
    value, g = mmad.compile(mmad.value_and_grad(f))(x)
    assert value == expected
    np.testing.assert_allclose(g, slope, rtol=1e-3)
    np.testing.assert_array_equal(mmad.vmap(f)(np.stack([x, x])), [expected, expected])


@pytest.mark.parametrize("dtype", DTYPES)
def test_augmented_assignment_binds_an_element_anew(dtype):
    x = np.array([3.0, 4.0]).astype(dtype)

    def f(x):
        e = kept = x[0]
        e += 1
        e **= 2
        return abs(kept) + abs(e)

    assert mmad.value_and_grad(f)(x)[0] == 19.0
    assert mmad.jvp(f, (x,), (x,))[0] == 19.0
    assert mmad.compile(f)(x) == 19.0
    np.testing.assert_array_equal(mmad.vmap(f)(np.stack([x, x])), [19.0, 19.0])


def test_an_element_takes_no_assignment():
    def f(x):
        x[0][()] = 1.0
        return x.sum()

    with pytest.raises(TypeError, match="item assignment"):
        mmad.grad(f)(np.ones(2, np.float32))


def test_a_view_of_no_dimensions_is_a_view():
    def f(x):
        y = x * 1
        v = y[0, ...]
        y[0] = 2 * x[1]
        return v * x[1]

    np.testing.assert_array_equal(mmad.grad(f)(np.array([3.0, 4.0], np.float32)), [0.0, 16.0])
    np.testing.assert_array_equal(mmad.grad(f)(np.array([3.0, 4.0])), [0.0, 16.0])
