"""Eigenvalues and eigenvectors of Hermitian matrices in the last two axes; repeated eigenvalues.

Of a repeated eigenvalue any basis of the eigenspace would do.  What is differentiable does not depend on it:

================================================  ====================================================================
eigenvalues, forward                              the one-sided derivative: for each repeated eigenvalue the
                                                  eigenvalues of V_b^H dA V_b, V_b a basis of its eigenspace
eigenvalues, backward                             V diag(ct) V^H if `ct` is the same for all equal eigenvalues, as it is
                                                  for a symmetric function of them; else there is no derivative
Hessian-vector products of symmetric functions    the basis V_b is turned so that V_b^H dA V_b is diagonal; reverse
                                                  over reverse mode makes its products of those, one a direction
what does not depend on the basis                 first derivatives, by :mod:`mmad.tracing.eigenspaces`
eigenvectors, forward                             NaN in the columns of the repeated eigenvalue, where others exist
================================================  ====================================================================

Anything else raises `RepeatedEigenvalueError`, an `UnsupportedError`.  Whether eigenvalues are equal is decided by the
operations when they are evaluated, not by the rules, so a compiled function decides it at every call.

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008: section 3.1.
T. Kato, *Perturbation Theory for Linear Operators*, Springer, 1980: section II.6 (repeated eigenvalues).
"""

import threading

import numpy as np

from mmad._core import Jet, Var, Wrapper, shape_of
from mmad.errors import RepeatedEigenvalueError
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear, zero_like
from mmad.ops.linalg import adjoint
from mmad.ops.movement import reshape, viewed
from mmad.ops.reduction import matmul, sum_
from mmad.tape.contexts import open_tape

__all__ = ["eigenvalues", "eigenvectors", "refuse"]

HERMITIAN = np.array([[2.0, 0.4, -0.3], [0.4, 1.1, 0.6], [-0.3, 0.6, -0.7]])
STACK = np.stack([HERMITIAN, HERMITIAN @ HERMITIAN + np.diag([0.0, 1.0, 3.0])])
NUMBERS = np.array([0.7, -1.1, 0.4])
MOST_BYTES = 1 << 23  # of a matrix that is kept with its decomposition: a thread then keeps at most three times as many
ROUNDING = 8  # eigenvalues closer than ROUNDING * n * eps * |A| are equal: LAPACK's error is some n * eps * |A|


# --- on plain values --------------------------------------------------------------------------------------
class Last(threading.local):
    """The decomposition that was computed last: a derivative asks for that of one matrix again and again.

    Attributes
    ----------
    key : tuple or None
        What was decomposed: its elements, shape and dtype, and which triangle.
    parts : tuple of ndarray
        Eigenvalues and eigenvectors, which cannot be written to.
    """

    key = parts = None


LAST = Last()


def decomposition_of(m, uplo):
    """Return eigenvalues and eigenvectors, which cannot be written to; those of the last matrix are not computed again.

    The elements are compared, not the array, which may have been written to.
    """
    m = np.asarray(m)
    if m.nbytes > MOST_BYTES:
        return np.linalg.eigh(m, uplo)
    key = m.tobytes(), m.shape, m.dtype, uplo
    if LAST.key != key:
        parts = tuple(np.linalg.eigh(m, uplo))
        for part in parts:
            part.flags.writeable = False
        LAST.key, LAST.parts = key, parts
    return LAST.parts


def _equal(w):
    """Return, for neighbouring eigenvalues, whether they are equal to rounding."""
    n = w.shape[-1]
    if n < 2:
        return np.zeros(w.shape[:-1] + (max(n - 1, 0),), dtype=bool)
    bound = ROUNDING * n * np.finfo(w.dtype).eps * np.abs(w).max(axis=-1, keepdims=True)
    return np.diff(w, axis=-1) <= bound


def _runs(equal):
    """Return the slices of repeated eigenvalues of one matrix, from :func:`_equal`."""
    n, start, out = len(equal) + 1, 0, []
    for k in range(1, n + 1):
        if k == n or not equal[k - 1]:
            if k - start > 1:
                out.append(slice(start, k))
            start = k
    return out


def undifferentiable(what):
    """Return the error that there is no derivative; :mod:`mmad.tracing.eigenspaces` then tries other rules."""
    return RepeatedEigenvalueError(
        f"{what} has no derivative at a matrix with a repeated eigenvalue: any basis of its eigenspace would do; "
        "what does not depend on the basis has a first derivative: V f(w) V^T, the other eigenvectors; symmetric "
        "functions of all eigenvalues (their sum, the determinant, a smooth function of each) have a Hessian as well"
    )


