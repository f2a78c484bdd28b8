"""Functions of eigenvectors that do not depend on the basis, at repeated eigenvalues: V f(w) V^H, projectors."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

import mmad
from mmad.errors import TraceError, UnsupportedError

RNG = np.random.default_rng(7)
Q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
U = np.linalg.qr(RNG.normal(size=(4, 4)) + 1j * RNG.normal(size=(4, 4)))[0]
RANK_ONE = RNG.normal(size=4)
POINTS = {
    "all equal": np.eye(4),
    "diagonal": np.diag([1.0, 1.0, 2.0, 2.0]),
    "a pair": (Q * [1.0, 1.0, 2.0, 3.0]) @ Q.T,
    "two pairs": (Q * [1.0, 1.0, 2.0, 2.0]) @ Q.T,
    "three": (Q * [1.0, 1.0, 1.0, 2.0]) @ Q.T,
    "rank one": 2.0 * np.eye(4) + np.outer(RANK_ONE, RANK_ONE),
    "simple": (Q * [0.5, 0.8, 1.5, 2.0]) @ Q.T,
    "complex pair": (U * [1.0, 1.0, 2.0, 3.0]) @ np.conj(U).T,
    "complex three": (U * [1.0, 2.0, 2.0, 2.0]) @ np.conj(U).T,
}
REAL = [k for k in POINTS if "complex" not in k]


def direction(x, seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(size=x.shape)
    d = d + 1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else d
    return (d + np.conj(np.swapaxes(d, -1, -2))) / 2


def folded(g, uplo="L"):
    """A Hermitian gradient as one of the triangle that NumPy reads."""
    part = np.tril(g, -1) if uplo == "L" else np.triu(g, 1)
    return 2 * part + np.eye(len(g)) * g.real


FORMS = {
    "product": lambda w, v, f: (v * f(w)) @ v.conj().T,
    "diag": lambda w, v, f: v @ np.diag(f(w)) @ v.conj().T,
    "einsum": lambda w, v, f: np.einsum("ij,j,kj->ik", v, f(w), v.conj()),
    "outer products": lambda w, v, f: sum(f(w[k]) * np.outer(v[:, k], v[:, k].conj()) for k in range(len(w))),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", POINTS)
def test_exponential(name, form):
    """All modes against SciPy's Frechet derivative."""
    x = POINTS[name]
    b, d = direction(x, 1), direction(x, 2)

    def f(x):
        return FORMS[form](*np.linalg.eigh(x), np.exp)

    def loss(x):
        return np.real(np.sum(np.conj(b) * f(x)))

    gradient = folded(scipy.linalg.expm_frechet(x, b, compute_expm=False))
    tangent = scipy.linalg.expm_frechet(x, d, compute_expm=False)
    assert mmad.value_and_grad(loss)(x)[0] == pytest.approx(loss(x), rel=1e-14)
    for g in (mmad.grad(loss), mmad.compile(mmad.grad(loss))):
        np.testing.assert_allclose(g(x), gradient, atol=1e-12)
    np.testing.assert_allclose(mmad.vjp(f, x)[1](b)[0], gradient, atol=1e-12)
    push = mmad.compile(lambda x, d: mmad.jvp(f, (x,), (d,)))
    for y, y_dot in (mmad.jvp(f, (x,), (d,)), push(x, d), (mmad.linearize(f, x)[0], mmad.linearize(f, x)[1](d))):
        np.testing.assert_allclose(y, f(x), atol=1e-14)
        np.testing.assert_allclose(y_dot, tangent, atol=1e-12)
    many = mmad.vmap(mmad.grad(loss))(np.stack([x, x + np.diag(np.arange(4.0)), x]))
    np.testing.assert_allclose(many[[0, 2]], [gradient, gradient], atol=1e-12)
    many = mmad.vmap(lambda d: mmad.jvp(f, (x,), (d,))[1])(np.stack([d, -2 * d]))
    np.testing.assert_allclose(many, [tangent, -2 * tangent], atol=1e-12)
    if x.dtype.kind != "c":
        for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
            np.testing.assert_allclose(np.einsum("ij,ijkl->kl", b, jacobian(f)(x)), gradient, atol=1e-12)


