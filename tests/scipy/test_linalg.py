"""scipy.linalg: plain values, precisions, complex matrices, signs, errors.  Derivatives: tests/scipy/test_forms.py."""

import numpy as np
import pytest
import scipy.linalg
from scipy_linear_algebra import CALLS, M, P, S, V

import mmad
from mmad.derivatives.references import central_difference
from mmad.errors import UnsupportedError
from mmad.scipy import linalg

#: SciPy has had every option that is called here since 1.16.
OLD = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 16)
Z = S + 0.3j * S[::-1]
HERMITIAN = Z @ Z.conj().T + np.eye(3)


def leaves(r):
    return r if isinstance(r, tuple) else (r,)


@pytest.mark.parametrize("k", range(len(CALLS)), ids=[f"{k}-{call[0]}" for k, call in enumerate(CALLS)])
def test_values_shapes_and_dtypes(k):
    """Plain values are SciPy's bit for bit; those of traced values have SciPy's shape, dtype and sign."""
    _, call, *points = CALLS[k]
    if OLD:
        try:
            call(scipy.linalg, *points)
        except ValueError as e:
            pytest.skip(f"SciPy {scipy.__version__}: {e}")
    for want, plain, got in zip(
        leaves(call(scipy.linalg, *points)),
        leaves(call(linalg, *points)),
        leaves(mmad.vjp(lambda *x: call(linalg, *x), *points)[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(plain, want)
        assert np.shape(got) == np.shape(want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


COMPLEX = {
    "solve her": (lambda a, b: linalg.solve(a, b, assume_a="her"), HERMITIAN, V),
    "cho_solve": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b), HERMITIAN, V),
    "lu_solve": (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, trans=2), Z, V),
    "solve_banded": (lambda a, b: linalg.solve_banded((1, 1), a, b), Z, M),
    "solve_toeplitz": (lambda c, b: linalg.solve_toeplitz(c, b), Z[0] + np.array([4.0, 0.0, 0.0]), V),
    "expm": (linalg.expm, Z),
    "sqrtm": (linalg.sqrtm, HERMITIAN),
    "solve_sylvester": (lambda a, b, q: linalg.solve_sylvester(a, b, q), Z, HERMITIAN, S),
    "polar": (lambda a: linalg.polar(a)[0], Z),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name):
    f, *xs = COMPLEX[name]
    rng = np.random.default_rng(2)

    def along(x):
        v = rng.normal(size=x.shape)
        v = v + 1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else v
        return v + v.conj().T if x is HERMITIAN else v

    vs = tuple(along(x) for x in xs)
    y, pullback = mmad.vjp(f, *xs)
    w = rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape)
    want = central_difference(lambda t: f(*[x + t * v for x, v in zip(xs, vs, strict=True)]), 1e-3)
    np.testing.assert_allclose(mmad.jvp(f, tuple(xs), vs)[1], want, rtol=1e-7, atol=1e-7)
    got = sum(np.sum(np.conj(g) * v).real for g, v in zip(pullback(w), vs, strict=True))
    np.testing.assert_allclose(got, np.sum(np.conj(w) * want).real, rtol=1e-7)


# Real matrices whose square roots and logarithms are complex: eigenvalues on the branch cut.
INDEFINITE = 0.5 * (S + S.T) - 2.0 * np.diag([1.0, 0.0, -0.5])
SKEWED = S @ np.diag([-3.0, 1.5, 2.0]) @ np.linalg.inv(S)
CUT = {
    "sqrtm": (linalg.sqrtm, scipy.linalg.sqrtm),
    "logm": (linalg.logm, scipy.linalg.logm),
    "power": (lambda m: linalg.fractional_matrix_power(m, 0.3), lambda m: scipy.linalg.fractional_matrix_power(m, 0.3)),
}


@pytest.mark.parametrize("m", [INDEFINITE, SKEWED, -P], ids=["symmetric", "not symmetric", "negative definite"])
@pytest.mark.parametrize("name", CUT)
def test_on_the_branch_cut(name, m):
    ours, plain = CUT[name]
    weights = np.array([0.3, -1.1, 0.7])[:, None] * np.array([1.0, 0.4, -0.6])

    def loss(g):
        return lambda x: (weights * g(x).real).sum() + (weights.T * g(x).imag).sum()

    f, h = loss(ours), 1e-3
    v, w = np.random.default_rng(3).normal(size=(2, 3, 3))
    v, w = (v + v.T, w + w.T) if m is INDEFINITE else (m @ v - v @ m, m @ m)  # keeps eigenvalues real
    want = central_difference(lambda t: loss(plain)(m + t * v), h)
    np.testing.assert_allclose(f(m), loss(plain)(m), rtol=1e-10)
    np.testing.assert_allclose(mmad.vjp(f, m)[0], loss(plain)(m), rtol=1e-10)
    gradient = mmad.grad(f)
    np.testing.assert_allclose(mmad.jvp(f, (m,), (v,))[1], want, rtol=1e-6)
    np.testing.assert_allclose((gradient(m) * v).sum(), want, rtol=1e-6)
    curvature = central_difference(lambda t: (gradient(m + t * w) * v).sum(), h)
    np.testing.assert_allclose((mmad.hvp(f)(m, w) * v).sum(), curvature, rtol=1e-6)
    np.testing.assert_allclose((mmad.hvp(f)(m, v) * w).sum(), curvature, rtol=1e-6)
    compiled = mmad.compile(gradient)
    for point in (P, m, P, 1.1 * m):  # off the cut, and on it
        np.testing.assert_allclose(compiled(point), gradient(point), rtol=1e-9)


@pytest.mark.parametrize("f", [linalg.expm, linalg.inv, linalg.cholesky, linalg.svdvals, lambda a: linalg.solve(a, a)])
def test_single_precision(f):
    x = P.astype(np.float32)
    y, pullback = mmad.vjp(f, x)
    assert y.dtype == np.float32
    (g,) = pullback(np.ones_like(y))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, mmad.vjp(f, P)[1](np.ones(y.shape))[0], rtol=1e-2, atol=1e-3)


def test_factors_are_shared():
    """A matrix that is factored once serves several systems, in the derivative, too."""

    def f(a, b):
        factors = linalg.lu_factor(a)
        return linalg.lu_solve(factors, b).sum() + linalg.lu_solve(factors, 2.0 * b, trans=1).sum()

    def direct(a, b):
        return np.linalg.solve(a, b).sum() + 2.0 * np.linalg.solve(a.T, b).sum()

    for got, want in zip(mmad.grad(f, argnums=(0, 1))(S, V), mmad.grad(direct, argnums=(0, 1))(S, V), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_errors():
    with pytest.raises(np.linalg.LinAlgError):
        mmad.grad(lambda a: linalg.cholesky(a).sum())(-P)
    with pytest.raises(ValueError, match="square"):
        mmad.grad(lambda a: linalg.inv(a).sum())(M)
    with pytest.raises(UnsupportedError, match="type=1"):
        mmad.grad(lambda a: linalg.eigvalsh(a, P, type=2).sum())(P)
    with pytest.raises(UnsupportedError, match="projector"):
        mmad.grad(lambda a: linalg.orth(a).sum())(P)


def test_a_program_with_its_operations_in_a_file(tmp_path):
    tape = mmad.record(lambda a: linalg.expm(a).sum(), S)
    program = tape.compile()
    path = tmp_path / "expm.mmad"
    program.save(path)
    np.testing.assert_allclose(mmad.Program.load(path)(S), scipy.linalg.expm(S).sum(), rtol=1e-12)
