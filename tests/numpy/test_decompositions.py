"""Singular values, general eigenvalues, QR, least squares: derivatives in every mode, and where there are none."""

import numpy as np
import pytest

import mmad
from mmad.derivatives.references import central_difference
from mmad.errors import RepeatedEigenvalueError, UnsupportedError

L = np.linalg
RNG = np.random.default_rng(1)
T = RNG.normal(size=(4, 3))
W = T.T.copy()
S = RNG.normal(size=(3, 3))
ST = RNG.normal(size=(2, 3, 3))
B = RNG.normal(size=4)
C = T + 1j * RNG.normal(size=(4, 3))
W43, W33, W44, W3 = (RNG.normal(size=s) for s in ((4, 3), (3, 3), (4, 4), 3))


def of_singular_values(f):
    def g(a):
        u, s, vh = L.svd(a, full_matrices=False)
        return (u * f(s)[..., None, :]) @ vh

    return g


def of_eigenvalues(a):
    w, v = L.eig(a)
    return (v * np.exp(w)) @ L.inv(v)


# Functions that do not depend on what LAPACK chooses, and points.
FUNCTIONS = {
    "svdvals": (lambda a: (L.svdvals(a) * W3).sum(), T),
    "svdvals wide": (lambda a: (L.svd(a, compute_uv=False) * W3).sum(), W),
    "svdvals complex": (lambda a: (L.svdvals(a) * W3).sum(), C),
    "svd U": (lambda a: (L.svd(a, full_matrices=False).U ** 2 * W43).sum(), T),
    "svd full U": (lambda a: (L.svd(a)[0][:, 3] ** 2 * W44[0]).sum(), T),
    "svd full V": (lambda a: (L.svd(a)[2][3] ** 2 * W44[0]).sum(), W),
    "svd function": (lambda a: (of_singular_values(np.exp)(a) * W43).sum(), T),
    "svd function stack": (lambda a: (of_singular_values(np.exp)(a) * W33).sum(), ST),
    "svd function complex": (lambda a: (of_singular_values(np.sin)(a) * W43).real.sum(), C),
    "svd full complex": (lambda a: (np.abs(L.svd(a)[0][:, 3]) ** 2 * W44[0]).sum(), C),
    "svd hermitian": (lambda a: (L.svd(a + a.T, hermitian=True).S * W3).sum(), S),
    "svd hermitian U": (lambda a: (L.svd(a + a.T, hermitian=True).U ** 2 * W33).sum(), S),
    "pinv": (lambda a: (L.pinv(a) * W43.T).sum(), T),
    "pinv wide": (lambda a: (L.pinv(a) * W43).sum(), W),
    "pinv complex": (lambda a: (L.pinv(a) * W43.T).real.sum(), C),
    "pinv hermitian": (lambda a: (L.pinv(a + a.T, hermitian=True) * W33).sum(), S),
    "pinv stack": (lambda a: (L.pinv(a, rtol=None) * W33).sum(), ST),
    "lstsq": (lambda a, b: (L.lstsq(a, b)[0] * W3).sum(), T, B),
    "lstsq residuals": (lambda a, b: L.lstsq(a, b, None)[1].sum(), T, B),
    "lstsq wide": (lambda a, b: (L.lstsq(a, b)[0] * b.sum()).sum(), W, B[:3]),
    "lstsq columns": (lambda a, b: (L.lstsq(a, b)[0] ** 2).sum(), T, W44),
    "lstsq complex": (lambda a, b: (np.abs(L.lstsq(a, b)[0]) ** 2).sum(), C, B + 0j),
    "lstsq values": (lambda a, b: (L.lstsq(a, b)[3] ** 2).sum(), T, B),
    "qr Q": (lambda a: (L.qr(a)[0] * W43).sum(), T),
    "qr R": (lambda a: (L.qr(a).R * W33).sum(), T),
    "qr R wide": (lambda a: (L.qr(a, mode="r") ** 2 * W43.T).sum(), W),
    "qr complete": (lambda a: (L.qr(a, mode="complete")[0] ** 2 * W44).sum(), T),
    "qr complex": (lambda a: (L.qr(a)[0] * W43).real.sum() + (L.qr(a)[1] * W33).imag.sum(), C),
    "qr stack": (lambda a: (L.qr(a)[0] * W33).sum() + (L.qr(a)[1] * W33).sum(), ST),
    "eigvals": (lambda a: np.abs(L.eigvals(a) ** 3).sum(), S),
    "eigvals stack": (lambda a: (L.eigvals(a).prod(axis=-1).real ** 2).sum(), ST),
    "eig V": (lambda a: (np.abs(L.eig(a)[1]) ** 2 * W33).sum(), S),
    "eig V complex": (lambda a: (L.eig(a)[1] * W33).real.sum(), C[:3]),
    "eig function": (lambda a: (of_eigenvalues(a) * W33).real.sum(), S),
    "cond": (L.cond, S),
    "cond -2": (lambda a: L.cond(a, -2), T),
    "cond 1": (lambda a: L.cond(a, 1), S),
    "cond fro": (lambda a: L.cond(a, "fro"), S),
    "cond inf stack": (lambda a: L.cond(a, np.inf).sum(), ST),
    "norm 2": (lambda a: L.norm(a, 2), T),
    "norm -2": (lambda a: L.norm(a, -2), T),
    "norm nuc": (lambda a: L.norm(a, "nuc"), W),
    "norm nuc axes": (lambda a: (L.norm(a, "nuc", axis=(2, 0), keepdims=True) ** 2).sum(), ST),
    "matrix_norm 2": (lambda a: L.matrix_norm(a, ord=2).sum(), ST),
    "tensorsolve axes": (
        lambda a, b: (L.tensorsolve(a, b, (0,)) ** 2).sum(),
        RNG.normal(size=(2, 6, 3)),
        RNG.normal(size=6),
    ),
    "tensorsolve": (lambda a, b: (L.tensorsolve(a, b) ** 2).sum(), RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3))),
}