@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("name", ["a pair", "complex pair", "two pairs"])
def test_square_root(name, uplo):
    """Against Sylvester's equation S dS + dS S = dA."""
    x = POINTS[name]
    d = direction(x, 3)

    def root(x):
        w, v = np.linalg.eigh(x, uplo)
        return (v * np.sqrt(w)) @ v.conj().T

    s = scipy.linalg.sqrtm(x)
    want = scipy.linalg.solve_sylvester(s, s, d)
    np.testing.assert_allclose(mmad.jvp(root, (x,), (d,))[1], want, atol=1e-12)
    g = mmad.grad(lambda x: np.real(np.sum(np.conj(d) * root(x))))(x)
    np.testing.assert_allclose(g, folded(want, uplo), atol=1e-12)


@pytest.mark.parametrize("name", REAL)
def test_solution(name):
    """Solve A x = b by eigenvectors."""
    x, b, c = POINTS[name], RNG.normal(size=4), RNG.normal(size=4)

    def f(x):
        w, v = np.linalg.eigh(x)
        return c @ (v @ ((v.T @ b) / w))

    left, right = np.linalg.solve(x, c), np.linalg.solve(x, b)
    g = -(np.outer(left, right) + np.outer(right, left)) / 2
    np.testing.assert_allclose(mmad.grad(f)(x), folded(g), atol=1e-12)
    d = direction(x, 4)
    np.testing.assert_allclose(mmad.jvp(f, (x,), (d,))[1], -left @ d @ right, atol=1e-12)


def test_projectors_on_eigenspaces():
    """The projector on a whole eigenspace by the resolvent; the one on all is the identity."""
    x = POINTS["two pairs"]
    d, b = direction(x, 5), direction(x, 6)
    p, q = Q[:, :2] @ Q[:, :2].T, Q[:, 2:] @ Q[:, 2:].T

    def projector(x):
        v = np.linalg.eigh(x)[1][:, :2]
        return v @ v.T

    def change(d):
        return (p @ d @ q + q @ d @ p) / (1.0 - 2.0)

    np.testing.assert_allclose(mmad.jvp(projector, (x,), (d,))[1], change(d), atol=1e-12)
    g = mmad.grad(lambda x: (b * projector(x)).sum())
    np.testing.assert_allclose(g(x), folded(change(b)), atol=1e-12)
    one = mmad.jacobian(lambda x: (lambda v: v @ v.T)(np.linalg.eigh(x)[1]))
    two = mmad.jacobian(lambda x: np.linalg.eigh(x)[1] @ np.linalg.eigh(x)[1].T)
    for whole in (one, two):
        np.testing.assert_allclose(whole(x), np.zeros((4, 4, 4, 4)), atol=1e-13)


@pytest.mark.parametrize("name", ["all equal", "two pairs", "three", "rank one"])
def test_occupations(name):
    """tr(B V f(w) V^T) with f that depends on all eigenvalues, by 40-digit differences of the power series."""
    x, b, d = POINTS[name], direction(np.eye(4), 8), direction(np.eye(4), 9)

    def f(x):
        w, v = np.linalg.eigh(x)
        weights = np.exp(-w)
        return np.sum((v.T @ b @ v).diagonal() * weights) / weights.sum()

    with mpmath.workdps(40):

        def exact(t):
            e = mpmath.expm(-(mpmath.matrix(x.tolist()) + t * mpmath.matrix(d.tolist())), method="taylor")
            return sum((mpmath.matrix(b.tolist()) * e)[k, k] for k in range(4)) / sum(e[k, k] for k in range(4))

        want = float((exact(mpmath.mpf("1e-15")) - exact(mpmath.mpf("-1e-15"))) / mpmath.mpf("2e-15"))
    assert mmad.jvp(f, (x,), (d,))[1] == pytest.approx(want, rel=1e-11)
    assert np.sum(mmad.grad(f)(x) * d) == pytest.approx(want, rel=1e-11)


def test_stacks_of_matrices():
    """Of a stack one matrix is simple, others are not; the chain rule goes on before and after."""
    x = np.stack([POINTS[k] for k in ("simple", "a pair", "all equal")])
    b, d = direction(x, 10), direction(x, 11)

    def f(x):
        w, v = np.linalg.eigh(x @ x)
        return (v * np.sqrt(w)[..., None, :]) @ np.swapaxes(v, -1, -2)  # the matrix itself, as it is positive

    np.testing.assert_allclose(mmad.jvp(f, (x,), (d,))[1], d, atol=1e-12)
    np.testing.assert_allclose(mmad.grad(lambda x: (b * f((x + np.swapaxes(x, -1, -2)) / 2)).sum())(x), b, atol=1e-12)


