"""Which functions of SciPy have a twin in `mmad.scipy` that takes traced values: what messages advise to write."""

__all__ = ["DROP_IN", "advice"]

#: SciPy's module -> the names that our module of the same name defines.
DROP_IN = {
    "scipy.fft": "fftshift ifftshift",
    "scipy.linalg": """
        block_diag cho_factor cho_solve cholesky circulant companion coshm cosm det eig eigh eigvals
        eigvalsh expm expm_frechet fractional_matrix_power hankel inv logm lstsq lu lu_factor
        lu_solve matmul_toeplitz norm pinv polar qr sinhm sinm solve solve_banded solve_circulant
        solve_continuous_lyapunov solve_discrete_lyapunov solve_sylvester solve_toeplitz
        solve_triangular solveh_banded sqrtm svd svdvals tanhm tanm toeplitz
    """,
    "scipy.special": """
        assoc_legendre_p comb diric factorial legendre_p log_softmax logsumexp multigammaln perm polygamma softmax
        sph_harm_y sph_legendre_p spherical_in spherical_jn spherical_kn spherical_yn
    """,
    "scipy.integrate": """
        cumulative_simpson cumulative_trapezoid dblquad fixed_quad odeint quad quad_vec romb simpson solve_ivp
        trapezoid
    """,
    "scipy.interpolate": """
        Akima1DInterpolator BSpline CubicHermiteSpline CubicSpline InterpolatedUnivariateSpline PPoly PchipInterpolator
        RegularGridInterpolator interp1d interpn make_interp_spline pchip_interpolate splev splrep
    """,
    "scipy.ndimage": """
        affine_transform black_tophat center_of_mass convolve convolve1d correlate correlate1d extrema
        fourier_ellipsoid fourier_gaussian fourier_shift fourier_uniform gaussian_filter gaussian_filter1d
        gaussian_gradient_magnitude gaussian_laplace grey_closing grey_dilation grey_erosion grey_opening
        laplace map_coordinates maximum maximum_filter maximum_filter1d maximum_position mean median
        median_filter minimum minimum_filter minimum_filter1d minimum_position morphological_gradient
        morphological_laplace percentile_filter prewitt rank_filter rotate shift sobel spline_filter
        spline_filter1d standard_deviation sum sum_labels uniform_filter uniform_filter1d variance white_tophat
        zoom
    """,
    "scipy.optimize": """
        bisect brent brenth brentq curve_fit fixed_point fminbound fsolve golden least_squares leastsq linprog
        lsq_linear minimize minimize_scalar newton nnls ridder root root_scalar toms748
    """,
    "scipy.signal": """
        bilinear chirp coherence convolve convolve2d correlate correlate2d csd czt decimate deconvolve detrend
        fftconvolve filtfilt freqs freqs_zpk freqz freqz_sos freqz_zpk gausspulse hilbert hilbert2 istft lfilter
        lfilter_zi lfiltic lombscargle medfilt medfilt2d oaconvolve order_filter periodogram resample
        resample_poly savgol_filter sawtooth sos2tf sosfilt sosfilt_zi sosfiltfilt sosfreqz spectrogram square
        ss2tf stft tf2ss tf2zpk upfirdn welch wiener zoom_fft zpk2tf
    """,
    "scipy.signal.windows": "exponential gaussian general_cosine general_gaussian general_hamming kaiser tukey",
    "scipy.sparse": "coo_array coo_matrix csc_array csc_matrix csr_array csr_matrix diags_array",
    "scipy.sparse.linalg": "bicgstab cg factorized gmres minres splu spsolve",
    "scipy.spatial.distance": """
        braycurtis canberra cdist chebyshev cityblock correlation cosine euclidean jensenshannon mahalanobis minkowski
        pdist seuclidean sqeuclidean squareform
    """,
    "scipy.stats": """
        alpha anglit arcsine argus bernoulli beta betabinom betaprime binom boltzmann boxcox boxcox_llf bradford
        burr burr12 cauchy chi chi2 chisquare circmean circstd circvar cosine crystalball describe dgamma
        dirichlet dweibull energy_distance entropy erlang expon exponnorm exponpow exponweib f f_oneway
        fatiguelife fisk foldcauchy foldnorm gamma gaussian_kde genexpon genextreme gengamma genhalflogistic
        genlogistic gennorm genpareto geom gibrat gmean gompertz gumbel_l gumbel_r gzscore halfcauchy
        halfgennorm halflogistic halfnorm hmean hypergeom hypsecant invgamma invgauss invweibull invwishart iqr
        jarque_bera jf_skew_t johnsonsb johnsonsu kappa3 kurtosis laplace laplace_asymmetric levy levy_l
        linregress loggamma logistic loglaplace lognorm loguniform lomax maxwell median_abs_deviation mielke
        moment moyal multinomial multivariate_normal multivariate_t nakagami nbinom norm norminvgauss pareto
        pearsonr planck pmean poisson powerlaw powerlognorm powernorm randint rankdata rayleigh rdist
        recipinvgauss reciprocal rel_breitwigner rice sem semicircular skew skewcauchy skewnorm spearmanr t
        tmean trapezoid triang trim_mean truncexpon truncnorm truncpareto truncweibull_min tsem tstd ttest_1samp
        ttest_ind ttest_ind_from_stats ttest_rel tvar uniform variation vonmises vonmises_line wald
        wasserstein_distance weibull_max weibull_min wishart yeojohnson yeojohnson_llf zmap zscore
    """,
}


def advice(name):
    """Return what to write instead of a function of SciPy or `numpy.polynomial` with a traced value, or an empty text.

    Examples
    --------
    >>> advice("scipy.spatial.distance.pdist")
    'write mmad.scipy.spatial.distance.pdist(...)'
    >>> advice("numpy.polynomial.chebyshev.chebfit")
    'write mmad.numpy.polynomial.chebyshev.chebfit(...)'
    >>> advice("numpy.interp")
    ''
    """
    if name.startswith("numpy.polynomial.ABCPolyBase"):  # a method of whichever class
        return "take the class from mmad.numpy.polynomial"
    if name.startswith(("scipy.stats.rv_", "scipy.stats.multi_rv_")):  # a method of whichever distribution
        return "take the distribution from mmad.scipy.stats"
    if name.startswith("numpy.polynomial."):
        return f"write mmad.{name}(...)"
    module, _, function = name.partition(".")
    while function:
        part, _, rest = function.partition(".")
        if part in DROP_IN.get(module, "").split():
            return f"write mmad.{name}(...)"
        module, function = f"{module}.{part}", rest
    return ""