def along(x):
    v = RNG.normal(size=x.shape)
    return v + 1j * RNG.normal(size=x.shape) if x.dtype.kind == "c" else v


def inner(xs, ys):
    return sum(np.sum(np.conj(x) * y).real for x, y in zip(xs, ys, strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name):
    f, *xs = FUNCTIONS[name]
    vs, us = ([along(x) for x in xs] for _ in range(2))
    gradient = mmad.grad(f, argnums=tuple(range(len(xs))))
    np.testing.assert_allclose(mmad.value_and_grad(f)(*xs)[0], f(*xs), rtol=1e-12)

    def slope(g):
        return central_difference(lambda t: g(*[x + t * v for x, v in zip(xs, vs, strict=True)]), 1 / 512)

    want = slope(f)
    np.testing.assert_allclose(inner(gradient(*xs), vs), want, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(mmad.jvp(f, tuple(xs), tuple(vs))[1], want, rtol=1e-7, atol=1e-7)
    curved = inner(us, mmad.jvp(gradient, tuple(xs), tuple(vs))[1])
    np.testing.assert_allclose(curved, slope(lambda *x: inner(us, gradient(*x))), rtol=1e-6, atol=1e-6)
    replay = mmad.compile(gradient)
    for scale in (1.0, 1.1):
        points = [scale * x for x in xs]
        for got, g in zip(replay(*points), gradient(*points), strict=True):
            np.testing.assert_allclose(got, g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f", [L.svdvals, L.pinv, L.cond, L.eigvals, lambda a: L.qr(a)[0], lambda a: L.lstsq(a, a[:, 0])[0]]
)
def test_dtypes_and_lanes(f):
    for dtype in (np.float32, np.float64, np.complex64):
        x = (S - 2.0 * np.eye(3)).astype(dtype)
        assert mmad.vjp(f, x)[0].dtype == f(x).dtype
    lanes = np.stack([S - 2.0 * np.eye(3), S @ S.T])
    np.testing.assert_allclose(mmad.vmap(f)(lanes), np.stack([f(x) for x in lanes]), rtol=1e-10)


# --- where a function is smooth though a part of it is not ------------------------------------------------
LOW = np.outer(W3, W3)


def test_repeated_singular_values():
    q = L.qr(S)[0]  # all singular values are 1
    np.testing.assert_allclose(mmad.grad(lambda a: (L.svdvals(a) ** 3).sum())(q), 3.0 * q, rtol=1e-12)
    np.testing.assert_allclose(mmad.grad(lambda a: L.norm(a, "nuc"))(q), q, rtol=1e-12)
    for f in (lambda a: L.svdvals(a)[0], lambda a: L.svd(a)[0][0, 0] ** 2):
        with pytest.raises(RepeatedEigenvalueError):
            mmad.grad(f)(np.eye(3))
        with pytest.raises(RepeatedEigenvalueError):
            mmad.compile(mmad.grad(f))(np.eye(3))


def test_singular_values_that_are_zero():
    np.testing.assert_allclose(mmad.grad(lambda a: (L.svdvals(a) ** 2).sum())(LOW), 2.0 * LOW, atol=1e-12)
    np.testing.assert_allclose(mmad.grad(lambda a: L.norm(a, "nuc"))(LOW), LOW / (W3 @ W3), atol=1e-12)
    np.testing.assert_allclose(mmad.grad(lambda a: L.norm(a, 2))(LOW), LOW / (W3 @ W3), atol=1e-12)
    np.testing.assert_array_equal(mmad.grad(lambda a: L.norm(a, 2))(0.0 * LOW), 0.0)
    with pytest.raises(RepeatedEigenvalueError):
        mmad.grad(lambda a: L.svdvals(a).sum())(LOW)


def test_rank_deficient_pseudoinverse():
    """Along a change that keeps the rank, X Y with thin factors."""
    x, y, dx, dy = (RNG.normal(size=s) for s in ((4, 2), (2, 3), (4, 2), (2, 3)))
    tangent = mmad.jvp(L.pinv, (x @ y,), (dx @ y + x @ dy,))[1]
    want = central_difference(lambda t: L.pinv((x + t * dx) @ (y + t * dy)), 1 / 512)
    np.testing.assert_allclose(tangent, want, atol=1e-8)
    tangent = mmad.jvp(lambda a: L.lstsq(a, B)[0], (x @ y,), (dx @ y + x @ dy,))[1]
    np.testing.assert_allclose(tangent, want @ B, atol=1e-8)


def test_repeated_eigenvalues():
    np.testing.assert_allclose(mmad.grad(lambda a: (L.eigvals(a) ** 3).sum().real)(np.eye(3)), 3.0 * np.eye(3))
    for f in (lambda a: L.eigvals(a)[0].real, lambda a: L.eig(a)[1][0, 0].real ** 2):
        with pytest.raises(RepeatedEigenvalueError):
            mmad.grad(f)(np.eye(2))
    with pytest.raises(UnsupportedError):
        mmad.grad(lambda a: L.eigvals(a).sum().real)(np.array([[1.0, 1.0], [0.0, 1.0]]))


def test_choices_of_lapack():
    """A function of what is LAPACK's choice has no derivative, and reverse mode finds that out."""
    with pytest.raises(UnsupportedError, match="phases"):
        mmad.grad(lambda a: L.svd(a, full_matrices=False)[0][0, 0].real)(C)
    for f in (lambda a: L.qr(a, mode="complete")[0][0, 2], lambda a: L.svd(a)[0][0, 2]):
        with pytest.raises(UnsupportedError, match="basis"):
            mmad.grad(f)(T[:, :2])

    def projected(a):
        rest = L.qr(a, mode="complete")[0][:, 2:]
        return (rest @ rest.T * W44).sum()

    def direct(a):
        return ((np.eye(4) - a @ L.pinv(a)) * W44).sum()

    np.testing.assert_allclose(mmad.grad(projected)(T[:, :2]), mmad.grad(direct)(T[:, :2]), atol=1e-12)


def test_refusals():
    with pytest.raises(UnsupportedError, match="linearly dependent"):
        mmad.grad(lambda a: L.qr(a)[0][0, 0])(np.ones((3, 2)))
    with pytest.raises(UnsupportedError, match="Householder"):
        mmad.grad(lambda a: L.qr(a, mode="raw")[0].sum())(S)
    for call in (L.eig, L.eigvals, L.svd, L.qr):
        with pytest.raises(np.linalg.LinAlgError):
            mmad.vjp(lambda a: call(a)[0], W3)  # noqa: B023


def test_ranks():
    for a in (T, LOW, ST, W3, np.zeros((2, 2))):
        want = L.matrix_rank(a)
        got = []
        mmad.grad(lambda x: got.append(mmad.concrete(L.matrix_rank(x))) or x.sum())(a)  # noqa: B023
        np.testing.assert_array_equal(got[0], want)
    a = np.outer(B, W3)
    assert mmad.vjp(lambda x: L.lstsq(x, B)[0], a)[0] == pytest.approx(L.lstsq(a, B)[0])
