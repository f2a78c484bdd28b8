"""`mmad.scipy.stats`: edges of supports, broadcasting, distributions with parameters, moments, errors."""

import pickle

import numpy as np
import pytest
import scipy
import scipy.stats
from scipy_stats import CONTINUOUS, LOC, NAMES, SCALE, WHOLE, points

import mmad
import mmad.scipy
from mmad.derivatives.references import central_difference, mixed_difference
from mmad.scipy import stats

POINTS = np.array([0.5, 1.2, 3.0])
SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))
#: Distributions whose mean and variance, and whose entropy, are infinite or integrals: refused by traced shapes.
WITHOUT = {
    "moments": """
        argus crystalball exponpow exponweib genexpon genhalflogistic gompertz halfgennorm jf_skew_t johnsonsb kappa3
        mielke powerlognorm powernorm recipinvgauss vonmises vonmises_line
    """,
    "entropy": """
        alpha argus betaprime burr burr12 crystalball exponnorm exponpow exponweib fatiguelife foldcauchy foldnorm
        genexpon genlogistic invgauss jf_skew_t johnsonsb johnsonsu kappa3 mielke norminvgauss powerlognorm powernorm
        rdist recipinvgauss rel_breitwigner rice skewcauchy skewnorm truncweibull_min
    """,
    "infinite": "alpha cauchy foldcauchy halfcauchy levy levy_l lomax skewcauchy",
}


def has_formula(name, method):
    """Return whether a newer SciPy has a formula for what an older one integrates."""
    return SCIPY >= (1, 18) and name == "halfgennorm" and method != "entropy"


def value(f, *points):
    """The result of a function of traced values."""
    return mmad.vjp(f, *points)[0]


# ------------------------------------------------------------------------------------------------ moments
@pytest.mark.parametrize("method", ["mean", "var", "std", "entropy"])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in WHOLE])
def test_moments(name, method):
    parameters = (*CONTINUOUS[name], LOC, SCALE)
    v = tuple(0.3 - 0.1 * i for i in range(len(parameters)))
    ours, plain = getattr(getattr(stats, name), method), getattr(getattr(scipy.stats, name), method)
    if name in WITHOUT["entropy" if method == "entropy" else "moments"].split() and not has_formula(name, method):
        with pytest.raises(mmad.UnsupportedError, match=rf"scipy.stats.{name}\."):
            mmad.jvp(ours, parameters, v)
        # of a location and a scale alone it has a derivative
        shapes = CONTINUOUS[name]
        got = mmad.jvp(lambda loc, scale: ours(*shapes, loc, scale), (LOC, SCALE), (0.2, 0.7))
        want = plain(*shapes, LOC + 0.2e-6, SCALE + 0.7e-6) - plain(*shapes, LOC - 0.2e-6, SCALE - 0.7e-6)
        np.testing.assert_allclose(got[1], want / 2e-6, rtol=1e-6)
        return
    if method != "entropy" and name in WITHOUT["infinite"].split():
        np.testing.assert_allclose(value(ours, *parameters), plain(*parameters), rtol=1e-13)
        return
    np.testing.assert_allclose(value(ours, *parameters), plain(*parameters), rtol=1e-11)
    gradient = mmad.grad(ours, argnums=tuple(range(len(parameters))))(*parameters)
    slope = mixed_difference(lambda *p: plain(*map(float, p)), tuple(map(np.asarray, parameters)), [v], 1e-3)
    np.testing.assert_allclose(mmad.jvp(ours, parameters, v)[1], slope, rtol=1e-7)
    np.testing.assert_allclose(np.dot(gradient, v), slope, rtol=1e-7)


@pytest.mark.parametrize("k", [240.0, 260.0, 1e5])
def test_the_entropy_of_the_gamma_distribution_by_its_series(k):
    np.testing.assert_allclose(value(stats.gamma.entropy, k), scipy.stats.gamma.entropy(k), rtol=1e-13)
    np.testing.assert_allclose(
        mmad.grad(stats.gamma.entropy)(k), 1 - (k - 1) * scipy.special.polygamma(1, k), rtol=1e-8
    )


