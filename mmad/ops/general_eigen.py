"""Eigenvalues and eigenvectors of general matrices in the last two axes, A V = V diag(w).

With P = V^-1 dA V,

    dw = diag(P),   dV = V (K - D),   K_ij = P_ij / (w_j - w_i),

where D is diagonal and keeps each column as LAPACK scales it: of length one, with its largest element real.  That is
the gauge of the derivative, too; so differences of NumPy's own eigenvectors agree with it.

A repeated eigenvalue has a derivative where the function is symmetric in those that are equal; its eigenvectors have
none.  A matrix without a basis of eigenvectors has derivatives of neither.

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008: section 3.1.
J. R. Magnus, "On differentiating eigenvalues and eigenvectors", Econometric Theory 1, 1985: theorem 2.
"""

import numpy as np

from mmad._core import shape_of
from mmad.errors import RepeatedEigenvalueError
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear
from mmad.ops.linalg import solve
from mmad.ops.movement import viewed
from mmad.ops.reduction import matmul, sum_
from mmad.ops.singular import joined, joined_tangents, parts_of
from mmad.ops.spectral import (
    BACK,
    BACKWARD,
    FORWARD,
    PROGRAM,
    ROUNDING,
    SIMPLE,
    Met,
    _lanes,
    _lined_up,
    _recorded,
    _total,
)
from mmad.tape._instructions import Op
from mmad.tape.contexts import open_tape

__all__ = ["all_real", "eig", "eig_parts", "eigvals", "in_pairs"]

# LAPACK does not change the signs of the eigenvectors of these near by.
GENERAL = np.array([[0.5, -0.9, -1.8], [-1.9, 1.3, 1.7], [0.4, 0.9, 0.2]])
ROTATION = np.array([[0.3, -1.2, 0.1], [1.5, 0.7, 0.2], [-0.4, 0.6, -2.0]])
STACK = np.array(
    [
        [
            [0.5 - 0.8j, -0.9 - 0.3j, -1.8 - 1.9j],
            [-1.9 - 1.5j, 1.3 + 0.7j, 1.7 + 0.6j],
            [0.4 + 0.5j, 0.9 - 0.5j, 0.2 + 2j],
        ],
        [
            [1.7 + 1.9j, 1.3 + 0.7j, -2.0 + 0.6j],
            [1.4 + 0.8j, -1.9 - 0.4j, 0.9 - 1.5j],
            [-1.3 + 0.9j, 1.5 + 0.1j, 0.2 - 0.8j],
        ],
    ]
)
NUMBERS = np.array([0.7, -1.1 + 0.3j, 0.4])


# --- on plain values --------------------------------------------------------------------------------------
def _eig(m):
    return joined(np.linalg.eig(np.asarray(m, np.result_type(m, np.complex64))), (1, 2))


def _eig_of_real(m):
    """Return the decomposition in complex numbers, as LAPACK gives it for a real matrix."""
    w, v = np.linalg.eig(m)
    return joined((w + np.zeros((), np.result_type(m, np.complex64)), v), (1, 2))


def _alike(w):
    """Return a matrix of which eigenvalues are equal to rounding; each is to itself."""
    n = w.shape[-1]
    bound = ROUNDING * n * np.finfo(w.dtype).eps * np.abs(w).max(axis=-1, initial=0.0)
    return np.abs(w[..., None, :] - w[..., :, None]) <= bound[..., None, None]


def refuse(what):
    """Raise RepeatedEigenvalueError."""
    raise RepeatedEigenvalueError(
        f"{what} has no derivative at a matrix with a repeated eigenvalue; symmetric functions of all eigenvalues "
        "(their sum, the determinant, a smooth function of each) have a gradient, if there is a basis of eigenvectors"
    )


def _complete(v, recorded):
    """Return eigenvectors, or raise an error if they are no basis and not merely being recorded."""
    if v.size and not (recorded and open_tape() is not None):
        s = np.linalg.svd(v, compute_uv=False)
        if np.any(s[..., -1] <= 100 * v.shape[-1] * np.finfo(v.dtype).eps * s[..., 0]):
            raise RepeatedEigenvalueError(
                "numpy.linalg.eig has no derivative at a matrix without a basis of eigenvectors (a defective matrix): "
                "use functions of the matrix instead: np.trace, np.linalg.det, np.linalg.matrix_power"
            )
    return v.copy()


