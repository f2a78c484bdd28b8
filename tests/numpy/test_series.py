"""`mmad.numpy.polynomial`: known derivatives, trimmed coefficients, nested derivatives, classes, lifting."""

import pickle

import numpy as np
import pytest
from numpy.polynomial import Polynomial as Plain
from numpy.polynomial import chebyshev, legendre

import mmad
import mmad.numpy as mnp

C, D, X = np.array([0.4, -1.2, 0.7, 0.9]), np.array([0.5, 0.2]), np.array([-0.8, 0.1, 0.6])
POLYNOMIAL, CHEBYSHEV = mnp.polynomial.polynomial, mnp.polynomial.chebyshev
CLASSES = [getattr(mnp.polynomial, name) for name in ("Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE")]
CLASSES.append(mnp.polynomial.Laguerre)


def test_a_chebyshev_series_has_the_derivatives_of_cosines():
    """T_n(cos t) = cos(n t): so T_n(x) is the derivative in a coefficient, and n sin(n t) / sin(t) that of T_n."""
    t, n = np.arccos(X), np.arange(4)
    np.testing.assert_allclose(mmad.jacobian(lambda c: CHEBYSHEV.chebval(X, c))(C), np.cos(np.outer(t, n)), atol=1e-15)
    slope = (C * n * np.sin(np.outer(t, n)) / np.sin(t)[:, None]).sum(axis=1)
    np.testing.assert_allclose(mmad.grad(lambda x: CHEBYSHEV.chebval(x, C).sum())(X), slope, rtol=1e-13)


def test_roots_move_as_the_implicit_function_theorem_says():
    roots = Plain(C).roots()
    moved = mmad.jacobian(lambda c: POLYNOMIAL.polyroots(c))(C)
    slope = np.polynomial.polynomial.polyval(roots, [-1.2, 1.4, 2.7])
    np.testing.assert_allclose(moved, -(roots[:, None] ** np.arange(4)) / slope[:, None], rtol=1e-12)


def test_a_fit_of_a_polynomial_of_its_degree_gives_it_back():
    x = np.linspace(0.0, 2.0, 7)
    fitted = mmad.jacobian(lambda c: mnp.polynomial.Legendre.fit(x, legendre.legval(x - 1.0, c), 3).coef)(C)
    np.testing.assert_allclose(fitted, np.eye(4), atol=1e-13)


def test_trailing_zeros_are_left_out_by_value():
    product = mmad.compile(mmad.grad(lambda c: (POLYNOMIAL.polymul(c, D) ** 2).sum()))
    for n in (4, 3, 1, 4, 2):  # a compiled function is recorded again where another number of them is zero
        c = np.where(np.arange(4) < n, C, 0.0)
        rows = np.array([np.convolve(row, D) for row in np.eye(4)[:n]])
        np.testing.assert_allclose(product(c), np.append(2 * rows @ (C[:n] @ rows), np.zeros(4 - n)), atol=1e-15)
    sizes = []
    mmad.grad(lambda c: (sizes.append(len(POLYNOMIAL.polyadd(c, [0, 0, 0, -0.9]))), c.sum())[1])(C)
    assert sizes == [3]


@pytest.mark.parametrize(
    "f",
    [
        POLYNOMIAL.polyadd,
        POLYNOMIAL.polysub,
        lambda c, d: POLYNOMIAL.polydiv(c, d)[0],
        lambda c, d: POLYNOMIAL.polyint(c, 1, [d[0]], d[1]),
        lambda c, d: CHEBYSHEV.chebder(c, 1, d[0]),
        lambda c, d: CHEBYSHEV.chebdiv(c, d)[1],
        lambda c, d: mnp.polynomial.Polynomial(c)(d),
    ],
)
@pytest.mark.parametrize("outer", ["grad", "jvp", "vmap"])
def test_inner_derivatives_write_into_copies_of_outer_values(f, outer):
    def inner(c):
        return mmad.jvp(lambda d: (f(c, d) ** 3).sum(), (D,), (np.ones(2),))[1]

    def by_reverse(c):
        return mmad.grad(lambda d: (f(c, d) ** 3).sum())(D).sum()

    if outer == "vmap":
        many = np.stack([C, C + 0.1])
        np.testing.assert_allclose(mmad.vmap(inner)(many), [by_reverse(c) for c in many], rtol=1e-12)
        return
    v = np.array([0.3, -0.5, 1.0, 0.2])
    slope = (by_reverse(C + 1e-6 * v) - by_reverse(C - 1e-6 * v)) / 2e-6
    for g in (inner, by_reverse):
        got = mmad.grad(g)(C) @ v if outer == "grad" else mmad.jvp(g, (C,), (v,))[1]
        np.testing.assert_allclose(got, slope, rtol=1e-7)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_is_a_subclass_of_numpys_and_works_with_it(kind):
    plain = getattr(np.polynomial, kind.__name__)
    p, q = kind(C), plain(D)
    assert isinstance(p, plain)
    assert type(p * q) is type(q * p) is type(q - p) is kind
    assert p == plain(C)
    assert plain(C) == p
    assert (q - p) == -(p - q)
    assert divmod(plain(C), kind(D)) == divmod(p, q)
    assert pickle.loads(pickle.dumps(p)) == p
    assert repr(p) == repr(plain(C))
    seen = []
    mmad.grad(lambda c: (seen.append((repr(kind(c)), str(kind(c)), format(kind(c), "ascii"))), c.sum())[1])(C)
    assert seen == [(repr(plain(C)), str(plain(C)), format(plain(C), "ascii"))]
    with pytest.raises(TypeError, match="Domains differ"):
        plain(C, [0, 3]) * p


