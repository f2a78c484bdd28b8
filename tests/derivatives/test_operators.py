"""hessian_operator and jacobian_operator: SciPy's linear operators."""

import numpy as np
import pytest
from helpers import python
from numpy.testing import assert_allclose
from scipy.sparse.linalg import LinearOperator, cg, eigsh, lsqr, minres

import mmad

X = np.array([0.3, -0.7, 1.1, 0.4])
RNG = np.random.default_rng(11)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def residual(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def test_hessian():
    h, op = mmad.hessian(rosenbrock)(X), mmad.hessian_operator(rosenbrock, X)
    v, m = RNG.normal(size=4), RNG.normal(size=(4, 3))
    assert isinstance(op, LinearOperator)
    assert op.shape == (4, 4)
    assert op.dtype == np.float64
    assert_allclose(op @ v, h @ v, rtol=1e-12)
    assert_allclose(op.T @ v, h @ v, rtol=1e-12)
    assert_allclose(op.H @ v, h @ v, rtol=1e-12)
    assert_allclose(op @ m, h @ m, rtol=1e-12)
    assert_allclose(op.T @ m, h @ m, rtol=1e-12)
    assert_allclose(op @ v[:, None], (h @ v)[:, None], rtol=1e-12)
    assert_allclose((2 * op + op) @ v, 3 * h @ v, rtol=1e-12)


def test_more_columns_than_one_sweep_takes():
    x = RNG.normal(size=150)
    op = mmad.hessian_operator(rosenbrock, x)
    assert_allclose(op @ np.eye(150), mmad.hessian(rosenbrock)(x), rtol=1e-12, atol=1e-12)
    assert (op @ np.zeros((150, 0))).shape == (150, 0)


def test_jacobian():
    j, op = mmad.jacobian(residual)(X), mmad.jacobian_operator(residual, X)
    assert op.shape == (3, 4)
    v, u = RNG.normal(size=4), RNG.normal(size=3)
    assert_allclose(op @ v, j @ v, rtol=1e-13)
    assert_allclose(op.T @ u, j.T @ u, rtol=1e-13)
    assert_allclose(op.rmatvec(u), j.T @ u, rtol=1e-13)
    assert_allclose(op @ np.eye(4), j, rtol=1e-13, atol=1e-15)
    assert_allclose(op.T @ np.eye(3), j.T, rtol=1e-13, atol=1e-15)
    assert_allclose((op.T @ op) @ v, j.T @ (j @ v), rtol=1e-12)


def test_products_are_independent_of_each_other():
    op = mmad.hessian_operator(rosenbrock, X)
    v = RNG.normal(size=4)
    first = op @ v
    op @ RNG.normal(size=4)
    op @ RNG.normal(size=(4, 2))
    assert np.array_equal(op @ v, first)


def test_recorded_once():
    calls = []

    def f(x):
        calls.append(1)
        return (x**4).sum()

    x = X.copy()
    op = mmad.hessian_operator(f, x)
    x[:] = 0  # the operator stays at the point where it was made
    assert_allclose(op @ np.ones(4), 12 * X**2, rtol=1e-14)
    op @ np.eye(4)
    assert len(calls) == 1


def test_solvers():
    def f(x):
        return (np.cosh(x) * np.arange(1.0, 5.0)).sum() + (x[1:] * x[:-1]).sum()

    h, op = mmad.hessian(f)(X), mmad.hessian_operator(f, X)
    b = RNG.normal(size=4)
    assert_allclose(cg(op, b, rtol=1e-12)[0], np.linalg.solve(h, b), rtol=1e-8)
    assert_allclose(minres(op, b, rtol=1e-12)[0], np.linalg.solve(h, b), rtol=1e-6)
    assert_allclose(eigsh(op, k=1)[0], np.linalg.eigvalsh(h)[-1], rtol=1e-10)
    j = mmad.jacobian_operator(residual, X)
    u = RNG.normal(size=3)
    want = np.linalg.lstsq(mmad.jacobian(residual)(X), u, rcond=None)[0]
    assert_allclose(lsqr(j, u, atol=1e-14, btol=1e-14)[0], want, rtol=1e-8)


def test_trees():
    p = {"w": RNG.normal(size=(2, 3)), "b": [0.3, None, "tanh"]}
    x = RNG.normal(size=2)

    def f(p):
        return (np.tanh(x @ p["w"] + p["b"][0]) ** 2).sum()

    h, op = mmad.hessian(f)(p), mmad.hessian_operator(f, p)
    blocks = [
        [h["b"][0]["b"][0], h["b"][0]["w"].ravel()],
        [h["w"]["b"][0].reshape(6, 1), h["w"]["w"].reshape(6, 6)],
    ]
    dense = np.block([[np.reshape(blocks[0][0], (1, 1)), blocks[0][1][None]], blocks[1]])
    assert op.shape == (7, 7)
    assert_allclose(op @ np.eye(7), dense, rtol=1e-12, atol=1e-14)
    for v in np.eye(7):
        assert_allclose(op @ v, dense @ v, rtol=1e-12, atol=1e-14)


def test_jacobian_of_trees():
    def f(p):
        return {"y": p["a"] * p["b"], "z": (p["b"] ** 2, None)}

    p = {"a": X, "b": 2.0}
    op = mmad.jacobian_operator(f, p)
    want = np.zeros((5, 5))
    want[:4, :4], want[:4, 4], want[4, 4] = 2 * np.eye(4), X, 4.0
    assert_allclose(op @ np.eye(5), want, rtol=1e-15)
    assert_allclose(op.T @ np.eye(5), want.T, rtol=1e-15)
    assert_allclose(np.stack([op.rmatvec(e) for e in np.eye(5)]), want, rtol=1e-15)


def test_a_number():
    op = mmad.hessian_operator(lambda x: x**3, 2.0)
    assert op.shape == (1, 1)
    assert_allclose(op @ np.array([1.5]), [18.0])


def test_degenerate_functions():
    assert_allclose(mmad.hessian_operator(lambda x: x.sum(), X) @ X, np.zeros(4))
    assert_allclose(mmad.jacobian_operator(lambda x: np.ones(2), X) @ X, np.zeros(2))
    assert_allclose(mmad.jacobian_operator(lambda x: np.ones(2), X).T @ np.ones(2), np.zeros(4))
    assert_allclose(mmad.jacobian_operator(lambda x: np.ones(2), X) @ np.eye(4), np.zeros((2, 4)))
    assert_allclose(mmad.jacobian_operator(lambda x: x, X) @ X, X)
    assert_allclose(mmad.jacobian_operator(lambda x: x, X).T @ X, X)


def test_float32():
    op = mmad.hessian_operator(rosenbrock, X.astype(np.float32))
    assert op.dtype == np.float32
    assert (op @ np.ones(4, np.float32)).dtype == np.float32
    assert_allclose(op @ np.ones(4, np.float32), mmad.hessian(rosenbrock)(X) @ np.ones(4), rtol=1e-5)


def test_inside_a_derivative():
    """On plain data inside a function being differentiated it is an ordinary operator of numbers."""
    a = X.copy()

    def f(t):
        step = cg(mmad.hessian_operator(lambda x: (x**2 * np.arange(1.0, 5.0)).sum(), a), np.ones(4))[0]
        return (t * step).sum()

    assert_allclose(mmad.grad(f)(X), 0.5 / np.arange(1.0, 5.0), rtol=1e-6)


def test_errors():
    with pytest.raises(TypeError, match=r"mmad\.hvp"):
        mmad.grad(lambda x: (mmad.hessian_operator(rosenbrock, x) @ np.ones(4)).sum())(X)
    with pytest.raises(TypeError, match="dtype int64"):
        mmad.hessian_operator(rosenbrock, np.arange(4))
    with pytest.raises(TypeError, match="one real number"):
        mmad.hessian_operator(residual, X)
    with pytest.raises(TypeError, match="complex"):
        mmad.jacobian_operator(lambda z: z * z, X + 1j)
    with pytest.raises(ValueError, match=r"(?i)dimension mismatch"):
        mmad.hessian_operator(rosenbrock, X) @ np.ones(3)


def test_without_scipy():
    code = """
import sys
sys.modules["scipy"] = None
sys.modules["scipy.sparse"] = None
import numpy as np, mmad
assert mmad.grad(lambda x: (x ** 2).sum())(np.ones(2)).tolist() == [2.0, 2.0]
for operator in (mmad.hessian_operator, mmad.jacobian_operator):
    try:
        operator(lambda x: (x ** 2).sum(), np.ones(2))
    except ImportError as e:
        assert "pip install mmad[scipy]" in str(e), e
    else:
        raise AssertionError
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_importing_mmad_does_not_import_scipy():
    done = python("import sys, mmad; assert not any(m.split('.')[0] == 'scipy' for m in sys.modules)")
    assert done.returncode == 0, done.stderr


COMPLEX = {
    "complex results": lambda x: x * np.exp(1j * x) + x[0],
    "real results": lambda x: np.sin(x) * x[0],
    "both": lambda x: (x * x, np.exp(1j * x) * x[1], x @ x, (x @ x) * 1j),
    "single": lambda x: (x * x[0]).astype(np.complex64) * np.complex64(1j),
}


@pytest.mark.parametrize("name", COMPLEX)
@pytest.mark.parametrize("vectors", ["real", "complex"])
def test_complex_results_and_vectors(name, vectors):
    """Products, those with the conjugate transpose, and many at a time, against the dense matrix."""
    f, x = COMPLEX[name], np.linspace(0.1, 1, 4)
    blocks = mmad.jacfwd(f)(x)
    dense = np.concatenate([np.reshape(b, (-1, 4)) for b in (blocks if isinstance(blocks, tuple) else (blocks,))])
    op = mmad.jacobian_operator(f, x)
    rng = np.random.default_rng(0)
    V, W = rng.normal(size=(4, 3)), rng.normal(size=(len(dense), 3))
    if vectors == "complex":
        V, W = V + 1j * rng.normal(size=V.shape), W + 1j * rng.normal(size=W.shape)
    close = {"rtol": 1e-6, "atol": 1e-6} if name == "single" else {"rtol": 1e-14, "atol": 1e-14}
    np.testing.assert_allclose(op @ V[:, 0], dense @ V[:, 0], **close)
    np.testing.assert_allclose(op @ V, dense @ V, **close)
    np.testing.assert_allclose(op.H @ W[:, 0], dense.conj().T @ W[:, 0], **close)
    np.testing.assert_allclose(op.H @ W, dense.conj().T @ W, **close)
    np.testing.assert_allclose(op.T @ W[:, 1], dense.T @ W[:, 1], **close)


def test_hessians_times_complex_vectors():
    H = mmad.hessian_operator(lambda x: (x**3).sum() * x[0], np.array([1.0, 2.0]))
    dense = mmad.hessian(lambda x: (x**3).sum() * x[0])(np.array([1.0, 2.0]))
    v = np.array([1 + 2j, 3 - 1j])
    np.testing.assert_allclose(H @ v, dense @ v, rtol=1e-14)
    np.testing.assert_allclose(H.H @ v, dense @ v, rtol=1e-14)
    np.testing.assert_allclose(H @ np.stack([v, 2 * v], 1), dense @ np.stack([v, 2 * v], 1), rtol=1e-14)