def refuse(what):
    """Raise RepeatedEigenvalueError."""
    raise undifferentiable(what)


def _numerically_equal(c, run):
    """Return whether the numbers of one repeated eigenvalue are equal, to the precision of a smooth function of it."""
    eps = np.finfo(c.dtype).eps
    return np.ptp(c[run]) <= max(eps**0.5 * np.abs(c[run]).max(), eps**0.75 * np.abs(c).max())


def _whole(x, uplo):
    """Return the Hermitian matrices of which a tangent has the triangle that NumPy reads."""
    part = np.tril(x, -1) if uplo == "L" else np.triu(x, 1)
    return part + np.conj(np.swapaxes(part, -1, -2)) + np.real(x) * np.eye(x.shape[-1], dtype=part.real.dtype)


def _folded(g, uplo):
    """Return the transpose of :func:`_whole`: both triangles act through the one that NumPy reads."""
    part = np.tril(g, -1) if uplo == "L" else np.triu(g, 1)
    return 2 * part + np.real(g) * np.eye(g.shape[-1], dtype=part.real.dtype)


def _diagonals(x):
    """Return the diagonals of new, C-ordered matrices, to be written to."""
    return x.reshape(*x.shape[:-2], -1)[..., :: x.shape[-1] + 1]


def _turned(x, v):
    """Return V^H X V."""
    return np.conj(np.swapaxes(v, -1, -2)) @ x @ v


def _lanes(*pairs):
    """Return arrays of common leading axes, from (array, trailing axes) each, and the indices of these axes."""
    lead = np.broadcast_shapes(*[x.shape[: x.ndim - k] for x, k in pairs])
    return [np.broadcast_to(x, lead + x.shape[x.ndim - k :]) for x, k in pairs], np.ndindex(*lead)


def _eigenvalues_tangent(m, dm, uplo, simple):
    w, v = decomposition_of(m, uplo)
    p = _turned(_whole(dm, uplo), v)
    dots = np.real(np.diagonal(p, axis1=-2, axis2=-1)).copy()
    equal = _equal(w)
    if equal.any():
        if simple:
            refuse("the derivative of eigenvalues")
        (equal, p), lanes = _lanes((equal, 1), (p, 2))
        for lane in lanes:
            for run in _runs(equal[lane]):
                block = p[lane][run, run]  # NaN where other eigenvectors have no tangent
                dots[lane][run] = np.linalg.eigvalsh(block) if np.isfinite(block).all() else np.nan
    return dots


def _eigenvalues_pull(m, c, uplo):
    w, v = decomposition_of(m, uplo)
    equal = _equal(w)
    if equal.any():
        (equal, numbers), lanes = _lanes((equal, 1), (c, 1))
        for lane in lanes:
            if not all(_numerically_equal(numbers[lane], run) for run in _runs(equal[lane])):
                refuse("a function that is not symmetric in the eigenvalues")
    return _folded((v * c[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2)), uplo)


def _eigenvalues_push(m, c, dm, dc, uplo, simple):
    """Return the derivative of V diag(c) V^H, where c_i = c_j for equal eigenvalues.

    That is V (diag(dc) + D * V^H dA V) V^H, D_ij = (c_j - c_i) / (w_j - w_i).  In the basis that makes V_b^H dA V_b
    diagonal no D_ij of equal eigenvalues is needed.
    """
    w, v = decomposition_of(m, uplo)
    x = _whole(dm, uplo)
    equal = _equal(w)
    same = np.broadcast_to(np.eye(w.shape[-1], dtype=bool), w.shape + w.shape[-1:])
    if equal.any():
        if simple:
            refuse("the third derivative of eigenvalues")
        (w, v, x, c, dc, equal), lanes = _lanes((w, 1), (v, 2), (x, 2), (c, 1), (dc, 1), (equal, 1))
        v, same = v.copy(), np.broadcast_to(same[..., :, :], w.shape + w.shape[-1:]).copy()
        for lane in lanes:
            for run in _runs(equal[lane]):
                same[lane][run, run] = True
                basis = v[lane][:, run]
                block = _turned(x[lane], basis)
                if not np.isfinite(block).all():
                    continue
                slopes, turn = np.linalg.eigh(block)
                v[lane][:, run] = basis @ turn
                inside = [slice(run.start + s.start, run.start + s.stop) for s in _runs(_equal(slopes))]
                if not _numerically_equal(c[lane], run) or not all(_numerically_equal(dc[lane], s) for s in inside):
                    refuse("a function that is not symmetric in the eigenvalues")
    gaps = np.where(same, 1, w[..., None, :] - w[..., :, None])
    d = np.where(same, 0, (c[..., None, :] - c[..., :, None]) / gaps)
    inner = d * _turned(x, v)
    inner = inner + dc[..., None, :] * np.eye(w.shape[-1], dtype=dc.dtype)
    return _folded(v @ inner @ np.conj(np.swapaxes(v, -1, -2)), uplo)


