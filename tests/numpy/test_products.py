"""Products of vectors, matrices and arrays: values, derivatives to second order, complex adjoints."""

import numpy as np
import pytest
from derivatives import check

import mmad

RNG = np.random.default_rng(4)
V, W = RNG.normal(size=(2, 3))
M = RNG.normal(size=(2, 3))
N = RNG.normal(size=(3, 4))
A = RNG.normal(size=(2, 4, 3))
B = RNG.normal(size=(5, 3, 2))
Q = RNG.normal(size=(3, 3))

PAIRS = {
    "dot numbers": (np.dot, 1.3, -0.4),
    "dot number array": (np.dot, 1.3, M),
    "dot array number": (np.dot, M, 1.3),
    "dot vectors": (np.dot, V, W),
    "dot matrix vector": (np.dot, M, V),
    "dot vector matrix": (np.dot, V, N),
    "dot matrices": (np.dot, M, N),
    "dot array vector": (np.dot, A, V),
    "dot vector array": (np.dot, V, B),
    "dot matrix array": (np.dot, M, B),
    "dot array matrix": (np.dot, A, N),
    "dot arrays": (np.dot, A, B),
    "dot method": (lambda x, y: x.dot(y), M, N),
    "vdot": (np.vdot, M, M[::-1] * 2.0),
    "inner vectors": (np.inner, V, W),
    "inner number": (np.inner, 1.3, M),
    "inner array vector": (np.inner, A, V),
    "inner vector array": (np.inner, V, A),
    "inner arrays": (np.inner, A, M),
    "outer": (np.outer, M, V),
    "linalg.outer": (np.linalg.outer, V, W[:2]),
    "matmul": (np.matmul, A[:, None, :2], B[:, :, :2]),
    "linalg.matmul": (np.linalg.matmul, M, N),
    "matmul vector stack": (np.matmul, V, B),
    "matmul stack vector": (np.matmul, A, V),
    "tensordot 0": (lambda x, y: np.tensordot(x, y, 0), M, V),
    "tensordot 1": (lambda x, y: np.tensordot(x, y, 1), A, N),
    "tensordot 2": (np.tensordot, A, RNG.normal(size=(4, 3, 2))),
    "tensordot pairs": (lambda x, y: np.tensordot(x, y, ((2, 0), (1, 2))), A, B),
    "tensordot int pair": (lambda x, y: np.tensordot(x, y, (-1, 1)), A, B),
    "tensordot all": (lambda x, y: np.tensordot(x, y, 2), M, M[::-1] + 1.0),
    "linalg.tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), A, N),
    "kron": (np.kron, M, N),
    "kron ranks": (np.kron, M, A),
    "kron vectors": (np.kron, V, W[:2]),
    "cross": (np.cross, V, W),
    "cross rows": (np.cross, A, V),
    "cross axis": (lambda x, y: np.cross(x, y, axis=0), Q, Q[::-1] + 1.0),
    "cross axes": (lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), N[:, :2], M),
    "cross broadcast": (np.cross, RNG.normal(size=(4, 1, 3)), RNG.normal(size=(2, 3))),
    "linalg.cross": (np.linalg.cross, V, W),
    "vecdot": (np.vecdot, A, V),
    "linalg.vecdot": (lambda x, y: np.linalg.vecdot(x, y, axis=0), Q, Q[::-1] + 1.0),
    "polyval": (np.polyval, V, M),
    "polyval number": (np.polyval, V, 0.7),
}
if hasattr(np, "matvec"):
    PAIRS["matvec"] = (np.matvec, A, V)
    PAIRS["vecmat"] = (np.vecmat, A[:, :, :1] * np.ones(3), Q)

