"""Views share memory with their base, for a traced array as for NumPy's own."""

import warnings

import numpy as np
import pytest
from helpers import check

import mmad

X = np.array([0.7, -1.3, 2.1, 0.4])
A = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


def squares(terms):
    return sum(t * t for t in terms)


def test_write_through_the_base(mode):
    def f(x):
        y = x * 1.0
        v = y[:2]
        y[0] *= 2.0
        y[1] = x[2] * x[3]
        return (v * v).sum()

    check(mode, f, X, lambda m, x: squares([2 * x[0], x[2] * x[3]]))


def test_write_through_the_view(mode):
    def f(x):
        y = x * 1.0
        v = y[1:3]
        v[0] = x[3] * x[3]
        v *= x[0]
        return (y * y).sum()

    check(mode, f, X, lambda m, x: squares([x[0], x[3] ** 2 * x[0], x[2] * x[0], x[3]]))


def test_two_overlapping_views(mode):
    def f(x):
        y = x * 1.0
        a, b = y[:3], y[1:]
        a *= x[3]
        b += a * b
        a[2] = b[0] * x[0]
        return (a * a).sum() + (b * b * b).sum() + (y * x).sum()

    def program(m, x):
        y = [x[0] * x[3], x[1] * x[3], x[2] * x[3], x[3]]
        y = [y[0], y[1] + y[0] * y[1], y[2] + y[1] * y[2], y[3] + y[2] * y[3]]
        y[2] = y[1] * x[0]
        return squares(y[:3]) + sum(t**3 for t in y[1:]) + sum(s * t for s, t in zip(x, y, strict=True))

    check(mode, f, X, program)


def test_a_view_of_a_view(mode):
    def f(x):
        y = x * 1.0
        v = y[1:][::-1]
        w = v[:2]
        w[0] = x[0] * x[0]
        y[2] *= 3.0
        return (w * w).sum() + v[2] * y[3]

    check(mode, f, X, lambda m, x: x[0] ** 4 + 9 * x[2] ** 2 + x[1] * x[0] ** 2)


def test_reshape_ravel_transpose_and_flat_parts(mode):
    def f(a):
        y = a * 1.0
        flat = y.reshape(-1)
        t = y.T
        flat[1] = a[0, 0] * a[1, 1]
        t[2, 0] *= a[0, 1]
        y[1, 0] = a[0, 2] ** 2
        y.ravel()[5] = 4.0 * a[0, 0]
        return (flat * flat).sum() + (t[0] * t[1]).sum()

    def program(m, x):
        a, b, c, _d, e, _g = x
        y = [a, a * e, c * b, c**2, e, 4 * a]
        return squares(y) + y[0] * y[1] + y[3] * y[4]

    check(mode, f, A, program)


@pytest.mark.parametrize(
    "view",
    [
        lambda y: y[:, 1],
        lambda y: y[:, 1:2],
        lambda y: y[None, :, 1],
        lambda y: y[..., 1],
        lambda y: y.T[1],
        lambda y: y.swapaxes(0, 1)[1],
        lambda y: np.moveaxis(y, 0, 1)[1],
        lambda y: np.expand_dims(y, 0)[0, :, 1],
        lambda y: y.reshape(1, 2, 3).squeeze()[:, 1],
        lambda y: y.ravel()[1::3],
        lambda y: np.split(y, 3, axis=1)[1],
        lambda y: y[::-1, ::-1][::-1, 1],
        lambda y: y.view()[:, 1],
    ],
)
def test_every_way_to_take_a_column(first, view):
    def f(a):
        y = a * 1.0
        column = view(y)
        column *= 3.0
        y[0, 1] += a[0, 0]
        return (column * column).sum() + y.sum()

    check(first, f, A, lambda m, x: squares([3 * x[1] + x[0], 3 * x[4]]) + sum(x) + 2 * (x[1] + x[4]) + x[0])