SIMPLE, BACKWARD, FORWARD, PROGRAM, APART = "simple", "backward", "forward", "program", "apart"
BACK = {FORWARD: BACKWARD, PROGRAM: BACKWARD}  # what a transpose does


class Met:
    """Counts of what was met so far.

    Attributes
    ----------
    repeated : int
        Matrices with repeated eigenvalues, of which eigenvectors were computed.
    missing : int
        Tangents of eigenvectors that do not exist: NaN, since they may not be used.
    """

    repeated = missing = 0


def _eigenvectors(m, uplo):
    w, v = decomposition_of(m, uplo)
    if _equal(w).any():
        Met.repeated += 1
    return v.copy()


def undefined(m, uplo):
    """Return the eigenvectors, NaN for a repeated eigenvalue and zero for a simple one."""
    w, v = decomposition_of(m, uplo)
    return v @ _over_gaps(np.zeros_like(v), w, FORWARD)


def _over_gaps(x, w, at_repeated):
    """Return x_ij / (w_j - w_i), and zero on the diagonal.

    For equal eigenvalues zero (APART), NaN (FORWARD), or an error (SIMPLE, BACKWARD; PROGRAM when it runs, but NaN as
    long as it is recorded).
    """
    n = w.shape[-1]
    gaps = w[..., None, :] - w[..., :, None]
    equal = _equal(w)
    if not equal.any():
        _diagonals(gaps)[...] = 1
        out = x / gaps
        _diagonals(out)[...] = 0
        return out
    if at_repeated == SIMPLE:
        refuse("a derivative of the derivative of eigenvectors")
    if at_repeated == BACKWARD or (at_repeated == PROGRAM and open_tape() is None):
        refuse("an eigenvector of the repeated eigenvalue")
    (x, gaps, equal), lanes = _lanes((x, 2), (gaps, 2), (equal, 1))
    out = np.where(np.eye(n, dtype=bool), 0, x / np.where(gaps == 0, 1, gaps))
    for lane in lanes:
        for run in _runs(equal[lane]):
            out[lane][run, run] = 0 if at_repeated == APART else np.nan
    if at_repeated != APART:
        Met.missing += 1
    return out


# --- operations -------------------------------------------------------------------------------------------
def _whole_op(dm, uplo):
    """Evaluate :func:`_whole` with operations."""
    n = shape_of(dm)[-1]
    part = a.multiply(dm, np.tri(n, k=-1) if uplo == "L" else np.tri(n, k=-1).T)
    return a.add(a.add(part, adjoint(part)), a.multiply(a.real(dm), np.eye(n)))


def _folded_op(g, uplo):
    n = shape_of(g)[-1]
    part = a.multiply(g, 2 * np.tri(n, k=-1) if uplo == "L" else 2 * np.tri(n, k=-1).T)
    return a.add(part, a.multiply(a.real(g), np.eye(n)))


def _turned_op(x, v):
    return matmul(adjoint(v), matmul(x, v))


def _diagonal(x):
    """Return the real diagonal."""
    return a.real(sum_(a.multiply(x, np.eye(shape_of(x)[-1])), axis=(len(shape_of(x)) - 2,), keepdims=False))


def _on_diagonal(c):
    return a.multiply(viewed(c, lambda x: x[..., None, :]), np.eye(shape_of(c)[-1]))


def _differences(w):
    """Return w_j - w_i."""
    return a.subtract(viewed(w, lambda x: x[..., None, :]), viewed(w, lambda x: x[..., :, None]))


