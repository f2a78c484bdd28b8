"""scipy.fft as it is called: values, dtypes, linearity, adjoints of all transforms; plain calls are left alone."""

import numpy as np
import pytest
import scipy.fft

import mmad
import mmad.scipy.fft

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
Z = X + 1j * RNG.normal(size=(3, 4))
FOURIER = [k + end for k in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for end in ("", "2", "n")]
COSINE = ["dct", "idct", "dst", "idst", "dctn", "idctn", "dstn", "idstn"]
NORMS = (None, "ortho", "forward")


def keywords(name):
    if name in COSINE:
        plain = [{"type": t, "norm": norm} for t in (1, 2, 3, 4) for norm in NORMS]
        plain += [{"type": t, "orthogonalize": True} for t in (1, 2, 3)]
    else:
        plain = [{"norm": norm} for norm in NORMS]
    yield from plain
    many = name.endswith(("n", "2"))
    yield {"s": (5, 3), "axes": (1, 0)} if many else {"n": 6}
    yield {"axes": (1, 0), "norm": "ortho"} if many else {"n": 3, "axis": 0, "norm": "forward"}


def like(y):
    v = RNG.normal(size=y.shape)
    return (v + 1j * RNG.normal(size=y.shape) if y.dtype.kind == "c" else v).astype(y.dtype)


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("name", FOURIER + COSINE)
def test_transforms(name, dtype):
    if dtype in "FD" and name.startswith(("rfft", "ihfft")):
        pytest.skip("a transform of real numbers")
    x = (Z if dtype in "FD" else X).astype(dtype)
    tol = 1e-12 if dtype in "dD" else 1e-4
    for options in keywords(name):

        def f(a):
            return getattr(scipy.fft, name)(a, **options)  # noqa: B023

        want, v = f(x), like(x)
        y, pullback = mmad.vjp(f, x)
        assert y.dtype == want.dtype
        np.testing.assert_allclose(y, want, rtol=tol, atol=tol)
        tangent = mmad.jvp(f, (x,), (v,))[1]
        np.testing.assert_allclose(tangent, f(v), rtol=tol, atol=tol)
        w = like(want)
        (g,) = pullback(w)
        assert g.dtype == x.dtype
        np.testing.assert_allclose(np.vdot(g, v).real, np.vdot(w, tangent).real, rtol=tol, atol=30 * tol)


def test_compiled_and_lanes():
    def f(a):
        return (scipy.fft.dct(a, norm="ortho") ** 4).sum() + (np.abs(scipy.fft.rfft(a)) ** 2).sum()

    replay = mmad.compile(mmad.grad(f))
    for x in (X, 2.0 * X):
        np.testing.assert_allclose(replay(x), mmad.grad(f)(x), rtol=1e-12)
    np.testing.assert_allclose(mmad.vmap(scipy.fft.dst)(X), scipy.fft.dst(X), rtol=1e-12)
    np.testing.assert_allclose(mmad.hvp(f)(X, X), mmad.jvp(mmad.grad(f), (X,), (X,))[1], rtol=1e-12)


def test_plain_calls_are_left_to_scipy():
    assert mmad.scipy.fft.Backend.__ua_function__(scipy.fft.fft, (X,), {}) is NotImplemented
    np.testing.assert_array_equal(scipy.fft.fft([1, 2, 3]), np.fft.fft([1, 2, 3]))
    assert mmad.scipy.fft.fft is scipy.fft.fft
    with pytest.raises(ValueError, match="norm"):
        mmad.grad(lambda a: scipy.fft.dct(a, norm="other").sum())(X)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name):
    f = getattr(mmad.scipy.fft, name)
    np.testing.assert_array_equal(f(X), getattr(scipy.fft, name)(X))
    np.testing.assert_array_equal(mmad.vjp(lambda a: f(a, 1), X)[0], getattr(scipy.fft, name)(X, 1))


@pytest.mark.parametrize("name", ["fftn", "ihfftn", "dctn"])
def test_the_length_of_one_axis_is_a_number(name):
    f, x = getattr(scipy.fft, name), np.array([0.3, 0.5, 0.2, 0.7])
    y, y_dot = mmad.jvp(lambda x: f(x, s=3), (x,), (x,))
    np.testing.assert_allclose(y, f(x, s=3), rtol=1e-14)
    np.testing.assert_allclose(y_dot, f(x, s=3), rtol=1e-14)
