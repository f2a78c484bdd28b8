"""Calls of `scipy.linalg` for the tables of :mod:`scipy_forms`: the name, the call, the points."""

import numpy as np

RNG = np.random.default_rng(4)
S = RNG.normal(size=(3, 3)) + 3.0 * np.eye(3)
TURNED = S[[2, 0, 1]]
P = S @ S.T + np.eye(3)
SYMMETRIC = S + S.T
TALL = RNG.normal(size=(4, 3))
STACK = RNG.normal(size=(2, 3, 3))
M, V, B4, V5 = RNG.normal(size=(3, 2)), RNG.normal(size=3), RNG.normal(size=4), RNG.normal(size=5)
LARGE_FIRST = V + np.array([4.0, 0.0, 0.0])
BAND = RNG.normal(size=(4, 5)) + np.array([0.0, 0.0, 4.0, 0.0])[:, None]
UPPER_BAND = RNG.normal(size=(2, 4)) + np.array([0.0, 5.0])[:, None]

CALLS = [
    ("solve", lambda sp, a, b: sp.solve(a, b), S, M),
    ("solve", lambda sp, a, b: sp.solve(a, b, assume_a="pos"), P, V),
    ("solve", lambda sp, a, b: sp.solve(a, b, assume_a="sym", lower=True, check_finite=False), P, V),
    ("solve", lambda sp, a, b: sp.solve(a, b, assume_a="upper triangular"), S, M),
    ("solve", lambda sp, a, b: sp.solve(a, b, transposed=True), S, M),
    ("inv", lambda sp, a: sp.inv(a), S),
    ("det", lambda sp, a: sp.det(a), S),
    ("cholesky", lambda sp, a: sp.cholesky(a), P),
    ("cholesky", lambda sp, a: sp.cholesky(a, lower=True), P),
    ("cho_factor", lambda sp, a: np.triu(sp.cho_factor(a)[0]), P),
    ("cho_solve", lambda sp, a, b: sp.cho_solve(sp.cho_factor(a), b), P, V),
    ("cho_solve", lambda sp, a, b: sp.cho_solve(sp.cho_factor(a, True), b), P, M),
    ("lu_factor", lambda sp, a: sp.lu_factor(a)[0], TURNED),
    ("lu_solve", lambda sp, a, b: sp.lu_solve(sp.lu_factor(a), b), TURNED, V),
    ("lu_solve", lambda sp, a, b: sp.lu_solve(sp.lu_factor(a), b, trans=1), TURNED, M),
    ("lu", lambda sp, a: sp.lu(a)[1] + 2.0 * sp.lu(a)[2], TURNED),
    ("lu", lambda sp, a: sp.lu(a, permute_l=True)[0], TURNED),
    ("solve_triangular", lambda sp, a, b: sp.solve_triangular(a, b), S, M),
    ("solve_triangular", lambda sp, a, b: sp.solve_triangular(a, b, "T", lower=True, unit_diagonal=True), S, V),
    ("solve_banded", lambda sp, ab, b: sp.solve_banded((1, 2), ab, b), BAND, V5),
    ("solve_banded", lambda sp, ab, b: sp.solve_banded((2, 1), ab, b), BAND[::-1].copy(), np.outer(V5, [1.0, 2.0])),
    ("solveh_banded", lambda sp, ab, b: sp.solveh_banded(ab, b), UPPER_BAND, B4),
    ("solveh_banded", lambda sp, ab, b: sp.solveh_banded(ab, b, lower=True), UPPER_BAND[::-1].copy(), B4),
    ("eigvalsh", lambda sp, a: sp.eigvalsh(a), P),
    ("eigvalsh", lambda sp, a, b: sp.eigvalsh(a, b), SYMMETRIC, P),
    ("eigh", lambda sp, a: np.abs(sp.eigh(a)[1]), P),
    ("eigh", lambda sp, a, b: np.abs(sp.eigh(a, b)[1]), SYMMETRIC, P),
    ("eigh", lambda sp, a: sp.eigh(a, lower=False, subset_by_index=[1, 2])[0], P),
    ("eigvals", lambda sp, a: sp.eigvals(a) ** 2, S),
    ("eig", lambda sp, a: np.abs(sp.eig(a)[1]), S),
    ("svd", lambda sp, a: np.abs(sp.svd(a, full_matrices=False)[0]), TALL),
    ("svdvals", lambda sp, a: sp.svdvals(a), TALL),
    ("qr", lambda sp, a: sp.qr(a, mode="economic")[0], TALL),
    ("qr", lambda sp, a: sp.qr(a, mode="r")[0], TALL),
    ("qr", lambda sp, a: sp.qr(a, mode="economic", pivoting=True)[1], TALL),
    ("pinv", lambda sp, a: sp.pinv(a), TALL),
    ("lstsq", lambda sp, a, b: sp.lstsq(a, b)[:2], TALL, B4),
    ("norm", lambda sp, a: sp.norm(a, "nuc"), TALL),
    ("expm", lambda sp, a: sp.expm(a), S),
    ("expm", lambda sp, a: sp.expm(a), STACK),
    ("expm_frechet", lambda sp, a, e: sp.expm_frechet(a, e), S, P),
    ("logm", lambda sp, a: sp.logm(a), P),
    ("sqrtm", lambda sp, a: sp.sqrtm(a), P),
    ("cosm", lambda sp, a: sp.cosm(a), S),
    ("sinm", lambda sp, a: sp.sinm(a), S),
    ("tanm", lambda sp, a: sp.tanm(a), 0.2 * S),
    ("coshm", lambda sp, a: sp.coshm(a), S),
    ("sinhm", lambda sp, a: sp.sinhm(a), S),
    ("tanhm", lambda sp, a: sp.tanhm(a), 0.2 * S),
    ("fractional_matrix_power", lambda sp, a: sp.fractional_matrix_power(a, 0.3), P),
    ("solve_sylvester", lambda sp, a, b, q: sp.solve_sylvester(a, b, q), S, S[:2, :2].copy(), M),
    ("solve_continuous_lyapunov", lambda sp, a, q: sp.solve_continuous_lyapunov(a, q), S, P),
    ("solve_discrete_lyapunov", lambda sp, a, q: sp.solve_discrete_lyapunov(a, q), S / 7, P),
    ("solve_discrete_lyapunov", lambda sp, a, q: sp.solve_discrete_lyapunov(a, q, method="bilinear"), S / 7, P),
    ("solve_discrete_lyapunov", lambda sp, a, q: sp.solve_discrete_lyapunov(a, q), np.stack([S / 7, S.T / 9]), P),
    (
        "solve_discrete_lyapunov",
        lambda sp, a, q: sp.solve_discrete_lyapunov(a, q, method="bilinear"),
        S / 7,
        np.stack([P, S]),
    ),
    ("toeplitz", lambda sp, c: sp.toeplitz(c), V),
    ("toeplitz", lambda sp, c, r: sp.toeplitz(c, r), V, B4),
    ("solve_toeplitz", lambda sp, c, r, b: sp.solve_toeplitz((c, r), b), LARGE_FIRST, LARGE_FIRST[[0, 2, 1]], M),
    ("solve_toeplitz", lambda sp, c, b: sp.solve_toeplitz(c, b), LARGE_FIRST, V),
    ("matmul_toeplitz", lambda sp, c, x: sp.matmul_toeplitz(c, x), V, M),
    ("circulant", lambda sp, c: sp.circulant(c), V),
    ("solve_circulant", lambda sp, c, b: sp.solve_circulant(c, b), LARGE_FIRST, M),
    ("hankel", lambda sp, c, r: sp.hankel(c, r), V, V),
    ("companion", lambda sp, a: sp.companion(a), V),
    ("block_diag", lambda sp, a, b, c: sp.block_diag(a, b, c), S, V, M),
    ("polar", lambda sp, a: sp.polar(a)[0], TALL),
    ("polar", lambda sp, a: sp.polar(a)[1], TALL),
    ("polar", lambda sp, a: sp.polar(a, side="left")[0], TALL.T.copy()),
    ("polar", lambda sp, a: sp.polar(a)[0], np.eye(3)),
]
REMARKS = {
    "eigvalsh": "type=1, no subsets by value",
    "eig": "right eigenvectors, scaled as LAPACK scales them",
    "eigh": "type=1; eigenvectors have SciPy's phases",
    "fractional_matrix_power": "the exponent is a number without a derivative",
    "lu": "square matrices",
    "pinv": "along changes that keep the rank",
    "svd": "a function of the phases of complex vectors is refused",
}
REFUSALS = [
    ("null_space", lambda sp, a: sp.null_space(a), TALL.T.copy()),
    ("orth", lambda sp, a: sp.orth(a), TALL),
    ("schur", lambda sp, a: sp.schur(a), S),
]


def linear_algebra(form):
    """Yield all forms, made by the class `form`."""
    for name, call, *points in CALLS:
        yield form(
            f"linalg.{name}",
            lambda sp, *x, call=call: call(sp.linalg, *x),
            tuple(points),
            reason=REMARKS.get(name, ""),
            tolerances=(1e-10, 1e-7, 1e-5),
        )
    for name, call, *points in REFUSALS:
        yield form(
            f"linalg.{name}",
            lambda sp, *x, call=call: call(sp.linalg, *x),
            tuple(points),
            way="refused",
            reason="a basis that is LAPACK's choice",
        )
