"""`eigh` and `eigvalsh`: both triangles, and derivatives at repeated eigenvalues, which exist or are refused."""

import numpy as np
import pytest
import scipy.linalg

import mmad
from mmad.errors import UnsupportedError

RNG = np.random.default_rng(12)
Q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
U = np.linalg.qr(RNG.normal(size=(4, 4)) + 1j * RNG.normal(size=(4, 4)))[0]
REPEATED = (Q * [1.0, 1.0, 2.0, 3.0]) @ Q.T
POINTS = {
    "all equal": np.eye(4),
    "diagonal": np.diag([1.0, 1.0, 2.0, 2.0]),
    "a pair": REPEATED,
    "three": (Q * [0.5, 0.5, 0.5, -1.0]) @ Q.T,
    "simple": (Q * [0.5, 0.8, 1.5, -1.0]) @ Q.T,
    "complex pair": (U * [1.0, 1.0, 2.0, 3.0]) @ np.conj(U).T,
    "complex simple": (U * [1.0, 1.5, 2.0, 3.0]) @ np.conj(U).T,
}


def direction(x, seed=1):
    """A Hermitian matrix of the dtype of x."""
    rng = np.random.default_rng(seed)
    d = rng.normal(size=x.shape)
    d = d + 1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else d
    return (d + np.conj(np.swapaxes(d, -1, -2))) / 2


def folded(g, uplo="L"):
    """A Hermitian gradient as one of the triangle that NumPy reads."""
    part = np.tril(g, -1) if uplo == "L" else np.triu(g, 1)
    return 2 * part + np.eye(len(g)) * g.real


def transforms(f):
    """The function eager and compiled."""
    return {"eager": f, "compiled": mmad.compile(f)}


@pytest.mark.parametrize("uplo", ["L", "U", "l"])
@pytest.mark.parametrize("name", ["simple", "complex simple"])
def test_values_are_numpys(name, uplo):
    """Eigenvectors have NumPy's signs and phases for either triangle, and the other one is not read."""
    x = POINTS[name] + np.triu(np.ones((4, 4)), 1) * 0.125
    for f in (lambda x: np.linalg.eigh(x, uplo)[1], lambda x: np.linalg.eigh(x, UPLO=uplo).eigenvalues):
        for way in transforms(f).values():
            np.testing.assert_array_equal(way(x), f(x))
        np.testing.assert_array_equal(mmad.vjp(f, x)[0], f(x))
        np.testing.assert_array_equal(mmad.jvp(f, (x,), (x,))[0], f(x))
        np.testing.assert_array_equal(mmad.vmap(f)(np.stack([x, 2 * x])), np.stack([f(x), f(2 * x)]))
    g = mmad.grad(lambda x: (np.linalg.eigvalsh(x, uplo) ** 3).sum())(x)
    assert not np.any(np.triu(g, 1) if uplo.upper() == "L" else np.tril(g, -1))


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_vectors_against_differences(uplo):
    x, d, w = POINTS["simple"], RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4))

    def f(x):
        return np.sum(w * np.linalg.eigh(x, uplo)[1])

    h = 1e-4
    want = (8 * (f(x + h * d) - f(x - h * d)) - f(x + 2 * h * d) + f(x - 2 * h * d)) / (12 * h)
    assert mmad.jvp(f, (x,), (d,))[1] == pytest.approx(want, rel=1e-8)
    assert np.sum(mmad.grad(f)(x) * d) == pytest.approx(want, rel=1e-8)


def test_which_triangle_must_be_said_right():
    with pytest.raises(ValueError, match="UPLO"):
        mmad.grad(lambda x: np.linalg.eigvalsh(x, "X").sum())(np.eye(2))


# --- forward ----------------------------------------------------------------------------------------------
def test_the_swap_of_two():
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    for way in transforms(lambda d: mmad.jvp(np.linalg.eigvalsh, (np.eye(2),), (d,))[1]).values():
        np.testing.assert_allclose(way(swap), [-1.0, 1.0], atol=1e-15)
        np.testing.assert_allclose(way(np.diag([3.0, 2.0])), [2.0, 3.0], atol=1e-15)


@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("name", POINTS)
def test_one_sided_derivatives(name, uplo):
    x = POINTS[name]
    d = direction(x)

    def f(x):
        return np.linalg.eigvalsh(x, uplo)

    def quotient(t):
        return (f(x + t * d) - f(x)) / t

    want = 2 * quotient(5e-6) - quotient(1e-5)
    for way in transforms(lambda x, d: mmad.jvp(f, (x,), (d,))[1]).values():
        np.testing.assert_allclose(way(x, d), want, atol=1e-8)
    both = mmad.vmap(lambda d: mmad.jvp(f, (x,), (d,))[1])(np.stack([d, -d]))
    np.testing.assert_allclose(both, [want, -mmad.jvp(f, (x,), (-d,))[1] * -1], atol=1e-8)