def _over_differences(x, w, at_repeated):
    """Return x_ij / (w_j - w_i), and zero on the diagonal; for equal eigenvalues as `over_gaps`."""
    alike, eye = _alike(w), np.eye(w.shape[-1], dtype=bool)
    quotient = np.where(alike, 0, x / np.where(alike, 1, w[..., None, :] - w[..., :, None]))
    missing = alike & ~eye
    if not missing.any():
        return quotient
    if at_repeated == SIMPLE:
        refuse("a derivative of the derivative of eigenvectors")
    if at_repeated == BACKWARD or (at_repeated == PROGRAM and open_tape() is None):
        refuse("an eigenvector of the repeated eigenvalue")
    Met.missing += 1
    return np.where(missing, np.nan, quotient)


def _groups(alike):
    """Yield the positions of each repeated eigenvalue of one matrix."""
    seen = set()
    for k in range(len(alike)):
        group = np.flatnonzero(alike[k])
        if len(group) > 1 and not seen & set(group):
            seen |= set(group)
            yield group


def _rates(p, w):
    """Return the derivatives of the eigenvalues, one-sided where they are repeated."""
    dots, alike = np.diagonal(p, axis1=-2, axis2=-1), _alike(w)
    dots = np.array(np.broadcast_to(dots, np.broadcast_shapes(dots.shape, w.shape)))
    if np.count_nonzero(alike) == w.size:
        return dots
    (alike, p), lanes = _lanes((alike, 2), (p, 2))
    for lane in lanes:
        for group in _groups(alike[lane]):
            block = p[lane][np.ix_(group, group)]
            dots[lane][group] = np.linalg.eigvals(block) if np.isfinite(block).all() else np.nan
    return dots


def _rates_pull(c, w):
    """Return diag(c), where it is the same for all equal eigenvalues."""
    alike = _alike(w)
    if np.count_nonzero(alike) != w.size:
        (alike, numbers), lanes = _lanes((alike, 2), (c, 1))
        eps = np.finfo(c.dtype).eps
        for lane in lanes:
            for group in _groups(alike[lane]):
                least = max(eps**0.5 * np.abs(numbers[lane][group]).max(), eps**0.75 * np.abs(numbers[lane]).max())
                if np.abs(numbers[lane][group] - numbers[lane][group[0]]).max() > least:
                    refuse("a function that is not symmetric in the eigenvalues")
    c = np.broadcast_to(c, np.broadcast_shapes(c.shape, w.shape))
    return c[..., None, :] * np.eye(c.shape[-1], dtype=c.dtype)


def _largest(v):
    """Return one for the largest element of each column and zero for the others."""
    at = np.argmax(np.abs(v), axis=-2)[..., None, :]
    return (np.arange(v.shape[-2])[:, None] == at).astype(v.real.dtype)


# --- operations -------------------------------------------------------------------------------------------
def _on_diagonal(c):
    return a.multiply(viewed(c, lambda x: x[..., None, :]), np.eye(shape_of(c)[-1]))


def _diagonal(x):
    return sum_(a.multiply(x, np.eye(shape_of(x)[-1])), axis=(len(shape_of(x)) - 2,), keepdims=False)


over_differences = nonlinear(
    "over_differences",
    _over_differences,
    lambda dots, out, x, w, at_repeated: _over_differences_jvp(dots, x, w, at_repeated),
    transposes={
        0: lambda ct, x, w, at_repeated: over_differences(
            ct, a.conjugate(w), at_repeated=BACK.get(at_repeated, at_repeated)
        )
    },
    batch=_lined_up((2, 1))(lambda: over_differences),
    nin=2,
    probes=((STACK, NUMBERS, {"at_repeated": SIMPLE}),),
)


