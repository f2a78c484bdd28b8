"""Linear algebra in the machine: factors, systems, inverses, determinants, against NumPy and eager derivatives."""

import itertools

import numpy as np
import pytest

import mmad

RNG = np.random.default_rng(3)
SIZES = (1, 2, 3, 4, 5, 16, 24, 25, 40)  # loops, and LAPACK above 24
LEADS = ((), (3,), (2, 3))


def matrix(n, lead=(), seed=0):
    """Well conditioned, with pivots that are not on the diagonal."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(*lead, n, n)))[0]
    return (q * np.linspace(0.5, 2.0, n)) @ np.linalg.qr(rng.normal(size=(*lead, n, n)))[0]


def definite(x):
    """A positive definite matrix of any."""
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def steps(f, *args):
    """The names of a program's matrix routines and calls, in order."""
    found = mmad.record(f, *args).compile().machine.step_list()
    return [s[1] for s in found if s[0] in ("routine", "call")]


def logarithm(x):
    sign, modulus = np.linalg.slogdet(x)
    return np.concatenate([np.ravel(sign), np.ravel(modulus)])


ROUTINES = {"lu", "cholesky", "inverse", "det", "slogdet", "cofactor", "solve", "solve transposed", "solve lower"}
ROUTINES |= {"solve lower transposed"}

FUNCTIONS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": logarithm,
    "cholesky": lambda x: np.linalg.cholesky(definite(x)),
    "cholesky upper": lambda x: np.linalg.cholesky(definite(x), upper=True),
    "vector": lambda x: np.linalg.solve(x, np.arange(1.0, x.shape[-1] + 1)),
    "sides": lambda x: np.linalg.solve(x, np.cos(np.arange(3.0 * x.shape[-1])).reshape(-1, 3)),
    "turned": lambda x: np.linalg.solve(np.swapaxes(x, -1, -2), np.ones((x.shape[-1], 2))),
    "sides turned": lambda x: np.linalg.solve(x, np.swapaxes(x, -1, -2)),
    "reversed": lambda x: np.linalg.solve(x[..., ::-1, :], x[..., ::-1]),
    "by factors": lambda x: np.linalg.solve(np.linalg.cholesky(definite(x)), x),
    "by factors turned": lambda x: np.linalg.solve(np.swapaxes(np.linalg.cholesky(definite(x)), -1, -2), x),
    "right": lambda x: np.linalg.solve(np.eye(x.shape[-1]) * 2.0, x),
}


@pytest.mark.parametrize(("name", "n", "lead"), list(itertools.product(FUNCTIONS, SIZES, LEADS)))
def test_values(name, n, lead):
    f, x = FUNCTIONS[name], matrix(n, lead, seed=n)
    g = mmad.compile(f)
    for scale in (1.0, -0.5):
        np.testing.assert_allclose(g(scale * x), f(scale * x), rtol=1e-11, atol=1e-11)
    assert set(steps(f, x)) <= ROUTINES | {"matmul"}  # products of stacks of stacks


@pytest.mark.parametrize(("name", "n"), list(itertools.product(FUNCTIONS, (1, 2, 3, 5, 30))))
def test_derivatives(name, n):
    """Value, gradient and Hessian-vector product, at points other than the recorded one."""
    f, x, d = FUNCTIONS[name], matrix(n, seed=n + 50), matrix(n, seed=n + 60)

    def loss(x):
        r = f(x)
        return np.sum(np.sin(r))

    for way in (mmad.value_and_grad(loss), lambda x: (mmad.hvp(loss)(x, d),)):
        g = mmad.compile(way)
        g(2 * x)
        for got, want in zip(g(x), way(x), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("m", "b"),
    [
        ((3, 3), (4, 3, 2)),
        ((4, 3, 3), (3, 2)),
        ((4, 3, 3), (1, 3, 2)),
        ((1, 3, 3), (4, 3, 2)),
        ((2, 1, 3, 3), (2, 3, 2)),
        ((4, 3, 3), (3,)),
        ((2, 3, 3), (2, 3, 1)),
    ],
)
def test_stacks(m, b):
    m, b = matrix(3, m[:-2]), RNG.normal(size=b)
    np.testing.assert_allclose(mmad.compile(np.linalg.solve)(m, b), np.linalg.solve(m, b), rtol=1e-12)

    def f(m, b):
        return np.sum(np.linalg.solve(m, b) ** 2)

    for got, want in zip(mmad.compile(mmad.grad(f, (0, 1)))(m, b), mmad.grad(f, (0, 1))(m, b), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


# --- sharing ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [3, 40])
def test_one_matrix_is_factored_once(n):
    b = RNG.normal(size=(50, n))

    def f(x):
        return sum(np.linalg.solve(x, v) @ v for v in b) + np.linalg.det(x) + np.linalg.inv(x).sum()

    assert steps(f, matrix(n)).count("lu") == 1
    found = steps(mmad.grad(lambda x: f(x) - np.linalg.det(x)), matrix(n))
    assert found.count("lu") == 1
    assert "solve transposed" in found
    np.testing.assert_allclose(mmad.compile(f)(matrix(n)), f(matrix(n)), rtol=1e-10)


def test_triangles_are_not_factored():
    def f(x):
        factor = np.linalg.cholesky(definite(x))
        z = np.linalg.solve(factor, x[0])
        return z @ z + np.log(np.diagonal(factor)).sum()

    found = steps(mmad.value_and_grad(f), matrix(4))
    assert found.count("cholesky") == 1
    assert set(found) == {"cholesky", "solve lower", "solve lower transposed"}


def test_gradients_of_small_determinants_call_nothing():
    for n in (1, 2, 3, 4, 16, 24):
        assert set(steps(mmad.grad(np.linalg.det), matrix(n))) <= {"lu", "det", "cofactor"}


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 20])
@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_cofactors_of_singular_matrices(n, zeros):
    """By singular values, which eager gradients take where a matrix is nearly singular."""
    u, s, v = np.linalg.svd(matrix(n))
    s[n - min(zeros, n) :] = 0.0
    others = np.array([np.prod(np.delete(s, k)) for k in range(n)])
    want = np.linalg.det(u) * np.linalg.det(v) * (u * others) @ v
    np.testing.assert_allclose(mmad.compile(mmad.grad(np.linalg.det))((u * s) @ v), want, atol=1e-13)
    exact = np.diag([*np.arange(1.0, n - zeros + 1), *np.zeros(min(zeros, n))])
    got = mmad.compile(mmad.grad(np.linalg.det))(exact)
    np.testing.assert_allclose(got, mmad.grad(np.linalg.det)(exact), rtol=1e-12, atol=1e-12)


