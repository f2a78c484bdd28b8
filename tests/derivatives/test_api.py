"""The derivative operators as a caller meets them: arguments, results, types, errors."""

import cmath
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mmad
from tests.support.energy import V, X, curvature, energy


# -------------------------------------------------------------------------------------------------- argnums
def product(a, b, c=2.0):
    return a * b**2 * c**3


GRADIENT = (3.0**2 * 8, 2.0 * 2 * 3 * 8, 2.0 * 9 * 3 * 4)


@pytest.mark.parametrize(
    ("argnums", "want"),
    [
        (0, GRADIENT[0]),
        (1, GRADIENT[1]),
        (-1, GRADIENT[2]),
        (-3, GRADIENT[0]),
        ((0,), GRADIENT[:1]),
        ((0, 2), (GRADIENT[0], GRADIENT[2])),
        ((2, 0), (GRADIENT[2], GRADIENT[0])),
        ((-1, 1), (GRADIENT[2], GRADIENT[1])),
        ([0, 1], GRADIENT[:2]),
        (np.int64(1), GRADIENT[1]),
    ],
)
def test_argnums(argnums, want):
    got = mmad.grad(product, argnums)(2.0, 3.0, 2.0)
    assert type(got) is type(want)
    assert got == pytest.approx(want, rel=1e-14)
    assert mmad.value_and_grad(product, argnums)(2.0, 3.0, 2.0)[1] == pytest.approx(want, rel=1e-14)
    for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        assert jacobian(product, argnums)(2.0, 3.0, 2.0) == pytest.approx(want, rel=1e-14)


def test_argnums_of_second_order():
    want = {(0, 0): 0.0, (0, 1): 48.0, (1, 0): 48.0, (1, 1): 32.0}
    h = mmad.hessian(product, (0, 1))(2.0, 3.0)
    assert {(i, j): h[i][j] for i in (0, 1) for j in (0, 1)} == pytest.approx(want)
    assert mmad.hessian(product, 1)(2.0, 3.0) == pytest.approx(32.0)
    assert mmad.hvp(product, 1)(2.0, 3.0, 0.5) == pytest.approx(16.0)
    assert mmad.hvp(product, (0, 1))(2.0, 3.0, (1.0, 0.5)) == pytest.approx((24.0, 64.0))
    assert mmad.value_grad_hvp(product, (1,))(2.0, 3.0, (0.5,)) == (144.0, (96.0,), (16.0,))


@pytest.mark.parametrize("argnums", [3, -4, (0, 3)])
def test_argnums_out_of_range(argnums):
    with pytest.raises(TypeError, match=r"grad of product \(test_api.py:\d+\): argnums=.*3 positional arguments"):
        mmad.grad(product, argnums)(2.0, 3.0, 2.0)


def test_argnums_errors():
    with pytest.raises(TypeError, match="must be an int"):
        mmad.grad(product, 1.0)(2.0, 3.0)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(product, (0, 0))(2.0, 3.0)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(product, (0, -2))(2.0, 3.0)


