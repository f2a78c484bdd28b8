"""Calls of scipy.stats on traced values, a line each: what the tests differentiate, and docs/scipy.md lists."""

import numpy as np
import scipy.stats

#: Distribution -> shapes at which its functions are differentiated.
CONTINUOUS = {
    "alpha": (3.57,),
    "anglit": (),
    "arcsine": (),
    "argus": (1.0,),
    "beta": (2.31, 1.627),
    "betaprime": (5.0, 6.0),
    "bradford": (0.299,),
    "burr": (10.5, 4.3),
    "burr12": (10.0, 4.0),
    "cauchy": (),
    "chi": (7.0,),
    "chi2": (5.0,),
    "cosine": (),
    "crystalball": (2.0, 6.0),
    "dgamma": (2.1,),
    "dweibull": (2.07,),
    "erlang": (3.0,),
    "expon": (),
    "exponnorm": (1.5,),
    "exponpow": (2.7,),
    "exponweib": (2.89, 1.95),
    "f": (9.0, 18.0),
    "fatiguelife": (1.9,),
    "fisk": (3.09,),
    "foldcauchy": (4.72,),
    "foldnorm": (1.95,),
    "gamma": (1.99,),
    "genexpon": (1.13, 2.2, 3.28),
    "genextreme": (-0.1,),
    "gengamma": (4.42, 3.12),
    "genhalflogistic": (0.773,),
    "genlogistic": (0.412,),
    "gennorm": (1.3,),
    "genpareto": (0.1,),
    "gibrat": (),
    "gompertz": (0.947,),
    "gumbel_l": (),
    "gumbel_r": (),
    "halfcauchy": (),
    "halfgennorm": (0.675,),
    "halflogistic": (),
    "halfnorm": (),
    "hypsecant": (),
    "invgamma": (4.07,),
    "invgauss": (0.145,),
    "invweibull": (10.6,),
    "jf_skew_t": (8.0, 4.0),
    "johnsonsb": (4.32, 3.18),
    "johnsonsu": (2.55, 2.25),
    "kappa3": (3.3,),
    "laplace": (),
    "laplace_asymmetric": (1.3,),
    "levy": (),
    "levy_l": (),
    "loggamma": (0.414,),
    "logistic": (),
    "loglaplace": (3.25,),
    "lognorm": (0.954,),
    "loguniform": (0.2, 1.25),
    "lomax": (1.88,),
    "maxwell": (),
    "mielke": (10.4, 4.6),
    "moyal": (),
    "nakagami": (4.97,),
    "norm": (),
    "norminvgauss": (1.25, 0.5),
    "pareto": (2.62,),
    "powerlaw": (1.66,),
    "powerlognorm": (2.14, 0.446),
    "powernorm": (4.45,),
    "rayleigh": (),
    "rdist": (3.6,),
    "recipinvgauss": (0.63,),
    "reciprocal": (0.2, 1.25),
    "rel_breitwigner": (36.5,),
    "rice": (0.775,),
    "semicircular": (),
    "skewcauchy": (0.5,),
    "skewnorm": (4.0,),
    "t": (2.74,),
    "trapezoid": (0.2, 0.8),
    "triang": (0.158,),
    "truncexpon": (4.69,),
    "truncnorm": (-1.0, 2.0),
    "truncpareto": (1.8, 5.3),
    "truncweibull_min": (2.5, 0.25, 1.75),
    "uniform": (),
    "vonmises": (3.99,),
    "vonmises_line": (3.99,),
    "wald": (),
    "weibull_max": (2.87,),
    "weibull_min": (1.79,),
}
#: Distribution -> shapes without a derivative, shapes with one.
DISCRETE = {
    "bernoulli": ((), (0.3,)),
    "betabinom": ((5,), (2.3, 0.63)),
    "binom": ((7,), (0.4,)),
    "boltzmann": ((), (1.4,)),
    "geom": ((), (0.5,)),
    "nbinom": ((), (2.4, 0.4)),
    "planck": ((), (0.51,)),
    "poisson": ((), (1.6,)),
}
AFTER = {"boltzmann": (19,)}
CONSTANT = {"hypergeom": (30, 12, 6), "randint": (0, 7)}
#: Distributions whose distribution function SciPy integrates: its derivatives by shapes are refused.
INTEGRATED = ("norminvgauss", "vonmises", "vonmises_line")
P = np.array([0.22, 0.47, 0.81])  # probabilities of the points
WHOLE = ("erlang",)  # SciPy warns of shapes that are no integers
LOC, SCALE = 0.3, 1.7
LOOSE = (1e-10, 1e-7, 2e-5)
NAMES = tuple(name for name in CONTINUOUS if hasattr(scipy.stats, name))

U, V, W = (
    np.array([0.7, 1.9, 1.1, 3.2, 0.4, 2.3]),
    np.array([1.2, 0.5, 2.6, 2.2, 1.4, 0.9]),
    np.array([0.3, 1.2, 0.7, 0.5, 1.0, 0.8]),
)
TABLE = np.array([[0.7, 1.9, 1.1, 3.2], [2.3, 0.6, 1.4, 2.7], [1.5, 0.9, 2.2, 0.4]])
ROOT = np.array([[1.2, 0.0, 0.3], [0.4, 0.9, -0.2], [0.1, 0.5, 1.1]])
COUNTS = np.array([[2, 1, 3], [0, 4, 2]])
SHARES = np.array([0.2, 0.5, 0.3])