@pytest.mark.parametrize(
    "copy",
    [
        lambda y: y.copy(),
        lambda y: np.array(y),
        lambda y: y[[0, 1, 2, 3]],
        lambda y: y[np.ones(4, bool)],
        lambda y: +y,
        lambda y: y.flatten(),
        lambda y: y.astype(float),
        lambda y: np.concatenate([y]),
        lambda y: np.copy(y),
    ],
)
def test_a_copy_does_not_alias(first, copy):
    def f(x):
        y = x * x
        z = copy(y)
        y[0] = 0.0
        z[1] *= 5.0
        return (y + 10.0 * z).sum()

    check(first, f, X, lambda m, x: 10 * x[0] ** 2 + 51 * x[1] ** 2 + 11 * x[2] ** 2 + 11 * x[3] ** 2)


def test_view_taken_before_and_used_after_a_function_call(mode):
    def double_tail(v):
        v[1:] *= 2.0

    def f(x):
        y = x * 1.0
        tail = y[1:]
        double_tail(y)
        double_tail(tail)
        return (y * y).sum() * tail[0]

    check(mode, f, X, lambda m, x: squares([x[0], 2 * x[1], 4 * x[2], 4 * x[3]]) * 2 * x[1])


def test_rows_of_a_matrix_while_it_is_written(mode):
    def f(a):
        y = a * 1.0
        for row in y:
            row *= row[0]
        first, second = y
        first += second
        return (y * y).sum()

    def program(m, x):
        p, q = [x[0] * t for t in x[:3]], [x[3] * t for t in x[3:]]
        return squares([s + t for s, t in zip(p, q, strict=True)]) + squares(q)

    check(mode, f, A, program)


def test_assignment_from_its_own_overlapping_view(mode):
    def f(x):
        y = x * 1.0
        y[1:] = y[:-1] * y[1:]
        y[:] = y[::-1]
        y += y[::-1]
        return (y * y * np.arange(4.0)).sum()

    def program(m, x):
        y = [x[0], x[0] * x[1], x[1] * x[2], x[2] * x[3]][::-1]
        y = [s + t for s, t in zip(y, y[::-1], strict=True)]
        return sum(k * t * t for k, t in enumerate(y))

    check(mode, f, X, program)


def test_a_scalar_read_is_a_copy(mode):
    def f(x):
        y = x * 1.0
        a = y[0]
        y[0] = 5.0
        return a * y[0] * x[1]

    check(mode, f, X, lambda m, x: 5 * x[0] * x[1])


def test_a_view_of_the_argument(mode):
    def f(x):
        v = x[1:]
        x[1] = x[0] * x[0]
        v[1] *= 2.0
        return (x * x).sum()

    def copied(x):
        return f(x.copy()) if mode == "value" else f(x)

    check(mode, copied, X, lambda m, x: squares([x[0], x[0] ** 2, 2 * x[2], x[3]]))


def test_the_callers_array_is_never_changed():
    x = X.copy()
    x.flags.writeable = False

    def f(x):
        x += 1.0
        x[0] = 3.0
        x[1:] *= x[1:]
        return x.sum()

    want = [0.0, *(2 * (X[1:] + 1))]
    np.testing.assert_allclose(mmad.grad(f)(x), want, rtol=1e-14)
    np.testing.assert_allclose(mmad.jvp(f, (x,), (np.ones(4),))[1], sum(want), rtol=1e-14)
    np.testing.assert_allclose(mmad.hvp(f)(x, np.ones(4)), [0.0, 2.0, 2.0, 2.0], rtol=1e-14)
    np.testing.assert_array_equal(x, X)


def test_a_captured_plain_array_is_not_written_through(first):
    captured = np.arange(4.0)

    def f(x):
        y = captured * x
        y[0] = 100.0
        z = captured + 0.0
        z += x
        return y.sum() + z.sum()

    check(first, f, X, lambda m, x: 100 + x[1] + 2 * x[2] + 3 * x[3] + 6 + sum(x))
    np.testing.assert_array_equal(captured, np.arange(4.0))