EINSUMS = {
    "ij,jk": (M, N),
    "ij,jk->ki": (M, N),
    "ij,ij->": (M, M[::-1] + 1.0),
    "ij,ij->i": (M, M[::-1] + 1.0),
    "ij,ij->ij": (M, M[::-1] + 1.0),
    "bij,bjk->bik": (B, RNG.normal(size=(5, 2, 4))),
    "bij,bjk->kbi": (B, RNG.normal(size=(5, 2, 4))),
    "bij,bij->b": (B, B + 1.0),
    "i,j": (V, W),
    "i,j->ji": (V, W[:2]),
    "ij->": (M,),
    "ij->j": (M,),
    "ij": (M,),
    "ji": (M,),
    "ii": (Q,),
    "ii->i": (Q,),
    "iij->j": (RNG.normal(size=(3, 3, 2)),),
    "...": (A,),
    "i...->...i": (A,),
    "...ij,...jk->...ik": (B, N[:2]),
    "...ij,...j": (A, V),
    "i...,i...->...": (N, N[:, :1]),
    "ij,k->i": (M, V),
    "ii,i->i": (Q, V),
    "ij,jk,kl->il": (M, N, RNG.normal(size=(4, 2))),
    "i,j,k->ijk": (V, W, V[:2]),
    "i,i,i->": (V, W, V + 1.0),
    "ij,i,j->": (M, V[:2], V),
    "abc,cd,de,e->ab": (A, N, RNG.normal(size=(4, 2)), V[:2]),
    ",ij->ij": (1.7, M),
    "ij,ij": (M, M[:1]),
    "ij,j->i": (M, V[:1]),
    " i j , j k -> i k ": (M, N),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name):
    check(*PAIRS[name])


@pytest.mark.parametrize("spec", EINSUMS)
def test_einsum(spec):
    check(lambda *xs: np.einsum(spec, *xs), *EINSUMS[spec])


@pytest.mark.parametrize(
    "optimize", [False, True, "optimal", ["einsum_path", (0, 1), (0, 1)], ["einsum_path", (0, 1, 2)]]
)
def test_einsum_orders(optimize):
    check(lambda *xs: np.einsum("ij,jk,kl->il", *xs, optimize=optimize), *EINSUMS["ij,jk,kl->il"])


def test_einsum_sublists():
    check(lambda x, y: np.einsum(x, [0, 1], y, [1, 2]), M, N)
    check(lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), M, N)
    check(lambda x, y: np.einsum(x, [Ellipsis, 3], y, [3], [Ellipsis]), A, V)


def test_multi_dot():
    check(lambda *xs: np.linalg.multi_dot(xs), V[:2], M, N, RNG.normal(size=4))
    check(lambda *xs: np.linalg.multi_dot(xs), M, N)
    check(lambda *xs: np.linalg.multi_dot(xs), N.T, M.T, M, N)


def test_same_operand_twice():
    np.testing.assert_allclose(mmad.grad(lambda x: np.dot(x, x))(V), 2.0 * V)
    np.testing.assert_allclose(mmad.grad(lambda x: np.einsum("i,i,i->", x, x, x))(V), 3.0 * V**2)
    np.testing.assert_allclose(mmad.hessian(lambda x: np.einsum("i,i->", x, x))(V), 2.0 * np.eye(3))


