"""Operations of `scipy.linalg`: triangular, banded and Toeplitz systems, LU factors, Sylvester's equation, functions
of matrices.

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008 (systems).
R. Mathias, "A chain rule for matrix functions and applications", SIAM Journal on Matrix Analysis and Applications 17,
1996: a function of the block matrix [[A, E], [0, A]] has the derivative of that of A along E as its upper right block.
N. J. Higham, *Functions of Matrices*, SIAM, 2008: sections 3.1 and 3.2 (adjoints of the derivatives).
"""

import numpy as np
import scipy.linalg

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear, zero_like
from mmad.ops.linalg import adjoint, lower_triangle, solve
from mmad.ops.movement import concatenate, stacked, viewed
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import matmul
from mmad.ops.spectral import _total
from mmad.tape._instructions import Op

__all__ = [
    "MATRIX_FUNCTIONS",
    "aligned",
    "column_pivots",
    "lu",
    "lu_permutation",
    "lu_pivots",
    "matrix_function",
    "matrix_function_along",
    "permutation",
    "polar_factor",
    "solve_banded",
    "solve_toeplitz",
    "square_root",
    "sylvester",
    "triangular",
]

MATRIX = np.array([[1.9, 0.3, -0.7], [-0.2, 1.4, 0.5], [0.6, -0.9, 2.2]])
COLUMNS = np.array([[0.4, -1.1], [1.3, 0.2], [-0.5, 0.8]])
PREFIX = "scipy.linalg."


def negated_product(x, y):
    """Return -x y."""
    return a.negative(matmul(x, y))


def upper_triangle(x, diagonal):
    """Return the upper triangle, with the diagonal times 0 or 1."""
    n = shape_of(x)[-1]
    return a.select(np.triu(np.ones((n, n), bool), 0 if diagonal else 1), x, 0.0)


def strict_lower(x):
    """Return what is below the diagonal."""
    return lower_triangle(x, 0.0)


# --- triangular systems -----------------------------------------------------------------------------------
def _triangle(x, lower, unit):
    if lower:
        return a.select(np.tri(shape_of(x)[-1], k=-1 if unit else 0, dtype=bool), x, 0.0)
    return upper_triangle(x, not unit)


def _triangular_jvp(dots, out, m, b, lower, unit):
    dm, db = dots
    terms = [db, None if dm is None else negated_product(_triangle(dm, lower, unit), out)]
    return triangular(m, _total(terms), lower=lower, unit=unit)


# The right side is a matrix.
triangular = nonlinear(
    PREFIX + "triangular",
    lambda m, b, lower, unit: scipy.linalg.solve_triangular(m, b, lower=lower, unit_diagonal=unit, check_finite=False),
    _triangular_jvp,
    transposes={1: lambda ct, m, b, lower, unit: triangular(adjoint(m), ct, lower=not lower, unit=unit)},
    nin=2,
    probes=((MATRIX, COLUMNS, {"lower": True, "unit": False}), (MATRIX, COLUMNS, {"lower": False, "unit": True})),
)


# --- LU ---------------------------------------------------------------------------------------------------
def _lu_jvp(dots, out, m):
    """Return L tril(F, -1) + triu(F) U, F = L^-1 P dA U^-1, of P A = L U."""
    moved = matmul(lu_permutation(m), dots[0])
    left = triangular(out, moved, lower=True, unit=True)
    f = adjoint(triangular(adjoint(out), adjoint(left), lower=True, unit=False))
    unit_lower = a.add(strict_lower(out), np.eye(shape_of(m)[-1]))
    return a.add(matmul(unit_lower, strict_lower(f)), matmul(upper_triangle(f, True), upper_triangle(out, True)))


def _pivots(m):
    return scipy.linalg.lu_factor(m, check_finite=False)[1]


def _permutation(piv, dtype):
    """Return the matrix P of A[p], the rows that LAPACK's exchanges `piv` put in another order."""
    order = np.arange(len(piv))
    for k, other in enumerate(piv):
        order[[k, other]] = order[[other, k]]
    return np.eye(len(piv), dtype=dtype)[order]


# L and U of a square matrix in one, as `scipy.linalg.lu_factor` gives them.
lu = nonlinear(
    PREFIX + "lu",
    lambda m: scipy.linalg.lu_factor(m, check_finite=False)[0],
    _lu_jvp,
    probes=((MATRIX,),),
)
lu_pivots = Op(PREFIX + "lu_pivots", _pivots, nin=1, kind="structural", boolean=True)
lu_permutation = nonlinear(
    PREFIX + "lu_permutation",
    lambda m: _permutation(_pivots(m), m.real.dtype),
    lambda dots, out, m: None,
    probes=((MATRIX,),),
)
permutation = nonlinear(
    PREFIX + "permutation",
    lambda piv: _permutation(np.asarray(piv), float),
    lambda dots, out, piv: None,
)
column_pivots = Op(
    PREFIX + "column_pivots",
    lambda m: scipy.linalg.qr(m, pivoting=True, mode="r")[1],
    nin=1,
    kind="structural",
    boolean=True,
)


