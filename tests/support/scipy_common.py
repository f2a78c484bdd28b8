"""The functions of SciPy that programs call often, and which of them take traced values, for docs/scipy.md.

The list is a choice of ours; functions that take no traced values are in it, too.
"""

from mmad.scipy.special import RULES

COMMON = {
    "special": """
        erf erfc erfinv gamma gammaln digamma polygamma gammainc gammaincc beta betaln betainc jv yv iv kv j0 j1
        airy ellipk ellipe zeta lambertw wofz dawsn fresnel sici expi exp1 hyp1f1 hyp2f1 xlogy entr expit logit
        log_expit ndtr ndtri log_ndtr logsumexp softmax log_softmax stdtr chdtr comb factorial
    """,
    "fft": "fft ifft rfft irfft fft2 fftn dct idct dst fftshift",
    "linalg": """
        solve inv det norm lstsq pinv cholesky cho_factor cho_solve lu lu_factor lu_solve solve_triangular
        solve_banded eigh eigvalsh eig svd qr schur expm logm sqrtm solve_sylvester solve_toeplitz toeplitz
        circulant block_diag polar
    """,
    "sparse": "csr_array csc_array coo_array diags_array",
    "sparse.linalg": "spsolve splu LinearOperator cg gmres minres eigsh svds",
    "stats": """
        norm t gamma beta expon uniform lognorm multivariate_normal poisson binom zscore gmean skew kurtosis
        pearsonr linregress gaussian_kde ttest_ind ks_2samp
    """,
    "interpolate": """
        interp1d CubicSpline PchipInterpolator Akima1DInterpolator make_interp_spline BSpline splrep splev
        RegularGridInterpolator UnivariateSpline RBFInterpolator griddata
    """,
    "integrate": "solve_ivp odeint quad dblquad trapezoid cumulative_trapezoid simpson romb",
    "optimize": """
        minimize minimize_scalar root root_scalar brentq bisect newton fsolve fixed_point least_squares
        curve_fit nnls linprog linear_sum_assignment differential_evolution
    """,
    "signal": """
        convolve fftconvolve correlate lfilter filtfilt sosfilt savgol_filter stft welch hilbert resample
        find_peaks
    """,
    "ndimage": """
        gaussian_filter convolve correlate uniform_filter sobel laplace map_coordinates zoom shift rotate label
    """,
    "spatial.distance": "cdist pdist squareform euclidean cosine",
    "spatial": "KDTree ConvexHull Delaunay",
}  # fmt: skip


def counted(taken):
    """Return the section "Common calls".

    Parameters
    ----------
    taken : set of str
        The names of functions that take traced values, without ``scipy.``.
    """
    taken = taken | {f"special.{name}" for name in RULES}
    total, rows = [0, 0], []
    for module, names in COMMON.items():
        names = names.split()
        missing = [name for name in names if f"{module}.{name}" not in taken]
        total = [total[0] + len(names) - len(missing), total[1] + len(names)]
        others = ", ".join(f"`{name}`" for name in missing)
        rows.append(f"| `scipy.{module}` | {len(names) - len(missing)} of {len(names)} | {others} |")
    head = f"Of {total[1]} functions that programs call often, {total[0]} take traced values:"
    table = ["| module | take traced values | without a derivative here |", "|---|---|---|", *rows]
    return "\n".join(["## Common calls", "", head, "", *table, "", ""])
