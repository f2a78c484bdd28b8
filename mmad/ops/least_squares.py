"""Pseudoinverse, least squares, QR factors of matrices in the last two axes.

The derivative of the pseudoinverse P of A is that along changes which keep the rank (elsewhere P is not continuous),

    dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P,

and that of the least-squares solution x = P b of smallest norm follows with r = b - A x,

    dx = P (db - dA x) + P P^H dA^H r + (1 - P A) dA^H P^H x.

QR, with R_ii real and C = Q^H dA R^-1: dQ = Q X + (1 - Q Q^H) dA R^-1, dR = (C - X) R, where X is skew-Hermitian and
has C below its diagonal.  The columns that complete Q turn as little as possible; a function that depends on their
basis is an error in reverse mode.

References
----------
G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
separate", SIAM Journal on Numerical Analysis 10, 1973: equation 4.12.
S. F. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design", arXiv:1001.1654, 2010: section 3.
"""

import numpy as np

from mmad._core import shape_of
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear
from mmad.ops.linalg import adjoint, inv, lower_triangle
from mmad.ops.movement import concatenate, viewed
from mmad.ops.reduction import matmul
from mmad.ops.singular import STACK, TALL, _completed, joined, joined_tangents, parts_of
from mmad.ops.spectral import ROUNDING, _recorded, _total
from mmad.tape.contexts import open_tape

__all__ = ["lstsq", "pinv", "qr", "qr_parts"]

COLUMNS = np.array([[0.4, -1.1], [1.3, 0.2], [-0.5, 0.8], [0.9, 0.1]])


# --- pseudoinverse and least squares ----------------------------------------------------------------------
def _pinv(m, rtol, hermitian):
    return np.linalg.pinv(m, rcond=rtol, hermitian=hermitian)


def _pinv_jvp(dots, out, m, rtol, hermitian):
    dm, p = dots[0], out
    dmh, ph = adjoint(dm), adjoint(p)
    left = matmul(matmul(p, ph), dmh)
    right = matmul(dmh, matmul(ph, p))
    return _total(
        [
            a.negative(matmul(p, matmul(dm, p))),
            a.subtract(left, matmul(matmul(left, m), p)),
            a.subtract(right, matmul(p, matmul(m, right))),
        ]
    )


pinv = nonlinear(
    "pinv",
    _pinv,
    _pinv_jvp,
    batch=lambda vals, batched, rtol, hermitian: pinv(vals[0], rtol=rtol, hermitian=hermitian),
    probes=(
        (TALL, {"rtol": 1e-15, "hermitian": False}),
        (STACK, {"rtol": 1e-15, "hermitian": False}),
        (TALL[:2], {"rtol": 1e-15, "hermitian": False}),
    ),
)


def _lstsq(m, b, rcond):
    return np.linalg.lstsq(m, b, rcond)[0]


def _column(b):
    return viewed(b, lambda x: x[:, None]) if len(shape_of(b)) == 1 else b


def _lstsq_jvp(dots, out, m, b, rcond):
    dm, db = dots
    p = pinv(m, rtol=rcond, hermitian=False)
    x = _column(out)
    terms = [] if db is None else [matmul(p, _column(db))]
    if dm is not None:
        dmh, ph = adjoint(dm), adjoint(p)
        r = a.subtract(_column(b), matmul(m, x))
        off = matmul(dmh, matmul(ph, x))
        terms += [
            a.negative(matmul(p, matmul(dm, x))),
            matmul(p, matmul(ph, matmul(dmh, r))),
            a.subtract(off, matmul(p, matmul(m, off))),
        ]
    total = _total(terms)
    return viewed(total, lambda v: v[:, 0]) if len(shape_of(out)) == 1 else total


lstsq = nonlinear(
    "lstsq",
    _lstsq,
    _lstsq_jvp,
    nin=2,
    probes=(
        (TALL, COLUMNS, {"rcond": 1e-15}),
        (TALL, COLUMNS[:, 0].copy(), {"rcond": 1e-15}),
        (TALL[:2], COLUMNS[:2], {"rcond": 1e-15}),
    ),
)


# --- QR ---------------------------------------------------------------------------------------------------
def _qr(m, full):
    return joined(np.linalg.qr(m, "complete" if full else "reduced"), (2, 2))


def qr_shapes(m, n, full):
    """Return the shapes of the factors of an m by n matrix."""
    k = min(m, n)
    return ((m, m), (m, n)) if full else ((m, k), (k, n))


def qr_parts(out, m, full):
    """Return Q and R, which an operation `qr` has joined."""
    return parts_of(out, *qr_shapes(*shape_of(m)[-2:], full))


def _regular(r, recorded):
    """Return an upper triangular matrix, or raise an error if it is singular and not merely being recorded."""
    d = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    least = ROUNDING * r.shape[-1] * np.finfo(d.dtype).eps * d.max(axis=-1, keepdims=True, initial=0.0)
    if np.any(d <= least) and not (recorded and open_tape() is not None):
        raise UnsupportedError(
            "the QR factors have no derivative at a matrix whose first columns are linearly dependent, where Q is any "
            "of many: use the singular value decomposition, or np.linalg.lstsq or pinv"
        )
    return r.copy()


regular = nonlinear(
    "regular",
    _regular,
    lambda dots, out, r, recorded: dots[0],
    batch=lambda vals, batched, recorded: regular(vals[0], recorded=recorded),
    probes=((TALL[:3], {"recorded": False}),),
)


def _first_columns(x, k):
    return viewed(x, lambda v: v[..., :k])


def _qr_jvp(dots, out, m, full):
    """Return the tangents of Q and R; of a wide matrix the first columns make Q, and R = Q^H A."""
    dm = dots[0]
    q, r = qr_parts(out, m, full)
    rows, columns = shape_of(m)[-2:]
    k = min(rows, columns)
    q1, dm1 = _first_columns(q, k), _first_columns(dm, k)
    inverse = inv(regular(viewed(r, lambda x: x[..., :k, :k]), recorded=_recorded(dm)))
    x = matmul(dm1, inverse)
    c = matmul(adjoint(q1), x)
    below = lower_triangle(c, 0.0)
    skew = a.subtract(below, adjoint(below))
    if c.dtype.kind == "c":  # the diagonal of R stays real
        skew = a.add(skew, a.multiply(a.multiply(1j, a.imag(c)), np.eye(k)))
    q_dot = matmul(q1, skew)
    if rows > k:
        normal = a.subtract(x, matmul(q1, c))
        q_dot = a.add(q_dot, normal)
        q_dot = _completed(q, q_dot, k, normal) if full else q_dot
    r1 = viewed(r, lambda v: v[..., :k, :])
    r_dot = a.subtract(matmul(adjoint(q1), dm), matmul(skew, r1))
    r_dot = a.select(np.triu(np.ones((k, columns), bool)), r_dot, 0.0)
    if full and rows > k:
        r_dot = concatenate(r_dot, np.zeros((*shape_of(r)[:-2], rows - k, columns), r.dtype), axis=len(shape_of(r)) - 2)
    return joined_tangents((q_dot, r_dot), (2, 2))


qr = nonlinear(
    "qr",
    _qr,
    _qr_jvp,
    batch=lambda vals, batched, full: qr(vals[0], full=full),
    probes=(
        (TALL, {"full": False}),
        (STACK, {"full": False}),
        (TALL[:2], {"full": False}),
    ),
)
