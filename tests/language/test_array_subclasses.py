"""Subclasses of arrays, units, masks: carried by the class's own arithmetic, or an error; never lost."""

import numpy as np
import pytest

import mmad

pytestmark = pytest.mark.filterwarnings("ignore:.*reads more than 20000 places")  # objects of units

X = np.array([1.0, 2.0, 3.0])
MASKED = np.ma.MaskedArray([1.0, 2.0, 3.0], [False, True, False])


class Doubling(np.ndarray):
    """An array whose ufuncs give twice the value."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [x.view(np.ndarray) if isinstance(x, Doubling) else x for x in inputs]
        return 2.0 * getattr(ufunc, method)(*plain, **kwargs)


class Named(np.ndarray):
    """An array with nothing but a name."""

    def __array_finalize__(self, other):
        self.name = getattr(other, "name", None)


OWN = {
    "masked": MASKED,
    "matrix": X[None].view(np.matrix),
    "doubling": X.view(Doubling),
}


@pytest.fixture(params=[*OWN, "astropy"])
def own(request):
    if request.param == "astropy":
        return X * pytest.importorskip("astropy.units").m
    return OWN[request.param]


@pytest.mark.parametrize(
    "derive",
    [
        lambda o: mmad.grad(lambda q: np.sum(q * q))(o),
        lambda o: mmad.jvp(lambda q: np.sum(q * q), (o,), (o,)),
        lambda o: mmad.grad(lambda x: np.sum(x * o))(X),
        lambda o: mmad.jvp(lambda x: np.sum(x * o), (X,), (X,)),
        lambda o: mmad.compile(mmad.grad(lambda x: np.sum(x * o)))(X),
        lambda o: mmad.grad(lambda x, c: np.sum(x * c))(X, o),
        lambda o: mmad.grad(lambda x: np.sum(np.where(x > 1, x, o)))(X),
        lambda o: mmad.grad(lambda x: np.sum(np.dot(o, x)))(X),
    ],
)
def test_arithmetic_of_their_own_is_an_error(own, derive):
    with pytest.raises(TypeError, match="arithmetic of their own"):
        derive(own)


@pytest.mark.parametrize("name", ["masked", "doubling", "astropy"])
def test_tangents_and_cotangents(name):
    o = OWN[name] if name != "astropy" else X * pytest.importorskip("astropy.units").m
    with pytest.raises(TypeError, match=r"the tangent: arrays of type .* arithmetic of their own"):
        mmad.jvp(lambda x: x * x, (X,), (o,))
    with pytest.raises(TypeError, match=r"a cotangent: arrays of type .* arithmetic of their own"):
        mmad.vjp(lambda x: x * x, X)[1](o)


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (lambda x: np.sum(MASKED * x), [1.0, 0.0, 3.0]),
        (lambda x: np.sum(MASKED + x * x), [2.0, 0.0, 6.0]),
        (lambda x: np.sum(X.view(Doubling) * x), [2.0, 4.0, 6.0]),
        (lambda x: np.sum(X.view(Named) * x), [1.0, 2.0, 3.0]),
    ],
)
def test_their_own_code_decides(f, exact):
    np.testing.assert_allclose(mmad.grad(f)(X), exact)
    np.testing.assert_allclose(mmad.jvp(f, (X,), (X,))[1], exact @ X)


def test_subclasses_without_arithmetic_are_arrays(tmp_path):
    mapped = np.memmap(tmp_path / "data", dtype=float, mode="w+", shape=(3,))
    mapped[:] = X
    for x in (X.view(Named), X.view(np.recarray), mapped):
        for g in (mmad.grad(lambda x: np.sum(x**3))(x), mmad.compile(mmad.grad(lambda x: np.sum(x**3)))(x)):
            np.testing.assert_allclose(g, 3 * X**2)


@pytest.mark.parametrize(
    "f",
    [
        lambda q, x: np.sum(q * x),
        lambda q, x: np.sum(np.multiply(q, x)),
        lambda q, x: np.sum(q + x),
        lambda q, x: np.sum(q / x),
        lambda q, x: q[0] * x[0],
    ],
)
def test_quantities_of_astropy_keep_no_number_without_its_derivative(f):
    """They read `value` of the other operand."""
    units = pytest.importorskip("astropy.units")
    for q in (X * units.m, X * units.dimensionless_unscaled):
        for derive in (
            lambda q: mmad.grad(lambda x: f(q, x))(X),
            lambda q: mmad.jvp(lambda x: f(q, x), (X,), (X,)),
            lambda q: mmad.derivative(lambda t: f(q, t * X), 2)(1.0),
        ):
            with pytest.raises(TypeError):
                derive(q)


def test_quantities_of_pint():
    units = pytest.importorskip("pint").UnitRegistry()
    q = X * units.meter
    value, tangent = mmad.jvp(lambda q: np.sum(q**3), (q,), (q,))
    assert value.units == tangent.units == units.meter**3
    assert tangent.magnitude == pytest.approx(3 * np.sum(X**3))
    for derive in (
        lambda: mmad.grad(lambda q: np.sum(q * q))(q),
        lambda: mmad.vjp(lambda q: q * q, q)[1](q),
        lambda: mmad.grad(lambda x: np.sum(q * x))(X),
        lambda: mmad.grad(lambda x: np.sum(x * q))(X),
        lambda: mmad.jvp(lambda x: x * x, (X,), (q,)),
        lambda: mmad.jvp(lambda x: x * x, (q,), (X,)),
        lambda: mmad.vjp(lambda x: x * x, X)[1](q),
    ):
        with pytest.raises(TypeError, match="units"):
            derive()
    found = mmad.grad(lambda x: np.sum(q * x).magnitude)(X)
    np.testing.assert_allclose(found, X)