def test_keyword_arguments():
    assert mmad.grad(product)(2.0, b=3.0) == pytest.approx(72.0)
    assert mmad.grad(product)(2.0, b=3.0, c=1.0) == pytest.approx(9.0)
    assert mmad.hessian(product)(2.0, b=3.0) == 0.0
    assert mmad.jacobian(product)(2.0, b=3.0) == pytest.approx(72.0)
    with pytest.raises(TypeError, match="positional"):
        mmad.grad(product)(a=2.0, b=3.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        mmad.grad(product)(2.0, d=3.0)


def test_keyword_arguments_of_products():
    assert mmad.hvp(lambda x, p=2: (x**p).sum())(X, V, p=3) == pytest.approx(6 * X * V)
    assert mmad.value_grad_hvp(lambda x, p=2: (x**p).sum())(X, V, p=3)[1] == pytest.approx(3 * X**2)


# -------------------------------------------------------------------------------------------------- has_aux
def test_has_aux():
    def f(x):
        return (x**2).sum(), {"mean": x.mean(), "n": 3, "s": "text", "x": x}

    g, aux = mmad.grad(f, has_aux=True)(X)
    assert_allclose(g, 2 * X, rtol=1e-15)
    assert aux["mean"] == pytest.approx(X.mean())
    assert isinstance(aux["mean"], float)
    assert type(aux["x"]) is np.ndarray
    assert (aux["n"], aux["s"]) == (3, "text")
    (value, aux), g = mmad.value_and_grad(f, has_aux=True)(X)
    assert value == pytest.approx(X @ X)
    assert_array_equal(aux["x"], X)
    y, pullback, aux = mmad.vjp(f, X, has_aux=True)
    assert y == pytest.approx(X @ X)
    assert_allclose(pullback(2.0)[0], 4 * X, rtol=1e-15)
    assert type(aux["x"]) is np.ndarray


def test_has_aux_nests():
    def outer(x):
        g, aux = mmad.grad(lambda t: (t**3, t**2), has_aux=True)(x)
        return g * aux

    assert mmad.grad(outer)(2.0) == pytest.approx(12 * 2.0**3)


def test_has_aux_errors():
    with pytest.raises(TypeError, match="auxiliary"):
        mmad.grad(lambda x: x, has_aux=True)(1.0)
    with pytest.raises(TypeError, match="one real number"):
        mmad.grad(lambda x: (x, 1))(1.0)


# ---------------------------------------------------------------------------------------- values and kinds
KINDS = {
    "float": (1.5, float),
    "np.float64": (np.float64(1.5), np.float64),
    "np.float32": (np.float32(1.5), np.float32),
    "0-d": (np.array(1.5), np.ndarray),
    "0-d float32": (np.array(1.5, np.float32), np.ndarray),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_numbers(name):
    x, kind = KINDS[name]
    value, g = mmad.value_and_grad(lambda x: x * x)(x)
    assert type(g) is kind
    assert np.result_type(g) == np.result_type(x)
    assert np.shape(g) == ()
    assert g == 3.0
    assert value == 2.25
    assert np.result_type(value) == np.result_type(x)
    if kind is float:
        assert type(value) is float
    hv = mmad.hvp(lambda x: x * x * x)(x, x)
    assert type(hv) is kind
    assert hv == 6 * 1.5**2
    assert type(mmad.vjp(lambda x: x * x, x)[1](x)[0]) is kind
    h = mmad.hessian(lambda x: x * x * x)(x)
    assert type(h) is kind
    assert h == 9.0


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_tangents(name):
    x, _ = KINDS[name]
    y, y_dot = mmad.jvp(lambda x: x * x, (x,), (x,))
    assert (y, y_dot) == (2.25, 4.5)
    assert np.result_type(y) == np.result_type(y_dot) == np.result_type(x)
    y, f_jvp = mmad.linearize(lambda x: x * x, x)
    assert f_jvp(x) == 4.5
    assert np.result_type(y) == np.result_type(f_jvp(x)) == np.result_type(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes_of_arrays(dtype):
    x = X.astype(dtype)

    def f(x):
        return (abs(x) ** 2).sum()

    for got in (mmad.grad(f)(x), mmad.hvp(f)(x, x), mmad.vjp(np.sin, x)[1](x)[0], mmad.jvp(np.sin, (x,), (x,))[1]):
        assert type(got) is np.ndarray
        assert got.dtype == dtype
        assert got.shape == (3,)


def test_results_are_writeable_and_the_callers_own():
    for f in (lambda x: x.sum(), lambda x: (x * 2).sum(), lambda x: x[0] * 1.0):
        g = mmad.grad(f)(X)
        g += 1
        assert_array_equal(mmad.grad(f)(X), g - 1)
    y, pullback = mmad.vjp(lambda x: x, X)
    ct = V.copy()
    (g,) = pullback(ct)
    g *= 100
    assert_array_equal(ct, V)
    y *= 100
    assert_array_equal(X, [0.3, -0.7, 1.1])
    y, dot = mmad.jvp(lambda x: x, (X,), (ct,))
    dot *= 100
    y *= 100
    assert_array_equal(ct, V)
    assert_array_equal(X, [0.3, -0.7, 1.1])
    _, f_jvp = mmad.linearize(lambda x: x, X)
    dot = f_jvp(ct)
    dot *= 100
    assert_array_equal(ct, V)


def test_values_are_numpys():
    value, _ = mmad.value_and_grad(energy)(X)
    assert value == energy(X)
    y, _ = mmad.vjp(lambda x: np.sin(x) * x, X)
    assert_array_equal(y, np.sin(X) * X)


def test_degenerate_outputs():
    assert mmad.grad(lambda x: 3.0)(1.0) == 0.0
    assert mmad.grad(lambda x: 3)(1.0) == 0.0
    assert_array_equal(mmad.grad(lambda x: 3.0)(X), np.zeros(3))
    assert mmad.value_and_grad(lambda x: x)(2.0) == (2.0, 1.0)
    assert mmad.jvp(lambda x: 3.0, (1.0,), (1.0,)) == (3.0, 0.0)
    assert mmad.hessian(lambda x: 3.0)(1.0) == 0.0
    for jacobian in (mmad.jacfwd, mmad.jacrev):
        assert_array_equal(jacobian(lambda x: x)(X), np.eye(3))
        assert_array_equal(jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
        a, b = jacobian(lambda x: (x, x))(X)
        assert_array_equal(a, np.eye(3))
        assert_array_equal(b, np.eye(3))
        assert jacobian(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)
        assert jacobian(lambda x: x.sum())(np.zeros((0, 3))).shape == (0, 3)
        assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    _, pullback = mmad.vjp(lambda x: (x, x), X)
    assert_array_equal(pullback((V, V))[0], 2 * V)
    assert mmad.grad(lambda a, b: (a * b).sum(), (0, 1))(X, X)[0] is not X
    ga, gb = mmad.grad(lambda a, b: (a * b).sum(), (0, 1))(X, X)
    assert_array_equal(ga, X)
    assert_array_equal(gb, X)


# ------------------------------------------------------------------------------------------------- complex
def test_complex_gradients():
    z = 0.3 + 0.7j
    assert mmad.grad(lambda z: abs(z) ** 2)(z) == pytest.approx(2 * z)
    assert type(mmad.grad(lambda z: abs(z) ** 2)(z)) is complex
    assert mmad.grad(lambda z: (z**3).real)(z) == pytest.approx((3 * z**2).conjugate())
    assert mmad.grad(lambda z: np.exp(z).imag)(z) == pytest.approx((-1j * cmath.exp(z)).conjugate())
    _, dot = mmad.jvp(lambda z: z**3, (z,), (1j,))
    assert dot == pytest.approx(3j * z**2)
    zs = np.array([0.3 + 0.7j, -1.0 + 0.2j])
    assert_allclose(mmad.grad(lambda z: (abs(z) ** 2).sum())(zs), 2 * zs, rtol=1e-14)
    assert_allclose(mmad.vjp(np.sin, zs)[1](np.ones(2))[0], np.conj(np.cos(zs)), rtol=1e-14)


def test_complex_hvp():
    z, v = np.array([0.3 + 0.7j]), np.array([0.5 - 0.1j])
    got = mmad.hvp(lambda z: (z**3).real.sum())(z, v)
    assert_allclose(got, np.conj(6 * z * v), rtol=1e-14)


def test_real_input_through_complex_numbers():
    assert mmad.grad(lambda x: abs(np.exp(1j * x) + x) ** 2)(0.4) == pytest.approx(
        2 * (0.4 + math.cos(0.4) - 0.4 * math.sin(0.4)), rel=1e-13
    )


def test_complex_errors():
    with pytest.raises(TypeError, match="complex"):
        mmad.grad(lambda z: z * 2)(1 + 1j)
    for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        with pytest.raises(TypeError, match="complex"):
            jacobian(lambda z: z * 2)(np.array([1 + 1j]))
    with pytest.raises(TypeError, match="complex"):
        mmad.vjp(np.sin, X)[1](V * 1j)
    with pytest.raises(TypeError, match="complex"):
        mmad.jvp(np.sin, (X,), (V * 1j,))


# -------------------------------------------------------------------------------------------------- errors
def vector(x):
    return x * 2


ERRORS = {
    "array result": (
        lambda: mmad.grad(vector)(X),
        TypeError,
        r"grad of vector \(test_api.py:\d+\).*shape \(3,\).*jacobian",
    ),
    "one element": (lambda: mmad.grad(lambda x: x[:1])(X), TypeError, r"shape \(1,\).*y\[0\]"),
    "none": (lambda: mmad.grad(lambda x: None)(1.0), TypeError, "it returned None"),
    "text": (lambda: mmad.grad(lambda x: "a")(1.0), TypeError, "it returned 'a'"),
    "dict": (lambda: mmad.grad(lambda x: {"a": x, "b": x})(1.0), TypeError, "container of 2"),
    "not a function": (lambda: mmad.grad(3), TypeError, "takes a function, not int"),
    "tangent shape": (lambda: mmad.jvp(vector, (X,), (V[:2],)), ValueError, r"\(2,\), the value \(3,\)"),
    "tangent count": (lambda: mmad.jvp(vector, (X,), (V, V)), ValueError, "1 primals but 2 tangents"),
    "tangent tuple": (lambda: mmad.jvp(vector, X, V), TypeError, "tuples"),
    "tangent structure": (lambda: mmad.jvp(lambda p: p[0], ([X, X],), ([V],)), ValueError, "2 leaves.*1 leaves"),
    "tangent type": (lambda: mmad.jvp(lambda x: x, (1.0,), ("a",)), TypeError, "numeric"),
    "cotangent shape": (lambda: mmad.vjp(vector, X)[1](V[:2]), ValueError, r"\(2,\).*\(3,\)"),
    "cotangent structure": (lambda: mmad.vjp(lambda x: (x, x), X)[1](V), ValueError, "2 leaves; it has 1"),
    "linear map": (lambda: mmad.linearize(vector, X)[1](V[:2]), ValueError, r"\(2,\)"),
    "linear map count": (lambda: mmad.linearize(vector, X)[1](V, V), ValueError, "1 primals but 2 tangents"),
    "vector shape": (lambda: mmad.hvp(energy)(X, V[:2]), ValueError, r"\(2,\)"),
    "no vector": (lambda: mmad.hvp(energy)(X), TypeError, r"h\(x, v\)"),
    "vectors": (lambda: mmad.hvp(product, (0, 1))(1.0, 2.0, 3.0), TypeError, "tuple of 2"),
    "strategy": (lambda: mmad.jacobian(vector, strategy="x"), ValueError, "auto, forward, reverse"),
    "hessian strategy": (lambda: mmad.hessian(energy, strategy="x"), ValueError, "forward-over-reverse"),
    "hessian of a vector": (lambda: mmad.hessian(vector)(X), TypeError, "one real number"),
    "no arguments": (lambda: mmad.grad(lambda: 1.0)(), TypeError, "0 positional arguments"),
    "order": (lambda: mmad.derivative(np.sin, -1), ValueError, "must not be negative"),
    "order type": (lambda: mmad.derivative(np.sin, 1.5), TypeError, "must be an int"),
    "float": (lambda: mmad.grad(lambda x: math.sin(x))(1.0), TypeError, "np.sin, not math.sin"),
    "plain array": (lambda: mmad.grad(lambda x: fill(np.zeros(3), x))(1.0), TypeError, "mmad.numpy.zeros"),
}


def fill(y, x):
    y[0] = x
    return y.sum()


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_to_do(name):
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()


def test_an_integer_valued_result_has_a_zero_gradient():
    assert_array_equal(mmad.grad(lambda x: x.astype(int).sum())(X), np.zeros(3))


# ------------------------------------------------------------------------------------------- strategies
def test_strategies_agree():
    def f(x):
        return np.concatenate([np.sin(x), [x[0] * x[1]]])

    want = np.vstack([np.diag(np.cos(X)), [X[1], X[0], 0.0]])
    for strategy in ("auto", "forward", "reverse"):
        assert_allclose(mmad.jacobian(f, strategy=strategy)(X), want, rtol=1e-14, atol=1e-16)
    for strategy in ("auto", "forward-over-reverse", "reverse-over-reverse"):
        assert_allclose(mmad.hessian(energy, strategy=strategy)(X), curvature(X), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_many_directions(n):
    x = np.linspace(0.1, 1.0, n)

    def f(x):
        return np.sin(x) * np.sum(x)

    want = np.diag(np.cos(x) * x.sum()) + np.sin(x)[:, None]
    assert_allclose(mmad.jacfwd(f)(x), want, rtol=1e-13)
    assert_allclose(mmad.jacrev(f)(x), want, rtol=1e-13)
    assert_allclose(mmad.hessian(energy)(x), curvature(x), rtol=1e-12, atol=1e-15)


def test_shapes_of_jacobians():
    a = np.arange(6.0).reshape(2, 3) + 1
    for jacobian in (mmad.jacfwd, mmad.jacrev):
        j = jacobian(lambda a: (a.T @ a)[:, :2])(a)
        assert j.shape == (3, 2, 2, 3)
        want = np.einsum("ki,lj->ijkl", a, np.eye(3))[:, :2] + np.einsum("kj,li->ijkl", a, np.eye(3))[:, :2]
        assert_allclose(j, want, rtol=1e-14)
        assert jacobian(lambda x: x * a)(2.0).shape == (2, 3)
        assert jacobian(lambda a: a.sum())(a).shape == (2, 3)
    assert mmad.hessian(lambda a: (a**2).sum())(a).shape == (2, 3, 2, 3)


def test_derivative():
    assert mmad.derivative(np.sin, 5)(0.3) == pytest.approx(math.cos(0.3), rel=1e-13)
    assert mmad.derivative(lambda x: x**3, 0)(2.0) == 8.0
    got = mmad.derivative(lambda t, a, k=1: {"y": a * t**3 * k, "s": "text"}, 2)(2.0, X, k=2)
    assert_allclose(got["y"], 24 * X, rtol=1e-14)
    assert got["s"] == "text"
    assert mmad.grad(mmad.derivative(lambda x: x**4, 2))(2.0) == pytest.approx(48.0)
    assert mmad.derivative(mmad.grad(lambda x: x**4), 2)(2.0) == pytest.approx(48.0)


def test_names_of_derivative_functions():
    g = mmad.grad(energy)
    assert g.__name__ == "grad_energy"
    assert g.__wrapped__ is energy
    assert "mmad.grad" in g.__doc__


def test_public_names():
    assert mmad.__all__ == sorted(mmad.__all__)
    for name in mmad.__all__:
        assert getattr(mmad, name) is not None
        assert name == "numpy" or getattr(mmad, name).__doc__


# --------------------------------------------------------------------------------- operators of operators
def cubic(x):
    return np.sin(x) * x[::-1] ** 2


def third(x):
    """Second derivatives of `cubic`, shape (3, 3, 3), by hand."""
    out = np.zeros((3, 3, 3))
    for i in range(3):
        j = 2 - i
        out[i, i, i] += -np.sin(x[i]) * x[j] ** 2
        out[i, i, j] += np.cos(x[i]) * 2 * x[j]
        out[i, j, i] += np.cos(x[i]) * 2 * x[j]
        out[i, j, j] += 2 * np.sin(x[i])
    out[1] = 0
    out[1, 1, 1] = 2 * np.sin(x[1]) + 4 * x[1] * np.cos(x[1]) - np.sin(x[1]) * x[1] ** 2
    return out


JACOBIANS = {"jacfwd": mmad.jacfwd, "jacrev": mmad.jacrev}


@pytest.mark.parametrize("outer", JACOBIANS)
@pytest.mark.parametrize("inner", JACOBIANS)
def test_jacobians_of_jacobians(outer, inner):
    got = JACOBIANS[outer](JACOBIANS[inner](cubic))(X)
    assert_allclose(got, third(X), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("inner", JACOBIANS)
def test_products_of_jacobians(inner):
    jacobian = JACOBIANS[inner](cubic)
    assert_allclose(mmad.jvp(jacobian, (X,), (V,))[1], third(X) @ V, rtol=1e-13, atol=1e-15)
    w = np.arange(9.0).reshape(3, 3)
    want = np.einsum("ij,ijk->k", w, third(X))
    assert_allclose(mmad.vjp(jacobian, X)[1](w)[0], want, rtol=1e-13)
    assert_allclose(mmad.grad(lambda x: (jacobian(x) * w).sum())(X), want, rtol=1e-13)
    assert_allclose(mmad.linearize(jacobian, X)[1](V), third(X) @ V, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("strategy", ["forward-over-reverse", "reverse-over-reverse"])
def test_derivatives_of_hessians(strategy):
    hessian = mmad.hessian(energy, strategy=strategy)
    slopes = np.zeros((3, 3, 3))
    slopes[range(3), range(3), range(3)] = -3 * np.sin(X) - np.cos(X) * X
    assert_allclose(mmad.jvp(hessian, (X,), (V,))[1], slopes @ V, rtol=1e-12, atol=1e-14)
    assert_allclose(mmad.jacfwd(hessian)(X), slopes, rtol=1e-12, atol=1e-14)
    assert_allclose(mmad.jacrev(hessian)(X), slopes, rtol=1e-12, atol=1e-14)
    want = 2 * np.einsum("ij,ijk->k", curvature(X), slopes)
    assert_allclose(mmad.grad(lambda x: (hessian(x) ** 2).sum())(X), want, rtol=1e-12)


def test_a_gradient_of_constants_inside_a_recorded_program():
    tape = mmad.record(lambda x: mmad.grad(lambda y: x * y * y)(3.0), 2.0)
    assert tape(4.0) == 24.0


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_tangents_are_of_the_kinds_of_results(kind):
    """A number of NumPy promotes, its tangent does as well."""
    ones = np.ones(2, np.float32)

    def f(x):
        return x * x, x * 2, x * ones, x * np.float32(3)

    values, tangents = mmad.jvp(f, (kind(2.0),), (kind(1.0),))
    for y, dy, want in zip(values, tangents, f(kind(2.0)), strict=True):
        assert type(y) is type(dy) is type(want)
        assert np.result_type(y) == np.result_type(dy) == np.result_type(want)
