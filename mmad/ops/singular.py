"""Singular values and vectors of matrices in the last two axes, A = U S V^H; what is not differentiable in them.

With P = U^H dA V = Y + Z, Y Hermitian and Z skew-Hermitian,

    dS = Re diag(P),   U^H dU = K + L,   V^H dV = K - L,   K_ij = Y_ij / (s_j - s_i),   L_ij = Z_ij / (s_i + s_j),

and U and V turn out of the spaces that they span by (1 - U U^H) dA V S^-1 and (1 - V V^H) dA^H U S^-1.  Only K
divides by the gap of two singular values; it turns both vectors of a pair alike.

====================================  ==================================================================================
a repeated singular value             its vectors have no derivative (`over_gaps`); the value has one where the function
                                      is symmetric in those that are equal, and one-sided derivatives along a direction
a singular value that is zero         is not smooth, as the modulus of a number: an error, unless the function does not
                                      depend on it; nor have its vectors a derivative
phases of complex pairs (u, v)        LAPACK's choice, U^H dU has an imaginary diagonal that is not determined: L_ii is
                                      taken; a function that depends on the phases is an error in reverse mode
the other columns of whole U and V    any basis would do; they are turned as little as possible; a function that depends
                                      on the basis is an error in reverse mode
====================================  ==================================================================================

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008: section 3.2.
T. Kato, *Perturbation Theory for Linear Operators*, Springer, 1980: section II.6 (repeated values).
Z.-Q. Wan, S.-X. Zhang, "Automatic differentiation for complex valued SVD", arXiv:1909.02659, 2019 (phases).
"""

import numpy as np

from mmad._core import shape_of
from mmad.errors import RepeatedEigenvalueError, UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear
from mmad.ops.linalg import adjoint
from mmad.ops.movement import concatenate, reshape, viewed
from mmad.ops.reduction import matmul
from mmad.ops.spectral import (
    BACK,
    BACKWARD,
    FORWARD,
    PROGRAM,
    ROUNDING,
    SIMPLE,
    Met,
    _diagonal,
    _equal,
    _lanes,
    _lined_up,
    _numerically_equal,
    _recorded,
    _runs,
    _total,
    over_gaps,
)
from mmad.tape.contexts import open_tape

__all__ = ["joined", "parts_of", "singular_parts", "svd", "svdvals", "turned_freely"]

# LAPACK does not change the signs of the vectors of these near by.
TALL = np.array([[0.5, -0.9, -1.8], [-1.9, 1.3, 1.7], [0.4, 0.9, 0.2], [1.7, 1.3, -2.0]])
STACK = np.array(
    [[[-1.0, -0.8, 1.3], [-1.6, 0.4, 0.9], [-1.2, -1.8, -0.9]], [[0.6, 0.2, -1.4], [-0.3, 0.7, -0.3], [0.5, 1.9, 0.7]]]
)
VALUES = np.array([2.3, 1.1, 0.4])


# --- results of several parts, in one array ---------------------------------------------------------------
def joined(parts, ranks):
    """Return arrays of common leading axes as one, each with its last `rank` axes made one, along the last axis."""
    dtype = np.result_type(*parts)
    return np.concatenate(
        [p.reshape(*p.shape[: p.ndim - r], -1).astype(dtype, copy=False) for p, r in zip(parts, ranks, strict=True)], -1
    )


def joined_tangents(parts, ranks):
    """Evaluate :func:`joined` with operations."""
    flat = [reshape(p, (*shape_of(p)[: len(shape_of(p)) - r], -1)) for p, r in zip(parts, ranks, strict=True)]
    return concatenate(*flat, axis=len(shape_of(flat[0])) - 1)


def parts_of(x, *shapes):
    """Return the parts of a result of :func:`joined` as views, of given last axes."""
    lead, start, parts = shape_of(x)[:-1], 0, []
    for shape in shapes:
        stop = start + int(np.prod(shape))
        parts.append(viewed(x, lambda m, at=slice(start, stop), s=shape: m[..., at].reshape(*lead, *s)))
        start = stop
    return parts


# --- on plain values --------------------------------------------------------------------------------------
def _zero_to_rounding(s):
    """Return which singular values are no larger than their error."""
    n = s.shape[-1]
    return s <= ROUNDING * n * np.finfo(s.dtype).eps * s.max(axis=-1, keepdims=True, initial=0.0)