# --- symmetric functions ----------------------------------------------------------------------------------
@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("name", POINTS)
def test_symmetric_functions(name, uplo):
    """The sum of exp(w) is the trace of the exponential: its gradient and Hessian-vector product by SciPy's."""
    x = POINTS[name]
    d = direction(x, 2)

    def f(x):
        return np.exp(np.linalg.eigvalsh(x, uplo)).sum()

    gradient = folded(scipy.linalg.expm(x), uplo)
    curved = folded(scipy.linalg.expm_frechet(x, d, compute_expm=False), uplo)
    for way in transforms(mmad.grad(f)).values():
        np.testing.assert_allclose(way(x), gradient, atol=1e-12)
    for way in transforms(mmad.hvp(f)).values():
        np.testing.assert_allclose(way(x, d), curved, atol=1e-11)
    with_lanes = mmad.vmap(mmad.hvp(f), in_axes=(None, 0))(x, np.stack([d, 2 * d]))
    np.testing.assert_allclose(with_lanes, np.stack([curved, 2 * curved]), atol=1e-11)


@pytest.mark.parametrize("name", ["all equal", "a pair", "three", "simple"])
def test_second_derivatives_in_other_orders_of_modes(name):
    """Reverse over reverse and forward over gradient; one-sided derivatives are not taken for two-sided ones."""
    x = POINTS[name]
    d = direction(x, 2)

    def f(x):
        return np.exp(np.linalg.eigvalsh(x)).sum()

    curved = folded(scipy.linalg.expm_frechet(x, d, compute_expm=False))
    np.testing.assert_allclose(mmad.grad(lambda x: (mmad.grad(f)(x) * d).sum())(x), curved, atol=1e-11)
    np.testing.assert_allclose(mmad.jvp(mmad.grad(f), (x,), (d,))[1], curved, atol=1e-11)
    np.testing.assert_allclose(np.einsum("ij,ijkl", d, mmad.jacrev(mmad.grad(f))(x)), curved, atol=1e-11)
    np.testing.assert_allclose(mmad.hvp(f, strategy="reverse-over-reverse")(x, d), curved, atol=1e-11)
    if name != "simple":
        with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
            mmad.grad(lambda x: np.linalg.eigvalsh(x) @ np.array([1.0, 2.0, 4.0, 8.0]) + f(x))(x)


def test_stacks_mix_simple_and_repeated():
    x = np.stack([POINTS[k] for k in ("all equal", "simple", "a pair")])
    d = direction(x, 3)

    def f(x):
        return np.exp(np.linalg.eigh(x)[0]).sum()

    np.testing.assert_allclose(mmad.grad(f)(x), [folded(scipy.linalg.expm(m)) for m in x], atol=1e-12)
    want = [folded(scipy.linalg.expm_frechet(m, v, compute_expm=False)) for m, v in zip(x, d, strict=True)]
    np.testing.assert_allclose(mmad.hvp(f)(x, d), want, atol=1e-11)


def test_functions_of_several_eigenvalues():
    """The second elementary symmetric function, a polynomial of the entries."""

    def f(x):
        w = np.linalg.eigvalsh(x)
        return (w.sum() ** 2 - (w**2).sum()) / 2

    def direct(x):
        low = np.tril(x, -1)
        x = low + low.T + np.diag(np.diagonal(x))
        return (np.trace(x) ** 2 - (x * x).sum()) / 2

    for name in ("all equal", "diagonal", "a pair", "three"):
        x = POINTS[name]
        d = direction(x, 4)
        np.testing.assert_allclose(mmad.grad(f)(x), mmad.grad(direct)(x), atol=1e-12)
        np.testing.assert_allclose(mmad.hvp(f)(x, d), mmad.hvp(direct)(x, d), atol=1e-11)
        np.testing.assert_allclose(mmad.hessian(f)(x), mmad.hessian(direct)(x), atol=1e-11)