def _aligned(v, m, b, lower):
    """Return for each column of v the phase by which `scipy.linalg.eigh` gives it."""
    given = scipy.linalg.eigh(m, b, lower=lower)[1]
    phases = np.sum(np.conj(v) * given, axis=-2)
    size = np.abs(phases)
    return np.where(size > 0, phases / np.where(size > 0, size, 1), 1).astype(v.dtype)


aligned = nonlinear(
    PREFIX + "aligned",
    lambda v, m, lower: _aligned(v, m, None, lower),
    lambda dots, out, v, m, lower: None,
    nin=2,
)
aligned_generalised = nonlinear(
    PREFIX + "aligned_generalised",
    lambda v, m, b, lower: _aligned(v, m, b, lower),
    lambda dots, out, v, m, b, lower: None,
    nin=3,
)


# --- banded and Toeplitz systems --------------------------------------------------------------------------
def _padded(x, before, after):
    """Return x with zeros before and after it along the first axis."""
    rest = shape_of(x)[1:]
    parts = [np.zeros((before, *rest), x.dtype), x, np.zeros((after, *rest), x.dtype)]
    return concatenate(*[p for p in parts if shape_of(p)[0]], axis=0)


def band_product(ab, x, bands):
    """Return A x of a matrix whose diagonals are the rows of `ab`, as `scipy.linalg.solve_banded` takes it."""
    (below, above), n = bands, shape_of(ab)[-1]
    terms = []
    for k in range(-below, above + 1):  # the elements A[j - k, j]
        if abs(k) >= n:
            continue
        first, last = max(k, 0), n + min(k, 0)
        row = ab[above - k, first:last]
        term = a.multiply(viewed(row, lambda v: v[:, None]), x[first:last])
        terms.append(_padded(term, first - k, n - (last - k)))
    return _total(terms)


def band_adjoint(ab, bands):
    """Return the conjugate transpose of a banded matrix, in the same storage."""
    (below, above), n = bands, shape_of(ab)[-1]
    rows = []
    for k in range(below, -above - 1, -1):  # of the transpose; its elements [i, i + k] are A[i + k, i]
        if abs(k) >= n:
            rows.append(np.zeros(n, ab.dtype))
            continue
        first, last = max(-k, 0), n + min(-k, 0)
        rows.append(_padded(ab[above + k, first:last], first + k, n - (last + k)))
    return adjoint_of(stacked(rows))


def _banded_jvp(dots, out, ab, b, bands):
    dab, db = dots
    terms = [db, None if dab is None else a.negative(band_product(dab, out, bands))]
    return solve_banded(ab, _total(terms), bands=bands)


BAND = np.array([[0.0, 0.3, -0.7], [1.9, 1.4, 2.2], [-0.2, 0.5, 0.0]])
solve_banded = nonlinear(
    PREFIX + "solve_banded",
    lambda ab, b, bands: scipy.linalg.solve_banded(bands, ab, b, check_finite=False),
    _banded_jvp,
    transposes={1: lambda ct, ab, b, bands: solve_banded(band_adjoint(ab, bands), ct, bands=bands[::-1])},
    nin=2,
    probes=((BAND, COLUMNS, {"bands": (1, 1)}), (BAND + 1.0, COLUMNS, {"bands": (0, 2)})),
)


def toeplitz_of(c, r):
    """Return the Toeplitz matrix of a first column and a first row."""
    (m,), (n,) = shape_of(c), shape_of(r)
    both = concatenate(viewed(r, lambda v: v[:0:-1]), c, axis=0) if n > 1 else c
    return both[np.arange(m)[:, None] - np.arange(n) + n - 1]


def _toeplitz_jvp(dots, out, c, r, b):
    dc, dr, db = dots
    terms = [db]
    if dc is not None or dr is not None:
        change = toeplitz_of(zero_like(c) if dc is None else dc, zero_like(r) if dr is None else dr)
        terms.append(negated_product(change, out))
    return solve_toeplitz(c, r, _total(terms))


def _toeplitz_transpose(ct, c, r, b):
    c, r = adjoint_of(c), adjoint_of(r)
    if shape_of(c)[0] == 1:
        return solve_toeplitz(c, r, ct)
    return solve_toeplitz(concatenate(c[:1], r[1:], axis=0), c, ct)


solve_toeplitz = nonlinear(
    PREFIX + "solve_toeplitz",
    lambda c, r, b: scipy.linalg.solve_toeplitz((c, r), b, check_finite=False),
    _toeplitz_jvp,
    transposes={2: _toeplitz_transpose},
    nin=3,
    probes=((np.array([2.0, 0.3, -0.7]), np.array([2.0, 0.5, 0.1]), COLUMNS),),
)