def test_stats_moment_interval_median():
    moments = value(lambda a: stats.gamma.stats(a, moments="mvsk"), 2.5)
    np.testing.assert_allclose(moments, scipy.stats.gamma.stats(2.5, moments="mvsk"), rtol=1e-12)
    for order in range(5):
        got = value(lambda a, k=order: stats.gamma.moment(k, a, 0.3, 1.7), 2.5)
        np.testing.assert_allclose(got, scipy.stats.gamma.moment(order, 2.5, 0.3, 1.7), rtol=1e-12)
    ends = value(lambda a: stats.gamma.interval(0.9, a, scale=1.7), 2.5)
    np.testing.assert_allclose(ends, scipy.stats.gamma.interval(0.9, 2.5, scale=1.7), rtol=1e-12)
    np.testing.assert_allclose(mmad.grad(lambda s: stats.norm.median(0.3, s * s))(2.0), 0.0, atol=1e-15)
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.gamma.moment"):
        value(lambda a: stats.gamma.moment(5, a), 2.5)


# ------------------------------------------------------------------------------------------------ ends of supports
ENDS = [n for n in NAMES if any(map(np.isfinite, getattr(scipy.stats, n).support(*CONTINUOUS[n])))]


@pytest.mark.parametrize("name", ENDS)
def test_outside_of_the_support(name):
    """Values are SciPy's, and all derivatives are zero, in points and parameters, of both orders."""
    low, high = getattr(scipy.stats, name).support(*CONTINUOUS[name])
    x = np.array([e for e in (low - 0.5, high + 0.5) if np.isfinite(e)] * 2)
    shapes = () if name in WHOLE or name in ("norminvgauss", "vonmises_line") else CONTINUOUS[name]
    fixed = CONTINUOUS[name][len(shapes) :]
    for method in ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf"):
        ours = getattr(getattr(stats, name), method)
        np.testing.assert_array_equal(
            value(lambda x: ours(x, *CONTINUOUS[name]), x),  # noqa: B023
            getattr(getattr(scipy.stats, name), method)(x, *CONTINUOUS[name]),
        )
        everything = (x, *shapes, 0.0, 1.0)
        v = tuple(np.full(np.shape(p), 0.1)[()] for p in everything)

        def f(x, *parameters):
            return ours(x, *fixed, *parameters)  # noqa: B023

        first = mmad.jvp(f, everything, v)[1]
        second = mmad.jvp(lambda *p: mmad.jvp(f, p, v)[1], everything, v)[1]  # noqa: B023
        np.testing.assert_array_equal(np.stack([first, second]), np.zeros((2, x.size)))
        for g in mmad.vjp(f, *everything)[1](np.ones(x.size)):
            np.testing.assert_array_equal(g, np.zeros(np.shape(g)))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("recipinvgauss", "norminvgauss")])
def test_values_at_the_ends(name):
    shapes, plain = CONTINUOUS[name], getattr(scipy.stats, name)
    ends = np.array([*plain.support(*shapes), -np.inf, np.inf, np.nan])
    for method in ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf"):
        x = np.array([0.0, 1.0, -0.1, 1.1, np.nan]) if method in ("ppf", "isf") else ends
        with np.errstate(all="ignore"):
            want = getattr(plain, method)(x, *shapes)
        got = value(lambda x, m=method: getattr(getattr(stats, name), m)(x, *shapes), x)
        if name == "exponnorm" and method in ("pdf", "logpdf"):  # SciPy gives NaN at infinity
            want = np.where(np.isinf(x), 0.0 if method == "pdf" else -np.inf, want)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "name", ["norm", "gamma", "beta", "t", "lognorm", "skewnorm", "truncnorm", "cauchy", "gumbel_r"]
)
def test_far_tails(name):
    shapes, plain = CONTINUOUS[name], getattr(scipy.stats, name)
    x = plain.isf(np.array([1e-200, 1e-40, 1e-9]), *shapes)
    for method in ("logpdf", "sf", "logsf"):
        got = value(lambda x, m=method: getattr(getattr(stats, name), m)(x, *shapes), x)
        np.testing.assert_allclose(got, getattr(plain, method)(x, *shapes), rtol=1e-9)
    hazard = mmad.vjp(lambda x: stats.norm.logsf(x), np.array([30.0]))[1](np.ones(1))[0]
    np.testing.assert_allclose(hazard, -30.033259667433676, rtol=1e-13)  # by mpmath, 50 digits