def test_a_broadcast_view_is_read_only():
    def f(x):
        v = np.broadcast_to(x, (3, 4))
        v[0, 0] = 1.0
        return v.sum()

    with pytest.raises(ValueError, match="read-only"):
        f(X)
    with pytest.raises(ValueError, match="read-only"):
        mmad.grad(f)(X)


WAYS = {
    "grad": lambda f, x: mmad.grad(f)(x),
    "jvp": lambda f, x: mmad.jvp(f, (x,), (x,)),
    "series": lambda f, x: mmad.taylor(f, x, x, 2),
    "compile": lambda f, x: mmad.compile(mmad.grad(f))(x),
    "hessian": lambda f, x: mmad.hessian(f)(x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", [np.float32, "f4", np.int64, complex, np.dtype(np.uint8), np.matrix])
def test_a_view_as_another_dtype_is_refused(way, wrong):
    with pytest.raises(TypeError, match="cannot be viewed as"):
        WAYS[way](lambda x: (x * 1.0).view(wrong).sum() * x[0], X)


OWN = {
    "nothing": lambda y: y.view(),
    "its dtype": lambda y: y.view(y.dtype),
    "a scalar type": lambda y: y.view(np.float64),
    "a keyword": lambda y: y.view(dtype=float),
    "an array": lambda y: y.view(np.ndarray),
    "a type": lambda y: y.view(type=np.ndarray),
}


@pytest.mark.parametrize("view", OWN.values(), ids=OWN)
def test_a_view_as_its_own_dtype(mode, view):
    def f(x):
        y = x * 1.0
        v = view(y)
        y[0] = x[1] * x[2]
        v[1] = x[3]
        return (v * y).sum()

    check(mode, f, X, lambda m, x: squares([x[1] * x[2], x[3], x[2], x[3]]))


READ = {
    "float32": lambda x: x.view(np.float32).sum() * 1e-23,
    "complex": lambda x: x.view(np.complex128).imag.sum(),
    "integers": lambda x: x.view(np.int64).sum() * 1e-15,
    "by keyword": lambda x: x.view(dtype=np.uint8).sum(),
    "truth values": lambda x: ((x > 0.5).view(np.int8) * x).sum(),
    "integers as others": lambda x: (np.argsort(x).view(np.uint64) * x).sum(),
    "parts of complex numbers": lambda x: (x * (1 + 2j)).view(float).sum(),
}


@pytest.mark.parametrize("name", READ)
def test_lanes_viewed_as_another_dtype(name):
    f, lanes = READ[name], np.stack([X, 2 * X, X[::-1]])
    want = [f(x) for x in lanes]
    np.testing.assert_allclose(mmad.vmap(f)(lanes), want, rtol=1e-15)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        g = mmad.compile(mmad.vmap(f))
        for _ in range(2):
            np.testing.assert_allclose(g(lanes), want, rtol=1e-15)
            np.testing.assert_allclose(g(3 * lanes), [f(3 * x) for x in lanes], rtol=1e-15)


def test_truth_values_and_integers_viewed_as_others():
    def f(x):
        return ((x > 0).view(np.int8) * x**2 + np.argsort(x).view(np.uint64) * x).sum()

    want = 2 * X * (X > 0) + np.argsort(X)
    for gradient in (mmad.grad(f), mmad.compile(mmad.grad(f)), mmad.jacfwd(f), mmad.compile(mmad.jacfwd(f))):
        np.testing.assert_allclose(gradient(X), want)
    lanes = np.stack([X, X])
    for gradient in (mmad.vmap(mmad.grad(f)), mmad.compile(mmad.vmap(mmad.grad(f)))):
        np.testing.assert_allclose(gradient(lanes), [want, want])