def refuse_zero(what):
    """Raise RepeatedEigenvalueError, for a singular value that is zero."""
    raise RepeatedEigenvalueError(
        f"{what} has no derivative at a matrix with a singular value that is zero, where the singular value is not "
        "smooth and its vectors are any of many: use functions of the others alone, np.where(s > tol, f(s), 0)"
    )


def refuse_repeated(what):
    """Raise RepeatedEigenvalueError, for a repeated singular value."""
    raise RepeatedEigenvalueError(
        f"{what} has no derivative at a matrix with a repeated singular value, whose vectors are any of many; "
        "symmetric functions of all singular values (their sum, a smooth function of each) have a gradient"
    )


def _values_tangent(u, s, vh, dm):
    """Return the derivatives of the singular values along dA, one-sided where they are repeated or zero."""
    v = np.conj(np.swapaxes(vh, -1, -2))
    uh = np.conj(np.swapaxes(u, -1, -2))
    p = uh @ dm @ v
    dots = np.real(np.diagonal(p, axis1=-2, axis2=-1))
    equal, zero = _equal(-s), _zero_to_rounding(s)
    if not (equal.any() or zero.any()):
        return _spread(dots, s)
    (equal, zero, u, v, dm, p), lanes = _lanes((equal, 1), (zero, 1), (u, 2), (v, 2), (dm, 2), (p, 2))
    dots = np.array(np.broadcast_to(dots, zero.shape))
    for lane in lanes:
        for run in _runs(equal[lane]):
            block = p[lane][run, run]
            ok = np.isfinite(block).all()
            dots[lane][run] = np.linalg.eigvalsh((block + np.conj(block.T)) / 2)[::-1] if ok else np.nan
        if zero[lane].any():
            left, right, x = u[lane][:, ~zero[lane]], v[lane][:, ~zero[lane]], dm[lane]
            x = x - left @ (np.conj(left.T) @ x)
            x = x - (x @ right) @ np.conj(right.T)
            ok = np.isfinite(x).all()
            dots[lane][zero[lane]] = np.linalg.svd(x, compute_uv=False)[: zero[lane].sum()] if ok else np.nan
    return dots


def _values_pull(u, s, vh, c):
    """Return U diag(c) V^H, the cotangent of the matrix, for one of the singular values."""
    equal, zero = _equal(-s), _zero_to_rounding(s)
    if equal.any() or zero.any():
        (equal, zero, numbers), lanes = _lanes((equal, 1), (zero, 1), (c, 1))
        for lane in lanes:
            numbers_here, zero_here = numbers[lane], zero[lane]
            for run in _runs(equal[lane]):
                if not zero_here[run].any() and not _numerically_equal(numbers_here, run):
                    refuse_repeated("a function that is not symmetric in the singular values")
            size = np.abs(numbers_here).max(initial=0.0)
            if np.any(np.abs(numbers_here[zero_here]) > np.finfo(c.dtype).eps ** 0.75 * size):
                refuse_zero("a function of it")
    return (u * _spread(c, s)[..., None, :]) @ vh


def _spread(x, like):
    """Return vectors with the leading axes of others, too."""
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, like.shape))


def _missing(at, what, refuse):
    """Return NaN for an undefined quotient in forward mode; raise an error in others."""
    if at == SIMPLE:
        refuse(f"a derivative of the derivative of {what}")
    if at == BACKWARD or (at == PROGRAM and open_tape() is None):
        refuse(what)
    Met.missing += 1
    return np.nan


def _divided(x, by, absent, at):
    """Return x / by; where there is no `by`, zero for an x of zero and NaN or an error for others."""
    if not absent.any():
        return x / by
    quotient = np.where(absent, 0, x / np.where(absent, 1, by))
    undefined = absent & (np.abs(x) > np.finfo(x.dtype).eps ** 2 * np.abs(x).max(initial=0.0))
    if not undefined.any():
        return quotient
    return np.where(undefined, _missing(at, "a singular vector of it", refuse_zero), quotient)


def _over_sums(x, s, at_repeated):
    """Return x_ij / (s_i + s_j); where both are zero, zero on the diagonal and without a value elsewhere."""
    sums = s[..., None, :] + s[..., :, None]
    zero = _zero_to_rounding(s)
    absent = zero[..., None, :] & zero[..., :, None]
    if not zero.any():
        return x / sums
    eye = np.eye(s.shape[-1], dtype=bool)
    x = np.where(eye & absent, 0, x)
    return _divided(x, sums, absent, at_repeated)