def test_parameters_that_are_not_valid():
    """NaN as SciPy, without harm to the others."""
    shapes = np.array([2.0, -1.0, 3.0])
    got, pull = mmad.vjp(lambda a, s: stats.gamma.logpdf(1.5, a, scale=s), shapes, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_array_equal(np.isnan(got), [False, True, True])
    np.testing.assert_allclose(got[0], scipy.stats.gamma.logpdf(1.5, 2.0))
    np.testing.assert_allclose(pull(np.array([1.0, 0.0, 0.0]))[0][0], np.log(1.5) - scipy.special.digamma(2.0))
    np.testing.assert_array_equal(np.isnan(value(lambda a: stats.gamma.mean(a), shapes)), [False, True, False])
    assert np.isnan(value(lambda s: stats.norm.ppf(0.3, 0.0, s), -1.0))


# ------------------------------------------------------------------------------------------------ special shapes
@pytest.mark.parametrize(
    ("name", "shape"), [("genextreme", 0.0), ("genpareto", 0.0), ("skewnorm", 0.0), ("vonmises", 1e-3), ("triang", 0.5)]
)
@pytest.mark.parametrize("method", ["logpdf", "pdf"])
def test_shapes_at_which_scipy_takes_another_formula(name, shape, method):
    ours, plain = getattr(getattr(stats, name), method), getattr(getattr(scipy.stats, name), method)
    x, h = np.array([0.31, 0.74]), 1e-3
    np.testing.assert_allclose(value(lambda c: ours(x, c), shape), plain(x, shape), rtol=1e-12)
    eighth = mixed_difference(lambda c: plain(x, float(c)) @ [1.0, 2.0], (np.asarray(shape),), [(1.0,)], h / 8)
    np.testing.assert_allclose(mmad.grad(lambda c: ours(x, c) @ np.array([1.0, 2.0]))(shape), eighth, rtol=1e-7)


def test_infinite_degrees_of_freedom():
    x = np.array([0.3, 1.7])
    got, pull = mmad.vjp(lambda x, df: stats.t.logpdf(x, df), x, np.array([np.inf, 5.0]))
    np.testing.assert_allclose(got, scipy.stats.t.logpdf(x, [np.inf, 5.0]), rtol=1e-13)
    np.testing.assert_allclose(pull(np.ones(2))[0], [-0.3, -6 * 1.7 / (5 + 1.7**2)], rtol=1e-13)


# ------------------------------------------------------------------------------------------------ shapes, dtypes, calls
def test_broadcasting():
    x, loc, scale = np.ones((2, 1, 3)), np.zeros((4, 1)), np.full(3, 2.0)
    for method in ("pdf", "logpdf", "cdf", "sf", "ppf", "isf"):
        q = 0.3 * x
        got = value(lambda s, m=method: getattr(stats.norm, m)(q, loc, s), scale)  # noqa: B023
        want = getattr(scipy.stats.norm, method)(q, loc, scale)
        assert got.shape == want.shape == (2, 4, 3)
        np.testing.assert_allclose(got, want, rtol=1e-13)
    assert value(lambda a: stats.gamma.mean(a, loc), np.ones(3)).shape == (4, 3)
    assert value(lambda a: stats.gamma.logpdf(x, a), 2.0).shape == (2, 1, 3)
    assert value(lambda x: stats.norm.logpdf(x), np.zeros((0, 3))).shape == (0, 3)
    assert np.ndim(value(lambda x: stats.norm.logpdf(x), 0.3)) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_results_are_double(dtype):
    x = np.array([1, 2, 3], dtype)
    got = value(lambda s: stats.gamma.logpdf(x, 2.5, scale=s), 1.5)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, scipy.stats.gamma.logpdf(x, 2.5, scale=1.5), rtol=1e-13)
    if dtype is np.float32:
        got, pull = mmad.vjp(lambda x: stats.gamma.logpdf(x, 2.5), x)
        assert got.dtype == np.float64
        assert pull(np.ones(3))[0].dtype == np.float32
        np.testing.assert_allclose(pull(np.ones(3))[0], 1.5 / x - 1, rtol=1e-6)


