"""Polynomials: values and shapes of NumPy, derivatives in every mode, classes of traced coefficients."""

import numpy as np
import pytest
from derivatives import ASPECTS, Case

import mmad

P, Q = np.array([2.0, -1.0, 0.5, 3.0]), np.array([1.5, 0.3])
X, Y = np.array([0.1, 0.5, 1.2, 2.0, 2.7]), np.array([1.0, 2.0, 0.3, 4.0, 2.0])
MATRIX = np.array([[0.4, -1.1, 0.3], [1.3, 0.2, 0.7], [-0.5, 0.8, 1.9]])

CASES = [
    Case("polyadd", lambda p, q: np.polyadd(p, q) * p, P, Q),
    Case("polysub", lambda p, q: np.polysub(q, p) ** 2, P, Q),
    Case("polymul", lambda p, q: np.polymul(p, q), P, Q),
    Case("polydiv", lambda p, q: np.polydiv(p, q), P, Q, float32=False),
    Case("polyder", lambda p: np.polyder(p, 2) ** 2, P),
    Case("polyint", lambda p, k: np.polyint(p, 2, k) ** 2, P, Q),
    Case("poly", lambda z: np.poly(z), P),
    Case("poly of a matrix", lambda m: np.poly(m), MATRIX, extended=False, float32=False, ulps=64),
    Case("roots", lambda p: np.abs(np.roots(p)) ** 2, P, extended=False, float32=False, ulps=64),
    Case("polyfit", lambda x, y: np.polyfit(x, y, 2), X, Y, extended=False, ulps=512),
    Case("polyfit w", lambda x, y, w: np.polyfit(x, y, 1, w=w), X, Y, Y + 1.0, extended=False, float32=False, ulps=64),
    Case("polyfit cov", lambda y: np.polyfit(X, y, 1, cov=True)[1], Y, extended=False, float32=False, ulps=64),
    Case("poly1d", lambda p, x: np.poly1d(p)(x), P, X),
    Case("poly1d arithmetic", lambda p, q: (np.poly1d(p) * np.poly1d(q) + np.poly1d(q)).deriv().coeffs, P, Q),
    Case("polyval of NumPy's module", lambda x, c: np.polynomial.polynomial.polyval(x, c), X, P),
    Case("chebval", lambda x, c: np.polynomial.chebyshev.chebval(x, c), X, P),
    Case("legval", lambda x: np.polynomial.legendre.legval(x, [1.0, 2.0, 3.0]), X),
]


@pytest.mark.parametrize("aspect", [x for x in ASPECTS if x not in ("many", "layout", "lanes")])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_case(case, aspect):
    case.check(aspect)


@pytest.mark.parametrize(
    ("f", "p"),
    [
        (np.roots, [0.0, 1.0, 2.0, 0.0]),
        (np.roots, [0.0, 3.0]),
        (lambda p: np.polymul(p, Q), [0.0, 1.0, 2.0]),
        (lambda p: np.polydiv(p, P)[0], [1.0, 2.0]),
        (lambda p: np.polydiv(p, [1.0, 2.0])[1], [2.0, 4.0]),
        (lambda p: np.polyder(p), [2.0]),
    ],
)
def test_zeros_and_short_ones(f, p):
    p = np.array(p)
    np.testing.assert_allclose(mmad.vjp(f, p)[0], f(p))
    assert np.shape(mmad.vjp(f, p)[0]) == np.shape(f(p))