def _eigen_derivatives(m, m_dot, uplo):
    """Return the eigenvalues, eigenvectors V and what the derivatives of both are made of: w, V, K = V^H dV, dw."""
    w, v = eigenvalues(m, uplo=uplo), eigenvectors(m, uplo=uplo)
    p = _turned_op(_whole_op(m_dot, uplo), v)
    return w, v, over_gaps(p, w, at_repeated=SIMPLE), _diagonal(p)


def _commutator(x, k):
    return a.subtract(matmul(x, k), matmul(k, x))


def _total(terms):
    terms = [t for t in terms if t is not None]
    out = terms[0]
    for t in terms[1:]:
        out = a.add(out, t)
    return out


def _tangent_jvp(dots, out, m, dm, uplo, simple):
    m_dot, dm_dot = dots
    terms = [None if dm_dot is None else eigenvalues_tangent(m, dm_dot, uplo=uplo, simple=True)]
    if m_dot is not None:
        _, v, k, _ = _eigen_derivatives(m, m_dot, uplo)
        terms.append(_diagonal(_commutator(_turned_op(_whole_op(dm, uplo), v), k)))
    return _total(terms)


def _pull_jvp(dots, out, m, c, uplo):
    m_dot, c_dot = dots
    if m_dot is None:
        return eigenvalues_pull(m, c_dot, uplo=uplo)
    return eigenvalues_push(m, c, m_dot, zero_like(c) if c_dot is None else c_dot, uplo=uplo, simple=False)


def _push_jvp(dots, out, m, c, dm, dc, uplo, simple):
    """Return V (Z' + K Z - Z K) V^H, the tangent of V Z V^H with Z = diag(dc) + D * P."""
    m_dot, c_dot, dm_dot, dc_dot = dots
    zero = zero_like(dc)
    terms = [
        None if c_dot is None else eigenvalues_push(m, c_dot, dm, zero, uplo=uplo, simple=True),
        None if dm_dot is None else eigenvalues_push(m, c, dm_dot, zero, uplo=uplo, simple=True),
        None if dc_dot is None else eigenvalues_pull(m, dc_dot, uplo=uplo),
    ]
    if m_dot is not None:
        w, v, k, w_dot = _eigen_derivatives(m, m_dot, uplo)
        p = _turned_op(_whole_op(dm, uplo), v)

        def divided(x):
            return over_gaps(x, w, at_repeated=SIMPLE)

        d = divided(a.multiply(_differences(c), p))
        d_dot = a.subtract(
            divided(a.multiply(_differences(c), _commutator(p, k))), divided(a.multiply(_differences(w_dot), d))
        )
        inner = a.subtract(d_dot, _commutator(a.add(_on_diagonal(dc), d), k))
        terms.append(_folded_op(matmul(matmul(v, inner), adjoint(v)), uplo))
    return _total(terms)


def _push_transpose(ct, m, c, dm, dc, uplo, simple):
    """Return the cotangent of c in V (D * P) V^H: the diagonal of [P, K], K_ij = (V^H ct V)_ij / (w_j - w_i)."""
    _, v, k, _ = _eigen_derivatives(m, ct, uplo)
    return _diagonal(_commutator(_turned_op(_whole_op(dm, uplo), v), k))


def _over_gaps_jvp(dots, out, x, w, at_repeated):
    x_dot, w_dot = dots
    terms = [None if x_dot is None else over_gaps(x_dot, w, at_repeated=at_repeated)]
    if w_dot is not None:
        divided = over_gaps(x, w, at_repeated=SIMPLE)
        terms.append(a.negative(over_gaps(a.multiply(_differences(w_dot), divided), w, at_repeated=SIMPLE)))
    return _total(terms)


def _eigenvectors_jvp(dots, out, m, uplo):
    """Return V (F * V^H dA V), where F_ij = 1 / (w_j - w_i) and 0 on the diagonal."""
    v = eigenvectors(m, uplo=uplo)
    rotated = _turned_op(_whole_op(dots[0], uplo), v)
    at_repeated = PROGRAM if _recorded(rotated) else FORWARD
    return matmul(v, over_gaps(rotated, eigenvalues(m, uplo=uplo), at_repeated=at_repeated))


def _recorded(x):
    while isinstance(x, Wrapper):
        x = x.parts[-1] if isinstance(x, Jet) else x.lanes
    return isinstance(x, Var)