def test_complex_points_are_refused():
    with pytest.raises(TypeError, match="real"):
        value(lambda x: stats.norm.logpdf(x), np.array([1j]))


def test_arguments_by_name_and_by_position():
    want = scipy.stats.beta.logpdf(0.3, 2.0, 3.0, 0.1, 1.2)
    for call in (
        lambda a: stats.beta.logpdf(0.3, a, 3.0, 0.1, 1.2),
        lambda a: stats.beta.logpdf(0.3, a=a, b=3.0, scale=1.2, loc=0.1),
        lambda a: stats.beta.logpdf(x=0.3, a=a, b=3.0, scale=1.2, loc=0.1),
        lambda a: stats.beta(a, 3.0, scale=1.2, loc=0.1).logpdf(0.3),
        lambda a: stats.beta(a=a, b=3.0, scale=1.2, loc=0.1).logpdf(x=0.3),
        lambda a: stats.beta.freeze(a, 3.0, 0.1, 1.2).logpdf(0.3),
    ):
        np.testing.assert_allclose(value(call, 2.0), want, rtol=1e-13)
    with pytest.raises(TypeError):
        value(lambda a: stats.beta.logpdf(0.3, a), 2.0)
    with pytest.raises(TypeError):
        value(lambda a: stats.beta(a), 2.0)


def test_a_distribution_is_scipys():
    assert isinstance(stats.norm, scipy.stats.rv_continuous)
    assert isinstance(stats.poisson, scipy.stats.rv_discrete)
    assert stats.gamma.shapes == "a"
    assert stats.gamma.name == "gamma"
    assert stats.norm.logpdf(0.3) == scipy.stats.norm.logpdf(0.3)
    assert isinstance(stats.norm(0.0, 2.0), type(scipy.stats.norm()))
    assert stats.norm(1.0, 2.0).mean() == 1.0
    assert stats.norm.fit(POINTS) == scipy.stats.norm.fit(POINTS)
    assert pickle.loads(pickle.dumps(stats.norm)) is stats.norm
    assert pickle.loads(pickle.dumps(stats.norm(1.0, 2.0))).std() == 2.0
    assert stats.norm(0.3).support() == (-np.inf, np.inf)
    assert "logpdf" in dir(stats.norm)
    frozen = stats.norm(0.3, 2.0)  # plain parameters, traced points
    assert mmad.grad(frozen.logpdf)(1.1) == pytest.approx(-0.2)


def test_random_numbers_by_location_and_scale():
    def draw(loc, scale, sp):
        return sp.norm.rvs(loc, scale, size=4, random_state=3)

    got, pull = mmad.vjp(lambda m, s: draw(m, s, stats), 0.3, 1.7)
    np.testing.assert_allclose(got, draw(0.3, 1.7, scipy.stats), rtol=1e-14)
    standard = scipy.stats.norm.rvs(size=4, random_state=3)
    np.testing.assert_allclose(pull(np.ones(4)), [4.0, standard.sum()], rtol=1e-14)
    got = value(lambda m: stats.gamma(2.5, loc=m).rvs(random_state=3), 0.3)
    assert got == pytest.approx(scipy.stats.gamma(2.5, loc=0.3).rvs(random_state=3))
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.gamma.rvs .*ppf"):
        value(lambda a: stats.gamma.rvs(a), 2.5)