# --- Sylvester's equation and the polar decomposition -----------------------------------------------------
def _sylvester_jvp(dots, out, x, y, q):
    dx, dy, dq = dots
    terms = [
        dq,
        None if dx is None else negated_product(dx, out),
        None if dy is None else negated_product(out, dy),
    ]
    return sylvester(x, y, _total(terms))


# The solution X of A X + X B = Q.
sylvester = nonlinear(
    PREFIX + "sylvester",
    scipy.linalg.solve_sylvester,
    _sylvester_jvp,
    transposes={2: lambda ct, x, y, q: sylvester(adjoint(x), adjoint(y), ct)},
    nin=3,
    probes=((MATRIX, MATRIX[:2, :2], COLUMNS),),
)


def _polar_factor(m):
    w, _, vh = scipy.linalg.svd(m, full_matrices=False)
    return w @ vh


def _polar_jvp(dots, out, m):
    """Return U W + (1 - U U^H) dA P^-1 of A = U P, where P W + W P = U^H dA - dA^H U."""
    dm, rows, columns = dots[0], *shape_of(m)
    if rows < columns:
        return adjoint(_polar_jvp([adjoint(dm)], adjoint(out), adjoint(m)))
    p = matmul(adjoint(out), m)
    turned = matmul(adjoint(out), dm)
    total = matmul(out, sylvester(p, p, a.subtract(turned, adjoint(turned))))
    if rows > columns:
        total = a.add(total, adjoint(solve(p, adjoint(a.subtract(dm, matmul(out, turned))))))
    return total


# The factor U of A = U P with orthonormal columns (or rows); smooth wherever A has full rank.
polar_factor = nonlinear(
    PREFIX + "polar_factor",
    _polar_factor,
    _polar_jvp,
    probes=((MATRIX,), (np.concatenate([MATRIX, COLUMNS.T @ MATRIX]),), (MATRIX[:2],)),
)


# --- functions of matrices --------------------------------------------------------------------------------
# The square root R, of which R dR + dR R = dA.
square_root = nonlinear(
    PREFIX + "square_root",
    lambda m: np.asarray(scipy.linalg.sqrtm(m)),
    lambda dots, out, m: sylvester(out, out, dots[0]),
    probes=((MATRIX,),),
)


def _power(m, t):
    return scipy.linalg.fractional_matrix_power(m, t)


def _simple(name):
    return lambda m, t: getattr(scipy.linalg, name)(m)


MATRIX_FUNCTIONS = {name: _simple(name) for name in ("expm", "logm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")}
MATRIX_FUNCTIONS["fractional_matrix_power"] = _power


def block(x, y):
    """Return the block matrix [[x, y], [0, x]], plain or traced."""
    rank = len(shape_of(x))
    rows = [concatenate(x, y, axis=rank - 1), concatenate(zero_like(x), x, axis=rank - 1)]
    return concatenate(*rows, axis=rank - 2)


def corner(x, n):
    """Return the upper right block."""
    return viewed(x, lambda m: m[..., :n, n:])


def _along(m, e, name, t):
    dtype = np.result_type(m, e)
    m, e = (np.broadcast_to(x, np.broadcast_shapes(m.shape, e.shape)).astype(dtype) for x in (m, e))
    n = m.shape[-1]
    whole = np.concatenate([np.concatenate([m, e], -1), np.concatenate([np.zeros_like(m), m], -1)], -2)
    return np.ascontiguousarray(MATRIX_FUNCTIONS[name](whole, t)[..., :n, n:])


def _along_jvp(dots, out, m, e, name, t):
    dm, de = dots
    terms = [None if de is None else matrix_function_along(m, de, name=name, t=t)]
    if dm is not None:
        n = shape_of(m)[-1]
        change = block(dm, zero_like(dm))
        terms.append(corner(matrix_function_along(block(m, e), change, name=name, t=t), n))
    return _total(terms)


matrix_function = nonlinear(
    PREFIX + "matrix_function",
    lambda m, name, t: np.asarray(MATRIX_FUNCTIONS[name](m, t)),
    lambda dots, out, m, name, t: matrix_function_along(m, dots[0], name=name, t=t),
    transposes={0: lambda ct, m, name, t: matrix_function_along(adjoint(m), ct, name=name, t=t)},
    batch=lambda vals, batched, name, t: matrix_function(vals[0], name=name, t=t) if name == "expm" else None,
    probes=tuple((MATRIX, {"name": name, "t": 0.7}) for name in MATRIX_FUNCTIONS),
)
matrix_function_along = nonlinear(
    PREFIX + "matrix_function_along",
    _along,
    _along_jvp,
    transposes={1: lambda ct, m, e, name, t: matrix_function_along(adjoint(m), ct, name=name, t=t)},
    nin=2,
    probes=((MATRIX, MATRIX[::-1].copy(), {"name": "expm", "t": 0.7}),),
)
