"""Ufuncs of packages that need not be installed, those of SciPy, against mpmath."""

import numpy as np
import pytest
from exact_derivatives import derivative
from helpers import python

import mmad
from mmad.ops.declare import OPTIONAL

special = pytest.importorskip("scipy.special")
NAMES = [ufunc.name for ufunc, _ in OPTIONAL if ufunc.module == "scipy.special"]
X = np.array([-3.0, -0.4, 0.0, 0.7, 5.5])


def exact(name, k):
    return np.array([float(derivative(name, (0,) * k, x)) for x in X])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_every_way_to_a_derivative(name, dtype):
    f, x = getattr(special, name), X.astype(dtype)
    one = np.ones_like(x)
    gradient = mmad.grad(lambda x: f(x).sum())
    slope, curve = exact(name, 1), exact(name, 2)
    got = {
        "grad": (gradient(x), slope),
        "jvp": (mmad.jvp(f, (x,), (one,))[1], slope),
        "vmap": (mmad.vmap(mmad.grad(f))(x), slope),
        "compiled": (mmad.compile(gradient)(x), slope),
        "hvp": (mmad.hvp(lambda x: f(x).sum())(x, one), curve),
        "compiled hvp": (mmad.compile(mmad.hvp(lambda x: f(x).sum()))(x, one), curve),
        "taylor": (2 * mmad.taylor(f, x, one, 2)[2], curve),
    }
    for way, (value, want) in got.items():
        assert value.dtype == dtype, way
        np.testing.assert_allclose(value, want, rtol=2e-6 if dtype == np.float32 else 1e-13, atol=1e-30, err_msg=way)


@pytest.mark.parametrize("name", NAMES)
def test_numbers(name):
    f = getattr(special, name)
    for x, slope, curve in zip(X, exact(name, 1), exact(name, 2), strict=True):
        np.testing.assert_allclose(mmad.grad(f)(float(x)), slope, rtol=1e-14)
        np.testing.assert_allclose(mmad.hessian(f)(float(x)), curve, rtol=1e-13, atol=1e-30)


def test_compiled_as_an_instruction():
    f = mmad.compile(mmad.grad(lambda x: special.erf(x).sum()))
    f(np.linspace(-1.0, 1.0, 10_000))
    text = f.programs()[0].explain()
    assert "calls back into Python: 0" in text


def test_mmad_does_not_import_scipy():
    done = python("import sys, mmad; print('scipy' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr
    done = python(
        "import sys; sys.modules['scipy'] = None\nimport mmad\nfrom mmad.ops.transcendental import erf\n"
        "print(mmad.grad(erf)(0.0))"
    )
    assert done.stdout.startswith("1.128379"), done.stderr


def test_another_function_is_refused():
    with pytest.raises(TypeError, match="cospi is not supported"):
        mmad.grad(special._ufuncs._cospi)(2.0)


@pytest.mark.parametrize("f", [getattr(special, name) for name in NAMES])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_those_of_scipy(f, dtype):
    x = np.array([0.3, 0.7], dtype)
    want = f(x)
    for got in (mmad.jvp(f, (x,), (x,))[0], mmad.vjp(f, x)[0], mmad.compile(f)(x), mmad.vmap(f)(x)):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=4 * np.finfo(want.dtype).eps)
    assert mmad.grad(lambda t: np.sum(f(t)))(x).dtype == dtype
