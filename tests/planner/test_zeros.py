"""Zeros of structure and of constants: patterns as sparse as the truth, and right after a constant has changed."""

import numpy as np
import pytest

import mmad

N = 12
RNG = np.random.default_rng(0)
MASK = RNG.random((N, N)) < 0.25
S = np.where(RNG.random((N, N)) < 0.2, RNG.normal(size=(N, N)), 0.0)
W = RNG.uniform(1, 2, N)
UPPER = np.triu(np.ones((N, N)), 1)


def filled(x):
    y = np.outer(x, x)
    np.fill_diagonal(y, 0.0)
    return (y**2)[:2].sum()


EXACT = {
    "round": lambda x: ((x - np.round(x)) ** 2).sum(),
    "round to decimals": lambda x: ((x - np.round(x, 1)) ** 2).sum(),
    "periodic": lambda x: ((x - 1.3 * np.round(x / 1.3))[1:] * x[:-1]).sum(),
    "floor": lambda x: ((x - np.floor(x)) ** 2).sum(),
    "rint": lambda x: ((x - np.rint(x)) ** 3).sum(),
    "fmod": lambda x: (np.fmod(x, 1.0) ** 3).sum(),
    "sign": lambda x: (np.sign(x.sum()) * x**3).sum(),
    "sinc": lambda x: (np.sinc(x) ** 2).sum(),
    "i0": lambda x: (np.i0(x) ** 2).sum(),
    "mask after pairs": lambda x: ((x[:, None] - x[None]) ** 4)[MASK].sum(),
    "where": lambda x: np.where(MASK, (x[:, None] - x[None]) ** 4, 0.0).sum(),
    "product with a mask": lambda x: (MASK * (x[:, None] - x[None]) ** 4).sum(),
    "diagonal matrix": lambda x: ((np.diag(W) @ x) ** 2).sum(),
    "matrix": lambda x: ((S @ x) ** 3).sum(),
    "from the left": lambda x: ((x @ S) ** 3).sum(),
    "quadratic": lambda x: x @ S @ x,
    "single": lambda x: ((S.astype(np.float32) @ x) ** 3).sum(),
    "einsum": lambda x: (np.einsum("ij,j->i", S, x) ** 3).sum(),
    "einsum of three": lambda x: np.einsum("i,ij,j->", x, S, x),
    "columns": lambda x: ((S @ x.reshape(N, 1)) ** 3).sum(),
    "diagonal of outer": lambda x: (np.diag(np.outer(x, x)) ** 2).sum(),
    "trace of outer": lambda x: np.trace(np.outer(x, x)),
    "corner": lambda x: (np.triu(np.outer(x, x), 9) ** 2).sum(),
    "upper": lambda x: (UPPER * np.outer(x, x) ** 2)[:3].sum(),
    "kron": lambda x: (np.kron(np.eye(2), x[:3]) ** 3).sum(),
    "shifted": lambda x: ((np.eye(N, k=1) @ x) ** 3).sum(),
    "cumsum": lambda x: (np.cumsum(x)[:3] ** 3).sum(),
    "pad": lambda x: (np.outer(np.pad(x, 2), np.pad(x[:2], 2)) ** 2).sum(),
    "select": lambda x: np.select([MASK, UPPER > 0], [np.outer(x, x) ** 2, x[:, None] * np.ones((N, N))], 0.0).sum(),
    "sum where": lambda x: np.sum(np.outer(x, x) ** 2, where=MASK),
    "filled diagonal": filled,
}


def true_pattern(f):
    found = np.zeros((N, N), bool)
    for s in range(4):
        x = np.random.default_rng(s).uniform(-1, 1, N) + 0.013
        found |= np.abs(mmad.hessian(f, strategy="forward-over-reverse")(x)) > 1e-12
    return found


@pytest.mark.parametrize("name", EXACT)
def test_patterns_are_exact(name):
    f = EXACT[name]
    x = np.random.default_rng(9).uniform(-1, 1, N) + 0.013
    np.testing.assert_array_equal(mmad.sparsity(f, x, order=2).todense() != 0, true_pattern(f))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (np.clip(x, -0.5, 0.5) ** 3).sum(),
        lambda x: (np.maximum(np.outer(x, x), 0) ** 3)[MASK].sum(),
        lambda x: np.where(x > 0, x**2, x[::-1] ** 3).sum(),
        lambda x: ((x > 0) * 1.0 * x**3).sum(),
    ],
)
def test_masks_that_come_from_the_argument_are_no_constants(f):
    for s in range(3):
        x = np.random.default_rng(s).uniform(-1, 1, N)
        p = mmad.sparsity(f, x, order=2).todense() != 0
        assert not (true_pattern(f) & ~p).any()


def changing(kind):
    """A function, what it captures, and its Hessian by the contents of that."""
    if kind == "matrix":
        d = np.diag(np.linspace(1.0, 2.0, 80))
        return (lambda x: ((d @ x) ** 3).sum()), d, lambda x: d.T @ np.diag(6 * (d @ x)) @ d
    d = np.zeros(80)
    d[::2] = 1.0
    return (lambda x: (d * x * x[::-1]).sum()), d, lambda x: np.fliplr(np.diag(d + d[::-1]))


@pytest.mark.parametrize("kind", ["matrix", "weights"])
@pytest.mark.parametrize("options", [{}, {"mode": "compiled", "evaluations": 100}, {"mode": "eager", "evaluations": 5}])
@pytest.mark.parametrize("sparse", [True, False])
def test_a_constant_that_changes(kind, options, sparse):
    f, d, want = changing(kind)
    x = np.linspace(0.5, 1.5, 80)
    H = mmad.hessian(f, strategy="star", sparse=sparse, **options)

    def check():
        found = H(x)
        np.testing.assert_allclose(found.toarray() if sparse else found, want(x), rtol=1e-9, atol=1e-12)

    check()
    d *= 1.5  # the zeros stay
    check()
    d[...] = np.random.default_rng(0).normal(size=d.shape)
    check()
    d[...] = np.random.default_rng(1).normal(size=d.shape)
    check()
    check()


@pytest.mark.parametrize("options", [{}, {"mode": "compiled", "evaluations": 100}])
def test_a_mask_that_changes(options):
    mask = np.zeros((70, 70), bool)
    mask[np.arange(70), np.arange(70)] = True
    x = np.linspace(0.5, 1.5, 70)
    H = mmad.hessian(lambda x: np.where(mask, np.outer(x, x) ** 2, 0.0).sum(), strategy="star", sparse=True, **options)
    np.testing.assert_allclose(H(x).toarray(), np.diag(12 * x**2))
    mask[0, 1] = True
    want = np.diag(12 * x**2)
    want[0, 0] += 2 * x[1] ** 2
    want[1, 1] += 2 * x[0] ** 2
    want[0, 1] = want[1, 0] = 4 * x[0] * x[1]
    np.testing.assert_allclose(H(x).toarray(), want)


def test_a_number_that_is_zero_at_first():
    scale = 0.0
    x = np.linspace(0.5, 1.5, 70)
    H = mmad.hessian(lambda x: (scale * x * x[::-1] + x**2).sum(), strategy="star", sparse=True)
    np.testing.assert_allclose(H(x).toarray(), 2 * np.eye(70))
    scale = 1.5
    np.testing.assert_allclose(H(x).toarray(), 2 * np.eye(70) + 3.0 * np.fliplr(np.eye(70)))
