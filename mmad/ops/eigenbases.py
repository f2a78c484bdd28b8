"""Eigenvalues and eigenvectors for functions that do not depend on the basis of a repeated eigenvalue's eigenspace.

Such a function, V f(w) V^H for one, is a smooth function of the matrix, though V is not.  The derivative of V in a
block of equal eigenvalues is a limit of (V^H dA V)_ij / (w_j - w_i).  The function does not change if V is turned
within the block, so what it multiplies is zero as well, and the limit is that of the quotient of the derivatives where
the eigenvalues part at any rates r:

    d/ds d/dt g(w + s r, V + t V K),    K_ij = (V^H dA V)_ij / (r_j - r_i) within the blocks.

:mod:`mmad.tracing.eigenspaces` computes that with `rates` and `turns`, here; `values_in` and `vectors_in` give the
rest, in a basis turned by `turn`.  A result has a derivative only if all bases give the same: `agreed` compares.

References
----------
T. Kato, *Perturbation Theory for Linear Operators*, Springer, 1980: section II.6 (repeated eigenvalues).
"""

import numpy as np

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear, zero_like
from mmad.ops.reduction import matmul
from mmad.ops.spectral import (
    APART,
    HERMITIAN,
    LOWER,
    SIMPLE,
    STACK,
    UPPER,
    _diagonal,
    _equal,
    _lanes,
    _lined_up,
    _runs,
    _turned_op,
    _whole_op,
    decomposition_of,
    eigenvalues,
    over_gaps,
    refuse,
)
from mmad.tape._instructions import Op

__all__ = ["GIVEN", "SHIFTED", "TURNED", "agreed", "rates", "turns", "values_in", "vectors_in"]

GIVEN, TURNED, SHIFTED = range(3)
FIRST, SECOND, NUMBERS = {"turn": GIVEN}, {"turn": TURNED}, np.array([-0.7, 0.6, 2.0])
ROUNDINGS = 1000  # errors of that many roundings in what does not depend on eigenvectors are no difference


# --- on plain values --------------------------------------------------------------------------------------
def _basis(m, uplo, turn):
    """The eigenvectors as NumPy gives them (GIVEN), those of equal eigenvalues turned at random (TURNED), or
    shifted besides (SHIFTED)."""
    w, v = decomposition_of(m, uplo)
    equal, v = _equal(w), v.copy()
    if turn == GIVEN or not equal.any():
        return v
    rng = np.random.default_rng(TURNED)
    for lane in np.ndindex(*equal.shape[:-1]):
        for run in _runs(equal[lane]):
            n = run.stop - run.start
            vectors = v[lane][:, run] @ np.linalg.qr(_noise(rng, (n, n), v.dtype))[0]
            if turn == SHIFTED:
                vectors += shift_size(v.dtype) * _noise(rng, vectors.shape, v.dtype)
            v[lane][:, run] = vectors
    return v


def _noise(rng, shape, dtype):
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype.kind == "c" else x).astype(dtype)


def shift_size(dtype):
    """Return how far eigenvectors are shifted, to see how much a result depends on them."""
    return np.finfo(dtype).eps ** 0.375


def _rates(w, turn):
    """Return different numbers within equal eigenvalues, others in another basis; zero for a simple one."""
    out, equal = np.zeros_like(w), _equal(w)
    for lane in np.ndindex(*equal.shape[:-1]):
        for run in _runs(equal[lane]):
            out[lane][run] = np.arange(run.stop - run.start) ** (1 if turn == GIVEN else 2)
    return out


def _over_rates(x, w, turn):
    """Return x_ij / (r_j - r_i) for equal eigenvalues, zero elsewhere."""
    (x, r, equal), lanes = _lanes((x, 2), (_rates(w, turn), 1), (_equal(w), 1))
    out = np.zeros_like(x)
    for lane in lanes:
        for run in _runs(equal[lane]):
            gaps = r[lane][run] - r[lane][run, None]
            np.fill_diagonal(gaps, np.inf)
            out[lane][run, run] = x[lane][run, run] / gaps
    return out