def test_likelihoods():
    theta = (2.5, 0.1, 1.7)
    got = value(lambda *t: stats.gamma.nnlf(t, POINTS), *theta)
    np.testing.assert_allclose(got, scipy.stats.gamma.nnlf(theta, POINTS), rtol=1e-13)
    assert value(lambda loc: stats.gamma.nnlf((2.5, loc, 1.7), POINTS), 1.0) == np.inf
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.gamma.fit .*nnlf"):
        value(lambda x: stats.gamma.fit(x)[0], POINTS)
    slope = mmad.grad(lambda m, s: stats.norm.nnlf((m, s), POINTS), argnums=(0, 1))(POINTS.mean(), POINTS.std())
    np.testing.assert_allclose(slope, 0.0, atol=1e-14)  # the mean and the spread of the sample are the most likely


def test_compiled_at_points_inside_and_outside():
    f = mmad.compile(mmad.grad(lambda x, a: stats.gamma.pdf(x, a).sum(), argnums=(0, 1)))
    for x in (POINTS, POINTS - 1.0, -POINTS):
        gx, ga = mmad.grad(lambda x, a: stats.gamma.pdf(x, a).sum(), argnums=(0, 1))(x, 2.5)
        cx, ca = f(x, 2.5)
        np.testing.assert_allclose(cx, gx, rtol=1e-13)
        np.testing.assert_allclose(ca, ga, rtol=1e-13)
        assert np.all(gx[x < 0] == 0)


# ------------------------------------------------------------------------------------------------ discrete
def test_discrete_points():
    k = np.array([-1.0, 0.0, 2.0, 2.5, 7.0, 8.0, np.nan])
    for method in ("pmf", "logpmf", "cdf", "sf", "logcdf", "logsf"):
        for name, shapes in (("binom", (7, 0.4)), ("nbinom", (2.5, 0.4)), ("geom", (0.4,)), ("poisson", (1.3,))):
            with np.errstate(all="ignore"):
                want = getattr(getattr(scipy.stats, name), method)(k, *shapes)
            call = getattr(getattr(stats, name), method)
            got = value(lambda p, c=call, s=shapes: c(k, *s[:-1], p), shapes[-1])
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
            # points that are traced are constants
            g = mmad.vjp(lambda k, c=call, s=shapes: c(k, *s), k)[1](np.ones(k.size))[0]
            np.testing.assert_array_equal(g, np.zeros(k.size))
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.poisson.entropy"):
        value(lambda mu: stats.poisson.entropy(mu), 1.3)


def test_discrete_quantiles_are_steps():
    got, pull = mmad.vjp(lambda q, mu, loc: stats.poisson.ppf(q, mu, loc), np.array([0.2, 0.9]), 1.3, 0.5)
    np.testing.assert_array_equal(got, scipy.stats.poisson.ppf([0.2, 0.9], 1.3, 0.5))
    dq, dmu, dloc = pull(np.ones(2))
    assert not dq.any()
    assert dmu == 0
    assert dloc == 2


# ------------------------------------------------------------------------------------------------ several variables
def test_normal_distribution_of_vectors():
    cov = np.array([[2.0, 0.3], [0.3, 1.0]])
    x = np.array([[0.3, 1.0], [2.0, -1.0]])
    frozen = stats.multivariate_normal([0.1, 0.2], cov)
    np.testing.assert_allclose(
        value(lambda x: frozen.logpdf(x), x), scipy.stats.multivariate_normal.logpdf(x, [0.1, 0.2], cov), rtol=1e-13
    )
    assert np.ndim(value(lambda x: frozen.logpdf(x), x[0])) == 0
    assert isinstance(frozen, type(scipy.stats.multivariate_normal()))
    np.testing.assert_array_equal(frozen.rvs(3, random_state=1), stats.multivariate_normal.rvs([0.1, 0.2], cov, 3, 1))
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.multivariate_normal.cdf"):
        value(lambda m: stats.multivariate_normal.cdf(x, m, cov), np.zeros(2))
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.multivariate_normal.cdf"):
        value(lambda m: stats.multivariate_normal(m, cov).cdf(x), np.zeros(2))
    with pytest.raises(ValueError, match="cov"):
        value(lambda m: stats.multivariate_normal.logpdf(x, m, cov), np.zeros(3))


