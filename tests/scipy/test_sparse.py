"""scipy.sparse: plain products in every order and format, captures, lanes, errors; solves with shared factors."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from scipy_sparse import COLUMNS, DENSE, ROWS, B, C, S

import mmad
from mmad.errors import UnsupportedError
from mmad.scipy import sparse

RNG = np.random.default_rng(3)
D = RNG.normal(size=(4, 3)) * (RNG.random((4, 3)) < 0.7)
X, Y, XS, YS = RNG.normal(size=3), RNG.normal(size=4), RNG.normal(size=(3, 2)), RNG.normal(size=(2, 4))
PRODUCTS = [
    (lambda A, x: A @ x, X),
    (lambda A, x: A @ x, XS),
    (lambda A, x: x @ A, Y),
    (lambda A, x: x @ A, YS),
    (lambda A, x: A.dot(x), X),
    (lambda A, x: A.T @ x, Y),
    (lambda A, x: A @ x, XS + 1j),
]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
def test_plain_products(form, kind):
    A = getattr(scipy.sparse, f"{form}_{kind}")(D)
    products = [*PRODUCTS, (lambda A, x: A * x, X), (lambda A, x: x * A, Y)] if kind == "matrix" else PRODUCTS
    for f, x in products:
        want = f(A, x)
        y, pullback = mmad.vjp(lambda v: f(A, v), x)  # noqa: B023
        np.testing.assert_allclose(y, want, rtol=1e-13)
        assert y.dtype == want.dtype
        v, w = RNG.normal(size=x.shape), RNG.normal(size=y.shape).astype(y.dtype)
        tangent = mmad.jvp(lambda v: f(A, v), (x,), (v.astype(x.dtype),))[1]  # noqa: B023
        np.testing.assert_allclose(tangent, f(A, v), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(np.vdot(pullback(w)[0], v).real, np.vdot(w, tangent).real, rtol=1e-11)
    np.testing.assert_allclose(A @ X, D @ X)  # plain ones as before


def test_derivatives_of_products():
    A = scipy.sparse.csr_array(D)

    def f(A):
        return lambda x: ((A @ x) ** 3).sum()

    np.testing.assert_allclose(mmad.hessian(f(A))(X), mmad.hessian(f(D))(X), rtol=1e-12)
    replay = mmad.compile(mmad.grad(f(A)))
    for x in (X, 2.0 * X):
        np.testing.assert_allclose(replay(x), mmad.grad(f(D))(x), rtol=1e-12)
    np.testing.assert_allclose(mmad.vmap(lambda x: A @ x)(np.stack([X, 2 * X])), np.stack([D @ X, 2 * D @ X]))
    narrow = A.astype(np.float32)
    assert mmad.vjp(lambda x: narrow @ x, X.astype(np.float32))[0].dtype == np.float32


@pytest.mark.parametrize("matrix", [S, C, S.tocoo()], ids=["csr", "csc", "coo"])
def test_a_matrix_that_is_changed_after_a_recording(matrix):
    A = matrix.copy()
    g = mmad.compile(mmad.grad(lambda x: (A @ x).sum()))
    np.testing.assert_allclose(g(B), A.toarray().sum(axis=0))
    A.data[0] += 100.0
    np.testing.assert_allclose(g(B), A.toarray().sum(axis=0))


def test_elements():
    """Matrices of traced elements: sums, elementwise products, arrays."""
    E = RNG.normal(size=(5, 5))

    def f(d, e, x):
        A = sparse.coo_array((d, (ROWS, COLUMNS)), shape=(5, 5))
        total = (A.toarray() ** 3).sum() + (A.diagonal() ** 2).sum() + ((2.0 * A) @ x).sum() - ((-A) / 3.0 @ x).sum()
        return total + ((S.multiply(e) @ x) ** 2).sum() + (x @ (S * x[0])).sum()

    def dense(d, e, x):
        A = np.zeros((5, 5), like=d)
        A[ROWS, COLUMNS] = d
        total = (A**3).sum() + (np.diagonal(A) ** 2).sum() + 2.0 * (A @ x).sum() + (A @ x).sum() / 3.0
        return total + (((DENSE * e) @ x) ** 2).sum() + (x @ (DENSE * x[0])).sum()

    points = (S.data, E, B)
    for got, want in zip(mmad.grad(f, (0, 1, 2))(*points), mmad.grad(dense, (0, 1, 2))(*points), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


def test_factors_are_shared(monkeypatch):
    calls, plain = [], scipy.sparse.linalg.splu
    monkeypatch.setattr(scipy.sparse.linalg, "splu", lambda *a, **k: calls.append(1) or plain(*a, **k))
    lu = sparse.linalg.splu(C)
    g = mmad.grad(lambda b: (lu.solve(b) ** 2).sum() + (lu.solve(b, "T") ** 3).sum())(B)
    assert len(calls) == 1
    x, y = np.linalg.solve(DENSE, B), np.linalg.solve(DENSE.T, B)
    np.testing.assert_allclose(g, np.linalg.solve(DENSE.T, 2 * x) + np.linalg.solve(DENSE, 3 * y**2), rtol=1e-10)


def test_errors():
    with pytest.raises(ValueError, match="dimension mismatch"):
        mmad.grad(lambda x: (S @ x).sum())(X)
    with pytest.raises(ValueError, match="square"):
        mmad.grad(lambda x: sparse.linalg.spsolve(scipy.sparse.csr_array(D), x).sum())(Y)
    with pytest.raises(UnsupportedError, match="callback"):
        mmad.grad(lambda b: sparse.linalg.gmres(S, b, callback=print)[0].sum())(B)
    assert sparse.linalg.spsolve(C, B) == pytest.approx(np.linalg.solve(DENSE, B))


@pytest.mark.parametrize("kind", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_elementwise_products_of_every_format(kind):
    """Some classes have a `multiply` of their own, which ones depends on SciPy's version."""
    A, E = S.asformat(kind), RNG.normal(size=(5, 5))
    got = mmad.grad(lambda e: (A.multiply(e).toarray() ** 2).sum())(E)
    np.testing.assert_allclose(got, 2 * E * DENSE**2, rtol=1e-14)
    np.testing.assert_array_equal(A.multiply(E).toarray(), DENSE * E)


def test_a_derivative_imports_no_rules_for_sparse_matrices_that_it_does_not_use():
    """The first derivative of a process would wait for them."""
    code = """
import sys, numpy as np, mmad, scipy.sparse
mmad.grad(lambda x: (x * x).sum())(np.ones(3))
assert not {"scipy.sparse.linalg", "mmad.scipy.sparse"} & set(sys.modules)
import scipy.sparse.linalg
A = scipy.sparse.csr_array(np.diag([1.0, 2.0, 3.0]))
double = scipy.sparse.linalg.LinearOperator((3, 3), matvec=lambda x: 2 * x, rmatvec=lambda x: 2 * x, dtype=float)
print(mmad.grad(lambda x: (double @ (A @ x)).sum())(np.ones(3)), mmad.grad(lambda x: double.dot(x).sum())(np.ones(3)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "[2. 4. 6.] [2. 2. 2.]\n", ran.stderr