def _over_values(x, s, at_repeated):
    """Return x_ij / s_j, without a value where s_j is zero."""
    return _divided(x, s[..., None, :], _zero_to_rounding(s)[..., None, :], at_repeated)


def _free(x, name):
    """Return zeros: a rotation that is not determined."""
    return np.zeros_like(x)


def _checked_free(ct, name):
    """Return zeros, the cotangent of a rotation that is not determined, if the function does not depend on it."""
    skew = (ct - np.conj(np.swapaxes(ct, -1, -2))) / 2
    if name == "phases":
        skew = np.imag(np.diagonal(ct, axis1=-2, axis2=-1))
    bound = ct.shape[-1] * np.finfo(ct.dtype).eps ** 0.5 * np.abs(ct).max(initial=0.0)
    if np.any(np.abs(skew) > bound):
        what = {
            "phases": "the phases of complex singular vectors, which are LAPACK's choice: U and V may be multiplied by "
            "the same exp(i t) in each column",
            "basis": "the basis of the columns that complete U, V or Q, which is LAPACK's choice: any basis of the "
            "orthogonal complement would do (full_matrices=False leaves them out)",
        }[name]
        raise UnsupportedError(f"the function depends on {what}; it has no derivative")
    return np.zeros_like(ct)


# --- operations -------------------------------------------------------------------------------------------
values_tangent = nonlinear(
    "singular_values_tangent",
    _values_tangent,
    lambda dots, out, u, s, vh, dm: _values_tangent_jvp(dots, u, s, vh, dm),
    transposes={3: lambda ct, u, s, vh, dm: values_pull(u, s, vh, ct)},
    batch=_lined_up((2, 1, 2, 2))(lambda: values_tangent),
    nin=4,
    probes=((TALL[:3], VALUES, STACK[1], TALL[1:]),),
)


def _values_tangent_jvp(dots, u, s, vh, dm):
    du, _, dvh, ddm = dots
    terms = [None if ddm is None else values_tangent(u, s, vh, ddm)]
    if du is not None:
        terms.append(_diagonal(matmul(matmul(adjoint(du), dm), adjoint(vh))))
    if dvh is not None:
        terms.append(_diagonal(matmul(matmul(adjoint(u), dm), adjoint(dvh))))
    terms = [t for t in terms if t is not None]
    return _total(terms) if terms else None


def _scaled_columns(u, c):
    return a.multiply(u, viewed(c, lambda x: x[..., None, :]))


def _values_pull_jvp(dots, out, u, s, vh, c):
    du, _, dvh, dc = dots
    terms = [None if dc is None else values_pull(u, s, vh, dc)]
    if du is not None:
        terms.append(matmul(_scaled_columns(du, c), vh))
    if dvh is not None:
        terms.append(matmul(_scaled_columns(u, c), dvh))
    terms = [t for t in terms if t is not None]
    return _total(terms) if terms else None


values_pull = nonlinear(
    "singular_values_pull",
    _values_pull,
    _values_pull_jvp,
    transposes={3: lambda ct, u, s, vh, c: values_tangent(u, s, vh, ct)},
    batch=_lined_up((2, 1, 2, 1))(lambda: values_pull),
    nin=4,
    probes=((TALL[:3], VALUES, STACK[1], VALUES[::-1].copy()),),
)


def _quotient_op(name, impl, derivative, probe):
    def jvp(dots, out, x, s, at_repeated):
        x_dot, s_dot = dots
        terms = [None if x_dot is None else op(x_dot, s, at_repeated=at_repeated)]
        if s_dot is not None:
            divided = op(x, s, at_repeated=SIMPLE)
            terms.append(a.negative(op(a.multiply(derivative(s_dot), divided), s, at_repeated=SIMPLE)))
        return _total(terms)

    op = nonlinear(
        name,
        impl,
        jvp,
        transposes={0: lambda ct, x, s, at_repeated: op(ct, s, at_repeated=BACK.get(at_repeated, at_repeated))},
        batch=_lined_up((2, 1))(lambda: op),
        nin=2,
        probes=((probe, VALUES, {"at_repeated": SIMPLE}), (STACK, VALUES, {"at_repeated": FORWARD})),
    )
    return op


over_sums = _quotient_op(
    "over_sums",
    _over_sums,
    lambda s: a.add(viewed(s, lambda x: x[..., None, :]), viewed(s, lambda x: x[..., :, None])),
    STACK[1],
)
over_values = _quotient_op("over_values", _over_values, lambda s: viewed(s, lambda x: x[..., None, :]), TALL)