def _matrix(a):
    """Return a symmetric positive definite matrix."""
    return a @ a.T + np.eye(3)


#: (name, call, arrays that are differentiated)
SAMPLES = [
    ("gmean", lambda st, a, w: st.gmean(a, axis=1, weights=w), TABLE, W[:4]),
    ("gmean", lambda st, a: st.gmean(a, axis=None), TABLE),
    ("hmean", lambda st, a: st.hmean(a, axis=1), TABLE),
    ("pmean", lambda st, a, w: st.pmean(a, 1.7, weights=w), U, W),
    ("pmean", lambda st, a: st.pmean(a, 0), U),
    ("moment", lambda st, a: st.moment(a, [1, 2, 3], axis=1), TABLE),
    ("moment", lambda st, a: st.moment(a, 3, axis=0, keepdims=True), TABLE),
    ("skew", lambda st, a: st.skew(a, axis=1, bias=False), TABLE),
    ("skew", lambda st, a: st.skew(a), U),
    ("kurtosis", lambda st, a: st.kurtosis(a, axis=1, bias=False), TABLE),
    ("kurtosis", lambda st, a: st.kurtosis(a, fisher=False, keepdims=True), TABLE),
    ("describe", lambda st, a: (st.describe(a).minmax[1], *st.describe(a)[2:]), TABLE),
    ("sem", lambda st, a: st.sem(a, axis=1), TABLE),
    ("variation", lambda st, a: st.variation(a, ddof=1), TABLE),
    ("zmap", lambda st, a, b: st.zmap(a, b, ddof=1), U, V),
    ("zscore", lambda st, a: st.zscore(a, axis=1), TABLE),
    ("zscore", lambda st, a: st.zscore(a, axis=None), TABLE),
    ("gzscore", lambda st, a: st.gzscore(a), TABLE),
    ("iqr", lambda st, a: st.iqr(a, axis=1, rng=(20, 80)), TABLE),
    ("iqr", lambda st, a: st.iqr(a, scale="normal"), TABLE),
    ("median_abs_deviation", lambda st, a: st.median_abs_deviation(a, scale="normal"), U),
    ("trim_mean", lambda st, a: st.trim_mean(a, 0.2), U),
    ("tmean", lambda st, a: st.tmean(a, (0.5, 3.0)), U),
    ("tvar", lambda st, a: st.tvar(a, (0.5, 3.0), axis=1), TABLE),
    ("tstd", lambda st, a: st.tstd(a, (0.5, None)), U),
    ("tsem", lambda st, a: st.tsem(a, (0.5, 3.0), (False, True)), U),
    ("entropy", lambda st, p, q: st.entropy(p, q, base=2), U, V),
    ("entropy", lambda st, p: st.entropy(p, axis=1), TABLE),
    ("wasserstein_distance", lambda st, u, v: st.wasserstein_distance(u, v[:4]), U, V),
    ("wasserstein_distance", lambda st, u, v, w: st.wasserstein_distance(u, v, w, w[::-1]), U, V, W),
    ("energy_distance", lambda st, u, v: st.energy_distance(u, v[:4]), U, V),
    ("circmean", lambda st, a: st.circmean(a, axis=1), TABLE),
    ("circmean", lambda st, a: st.circmean(a, high=3.0, low=-1.0), U),
    ("circvar", lambda st, a: st.circvar(a), U),
    ("circstd", lambda st, a: st.circstd(a, high=5.0), U),
    ("boxcox", lambda st, x, k: st.boxcox(x, k), U, 0.4),
    ("boxcox_llf", lambda st, k, x: st.boxcox_llf(k, x), 0.4, U),
    ("yeojohnson", lambda st, x, k: st.yeojohnson(x, k), U - 1.5, 0.4),
    ("yeojohnson_llf", lambda st, k, x: st.yeojohnson_llf(k, x), 0.4, U - 1.5),
    ("jarque_bera", lambda st, x: tuple(st.jarque_bera(x)), U),
    ("ttest_1samp", lambda st, x, m: tuple(st.ttest_1samp(x, m)), U, 0.8),
    ("ttest_1samp", lambda st, x: tuple(st.ttest_1samp(x, 0.8, axis=1, alternative="greater")), TABLE),
    ("ttest_rel", lambda st, x, y: tuple(st.ttest_rel(x, y, alternative="less")), U, V),
    ("ttest_ind", lambda st, x, y: tuple(st.ttest_ind(x, y)), U, V),
    ("ttest_ind", lambda st, x, y: tuple(st.ttest_ind(x, y[:4], equal_var=False)), U, V),
    (
        "ttest_ind_from_stats",
        lambda st, m, s: tuple(st.ttest_ind_from_stats(m[0], s[0], 7, m[1], s[1], 9)),
        U[:2],
        V[:2],
    ),
    ("chisquare", lambda st, o: tuple(st.chisquare(o)), U),
    ("f_oneway", lambda st, x, y: tuple(st.f_oneway(x, y, x[:4] + 1.0)), U, V),
    ("pearsonr", lambda st, x, y: tuple(st.pearsonr(x, y)), U, V),
    ("pearsonr", lambda st, x, y: tuple(st.pearsonr(x, y, alternative="less")), U, V),
    ("linregress", lambda st, x, y: (*st.linregress(x, y), st.linregress(x, y).intercept_stderr), U, V),
    ("rankdata", lambda st, x: x * st.rankdata(x), U),
    ("spearmanr", lambda st, x, y: x.sum() * st.spearmanr(x, y)[0], U, V),
    ("gaussian_kde", lambda st, x, p: st.gaussian_kde(x)(p), U, V),
    ("gaussian_kde", lambda st, x, p, w: st.gaussian_kde(x, 0.7, w[:4]).logpdf(p), TABLE[:2], TABLE[1:], W),
    ("multivariate_normal", lambda st, x, m, a: st.multivariate_normal.logpdf(x, m, _matrix(a)), TABLE.T, SHARES, ROOT),
    ("multivariate_normal", lambda st, x, m, a: st.multivariate_normal(m, _matrix(a)).pdf(x), W[:3], SHARES, ROOT),
    ("multivariate_normal", lambda st, c: st.multivariate_normal.logpdf(TABLE.T, SHARES, cov=c), W[:3]),
    ("multivariate_normal", lambda st, c, x: st.multivariate_normal.logpdf(x, 0.3, c), 1.7, U),
    ("multivariate_normal", lambda st, a: st.multivariate_normal.entropy(SHARES, _matrix(a)), ROOT),
    (
        "multivariate_t",
        lambda st, x, m, a, k: st.multivariate_t.logpdf(x, m, _matrix(a), k),
        TABLE.T,
        SHARES,
        ROOT,
        3.3,
    ),
    ("dirichlet", lambda st, a: st.dirichlet.logpdf(SHARES, a), W[:3] + 1.0),
    ("dirichlet", lambda st, x, a: st.dirichlet.pdf(x, a), SHARES[:2], W[:3] + 1.0),
    ("dirichlet", lambda st, a: (st.dirichlet.mean(a), st.dirichlet.var(a), st.dirichlet.entropy(a)), W[:3] + 1.0),
    (
        "multinomial",
        lambda st, p: st.multinomial.logpmf(COUNTS, 6, np.stack([p[0], p[1], 1.0 - p[0] - p[1]])),
        SHARES[:2],
    ),
    ("wishart", lambda st, x, k, a: st.wishart.logpdf(_matrix(x), k, _matrix(a)), ROOT.T, 4.4, ROOT),
    ("invwishart", lambda st, x, k, a: st.invwishart.logpdf(_matrix(x), k, _matrix(a)), ROOT.T, 4.4, ROOT),
]