# --- what has no inverse ----------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("f", [np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(x.shape[-1]))])
def test_singular_matrices(f, n):
    g = mmad.compile(f)
    g(matrix(n))
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            g(np.zeros((n, n)))
    np.testing.assert_allclose(g(matrix(n)), f(matrix(n)), rtol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 30])
def test_not_positive_definite(n):
    g = mmad.compile(np.linalg.cholesky)
    np.testing.assert_allclose(g(definite(matrix(n))), np.linalg.cholesky(definite(matrix(n))), rtol=1e-12)
    for bad in (-np.eye(n), np.zeros((n, n)), np.diag([*np.ones(n - 1), -1.0])):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            g(bad)
    np.testing.assert_allclose(g(np.eye(n)), np.eye(n))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 30])
def test_determinants_of_singular_matrices(n):
    g, s = mmad.compile(np.linalg.det), mmad.compile(lambda x: tuple(np.linalg.slogdet(x)))
    g(matrix(n)), s(matrix(n))
    assert g(np.zeros((n, n))) == 0.0
    assert s(np.zeros((n, n))) == (0.0, -np.inf)


@pytest.mark.parametrize("n", [2, 8, 40])
def test_determinants_of_any_size(n):
    """Products of some pivots that are too large or too small for a double."""
    big = np.diag([1e200] * (n // 2) + [1e-200] * (n // 2))
    for f in (np.linalg.det, lambda x: np.linalg.slogdet(x)[1]):
        np.testing.assert_allclose(mmad.compile(f)(big), f(big), rtol=1e-9, atol=1e-9)
    with np.errstate(over="ignore"):
        assert mmad.compile(np.linalg.det)(np.eye(n) * 1e200) == np.inf


@pytest.mark.parametrize("n", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("name", ["inv", "det", "vector", "sides"])
def test_nan_spreads(name, n):
    """At least as far as with NumPy, whose LAPACK leaves numbers beside a NaN that was no pivot; nothing is raised."""
    x = matrix(n)
    x[n // 2, n // 2] = np.nan
    with np.errstate(invalid="ignore"):
        want, got = FUNCTIONS[name](x), mmad.compile(FUNCTIONS[name])(x)
    assert np.isnan(got).any()
    assert np.all(np.isnan(got) | ~np.isnan(want))


# --- programs ---------------------------------------------------------------------------------------------
def test_saved_and_loaded(tmp_path):
    def f(x):
        return np.linalg.solve(x, np.ones(x.shape[-1])) @ np.linalg.cholesky(definite(x)) * np.linalg.det(x)

    program = mmad.record(mmad.grad(lambda x: f(x).sum()), matrix(3)).compile()
    program.save(tmp_path / "p")
    again = mmad.Program.load(tmp_path / "p")
    np.testing.assert_array_equal(again(matrix(3, seed=4)), program(matrix(3, seed=4)))


def test_explained():
    program = mmad.record(lambda x: np.linalg.solve(x, x.T), matrix(3)).compile()
    assert "matrix routines: 2 (lu, solve)" in program.explain()
    assert "solve: buffer" in str(program)


def test_single_precision_and_complex_are_called():
    for x in (matrix(3).astype(np.float32), matrix(3) + 0.5j):
        g = mmad.compile(np.linalg.inv)
        assert g(x).dtype == x.dtype
        np.testing.assert_allclose(g(2 * x), np.linalg.inv(2 * x), rtol=1e-5)


def test_empty():
    np.testing.assert_array_equal(mmad.compile(np.linalg.inv)(np.zeros((0, 2, 2))), np.zeros((0, 2, 2)))
    assert mmad.compile(np.linalg.det)(np.zeros((0, 0))) == 1.0
