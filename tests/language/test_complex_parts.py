"""The real and imaginary parts of a complex array are views of it, as in NumPy."""

import numpy as np
import pytest

import mmad

X = np.array([0.3, -1.2, 0.8, 1.7])
V = np.array([0.7, -0.3, 1.1, 0.4])


def start(x):
    return np.exp(x) * (1.0 + 0.0j) + 1j * x**2


def write_element(x):
    z = start(x)
    z.real[0] = x[1] * 7.0
    return z.real.sum() + (z.imag * z.real).sum()


def stale(x):
    z = start(x)
    r, i = z.real, z.imag
    z[1] = x[0] * x[0] + 2j * x[2]
    z *= 1.0 + 0.5j
    return (r * x).sum() + (i * x[::-1]).sum()


def view_of_a_view(x):
    z = start(x).reshape(2, 2)
    part = z.T[1:].imag
    part[0, 1] = x[0] * 3.0
    part *= x[1]
    z[0] = x[2]
    return (z.real * z.imag).sum() + part.sum()


def slices(x):
    z = start(x)
    z.imag[1:] += x[:-1] ** 2
    z.real[::2] *= x[1]
    w = z.real[1:]
    z.real[2] = x[0] * 4.0
    return (w * w).sum() + z.imag.sum()


def fancy(x):
    z = start(x)
    z.real[[0, 2]] = x[1:3] * 5.0
    z.imag[z.real > 1.0] = x[0]
    return (z.real * z.imag).sum()


def setters(x):
    z = start(x)
    z.imag = x * 3.0
    r = z.real
    z.real = x[::-1] ** 2
    return (r * x).sum() + (z.real * z.imag).sum()


def of_a_real_array(x):
    y = x * 2.0
    y.real[1] = x[0] * x[0]
    y.real = y * x
    return (y * y).sum()


def as_functions(x):
    z = start(x)
    r = np.real(z)
    np.imag(z)[1] = x[3] ** 2
    z[0] = x[1]
    return (r * r).sum() + np.imag(z).sum()


def out_argument(x):
    z = start(x)
    np.multiply(x, x[0], out=z.real)
    return (z.real * z.imag).sum()


def copies(x):
    z = start(x).reshape(2, 2)
    flat = z.imag.T.ravel()
    rows = np.reshape(z.real[:, 1:], (2,))
    z[0, 0] = x[1]
    return (flat * x).sum() + rows @ x[:2] + np.concatenate([z.imag[1], [1.0]]).sum()


PROGRAMS = [
    copies,
    write_element,
    stale,
    view_of_a_view,
    slices,
    fancy,
    setters,
    of_a_real_array,
    as_functions,
    out_argument,
]


def gradient(f, x):
    h = 1e-5
    e = np.eye(len(x)) * h
    first = [f(x + d) - f(x - d) for d in e]
    second = [f(x + 2 * d) - f(x - 2 * d) for d in e]
    return (8 * np.array(first) - np.array(second)) / (12 * h)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_values_and_derivatives(f, same_value):
    want, slopes = f(X.copy()), gradient(f, X)
    y, g = mmad.value_and_grad(f)(X)
    same_value(y, want)
    np.testing.assert_allclose(g, slopes, rtol=1e-8, atol=1e-8)
    y, y_dot = mmad.jvp(f, (X,), (V,))
    assert y == want
    np.testing.assert_allclose(y_dot, slopes @ V, rtol=1e-8)
    np.testing.assert_allclose(mmad.jacfwd(f)(X), slopes, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(X), g, rtol=1e-12)
    np.testing.assert_allclose(mmad.compile(f)(X), want, rtol=1e-14)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_second_derivatives(f):
    h = mmad.hvp(f)(X, V)
    e = 1e-5
    np.testing.assert_allclose(h, (mmad.grad(f)(X + e * V) - mmad.grad(f)(X - e * V)) / (2 * e), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(mmad.hessian(f)(X) @ V, h, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_many_points_at_once(f):
    points = np.stack([X, X * 1.1, X + 0.1])
    if f is fancy:  # the mask differs between lanes
        points = np.stack([X, X, X])
    np.testing.assert_allclose(mmad.vmap(f)(points), [f(p.copy()) for p in points], rtol=1e-13)
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(points), [mmad.grad(f)(p) for p in points], rtol=1e-12)


def test_single_precision():
    def f(x):
        z = x * (1.0 + 2.0j)
        r = z.real
        z.real[1] = x[0] * x[0]
        assert z.dtype == np.complex64
        assert r.dtype == np.float32
        return (r * r).sum()

    x = np.array([1.5, 2.0], np.float32)
    np.testing.assert_allclose(mmad.grad(f)(x), [2 * x[0] + 4 * x[0] ** 3, 0.0], rtol=1e-6)


def test_what_numpy_refuses_is_refused():
    def imaginary(x):
        y = x * 2.0
        y.imag = x
        return y.sum()

    def element(x):
        t = x[0]
        t.real = 3.0
        return t

    def complex_into_real(x):
        z = start(x)
        z.real[0] = 1j * x[0]
        return z.real.sum()

    with pytest.raises(TypeError, match="imaginary part"):
        mmad.grad(imaginary)(X)
    with pytest.raises(AttributeError, match="number"):
        mmad.grad(element)(X)
    with pytest.raises(TypeError, match="complex"):
        mmad.grad(complex_into_real)(X)


def test_complex_arguments():
    def f(z):
        w = z * z
        w.real[0] = z[1].imag * 2.0
        return (w.real**2 + w.imag).sum()

    z = np.array([1.0 + 2.0j, 0.5 - 1.0j])
    g = mmad.grad(f)(z)
    h = 1e-6
    for k in range(2):
        for unit in (1.0, 1j):
            d = np.zeros(2, complex)
            d[k] = unit * h
            slope = (f(z + d) - f(z - d)) / (2 * h)
            assert abs((np.conj(g[k]) * unit).real - slope) < 1e-7


def test_a_tangent_that_is_zero_where_it_is_recorded():
    """A zero times a complex partial is a complex zero: the tape recorded with it is good for other tangents."""

    def f(x):
        return np.imag(1j * (x[0] - x[1]))

    x = np.array([1.0, 2.0])
    tape = mmad.record(f, x)
    forward = tape.pushforward()
    y_dot = forward(x, np.array([3.0, 1.0]))
    y_dot = y_dot[-1] if isinstance(y_dot, tuple) else y_dot
    np.testing.assert_allclose(y_dot, 2.0)
    np.testing.assert_allclose(mmad.jvp(f, (x,), (np.array([1.0, 1.0]),))[1], 0.0)
    np.testing.assert_allclose(mmad.linearize(f, x)[1](np.array([3.0, 1.0])), 2.0)
    np.testing.assert_allclose(mmad.compile(lambda x, v: mmad.jvp(f, (x,), (v,))[1])(x, np.ones(2)), 0.0)
