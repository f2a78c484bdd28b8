"""Every operation that NumPy computes with complex numbers: derivatives along the real and the imaginary axis.

Compared with central differences of NumPy's own values: tangents, gradients (df/dx + i df/dy), second derivatives with
differences of gradients, and compiled gradients at a second point.
"""

import numpy as np
import pytest

import mmad
from mmad.ops import OPERATIONS

Z, W = np.array([0.7 + 0.4j, 1.3 - 0.6j]), np.array([0.5 - 0.3j, 0.8 + 0.2j])
A = np.array([[0.7 + 0.4j, 0.2 - 0.1j], [-0.3 + 0.2j, 1.3 - 0.6j]])
WEIGHT = 0.3 - 0.2j
STEP = 1e-6

UFUNCS = sorted(
    {
        op.ufunc
        for op in OPERATIONS.values()
        if op.ufunc is not None
        and getattr(np, op.ufunc.__name__, None) is op.ufunc
        and op.ufunc.nout == 1
        and not op.boolean
        and any(t.startswith("D" * op.ufunc.nin + "->") for t in op.ufunc.types)
    },
    key=lambda ufunc: ufunc.__name__,
)


def partial_application(ufunc, k):
    """The ufunc as a function of operand k."""
    return lambda z: ufunc(*[z if j == k else (Z, W)[j] for j in range(ufunc.nin)])


OF_UFUNCS = [
    pytest.param(partial_application(u, k), (Z, W)[k], id=f"{u.__name__}-{k}") for u in UFUNCS for k in range(u.nin)
]
FUNCTIONS = {
    "prod": np.prod, "cumprod": np.cumprod, "cumsum": np.cumsum, "mean": np.mean, "var": np.var, "std": np.std,
    "angle": np.angle, "sinc": np.sinc, "norm": np.linalg.norm, "diff": np.diff, "vdot": lambda z: np.vdot(z, W),
    "vdot of constant": lambda z: np.vdot(W, z), "inner": lambda z: np.inner(z, z), "outer": lambda z: np.outer(z, z),
    "kron": lambda z: np.kron(z, W), "convolve": lambda z: np.convolve(z, W),
    "einsum": lambda z: np.einsum("i,j->ij", z, z),
    "fft": np.fft.fft, "ifft": np.fft.ifft, "polyval": lambda z: np.polyval(z, 0.3 + 1j), "power": lambda z: z**2.5,
    "trapezoid": np.trapezoid, "where": lambda z: np.where([True, False], z, z * z), "average": np.average,
    "nansum": np.nansum, "nanprod": np.nanprod, "cov": lambda z: np.cov(z), "item": lambda z: z[0] * z[1].conj(),
    "real if close": lambda z: z.real * z.imag + 1j * z.real,
}  # fmt: skip
OF_MATRICES = {
    "inv": np.linalg.inv, "det": np.linalg.det, "solve": lambda a: np.linalg.solve(a, W),
    "matmul": lambda a: a @ a.conj().T,
    "slogdet": lambda a: np.linalg.slogdet(a)[1], "trace": np.trace, "pinv": np.linalg.pinv,
    "eigvals": np.linalg.eigvals,
    "singular values": lambda a: np.linalg.svd(a, compute_uv=False), "nuclear": lambda a: np.linalg.norm(a, "nuc"),
    "matrix power": lambda a: np.linalg.matrix_power(a, 3),
    "cholesky": lambda a: np.linalg.cholesky(a @ a.conj().T + np.eye(2)),
    "eigvalsh": lambda a: np.linalg.eigvalsh(a + a.conj().T), "tensordot": lambda a: np.tensordot(a, a, 1),
}  # fmt: skip
CASES = [
    *OF_UFUNCS,
    *[pytest.param(f, Z, id=name) for name, f in FUNCTIONS.items()],
    *[pytest.param(f, A, id=name) for name, f in OF_MATRICES.items()],
]


def along(f, z, direction):
    return (f(z + STEP * direction) - f(z - STEP * direction)) / (2 * STEP)


def test_the_operations_are_found():
    assert len(UFUNCS) > 25


@pytest.mark.parametrize(("f", "z"), CASES)
def test_derivatives(f, z):
    def loss(z):
        y = f(z)
        return np.sum(np.real(np.conj(WEIGHT) * y) + np.abs(y) ** 2)

    gradient = mmad.grad(loss)
    g = gradient(z)
    directions = (np.array([1.0, 0.3j]), np.array([1j, 0.5])) if z.ndim == 1 else (A[::-1], 1j * A.T)
    for d in directions:
        np.testing.assert_allclose(mmad.jvp(f, (z,), (d + 0j,))[1], along(f, z, d), rtol=2e-8, atol=2e-8)
        np.testing.assert_allclose(np.sum(np.real(np.conj(g) * d)), along(loss, z, d), rtol=2e-8, atol=2e-8)
        np.testing.assert_allclose(mmad.hvp(loss)(z, d + 0j), along(gradient, z, d), rtol=1e-6, atol=1e-6)
    compiled = mmad.compile(gradient)
    compiled(z * 1.1)
    np.testing.assert_allclose(compiled(z), g, rtol=1e-11, atol=1e-13)