def test_arrays_that_are_written_to():
    x, b = POINTS["three"], direction(np.eye(4), 12)

    def f(x):
        w, v = np.linalg.eigh(x)
        out = np.zeros_like(x)
        for k in range(4):
            out += np.exp(w[k]) * np.outer(v[:, k], v[:, k])
        scaled = np.zeros((4, 4), like=x)
        scaled[1:] = out[1:]
        return (b * scaled).sum()

    low = np.vstack([np.zeros(4), b[1:]])
    want = scipy.linalg.expm_frechet(x, (low + low.T) / 2, compute_expm=False)
    np.testing.assert_allclose(mmad.grad(f)(x), folded(want), atol=1e-12)


def test_samples_of_vmap():
    """`vmap` inside of what is differentiated; unitary matrices; the matrix depends on a number."""
    x, b = np.stack([POINTS["a pair"], POINTS["all equal"], POINTS["simple"]]), direction(np.eye(4), 18)

    def of(x):
        w, v = np.linalg.eigh(x)
        return (v * np.exp(w)) @ v.T

    g = mmad.grad(lambda x: (b * mmad.vmap(of)(x)).sum())(x)
    want = [folded(scipy.linalg.expm_frechet(m, b, compute_expm=False)) for m in x]
    np.testing.assert_allclose(g, want, atol=1e-12)
    h = direction(POINTS["complex pair"], 19)

    def evolved(t):
        w, v = np.linalg.eigh(np.eye(4) + t * h)
        return (v * np.exp(-1j * w)) @ v.conj().T

    for derivative in (mmad.jacobian(evolved), mmad.derivative(evolved)):
        np.testing.assert_allclose(derivative(0.0), -1j * np.exp(-1j) * h, atol=1e-12)


def test_auxiliary_data_may_depend_on_the_basis():
    x, b = POINTS["two pairs"], direction(np.eye(4), 20)

    def f(x):
        w, v = np.linalg.eigh(x)
        return (b * ((v * np.exp(w)) @ v.T)).sum(), v

    g, v = mmad.grad(f, has_aux=True)(x)
    np.testing.assert_allclose(g, folded(scipy.linalg.expm_frechet(x, b, compute_expm=False)), atol=1e-12)
    np.testing.assert_array_equal(v, np.linalg.eigh(x)[1])
    _, y_dot = mmad.jvp(lambda x: f(x)[1], (POINTS["a pair"],), (b,))
    assert np.isnan(y_dot[:, :2]).all()
    assert np.isfinite(y_dot[:, 2:]).all()


def test_two_decompositions():
    """A function of a matrix of a function of a matrix, both with repeated eigenvalues."""
    x, b = POINTS["two pairs"], direction(np.eye(4), 13)

    def of(x, f):
        w, v = np.linalg.eigh(x)
        return (v * f(w)) @ v.T

    g = mmad.grad(lambda x: (b * of(of((x + x.T) / 2, np.exp), np.log)).sum())(x)
    np.testing.assert_allclose(g, b, atol=1e-11)
    y_dot = mmad.jvp(lambda x: of(of(x, np.exp), np.log), (x,), (b,))[1]
    np.testing.assert_allclose(y_dot, b, atol=1e-11)
    y_dot = mmad.jvp(lambda x: of(of(x, np.exp), np.sqrt), (np.eye(4),), (b,))[1]
    np.testing.assert_allclose(y_dot, np.exp(0.5) * b / 2, atol=1e-12)


def test_single_precision():
    x = POINTS["a pair"].astype(np.float32)
    b = direction(x, 14).astype(np.float32)

    def loss(x):
        w, v = np.linalg.eigh(x)
        return (b * ((v * np.exp(w)) @ v.T)).sum()

    g = mmad.grad(loss)(x)
    assert g.dtype == np.float32
    want = folded(scipy.linalg.expm_frechet(POINTS["a pair"], b.astype(float), compute_expm=False))
    np.testing.assert_allclose(g, want, atol=2e-4)
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        mmad.grad(lambda x: np.linalg.eigh(x)[1][0, 0])(x)