def test_points_off_the_simplex():
    with pytest.raises(ValueError, match="simplex"):
        value(lambda a: stats.dirichlet.logpdf([0.5, 0.6], a), np.ones(2))
    assert value(lambda p: stats.multinomial.logpmf([1, 1], 3, [p, 1 - p]), 0.3) == -np.inf


def test_densities_by_kernels():
    x = np.array([0.1, 0.5, 1.7, 2.0])
    for width in (None, "silverman", 0.4, lambda kde: 0.5 * kde.n**-0.2):
        got = value(lambda x, b=width: stats.gaussian_kde(x, b)([0.3, 1.0]), x)
        np.testing.assert_allclose(got, scipy.stats.gaussian_kde(x, width)([0.3, 1.0]), rtol=1e-12)
    plain = stats.gaussian_kde(x)
    np.testing.assert_allclose(value(lambda p: plain.logpdf(p), np.array([40.0])), plain.logpdf([40.0]), rtol=1e-12)
    assert plain.integrate_box_1d(-9, 9) == pytest.approx(1.0)
    with pytest.raises(mmad.UnsupportedError, match=r"gaussian_kde.integrate_box_1d"):
        value(lambda x: stats.gaussian_kde(x).integrate_box_1d(0, 1), x)


# ------------------------------------------------------------------------------------------------ samples
def test_results_have_names():
    x = np.array([0.3, 1.0, 2.2, 2.9])
    y = np.array([1.0, 1.9, 4.1, 5.5])

    def line(y):
        fit = stats.linregress(x, y)
        return fit.slope, fit.rvalue, fit.intercept_stderr, stats.describe(y).variance, stats.ttest_1samp(y, 1.0).df

    want = scipy.stats.linregress(x, y)
    got = value(line, y)
    np.testing.assert_allclose(got[:3], [want.slope, want.rvalue, want.intercept_stderr], rtol=1e-13)
    assert got[3] == pytest.approx(y.var(ddof=1))
    assert got[4] == 3


def test_ties_and_ranks():
    x = np.array([1.0, 1.0, 2.0, 0.5])
    np.testing.assert_array_equal(value(lambda x: stats.rankdata(x), x), scipy.stats.rankdata(x))
    np.testing.assert_array_equal(mmad.grad(lambda x: stats.rankdata(x) @ POINTS[[0, 1, 2, 0]])(x), np.zeros(4))
    f = mmad.compile(lambda x: stats.wasserstein_distance(x, POINTS))
    for v in (x, x[::-1] * 3, POINTS[[0, 0, 1, 2]]):
        assert f(v) == pytest.approx(scipy.stats.wasserstein_distance(v, POINTS), abs=1e-14)


def test_samples_without_spread():
    same = np.full((2, 4), 0.1)
    np.testing.assert_array_equal(value(lambda x: stats.skew(x, axis=1), same), [np.nan, np.nan])


def test_axes():
    x = np.arange(24.0).reshape(2, 3, 4) ** 1.3 + 1.0
    for axis, keepdims in ((0, False), (-1, True), ((0, 2), True), (None, False)):
        for name in ("gmean", "skew", "sem", "kurtosis", "circvar"):
            got = value(lambda x, k=name: getattr(stats, k)(x, axis=axis, keepdims=keepdims), x)  # noqa: B023
            want = getattr(scipy.stats, name)(x, axis=axis, keepdims=keepdims)
            assert np.shape(got) == np.shape(want)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)  # two elements have the skewness 0