def points(name):
    """Return points in the middle of a distribution."""
    return getattr(scipy.stats, name).ppf(P, *CONTINUOUS[name], LOC, SCALE)


def _densities(d, x, *parameters):
    return d.logpdf(x, *parameters), d.pdf(x, *parameters)


def _probabilities(d, x, *parameters):
    return d.cdf(x, *parameters), d.logsf(x, *parameters), d.ppf(P, *parameters), d.isf(P, *parameters)


def _steps(d, *parameters):
    k = np.array([-1.0, 0.0, 1.0, 2.0, 2.5, 4.0])
    return d.pmf(k, *parameters), d.cdf(k, *parameters), d.sf(k, *parameters), d.mean(*parameters), d.var(*parameters)


def statistics(form):
    """Yield all forms, made by the class `form`."""
    for name in NAMES:
        for f in (_densities, _probabilities):
            fixed = name in WHOLE or (name in INTEGRATED and f is _probabilities)
            yield form(
                f"stats.{name}",
                lambda sp, x, *p, k=name, f=f, s=CONTINUOUS[name] if fixed else (): f(getattr(sp.stats, k), x, *s, *p),
                (points(name), *(() if fixed else CONTINUOUS[name]), LOC, SCALE),
                reason="the distribution function has no derivative by shapes" if name in INTEGRATED else "",
                tolerances=LOOSE,
            )
    for name, (fixed, shapes) in DISCRETE.items():
        yield form(
            f"stats.{name}",
            lambda sp, *p, k=name, f=fixed: _steps(getattr(sp.stats, k), *f, *p, *AFTER.get(k, ())),
            shapes,
            tolerances=LOOSE,
        )
    for name, shapes in CONSTANT.items():
        yield form(
            f"stats.{name}",
            lambda sp, loc, k=name, s=shapes: getattr(sp.stats, k).mean(*s, loc=loc),
            (0.7,),
        )
    for name, call, *arrays in SAMPLES:
        if hasattr(scipy.stats, name):
            yield form(f"stats.{name}", lambda sp, *p, call=call: call(sp.stats, *p), tuple(arrays), tolerances=LOOSE)
