"""numpy.linalg: values, derivatives to second order, singular points, complex matrices, stacks."""

import mpmath
import numpy as np
import pytest
from derivatives import check

import mmad
from mmad.derivatives.references import central_difference

RNG = np.random.default_rng(6)
M = RNG.normal(size=(3, 3)) + 2.0 * np.eye(3)
STACK = RNG.normal(size=(2, 3, 3)) + 2.0 * np.eye(3)
R = RNG.normal(size=(2, 4))
V = RNG.normal(size=3)
COLUMNS = RNG.normal(size=(3, 2))
SPD = M @ M.T
SPDS = STACK @ STACK.swapaxes(-1, -2)

FUNCTIONS = {
    "norm": (np.linalg.norm, V),
    "norm of a matrix": (np.linalg.norm, R),
    "norm of more axes": (np.linalg.norm, STACK),
    "norm keepdims": (lambda x: np.linalg.norm(x, keepdims=True), R),
    "norm 2": (lambda x: np.linalg.norm(x, 2), V),
    "norm axis": (lambda x: np.linalg.norm(x, axis=1), R),
    "norm axis keepdims": (lambda x: np.linalg.norm(x, axis=-1, keepdims=True), R),
    "norm 1": (lambda x: np.linalg.norm(x, 1), V),
    "norm 1 axis": (lambda x: np.linalg.norm(x, 1, axis=0), R),
    "norm 3": (lambda x: np.linalg.norm(x, 3), V),
    "norm 2.5 axis": (lambda x: np.linalg.norm(x, 2.5, axis=1, keepdims=True), R),
    "norm 0.5": (lambda x: np.linalg.norm(x, 0.5), V),
    "norm -2": (lambda x: np.linalg.norm(x, -2), V),
    "norm inf": (lambda x: np.linalg.norm(x, np.inf), V),
    "norm -inf axis": (lambda x: np.linalg.norm(x, -np.inf, axis=1), R),
    "norm fro": (lambda x: np.linalg.norm(x, "fro"), R),
    "norm fro axes": (lambda x: np.linalg.norm(x, "fro", axis=(2, 0)), STACK),
    "norm matrix 1": (lambda x: np.linalg.norm(x, 1), R),
    "norm matrix -1": (lambda x: np.linalg.norm(x, -1, axis=(1, 2), keepdims=True), STACK),
    "norm matrix inf": (lambda x: np.linalg.norm(x, np.inf), R),
    "norm matrix -inf": (lambda x: np.linalg.norm(x, -np.inf, axis=(0, 1)), STACK),
    "vector_norm": (lambda x: np.linalg.vector_norm(x, axis=(0, 2)), STACK),
    "vector_norm 3": (lambda x: np.linalg.vector_norm(x, ord=3), R),
    "matrix_norm": (np.linalg.matrix_norm, STACK),
    "solve vector": (np.linalg.solve, M, V),
    "solve matrix": (np.linalg.solve, M, COLUMNS),
    "solve stack": (np.linalg.solve, STACK, RNG.normal(size=(2, 3, 1))),
    "solve stack vector": (np.linalg.solve, STACK, V),
    "solve broadcast": (np.linalg.solve, M, RNG.normal(size=(2, 3, 2))),
    "solve stack one side": (np.linalg.solve, STACK, COLUMNS),
    "inv": (np.linalg.inv, M),
    "inv stack": (np.linalg.inv, STACK),
    "det": (np.linalg.det, M),
    "det stack": (np.linalg.det, STACK),
    "det 1": (np.linalg.det, M[:1, :1]),
    "det 2": (np.linalg.det, M[:2, :2]),
    "slogdet": (lambda x: np.linalg.slogdet(x)[1], M),
    "slogdet negative": (lambda x: np.linalg.slogdet(x).logabsdet, M[[1, 0, 2]]),
    "slogdet stack": (lambda x: np.linalg.slogdet(x).logabsdet, STACK),
    "cholesky": (np.linalg.cholesky, SPD),
    "cholesky upper": (lambda x: np.linalg.cholesky(x, upper=True), SPD),
    "cholesky stack": (np.linalg.cholesky, SPDS),
    "eigvalsh": (np.linalg.eigvalsh, SPD),
    "eigvalsh upper": (lambda x: np.linalg.eigvalsh(x, UPLO="U"), SPD),
    "eigvalsh stack": (np.linalg.eigvalsh, SPDS),
    "eigh values": (lambda x: np.linalg.eigh(x)[0], SPD),
    "eigh vectors": (lambda x: np.linalg.eigh(x).eigenvectors, SPD),
    "eigh vectors stack": (lambda x: np.linalg.eigh(x, "U")[1] ** 2, SPDS),
    "matrix_power 0": (lambda x: np.linalg.matrix_power(x, 0) + 0.0 * x, M),
    "matrix_power 1": (lambda x: np.linalg.matrix_power(x, 1), M),
    "matrix_power 2": (lambda x: np.linalg.matrix_power(x, 2), STACK),
    "matrix_power 5": (lambda x: np.linalg.matrix_power(x, 5), 0.5 * M),
    "matrix_power -3": (lambda x: np.linalg.matrix_power(x, -3), M),
    "tensorinv": (
        lambda x: np.linalg.tensorinv(x, ind=1),
        RNG.normal(size=(4, 2, 2)) + 2.0 * np.eye(4).reshape(4, 2, 2),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_derivatives(name):
    f, *args = FUNCTIONS[name]
    check(f, *args, rtol=1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision(name):
    f, *args = FUNCTIONS[name]
    narrow = [x.astype(np.float32) for x in args]
    y, pullback = mmad.vjp(f, *narrow)
    assert y.dtype == np.asarray(f(*narrow)).dtype
    w = np.cos(np.arange(y.size)).reshape(y.shape)
    grads = pullback(w.astype(y.dtype))
    for g, want in zip(grads, mmad.vjp(f, *args)[1](w if w.shape else float(w)), strict=True):
        assert g.dtype == np.float32
        np.testing.assert_allclose(g, want, rtol=2e-3, atol=2e-4)


# --- norms at points without a derivative -----------------------------------------------------------------
@pytest.mark.parametrize("order", [None, 2, 1, 3, 1.5, 0.5, np.inf])
def test_norm_at_zero(order):
    def f(x):
        return np.linalg.norm(x, order)

    zero = np.zeros(3)
    np.testing.assert_array_equal(mmad.grad(f)(zero), zero)
    np.testing.assert_array_equal(mmad.jvp(f, (zero,), (V,))[1], 0.0)


def test_square_of_the_norm():
    def f(x):
        return np.linalg.norm(x) ** 2

    np.testing.assert_array_equal(mmad.grad(f)(np.zeros(2)), [0.0, 0.0])
    assert np.isfinite(mmad.hessian(f)(np.zeros(2))).all()
    np.testing.assert_allclose(mmad.hessian(f)(V), 2.0 * np.eye(3), atol=1e-12)


def test_norm_with_a_row_of_zeros():
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    g = mmad.grad(lambda x: np.linalg.norm(x, axis=1).sum())(x)
    np.testing.assert_allclose(g, [[0.0, 0.0], [0.6, 0.8]])
    h = mmad.hvp(lambda x: np.linalg.norm(x, axis=1).sum())(x, np.ones((2, 2)))
    np.testing.assert_array_equal(h[0], np.nan)  # there is no second derivative
    np.testing.assert_allclose(h[1], (np.eye(2) - np.outer(x[1], x[1]) / 25) @ np.ones(2) / 5)


def test_norm_zero():
    x = np.array([1.0, 0.0, 2.0])
    assert mmad.value_and_grad(lambda x: np.linalg.norm(x, 0) + x.sum())(x)[0] == 5.0
    np.testing.assert_array_equal(mmad.grad(lambda x: np.linalg.norm(x, 0) + x.sum())(x), np.ones(3))


# --- determinants -----------------------------------------------------------------------------------------
SINGULAR = {
    "rank 2 of 3": M @ np.diag([1.0, 1.0, 0.0]) @ M,
    "rank 1 of 3": np.outer(V, [1.0, 2.0, 3.0]),
    "zero": np.zeros((3, 3)),
    "rank 2 of 4": RNG.normal(size=(4, 2)) @ RNG.normal(size=(2, 4)),
    "exactly": np.diag([2.0, 0.0, 3.0]),
}


def polynomial(x):
    """The determinant by minors: a polynomial in the elements, with no division."""
    n = x.shape[0]
    if n == 1:
        return x[0, 0]
    return sum(
        (-1.0) ** j * x[0, j] * polynomial(np.concatenate([x[1:, :j], x[1:, j + 1 :]], axis=1)) for j in range(n)
    )


@pytest.mark.parametrize("name", SINGULAR)
def test_det_of_singular_matrices(name):
    x = SINGULAR[name]
    v = RNG.normal(size=x.shape)
    np.testing.assert_allclose(mmad.grad(np.linalg.det)(x), mmad.grad(polynomial)(x), atol=1e-13)
    for f in (lambda f: mmad.hvp(f)(x, v), lambda f: mmad.grad(lambda y: mmad.jvp(f, (y,), (v,))[1])(x)):
        np.testing.assert_allclose(f(np.linalg.det), f(polynomial), atol=1e-12)


def test_det_in_a_stack_with_a_singular_matrix():
    x = np.stack([M, SINGULAR["rank 2 of 3"]])
    g = mmad.grad(lambda x: np.linalg.det(x).sum())(x)
    np.testing.assert_allclose(g, [mmad.grad(polynomial)(m) for m in x], atol=1e-12)


def test_det_third_derivative():
    def third(f):
        return mmad.jvp(lambda x: mmad.hvp(f)(x, M.T), (M,), (M[::-1],))[1]

    np.testing.assert_allclose(third(np.linalg.det), third(polynomial), rtol=1e-10, atol=1e-11)


def test_det_ill_conditioned():
    """Near-singular: det(A) A^-T loses all digits, the gradient none relative to its largest element."""
    n = 5
    x = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1.0)
    x[-1] = x[:-1].sum(axis=0) * (1.0 + 1e-16)
    with mpmath.workdps(60):
        exact = mpmath.matrix(x.tolist())

        def minor(i, j):
            return (-1) ** (i + j) * mpmath.det(
                mpmath.matrix([[exact[p, q] for q in range(n) if q != j] for p in range(n) if p != i])
            )

        want = np.array([[float(minor(i, j)) for j in range(n)] for i in range(n)])
    np.testing.assert_allclose(mmad.grad(np.linalg.det)(x), want, atol=1e-9 * np.abs(want).max())


def test_slogdet_sign():
    x = M[[1, 0, 2]]
    sign, logabsdet = np.linalg.slogdet(x)

    def f(x):
        r = np.linalg.slogdet(x)
        return r.sign * 3.0 + r.logabsdet

    assert mmad.value_and_grad(f)(x)[0] == pytest.approx(3.0 * sign + logabsdet)
    np.testing.assert_allclose(mmad.grad(f)(x), np.linalg.inv(x).T, rtol=1e-12)
    np.testing.assert_array_equal(mmad.grad(lambda x: np.linalg.slogdet(x).sign)(x), np.zeros((3, 3)))


# --- structure --------------------------------------------------------------------------------------------
def test_cholesky_reads_one_triangle():
    """As NumPy does: the other triangle has no influence, so no derivative."""
    g = mmad.grad(lambda x: np.linalg.cholesky(x).sum())(SPD)
    assert (np.triu(g, 1) == 0).all()
    u = mmad.grad(lambda x: np.linalg.cholesky(x, upper=True).sum())(SPD)
    np.testing.assert_allclose(u, g.T, rtol=1e-12)


def test_log_likelihood():
    """A Gaussian log-density: slogdet, solve and cholesky give one gradient."""

    def direct(s):
        s = s @ s.T
        return V @ np.linalg.solve(s, V) + np.linalg.slogdet(s)[1]

    def factored(s):
        c = np.linalg.cholesky(s @ s.T)
        z = np.linalg.solve(c, V)
        return z @ z + 2.0 * np.log(np.diagonal(c)).sum()

    np.testing.assert_allclose(mmad.grad(direct)(M), mmad.grad(factored)(M), rtol=1e-10)
    np.testing.assert_allclose(mmad.hvp(direct)(M, STACK[0]), mmad.hvp(factored)(M, STACK[0]), rtol=1e-9)


COMPLEX = {
    "norm": (np.linalg.norm, 1),
    "norm axis": (lambda x: np.linalg.norm(x, axis=0), 1),
    "norm 3": (lambda x: np.linalg.norm(x, 3, axis=1), 1),
    "norm 1": (lambda x: np.linalg.norm(x, 1), 1),
    "solve": (lambda x: np.linalg.solve(x, V + 0.5j), 1),
    "inv": (np.linalg.inv, 1),
    "det": (np.linalg.det, 1),
    "logabsdet": (lambda x: np.linalg.slogdet(x)[1], 1),
    "sign": (lambda x: np.linalg.slogdet(x)[0], 1),
    "cholesky": (lambda x: np.linalg.cholesky(x @ np.conj(x).T), 1),
    "cholesky upper": (lambda x: np.linalg.cholesky(x @ np.conj(x).T, upper=True), 1),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, -2), 1),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name):
    """Gradients of a real function of complex matrices, and their Hessian-vector products, against differences."""
    f = COMPLEX[name][0]
    x = M + 1j * RNG.normal(size=(3, 3))
    w = np.exp(1j * np.arange(np.size(f(x)))).reshape(np.shape(f(x)))

    def loss(x):
        r = f(x)
        return np.real(np.sum(w * r)) + 0.1 * np.sum(abs(r) ** 2)

    def grad(x):
        return mmad.grad(loss)(x)

    def slope(g, d):
        return central_difference(lambda t: g(x + t * d), 1e-3)

    g = grad(x)
    for d in (RNG.normal(size=(3, 3)) + 0j, 1j * RNG.normal(size=(3, 3))):
        np.testing.assert_allclose(np.real(np.sum(np.conj(g) * d)), slope(loss, d), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(mmad.jvp(loss, (x,), (d,))[1], slope(loss, d), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(mmad.hvp(loss)(x, d), slope(grad, d), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.inv(x[:2]),
        lambda x: np.linalg.det(x[0]),
        lambda x: np.linalg.inv(0.0 * x),
        lambda x: np.linalg.cholesky(-x @ x.T),
        lambda x: np.linalg.solve(0.0 * x, V),
    ],
)
def test_linear_algebra_errors(f):
    with pytest.raises(np.linalg.LinAlgError):
        f(M)
    with pytest.raises(np.linalg.LinAlgError):
        mmad.vjp(f, M)


def test_complex_eigenvectors_up_to_their_phase():
    """The projector on an eigenspace does not depend on the phases: against differences."""
    h = M @ M.T + 0.3j * (M - M.T)
    d = np.array([[0.3, 0.1 + 0.2j, -0.4], [0.1 - 0.2j, -0.5, 0.7j], [-0.4, -0.7j, 0.2]])

    def projector(x):
        v = np.linalg.eigh(x)[1][:, 0]
        return np.outer(v, np.conj(v))

    t = 1e-5
    want = (
        8 * (projector(h + t * d) - projector(h - t * d)) - (projector(h + 2 * t * d) - projector(h - 2 * t * d))
    ) / (12 * t)
    np.testing.assert_allclose(mmad.jvp(projector, (h,), (d,))[1], want, atol=1e-9)


def test_empty():
    x = np.zeros((0, 3, 3))
    for f in (
        np.linalg.inv,
        np.linalg.det,
        np.linalg.cholesky,
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.linalg.solve(x, x),
        lambda x: np.linalg.norm(x, axis=-1),
    ):
        y, pullback = mmad.vjp(f, x)
        assert y.shape == f(x).shape
        assert pullback(np.ones_like(y))[0].shape == x.shape
    none = np.zeros((0, 0))
    assert mmad.value_and_grad(np.linalg.det)(none)[0] == 1.0
    assert mmad.grad(np.linalg.det)(none).shape == (0, 0)


def test_namespace():
    """`mmad.numpy.linalg` is all of NumPy's, on plain and on traced values."""
    linalg = mmad.numpy.linalg
    assert linalg.LinAlgError is np.linalg.LinAlgError
    np.testing.assert_array_equal(linalg.svd(M)[1], np.linalg.svd(M)[1])
    np.testing.assert_array_equal(linalg.norm(M, 2), np.linalg.norm(M, 2))
    np.testing.assert_allclose(mmad.grad(lambda x: linalg.norm(x))(V), V / np.linalg.norm(V))