def test_one_program_at_simple_and_repeated_eigenvalues():
    b = direction(np.eye(4), 15)

    def loss(x):
        w, v = np.linalg.eigh(x)
        return (b * ((v * np.exp(w)) @ v.T)).sum()

    for names in (("simple", "a pair", "simple", "all equal"), ("all equal", "simple", "a pair")):
        g = mmad.compile(mmad.grad(loss))
        for name in names:
            x = POINTS[name]
            np.testing.assert_allclose(g(x), folded(scipy.linalg.expm_frechet(x, b, compute_expm=False)), atol=1e-12)


B = direction(np.eye(4), 16)
DEPENDENT = {
    "an element": lambda w, v: v[0, 0],
    "its square": lambda w, v: v[0, 0] ** 2 + v[1, 0],
    "a large number and an element": lambda w, v: 1e10 + v[0, 0],
    "a small number": lambda w, v: 1e-30 * v[0, 0],
    "the first eigenvalue": lambda w, v: w[0],
    "unequal weights": lambda w, v: np.sum(B * ((v * np.arange(4.0)) @ v.T)),
    "the projector on one vector": lambda w, v: np.sum(B * np.outer(v[:, 1], v[:, 1])),
    "the first eigenvalue times a projector": lambda w, v: np.sum(B * ((v * (w * w[0])) @ v.T)),
    "no transpose": lambda w, v: np.sum(B * (v * np.exp(w))),
    "fourth powers": lambda w, v: (v**4).sum(),
    "an element whose power loses the cotangent": lambda w, v: v[0, 1] ** 4 + v[1, 0] ** 3 + v[2, 0] ** 2,
}


@pytest.mark.parametrize("name", ["all equal", "diagonal", "three", "two pairs"])
@pytest.mark.parametrize("f", DEPENDENT)
def test_what_depends_on_the_basis(f, name):
    x = POINTS[name]

    def loss(x):
        return DEPENDENT[f](*np.linalg.eigh(x))

    for g in (mmad.grad(loss), mmad.jacobian(loss), mmad.vmap(mmad.grad(loss))):
        with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
            g(x[None] if g.__name__.startswith("vmap") else x)
    if f != "the first eigenvalue":
        with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
            mmad.jvp(loss, (x,), (direction(x, 17),))


def test_programs_are_recorded_once_for_repeated_eigenvalues():
    """A guard leads points without a repeated eigenvalue to the short program."""

    def loss(x):
        w, v = np.linalg.eigh(x)
        return (B * ((v * np.exp(w)) @ v.T)).sum()

    g = mmad.compile(mmad.grad(loss))
    for name in ("a pair", "simple", "three", "all equal", "simple", "a pair"):
        want = folded(scipy.linalg.expm_frechet(POINTS[name], B, compute_expm=False))
        np.testing.assert_allclose(g(POINTS[name]), want, atol=1e-12)
    assert g.stats()["records"] == 2
    assert g.stats()["eager"] == 0


def test_a_function_that_is_another_when_it_runs_again():
    """What it captures was changed after it was recorded: the pullback would be of another function."""
    x, b = POINTS["a pair"], B.copy()

    def loss(x):
        w, v = np.linalg.eigh(x)
        return (b * ((v * np.exp(w)) @ v.T)).sum()

    _, pullback = mmad.vjp(loss, x)
    (g,) = pullback(1.0)
    np.testing.assert_allclose(g, folded(scipy.linalg.expm_frechet(x, B, compute_expm=False)), atol=1e-12)
    b *= 2
    with pytest.raises(TraceError, match="another result"):
        pullback(1.0)


def test_taylor_coefficients():
    x = POINTS["a pair"]

    def f(x):
        w, v = np.linalg.eigh(x)
        return (v * np.exp(w)) @ v.T

    np.testing.assert_allclose(
        mmad.taylor(f, x, B, 1), [scipy.linalg.expm(x), scipy.linalg.expm_frechet(x, B, compute_expm=False)], atol=1e-12
    )
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        mmad.taylor(f, x, B, 2)


@pytest.mark.parametrize("second", ["hessian", "hvp", "grad of grad"])
def test_second_derivatives_are_refused(second):
    x = POINTS["a pair"]

    def loss(x):
        w, v = np.linalg.eigh(x)
        return (B * ((v * np.exp(w)) @ v.T)).sum()

    call = {
        "hessian": lambda: mmad.hessian(loss)(x),
        "hvp": lambda: mmad.hvp(loss)(x, B),
        "grad of grad": lambda: mmad.grad(lambda x: (mmad.grad(loss)(x) * B).sum())(x),
    }[second]
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        call()