def test_plain_arguments_get_numpys_own_results():
    found = mmad.grad(lambda c: CHEBYSHEV.chebval(0.3, CHEBYSHEV.chebadd([1.0, 2.0], [3])) * c.sum())(C)
    np.testing.assert_array_equal(found, np.full(4, chebyshev.chebval(0.3, [4.0, 2.0])))
    assert type(CHEBYSHEV.chebadd([1], [2])) is np.ndarray
    assert "chebval" in dir(CHEBYSHEV)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: POLYNOMIAL.polydiv(c, [0.0]), ZeroDivisionError),
        (lambda c: POLYNOMIAL.polyadd(c, []), ValueError),
        (lambda c: POLYNOMIAL.polyadd(c[:, None], [1]), ValueError),
        (lambda c: CHEBYSHEV.chebder(c, -1), ValueError),
        (lambda c: CHEBYSHEV.chebint(c, 1.5), TypeError),
        (lambda c: CHEBYSHEV.chebpow(c, 17), ValueError),
        (lambda c: CHEBYSHEV.chebcompanion(c[:1]), ValueError),
        (lambda c: mnp.polynomial.Polynomial(c, domain=c), ValueError),
        (lambda c: mnp.polynomial.Polynomial(c) / mnp.polynomial.Polynomial([1]), TypeError),
    ],
)
def test_errors_are_numpys(call, error):
    with pytest.raises(error) as plain:
        call(C)
    with pytest.raises(error) as traced:
        mmad.grad(lambda c: (call(c), c.sum())[1])(C)
    assert str(traced.value) == str(plain.value)


def test_numpys_functions_that_ask_their_arguments_take_traced_ones():
    if not hasattr(np.polynomial.polynomial.polyval2d, "_implementation"):
        pytest.skip("this NumPy has none")
    table = np.outer(D, C)
    found = mmad.grad(lambda c: np.polynomial.polynomial.polyval2d(X, X, c).sum())(table)
    np.testing.assert_allclose(found, [[(X ** (i + j)).sum() for j in range(4)] for i in range(2)], rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "advised"),
    [
        (lambda c: np.polynomial.polynomial.polyroots(c), "mmad.numpy.polynomial.polynomial.polyroots"),
        (lambda c: chebyshev.chebfit(C, c, 1), "mmad.numpy.polynomial.chebyshev.chebfit"),
        (lambda c: chebyshev.chebadd(c * 1j, 1), "mmad.numpy.polynomial.chebyshev.chebadd"),
        (lambda c: Plain.fit(C, c, 1), "from mmad.numpy.polynomial"),
    ],
)
def test_a_refusal_names_the_function_that_takes_traced_values(call, advised):
    with pytest.raises((TypeError, ValueError)) as refusal:
        mmad.grad(lambda c: (call(c), c.sum())[1])(C)
    assert advised in "\n".join([str(refusal.value), *refusal.value.__notes__]).replace("Take", "take")


EXISTING = Plain(D, domain=[0, 2])


class Doubling(Plain):
    def doubled(self):
        return self * 2


def of_every_kind(c):
    p, q = Plain(c), Doubling(c).doubled()
    assert isinstance(p, Plain)
    assert isinstance(EXISTING, Plain)
    assert isinstance(q, Doubling)
    return (
        (p * Plain(D))(X).sum()
        + EXISTING(c).sum()
        + q(0.3)
        + abs(chebyshev.chebroots(c)).sum()
        + np.polynomial.Hermite.fit(X, c[:3] ** 2, 1)(0.5)
        + legendre.legfit(X, c[:3], 1).sum()
    )


def test_lifted_code_uses_the_copies():
    lifted = mmad.grad(mmad.lift(of_every_kind))(C)
    differences = [(of_every_kind(C + h) - of_every_kind(C - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(lifted, differences, rtol=1e-7)
