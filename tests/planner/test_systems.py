"""Patterns of linear systems, inverses and Cholesky factors follow zeros of the matrix, and leave nothing out."""

import numpy as np
import pytest

import mmad
from mmad.derivatives.recorded import Recorded
from mmad.planner.sparsity.detect import detect

RNG = np.random.default_rng(11)
N = 7
D = np.arange(1.0, N + 1)
X = np.linspace(0.3, 1.4, N)
BLOCKS = np.kron(np.eye(3), np.array([[2.0, 1.0], [1.0, 3.0]]))
BIDIAGONAL = np.eye(N) + np.diag(np.full(N - 1, 0.5), 1)
STACK = np.stack([np.diag(D), np.diag(D)[::-1].T])


def dense(f, x):
    """The Jacobian at some points, by forward mode: where it is not zero."""
    points = [x + RNG.uniform(-0.1, 0.1, len(x)) for _ in range(3)]
    size = np.size(f(x))
    return sum(np.abs(mmad.jacfwd(f)(p).reshape(size, len(x))) > 1e-13 for p in points) > 0


EXACT = {
    "diagonal": (lambda x: np.linalg.solve(np.diag(D), x), N),
    "diagonal, many sides": (lambda x: np.linalg.solve(np.diag(D), np.stack([x, x * x], 1)), 2 * N),
    "diagonal of the argument": (lambda x: np.linalg.solve(np.diag(x), D), N),
    "inverse": (lambda x: np.linalg.inv(np.diag(x)), N),
    "bidiagonal": (lambda x: np.linalg.solve(BIDIAGONAL, x**2), N * (N + 1) // 2),
    "transposed": (lambda x: np.linalg.solve(BIDIAGONAL.T, x**2), N * (N + 1) // 2),
    "blocks": (lambda x: np.linalg.solve(BLOCKS, x[:6]), 12),
    "a stack": (lambda x: np.linalg.solve(STACK, np.stack([x, x])[..., None]), None),
    "one matrix for a stack": (lambda x: np.linalg.solve(np.diag(D), np.stack([x, x**2])[..., None]), 2 * N),
    "unit sides": (lambda x: np.linalg.solve(np.diag(x), np.eye(N)), N),
    "cholesky": (lambda x: np.linalg.cholesky(np.diag(x)), N),
    "cholesky, then solved": (lambda x: np.linalg.solve(np.linalg.cholesky(np.diag(x)), D), N),
    "cholesky of a band": (lambda x: np.linalg.cholesky(np.diag(3 + x) + np.diag(x[1:], -1) + np.diag(x[1:], 1)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_patterns_follow_zeros(name):
    f, nnz = EXACT[name]
    p = mmad.sparsity(f, X)
    assert not (dense(f, X) & ~p.todense().astype(bool)).any()
    if nnz is not None:
        assert p.nnz == nnz
    else:
        assert p.nnz < p.shape[0] * p.shape[1] // 2


@pytest.mark.parametrize("name", EXACT)
def test_hessians_follow_zeros(name):
    f, nnz = EXACT[name]

    def total(x):
        return np.sum(np.sin(f(x)) * np.cos(np.arange(np.size(f(X))).reshape(np.shape(f(X)))))

    p = mmad.sparsity(total, X, order=2)
    assert not (dense(mmad.grad(total), X) & ~p.todense().astype(bool)).any()
    if nnz in (N, 12) or name.startswith(("one matrix", "diagonal")):
        assert p.nnz == (12 if nnz == 12 else N)
    H = mmad.hessian(total, sparse=True)
    np.testing.assert_allclose(H(X).toarray(), mmad.jacfwd(mmad.grad(total))(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("turned", [False, True])
def test_random_zeros(seed, turned):
    """Elements of the matrix are constants, zeros, or of the arguments, some of them zero at the recorded point."""
    rng = np.random.default_rng(seed)
    n, m, columns = rng.integers(2, 7), 9, rng.integers(1, 4)
    shape = (int(rng.integers(1, 3)), n, n) if rng.random() < 0.4 else (n, n)
    density = rng.uniform(0.1, 0.6)
    kept = rng.random(shape) < density
    base = rng.normal(size=shape) * kept
    of, weight = rng.integers(0, m, shape), kept * (rng.random(shape) < 0.5)
    order = rng.permutation(n)
    base[..., np.arange(n), order] += 4.0
    some = rng.random((n, columns)) < 0.6
    side = rng.integers(0, m, (n, columns))

    def matrix(x):
        a = np.where(weight > 0, x[of], 0.0) + base
        return np.swapaxes(a, -1, -2) if turned else a

    functions = [
        lambda x: np.linalg.solve(matrix(x), np.where(some, x[side], 0.0)),
        lambda x: np.linalg.inv(matrix(x)),
        lambda x: np.linalg.solve(matrix(x), np.eye(n)[:, :columns]),
        lambda x: np.linalg.solve(base, x[: n * columns].reshape(n, -1) if n * columns <= m else x[side]),
    ]
    at = rng.normal(size=m)
    at[rng.integers(0, m, 3)] = 0.0  # by accident
    for f in functions:
        p = mmad.sparsity(f, at).todense().astype(bool)
        assert not (dense(f, at + rng.normal(size=m)) & ~p).any()

        def total(x, f=f):
            return np.sum(np.sin(f(x)))

        p = mmad.sparsity(total, at, order=2).todense().astype(bool)
        assert not (dense(mmad.grad(total), at + rng.normal(size=m)) & ~p).any()


@pytest.mark.parametrize("seed", range(20))
def test_random_zeros_of_positive_definite_matrices(seed):
    rng = np.random.default_rng(seed)
    n, m = 6, 8
    lower = np.tril(rng.random((n, n)) < 0.35, -1)
    of = rng.integers(0, m, (n, n))

    def matrix(x):
        below = np.where(lower, np.sin(x[of]), 0.0)
        return below + below.T + 8 * np.eye(n) + np.diag(x[:n] ** 2)

    at = rng.normal(size=m)
    at[:2] = 0.0
    for f in (
        lambda x: np.linalg.cholesky(matrix(x)),
        lambda x: np.linalg.solve(np.linalg.cholesky(matrix(x)), x[:n]),
        lambda x: np.linalg.solve(np.linalg.cholesky(matrix(x)).T, np.where(np.arange(n) < 2, x[:n], 0.0)),
        lambda x: np.array([np.linalg.slogdet(matrix(x))[1]]),
    ):
        p = mmad.sparsity(f, at).todense().astype(bool)
        assert not (dense(f, at + rng.normal(size=m)) & ~p).any()
        p = mmad.sparsity(lambda x, f=f: np.sum(np.sin(f(x))), at, order=2).todense().astype(bool)
        assert not (dense(mmad.grad(lambda x, f=f: np.sum(np.sin(f(x)))), at + rng.normal(size=m)) & ~p).any()


def test_zeros_of_the_matrix_may_go():
    a = np.diag(D)
    J = mmad.jacobian(lambda x: np.linalg.solve(a, x), sparse=True)
    assert J(X).nnz == N
    a[0, 3] = 0.7
    np.testing.assert_allclose(J(X).toarray(), np.linalg.inv(a), atol=1e-14)
    compiled = mmad.jacobian(lambda x: np.linalg.solve(a, x**2), sparse=True, evaluations=1000, mode="compiled")
    compiled(X)
    a[1, 4] = 0.7
    np.testing.assert_allclose(compiled(X).toarray(), np.linalg.inv(a) * (2 * X), atol=1e-14)


@pytest.mark.parametrize("make", [np.tril, np.triu, lambda a: a * (np.arange(250) % 7 > 0)])
def test_large_matrices_with_few_zeros_are_given_up(make):
    a = make(np.random.default_rng(0).normal(size=(250, 250))) + 30 * np.eye(250)
    b = a + a.T
    for f in (lambda x: np.linalg.solve(a * x, np.eye(250)), lambda x: np.linalg.cholesky(b * x)):
        r = Recorded(f, (np.linspace(0.9, 1, 250),), "test", (0,))
        pattern, _ = detect(r, most=1 << 28)  # Exhausted beyond
        assert pattern.nnz > 250**2