COMPLEX = {
    "dot": (np.dot, M, N),
    "vdot": (np.vdot, V, W),
    "inner": (np.inner, A, M),
    "outer": (np.outer, V, W),
    "matmul": (np.matmul, A, Q),
    "tensordot": (np.tensordot, A, RNG.normal(size=(4, 3, 2))),
    "kron": (np.kron, M, V),
    "cross": (np.cross, A, V),
    "vecdot": (np.vecdot, A, V),
    "einsum": (lambda x, y: np.einsum("ij,jk->k", x, y), M, N),
    "einsum product": (lambda x, y: np.einsum("ij,ij->ji", x, y), M, M[::-1] + 1.0),
    "polyval": (np.polyval, V, M),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name):
    """The gradient of a real function of complex arguments against differences in both directions."""
    f, x, y = COMPLEX[name]
    x = x + 1j * np.sin(1.0 + np.arange(x.size)).reshape(x.shape)
    y = y + 1j * np.cos(2.0 * np.arange(y.size)).reshape(y.shape)
    w = np.exp(1j * np.arange(f(x, y).size)).reshape(np.shape(f(x, y)))

    def loss(x, y):
        r = f(x, y)
        return np.real(np.sum(w * r)) + 0.1 * np.sum(abs(r) ** 2)

    np.testing.assert_allclose(mmad.value_and_grad(loss)(x, y)[0], loss(x, y), rtol=1e-13)
    gx, gy = mmad.grad(loss, (0, 1))(x, y)
    h = 1e-4
    for g, args in ((gx, lambda d: (x + d, y)), (gy, lambda d: (x, y + d))):
        for at in (0, g.size - 1):
            e = np.zeros(g.size)
            e[at] = h
            e = e.reshape(g.shape)
            both = [(loss(*args(d)) - loss(*args(-d))) / (2 * h) for d in (e, 1j * e)]
            np.testing.assert_allclose(g.reshape(-1)[at], complex(*both), rtol=1e-6, atol=1e-6)
    # one operand real: its gradient is real
    assert mmad.grad(lambda t: loss(t, y))(x.real).dtype == np.float64
    np.testing.assert_allclose(
        mmad.grad(lambda t: loss(t, y))(x.real), mmad.grad(loss)(x.real + 0j, y).real, rtol=1e-12
    )


@pytest.mark.parametrize("name", PAIRS)
def test_single_precision(name):
    f, x, y = PAIRS[name]
    x, y = (np.float32(v) if isinstance(v, float) else v.astype(np.float32) for v in (x, y))
    r, pullback = mmad.vjp(f, x, y)
    assert r.dtype == f(x, y).dtype == np.float32
    assert [g.dtype for g in pullback(np.ones_like(r))] == [np.float32] * 2


def test_empty():
    for f, x, y in (
        (np.dot, M[:0], N),
        (np.dot, M[:, :0], N[:0]),
        (np.inner, M[:0], M),
        (np.outer, V[:0], V),
        (lambda x, y: np.tensordot(x, y, 1), A[:0], N),
        (np.kron, M[:0], V),
        (lambda x, y: np.einsum("ij,jk->ki", x, y), M[:, :0], N[:0]),
    ):
        r, pullback = mmad.vjp(f, x, y)
        np.testing.assert_array_equal(r, f(x, y))
        assert [g.shape for g in pullback(np.ones_like(r))] == [x.shape, y.shape]


@pytest.mark.parametrize("bad", ["ij,jk->il", "ij,jk->ii", "ij", "ijk,jk", "i.j,jk", "ij,jk->ik,", "...j,jk->k"])
def test_einsum_errors(bad):
    with pytest.raises(ValueError):  # noqa: PT011  (NumPy's messages)
        np.einsum(bad, M, N)
    with pytest.raises(ValueError):  # noqa: PT011
        mmad.vjp(lambda x: np.einsum(bad, x, N), M)


def test_shape_errors():
    for f in (
        lambda x: np.dot(x, x),
        lambda x: np.tensordot(x, x, 1),
        lambda x: np.einsum("ij,jk", x, x),
        lambda x: np.inner(x, V[:2]),
        lambda x: np.cross(x, np.ones(4)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            f(M)
        with pytest.raises(ValueError):  # noqa: PT011
            mmad.vjp(f, M)


def test_lists_of_traced_numbers():
    """NumPy takes lists for arrays; of traced numbers too."""

    def f(x):
        return np.dot([x[0], x[1] * x[2], 1.0], x) + np.einsum("i,i", [x[0], 2.0, x[1]], x)

    def plain(x):
        return 2 * x[0] ** 2 + x[1] ** 2 * x[2] + x[2] + 2.0 * x[1] + x[1] * x[2]

    np.testing.assert_allclose(mmad.grad(f)(V), mmad.grad(plain)(V), rtol=1e-13)


def test_out():
    def f(x):
        out = np.zeros((2, 4), like=x)
        np.dot(x, N, out=out)
        np.einsum("ij,jk->ik", x, N, out=out[:, :])
        return (out * out).sum()

    np.testing.assert_allclose(mmad.grad(f)(M), 2.0 * M @ N @ N.T, rtol=1e-13)