def _over_differences_jvp(dots, x, w, at_repeated):
    x_dot, w_dot = dots
    terms = [None if x_dot is None else over_differences(x_dot, w, at_repeated=at_repeated)]
    if w_dot is not None:
        divided = over_differences(x, w, at_repeated=SIMPLE)
        change = a.subtract(viewed(w_dot, lambda v: v[..., None, :]), viewed(w_dot, lambda v: v[..., :, None]))
        terms.append(a.negative(over_differences(a.multiply(change, divided), w, at_repeated=SIMPLE)))
    return _total(terms)


rates = nonlinear(
    "eigenvalue_rates",
    _rates,
    lambda dots, out, p, w: None if dots[0] is None else rates(dots[0], w),
    transposes={0: lambda ct, p, w: rates_pull(ct, w)},
    batch=_lined_up((2, 1))(lambda: rates),
    nin=2,
    probes=((STACK, NUMBERS),),
)
rates_pull = nonlinear(
    "eigenvalue_rates_pull",
    _rates_pull,
    lambda dots, out, c, w: None if dots[0] is None else rates_pull(dots[0], w),
    transposes={0: lambda ct, c, w: rates(ct, w)},
    batch=_lined_up((1, 1))(lambda: rates_pull),
    nin=2,
    probes=((NUMBERS, NUMBERS[::-1].copy()),),
)
complete = nonlinear(
    "complete_eigenvectors",
    _complete,
    lambda dots, out, v, recorded: dots[0],
    batch=lambda vals, batched, recorded: complete(vals[0], recorded=recorded),
    probes=((GENERAL, {"recorded": False}),),
)
largest = nonlinear(
    "largest_of_column",
    _largest,
    lambda dots, out, v: None,
    batch=lambda vals, batched: largest(vals[0]),
    probes=((GENERAL,),),
)


def eig_parts(out, m):
    """Return eigenvalues and eigenvectors, which an operation `eig` has joined."""
    n = shape_of(m)[-1]
    return parts_of(out, (n,), (n, n))


def _eig_jvp(dots, out, m):
    dm = dots[0]
    w, v = eig_parts(out, m)
    recorded = _recorded(dm)
    v = complete(v, recorded=recorded)
    p = solve(v, matmul(dm, v))
    w_dot = rates(p, w)
    turned = matmul(v, over_differences(p, w, at_repeated=PROGRAM if recorded else FORWARD))
    lengths = a.real(sum_(a.multiply(a.conjugate(v), turned), axis=(len(shape_of(v)) - 2,), keepdims=True))
    scale = largest(v)
    moved = sum_(a.multiply(scale, turned), axis=(len(shape_of(v)) - 2,), keepdims=True)
    real = sum_(a.multiply(scale, a.real(v)), axis=(len(shape_of(v)) - 2,), keepdims=True)
    phases = a.multiply(1j, a.divide(a.imag(moved), real))
    return joined_tangents((w_dot, a.subtract(turned, a.multiply(v, a.add(lengths, phases)))), (1, 2))


eig = nonlinear(
    "eig",
    lambda m: _eig(m) if np.iscomplexobj(m) else _eig_of_real(m),
    _eig_jvp,
    batch=lambda vals, batched: eig(vals[0]),
    probes=((GENERAL,), (ROTATION,), (STACK,)),
)


def _eigvals_jvp(dots, out, m):
    w, v = eig_parts(eig(m), m)
    v = complete(v, recorded=_recorded(dots[0]))
    return rates(solve(v, matmul(dots[0], v)), w)


eigvals = nonlinear(
    "eigvals",
    lambda m: eig_parts(eig.impl(m), m)[0].copy(),
    _eigvals_jvp,
    batch=lambda vals, batched: eigvals(vals[0]),
    probes=((GENERAL,), (ROTATION,), (STACK,)),
)
all_real = Op("all_real", lambda w: bool(np.all(np.imag(w) == 0)), nin=1, kind="structural", boolean=True)
in_pairs = Op(
    "in_pairs",
    lambda z: bool(np.all(np.sort(z) == np.sort(np.conj(z)))),
    nin=1,
    kind="structural",
    boolean=True,
)