# A rotation that is not determined: zero, and the cotangent has to be, too.
turned_freely = nonlinear(
    "turned_freely",
    _free,
    lambda dots, out, x, name: None,
    transposes={0: lambda ct, x, name: checked_free(ct, name=name)},
    batch=lambda vals, batched, name: turned_freely(vals[0], name=name),
)
checked_free = nonlinear(
    "checked_free",
    _checked_free,
    lambda dots, out, ct, name: None,
    batch=lambda vals, batched, name: checked_free(vals[0], name=name),
)


def _svd(m, full):
    return joined(np.linalg.svd(m, full_matrices=full), (2, 1, 2))


def svd_shapes(m, n, full):
    """Return the shapes of the parts of the decomposition of an m by n matrix."""
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full else ((m, k), (k,), (k, n))


def singular_parts(out, m, full):
    """Return U, S and V^H, which an operation `svd` has joined."""
    u, s, vh = parts_of(out, *svd_shapes(*shape_of(m)[-2:], full))
    return u, a.real(s) if s.dtype.kind == "c" else s, vh


def _rest(u, k):
    return viewed(u, lambda x: x[..., k:])


def _completed(u, u_dot, k, normal):
    """Return the tangent of whole U, whose first k columns have the tangent `u_dot`; `normal` is that off their span.

    The other columns turn against the first, and not among themselves.
    """
    first, rest = viewed(u, lambda x: x[..., :k]), _rest(u, k)
    rest_dot = a.negative(matmul(first, matmul(adjoint(normal), rest)))
    rest_dot = a.add(rest_dot, matmul(rest, turned_freely(matmul(adjoint(rest), rest_dot), name="basis")))
    return concatenate(u_dot, rest_dot, axis=len(shape_of(u)) - 1)


def _svd_jvp(dots, out, m, full):
    dm = dots[0]
    u, s, vh = singular_parts(out, m, full)
    rows, columns = shape_of(m)[-2:]
    k = min(rows, columns)
    v = adjoint(vh)
    u1, v1 = (viewed(x, lambda x: x[..., :k]) for x in (u, v))
    p = matmul(matmul(adjoint(u1), dm), v1)
    at = PROGRAM if _recorded(p) else FORWARD
    gap = a.multiply(a.subtract(p, adjoint(p)), 0.5)
    turn = a.negative(over_gaps(a.multiply(a.add(p, adjoint(p)), 0.5), a.negative(s), at_repeated=at))
    if p.dtype.kind == "c":
        turn = a.add(turn, turned_freely(p, name="phases"))
    twist = over_sums(gap, s, at_repeated=at)
    u_dot, v_dot = matmul(u1, a.add(turn, twist)), matmul(v1, a.subtract(turn, twist))
    if rows > k:
        normal = over_values(a.subtract(matmul(dm, v1), matmul(u1, p)), s, at_repeated=at)
        u_dot = a.add(u_dot, normal)
        u_dot = _completed(u, u_dot, k, normal) if full else u_dot
    if columns > k:
        normal = over_values(a.subtract(matmul(adjoint(dm), u1), matmul(v1, adjoint(p))), s, at_repeated=at)
        v_dot = a.add(v_dot, normal)
        v_dot = _completed(v, v_dot, k, normal) if full else v_dot
    s_dot = values_tangent(u1, s, adjoint(v1), dm)
    return joined_tangents((u_dot, s_dot, adjoint(v_dot)), (2, 1, 2))


svd = nonlinear(
    "svd",
    _svd,
    _svd_jvp,
    batch=lambda vals, batched, full: svd(vals[0], full=full),
    probes=(
        (TALL, {"full": False}),
        (STACK, {"full": True}),
        (TALL[:2], {"full": False}),
        (np.array([[0.5, -0.9], [-1.8, -1.9], [1.3, 1.7]]), {"full": True}),
    ),
)


def _svdvals_jvp(dots, out, m):
    u, s, vh = singular_parts(svd(m, full=False), m, False)
    return values_tangent(u, s, vh, dots[0])


# Without their vectors, which need not have a derivative.
svdvals = nonlinear(
    "svdvals",
    lambda m: np.linalg.svd(m, compute_uv=False),
    _svdvals_jvp,
    batch=lambda vals, batched: svdvals(vals[0]),
    probes=((TALL,), (STACK,), (TALL[:2],)),
)