# ------------------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("norm.logpdf", lambda x: scipy.stats.norm.logpdf(x)),
        ("gamma.cdf", lambda x: scipy.stats.gamma.cdf(1.0, x)),
        ("poisson.pmf", lambda x: scipy.stats.poisson.pmf(2, x)),
        ("gmean", lambda x: scipy.stats.gmean(x)),
        ("pearsonr", lambda x: scipy.stats.pearsonr(x, POINTS)),
        ("linregress", lambda x: scipy.stats.linregress(x, POINTS)),
        ("gaussian_kde", lambda x: scipy.stats.gaussian_kde(x)),
        ("multivariate_normal.logpdf", lambda x: scipy.stats.multivariate_normal.logpdf(x)),
        ("wasserstein_distance", lambda x: scipy.stats.wasserstein_distance(x, POINTS)),
    ],
)
def test_plain_calls_say_what_to_write(name, call):
    with pytest.raises(Exception, match=rf"write mmad.scipy.stats.{name}\("):
        value(call, POINTS)


def test_a_plain_distribution_with_parameters_says_what_to_write():
    with pytest.raises(TypeError, match=r"take the distribution from mmad.scipy.stats"):
        mmad.grad(lambda x: scipy.stats.norm(x, 2.0).logpdf(1.0))(0.3)


def test_distributions_without_a_rule():
    with pytest.raises(Exception, match=r"scipy.stats.kstwobign.pdf"):
        mmad.grad(lambda x: stats.kstwobign.pdf(x))(0.3)
    with pytest.raises(mmad.UnsupportedError, match=r"scipy.stats.vonmises.cdf .*by its shape"):
        mmad.grad(lambda k: stats.vonmises.cdf(0.3, k))(2.0)
    with pytest.raises(mmad.UnsupportedError, match="nan_policy"):
        value(lambda x: stats.skew(x, nan_policy="omit"), POINTS)
    with pytest.raises(mmad.UnsupportedError, match="boxcox_llf"):
        value(lambda x: stats.boxcox(x)[0], POINTS)


@pytest.mark.parametrize("name", ["norm", "gamma", "skewnorm", "beta", "truncnorm", "invgauss"])
def test_batches(name):
    """Elements one by one give what all at once give."""
    x = np.append(points(name), 1e3)
    shapes = CONTINUOUS[name]
    for method in ("logpdf", "cdf"):
        f = getattr(getattr(stats, name), method)
        each = mmad.vmap(lambda x: f(x, *shapes, LOC, SCALE))(x)  # noqa: B023
        np.testing.assert_allclose(each, f(x, *shapes, LOC, SCALE), rtol=1e-12)


def test_singular_covariance():
    rng = np.random.default_rng(8)
    A, B = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    u, v = rng.normal(size=(2, 2))
    x, mean = A @ u, A @ rng.normal(size=2)

    def f(of, x, factor):
        return of.multivariate_normal.logpdf(x, mean, factor @ factor.T, allow_singular=True)

    for ours, there in (
        (lambda t: f(stats, x + t * A @ v, A), lambda t: f(scipy.stats, x + t * A @ v, A)),
        (lambda t: f(stats, x, A + t * A @ B), lambda t: f(scipy.stats, x, A + t * A @ B)),  # of the same rank
    ):
        assert mmad.vjp(ours, 0.0)[0] == pytest.approx(there(0.0), rel=1e-12)
        slope = central_difference(there, 1e-3)
        assert mmad.grad(ours)(0.0) == pytest.approx(slope, rel=1e-8)
        assert mmad.jvp(ours, (0.0,), (1.0,))[1] == pytest.approx(slope, rel=1e-8)
        curvature = (there(1e-3) - 2.0 * there(0.0) + there(-1e-3)) / 1e-6
        assert mmad.hvp(ours)(0.0, 1.0) == pytest.approx(curvature, rel=1e-4)
    value, pull = mmad.vjp(lambda x: f(stats, x, A), x + 1.0)  # beyond the support
    assert value == -np.inf
    np.testing.assert_array_equal(pull(1.0)[0], 0.0)
    with pytest.raises(np.linalg.LinAlgError):
        mmad.grad(lambda x: stats.multivariate_normal.logpdf(x, mean, A @ A.T))(x)