def _agreed(x, x_turned, x_shifted, y, y_turned, y_shifted, rest, strict):
    """Return the elements of a derivative x of y that are the same in another basis, as y is; else those of `rest`.

    What rounding may change them by is told by the change with shifted eigenvectors.
    """
    same = np.ones(np.shape(x), dtype=bool)
    for given, turned, shifted in ((y, y_turned, y_shifted), (x, x_turned, x_shifted)):
        given, turned, shifted = np.asarray(given), np.asarray(turned), np.asarray(shifted)
        eps = np.finfo(given.dtype).eps
        with np.errstate(all="ignore"):
            scale = np.nan_to_num(np.abs(shifted - turned), posinf=0.0) / shift_size(given.dtype)
            bound = eps**0.5 * scale + eps**0.75 * scale.max(initial=0.0) + ROUNDINGS * eps * np.abs(given)
            close = (np.abs(turned - given) <= bound) | (given == turned) | (np.isnan(given) & np.isnan(turned))
        same = same & (close.all() if strict else close)
    if same.all():
        return x
    if strict or not np.isfinite(np.where(same, x, rest)).any():
        refuse("a function that depends on the choice of eigenvectors")
    return np.where(same, x, rest)[()]


# --- operations -------------------------------------------------------------------------------------------
def _turned_basis(m, m_dot, uplo, turn):
    """Return a basis V and V^H dA V; shifted, the latter is not Hermitian, either."""
    v = basis(m, uplo=uplo, turn=turn)
    p = _turned_op(_whole_op(m_dot, uplo), v)
    if turn == SHIFTED:
        n, dtype = shape_of(m)[-1], np.dtype(m.dtype)
        p = a.multiply(
            p, 1 + shift_size(dtype) * _noise(np.random.default_rng(n), (n, n), np.empty(0, dtype).real.dtype)
        )
    return v, p


def _values_jvp(dots, out, m, uplo, turn):
    return _diagonal(_turned_basis(m, dots[0], uplo, turn)[1])


def _vectors_jvp(dots, out, m, uplo, turn):
    v, p = _turned_basis(m, dots[0], uplo, turn)
    return matmul(v, over_gaps(p, eigenvalues(m, uplo=uplo), at_repeated=APART))


def _basis_jvp(dots, out, m, uplo, turn):
    """Return the derivative of the derivative, which there is at simple eigenvalues only."""
    v, p = _turned_basis(m, dots[0], uplo, turn)
    return matmul(v, over_gaps(p, eigenvalues(m, uplo=uplo), at_repeated=SIMPLE))


def _turns_jvp(dots, out, m, uplo, turn):
    return over_rates(_turned_basis(m, dots[0], uplo, turn)[1], eigenvalues(m, uplo=uplo), turn=turn)


def _agreed_jvp(dots, out, x, x_turned, x_shifted, y, y_turned, y_shifted, rest, strict):
    x_dot, rest_dot = dots[0], dots[6]
    if strict:
        return x_dot
    zero = zero_like(x)
    return a.select(a.equal(out, x), zero if x_dot is None else x_dot, zero if rest_dot is None else rest_dot)


def _of_matrix(name, impl, jvp):
    op = nonlinear(
        name,
        impl,
        jvp,
        batch=lambda vals, batched, **params: op(vals[0], **params),
        probes=((HERMITIAN, UPPER | FIRST), (STACK, LOWER | SECOND)),
    )
    return op


basis = _of_matrix("basis", _basis, _basis_jvp)
values_in = _of_matrix("values_in", lambda m, uplo, turn: decomposition_of(m, uplo)[0].copy(), _values_jvp)
vectors_in = _of_matrix("vectors_in", _basis, _vectors_jvp)
turns = _of_matrix("turns", lambda m, uplo, turn: np.zeros_like(m), _turns_jvp)
rates = nonlinear(
    "rates",
    _rates,
    lambda dots, out, w, turn: None,
    batch=lambda vals, batched, turn: rates(vals[0], turn=turn),
    probes=((NUMBERS, FIRST),),
)
over_rates = nonlinear(
    "over_rates",
    _over_rates,
    lambda dots, out, x, w, turn: None if dots[0] is None else over_rates(dots[0], w, turn=turn),
    transposes={0: lambda ct, x, w, turn: over_rates(ct, w, turn=turn)},
    batch=_lined_up((2, 1))(lambda: over_rates),
    nin=2,
    probes=((STACK, NUMBERS, FIRST),),
)
agreed = nonlinear("agreed", _agreed, _agreed_jvp, nin=7)
repeated = Op(
    "repeated",
    lambda m, uplo: _equal(np.linalg.eigvalsh(m, uplo)).any(),
    nin=1,
    kind="structural",
    boolean=True,
)