def _eigenvectors_transpose(ct, m, uplo):
    v = eigenvectors(m, uplo=uplo)
    inner = over_gaps(matmul(adjoint(v), ct), eigenvalues(m, uplo=uplo), at_repeated=BACKWARD)
    g = matmul(matmul(v, inner), adjoint(v))
    return _folded_op(a.multiply(a.add(g, adjoint(g)), 0.5), uplo)


def _lined_up(ranks):
    """Return the batch rule: lanes first, then axes of length 1 up to the common number of leading axes."""

    def rule(op):
        def batch(vals, batched, **params):
            leads = [len(shape_of(x)) - bool(on) - k for x, on, k in zip(vals, batched, ranks, strict=True)]
            most = max(leads)
            lined = [
                reshape(x, shape_of(x)[:1] + (1,) * (most - lead) + shape_of(x)[1:]) if on else x
                for x, on, lead in zip(vals, batched, leads, strict=True)
            ]
            return op()(*lined, **params)

        return batch

    return rule


LOWER = {"uplo": "L"}
UPPER = {"uplo": "U"}

eigenvalues = nonlinear(
    "eigenvalues",
    lambda m, uplo: decomposition_of(m, uplo)[0].copy(),
    lambda dots, out, m, uplo: eigenvalues_tangent(m, dots[0], uplo=uplo, simple=False),
    transposes={0: lambda ct, m, uplo: eigenvalues_pull(m, ct, uplo=uplo)},
    batch=lambda vals, batched, uplo: eigenvalues(vals[0], uplo=uplo),
    probes=((HERMITIAN, LOWER), (STACK, UPPER)),
)
eigenvectors = nonlinear(
    "eigenvectors",
    _eigenvectors,
    _eigenvectors_jvp,
    transposes={0: _eigenvectors_transpose},
    batch=lambda vals, batched, uplo: eigenvectors(vals[0], uplo=uplo),
    probes=((HERMITIAN, UPPER), (STACK, LOWER)),
)
eigenvalues_tangent = nonlinear(
    "eigenvalues_tangent",
    _eigenvalues_tangent,
    _tangent_jvp,
    transposes={1: lambda ct, m, dm, uplo, simple: eigenvalues_pull(m, ct, uplo=uplo)},
    batch=_lined_up((2, 2))(lambda: eigenvalues_tangent),
    nin=2,
    probes=((HERMITIAN, STACK[1], LOWER | {"simple": False}), (STACK, HERMITIAN, UPPER | {"simple": True})),
)
eigenvalues_pull = nonlinear(
    "eigenvalues_pull",
    _eigenvalues_pull,
    _pull_jvp,
    transposes={1: lambda ct, m, c, uplo: eigenvalues_tangent(m, ct, uplo=uplo, simple=False)},
    batch=_lined_up((2, 1))(lambda: eigenvalues_pull),
    nin=2,
    probes=((HERMITIAN, NUMBERS, LOWER), (STACK, NUMBERS, UPPER)),
)
eigenvalues_push = nonlinear(
    "eigenvalues_push",
    _eigenvalues_push,
    _push_jvp,
    transposes={
        1: _push_transpose,
        2: lambda ct, m, c, dm, dc, uplo, simple: eigenvalues_push(m, c, ct, zero_like(dc), uplo=uplo, simple=simple),
        3: lambda ct, m, c, dm, dc, uplo, simple: eigenvalues_tangent(m, ct, uplo=uplo, simple=False),
    },
    batch=_lined_up((2, 1, 2, 1))(lambda: eigenvalues_push),
    nin=4,
    probes=(
        (HERMITIAN, NUMBERS, STACK[1], NUMBERS[::-1], LOWER | {"simple": False}),
        (STACK, NUMBERS, HERMITIAN, NUMBERS[::-1], UPPER | {"simple": True}),
    ),
)
over_gaps = nonlinear(
    "over_gaps",
    _over_gaps,
    _over_gaps_jvp,
    transposes={0: lambda ct, x, w, at_repeated: over_gaps(ct, w, at_repeated=BACK.get(at_repeated, at_repeated))},
    batch=_lined_up((2, 1))(lambda: over_gaps),
    nin=2,
    probes=(
        (STACK[1], np.array([-0.7, 0.6, 2.0]), {"at_repeated": SIMPLE}),
        (HERMITIAN, np.array([[-0.7, 0.6, 2.0], [0.1, 1.2, 1.9]]), {"at_repeated": FORWARD}),
    ),
)