def test_a_program_meets_repeated_eigenvalues():
    """Recorded at simple eigenvalues, run at repeated ones, and the other way."""
    for order in (("simple", "all equal"), ("all equal", "simple")):
        g = mmad.compile(mmad.grad(lambda x: np.exp(np.linalg.eigvalsh(x)).sum()))
        for name in order:
            np.testing.assert_allclose(g(POINTS[name]), folded(scipy.linalg.expm(POINTS[name])), atol=1e-12)
    g = mmad.compile(mmad.grad(lambda x: np.linalg.eigvalsh(x)[0]))
    g(POINTS["simple"])
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        g(np.eye(4))


def test_to_third_order_at_simple_eigenvalues():
    """tr(A^4) by eigenvalues and by products."""

    def f(x):
        return (np.linalg.eigvalsh(x) ** 4).sum()

    def direct(x):
        low = np.tril(x, -1)
        x = low + low.T + np.diag(np.diagonal(x))
        y = x @ x
        return (y * y).sum()

    x, d, e = POINTS["simple"], direction(np.eye(4), 5), direction(np.eye(4), 6)
    third = [
        mmad.jvp(lambda x, g=g: mmad.jvp(lambda x: mmad.hvp(g)(x, d), (x,), (e,))[1], (x,), (d - e,))[1]
        for g in (f, direct)
    ]
    np.testing.assert_allclose(*third, rtol=1e-9, atol=1e-9)
    third = [mmad.grad(lambda x, g=g: (mmad.hvp(g)(x, d) * e).sum())(x) for g in (f, direct)]
    np.testing.assert_allclose(*third, rtol=1e-9, atol=1e-9)


# --- eigenvectors -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["a pair", "complex pair"])
def test_the_simple_eigenvector_beside_a_pair(name):
    """The projector on it, against the resolvent: sum over others of (P_k dA P + P dA P_k) / (w - w_k)."""
    x = POINTS[name]
    d, c = direction(x, 7), direction(x, 8)
    v = np.linalg.eigh(x)[1]
    p = np.outer(v[:, 3], np.conj(v[:, 3]))
    resolvent = np.linalg.inv(3.0 * np.eye(4) - x + p) - p

    def projector(x):
        v = np.linalg.eigh(x)[1][:, 3]
        return v[:, None] * np.conj(v)

    def loss(x):
        return np.real(np.sum(np.conj(c) * projector(x)))

    want = resolvent @ d @ p + p @ d @ resolvent
    for way in transforms(lambda d: mmad.jvp(projector, (x,), (d,))[1]).values():
        np.testing.assert_allclose(way(d), want, atol=1e-12)
    for way in transforms(mmad.grad(loss)).values():
        np.testing.assert_allclose(way(x), folded(resolvent @ c @ p + p @ c @ resolvent), atol=1e-12)


REFUSED = {
    "the smallest eigenvalue": lambda x: mmad.grad(lambda x: np.linalg.eigvalsh(x)[0])(x),
    "a weighted sum": lambda x: mmad.grad(lambda x: np.linalg.eigvalsh(x) @ np.arange(4.0))(x),
    "its Hessian": lambda x: mmad.hvp(lambda x: np.linalg.eigvalsh(x)[0])(x, x),
    "eigenvectors": lambda x: mmad.grad(lambda x: np.linalg.eigh(x)[1][0, 0])(x),
    "all eigenvectors": lambda x: mmad.grad(lambda x: np.linalg.eigh(x)[1].sum())(x),
    "forward over forward": lambda x: mmad.jvp(
        lambda x: mmad.jvp(lambda x: np.exp(np.linalg.eigvalsh(x)).sum(), (x,), (x,))[1], (x,), (x,)
    ),
    "compiled": lambda x: mmad.compile(mmad.grad(lambda x: np.linalg.eigvalsh(x)[0]))(x),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("point", ["all equal", "a pair"])
def test_refused(name, point):
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        REFUSED[name](POINTS[point])


def test_columns_of_a_repeated_eigenvalue_are_nan():
    x = POINTS["a pair"]
    tangent = mmad.jvp(lambda x: np.linalg.eigh(x)[1], (x,), (direction(x),))[1]
    assert np.isnan(tangent[:, :2]).all()
    assert np.isfinite(tangent[:, 2:]).all()
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        mmad.jvp(lambda x: np.linalg.eigh(x)[1], (np.eye(4),), (direction(x),))


def test_single_precision():
    x = POINTS["a pair"].astype(np.float32)
    g = mmad.grad(lambda x: np.exp(np.linalg.eigvalsh(x)).sum())(x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, folded(scipy.linalg.expm(POINTS["a pair"])), rtol=1e-4, atol=1e-4)
    with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
        mmad.grad(lambda x: np.linalg.eigvalsh(x)[0])(x)
