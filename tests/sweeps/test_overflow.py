"""What has overflowed inside of a flat function has the derivative zero: products, sums, determinants, in all modes."""

import numpy as np
import pytest
from zero_cases import GRADIENTS

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

LARGE = np.array([1e200, 1e200, 2.0])
EXPONENTS = np.array([800.0, 1.0, 2.0])


def of_samples(f):
    return lambda x: mmad.vmap(mmad.grad(f))(np.stack([x, np.minimum(x, 1.5)]))[0]


def replayed(make):
    def gradient(f):
        g = make(f)

        def at(x):
            assert np.isfinite(g(np.minimum(x, 1.5))).all()
            g(x)
            return g(x)

        return at

    return gradient


MODES = {
    **GRADIENTS,
    "vmap": of_samples,
    "replayed": replayed(GRADIENTS["compiled"]),
    "replayed jacfwd": replayed(GRADIENTS["compiled jacfwd"]),
    "replayed vmap": replayed(lambda f: mmad.compile(of_samples(f))),
}

FLAT = {
    "prod": (np.prod, LARGE),
    "prod of rows": (lambda x: np.prod(np.stack([x, x]), axis=1), LARGE),
    "prod of all": (lambda x: np.prod(np.stack([x, x])), LARGE),
    "cumprod": (np.cumprod, LARGE),
    "cumprod of columns": (lambda x: np.cumprod(np.stack([x, x], axis=1), axis=0), LARGE),
    "numbers": (lambda x: x[0] * x[1] * x[2], LARGE),
    "dot": (lambda x: x @ x, LARGE),
    "inner": (lambda x: np.inner(x, x), LARGE),
    "vdot": (lambda x: np.vdot(x, x), LARGE),
    "einsum": (lambda x: np.einsum("i,i->", x, x), LARGE),
    "einsum of three": (lambda x: np.einsum("i,j,k->", x, x, x), LARGE),
    "einsum of elements": (lambda x: np.einsum("i,i,i->i", x, x, x)[:2], LARGE),
    "det": (lambda x: np.linalg.det(np.diag(x)), LARGE),
    "det of a full matrix": (
        lambda x: np.linalg.det(np.stack([x, x[[1, 2, 0]] * 0.5, np.ones(3) + x * 0.0])),
        LARGE,
    ),
    "sum of exponentials": (lambda x: np.sum(np.exp(x)), EXPONENTS),
    "mean of exponentials": (lambda x: np.mean(np.exp(x)), EXPONENTS),
    "largest of exponentials": (lambda x: np.max(np.exp(x)), EXPONENTS),
    "trace": (lambda x: np.trace(np.diag(np.exp(x))), EXPONENTS),
    "var": (np.var, LARGE),
    "sum of squares": (lambda x: np.sum(x**2), LARGE),
    "trapezoid": (lambda x: np.trapezoid(np.exp(x)), EXPONENTS),
    "polyval": (lambda x: np.polyval(x, 1e300), np.array([1e10, 1.0, 2.0])),
}
OUTER = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "inverse": lambda y: 1 / (1 + y * y),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("name", FLAT)
def test_flat_functions_forget_overflow(name, outer, mode):
    inner, x = FLAT[name]
    got = MODES[mode](lambda x: np.sum(OUTER[outer](inner(x))))(x)
    counts = slice(None) if "cumprod" not in name else slice(2)
    np.testing.assert_allclose(np.asarray(got)[counts], 0.0, atol=1e-150)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("name", [n for n in FLAT if n not in ("var", "polyval") and "einsum of" not in n])
def test_directions_of_zero_are_structural_where_products_overflow(name):
    inner, x = FLAT[name]
    got = mmad.jvp(lambda x, y: np.sum(inner(x)) * 0.5 + y, (x, 1.0), (np.zeros(3), 1.0))[1]
    assert got == 1.0 or np.isnan(np.sum(inner(x)))
