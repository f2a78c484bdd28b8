"""Compiled functions of SciPy at new data: one recording serves all, as nothing looks at a value."""

import numpy as np
import pytest

import mmad
from mmad.derivatives.references import central_difference
from mmad.scipy import interpolate, ndimage, signal, stats

T = np.arange(8.0)
FUNCTIONS = {
    "median": lambda x: (ndimage.median_filter(x, 3) ** 2).sum(),
    "maxf": lambda x: (ndimage.maximum_filter(x, 3) ** 2).sum(),
    "rank": lambda x: (ndimage.percentile_filter(x, 30, 3) ** 2).sum(),
    "grey": lambda x: (ndimage.grey_erosion(x, 3) ** 2).sum(),
    "medfilt": lambda x: (signal.medfilt(x, 3) ** 2).sum(),
    "mapc": lambda x: (ndimage.map_coordinates(x, [x * 3]) ** 2).sum(),
    "zoom": lambda x: (ndimage.zoom(x, 1.5) ** 2).sum(),
    "gauss": lambda x: (ndimage.gaussian_filter(x, 0.01 * x[0] + 1) ** 2).sum(),
    "lfilter": lambda x: (signal.lfilter(x[:2], x[2:4] + 1, x) ** 2).sum(),
    "sosfilt": lambda x: (signal.sosfilt([[1, 0.2, 0.1, 1, 0.3, 0.1]], x) ** 2).sum(),
    "savgol": lambda x: (signal.savgol_filter(x, 5, 2) ** 2).sum(),
    "stft": lambda x: (abs(signal.stft(x, nperseg=4)[2]) ** 2).sum(),
    "welch": lambda x: signal.welch(x, nperseg=4)[1].sum(),
    "fftconv": lambda x: (signal.fftconvolve(x, x) ** 2).sum(),
    "conv": lambda x: (signal.convolve(x, x) ** 2).sum(),
    "resample": lambda x: (signal.resample(x, 5) ** 2).sum(),
    "filtfilt": lambda x: (signal.filtfilt([0.5, 0.5], [1.0, 0.1], np.concatenate([x, x]), padlen=3) ** 2).sum(),
    "hilbert": lambda x: (abs(signal.hilbert(x)) ** 2).sum(),
    "detrend": lambda x: (signal.detrend(x) ** 2).sum(),
    "lombs": lambda x: signal.lombscargle(T + 0.1, x, np.array([0.5, 1.0])).sum(),
    "labels": lambda x: (ndimage.mean(x, np.array([0, 0, 1, 1, 1, 2, 2, 2]), [1, 2]) ** 2).sum(),
    "com": lambda x: sum(ndimage.center_of_mass(x)),
    "norm": lambda x: stats.norm.logpdf(x, x[0], x[1]).sum(),
    "gamma": lambda x: stats.gamma.logpdf(x, 2.0, scale=x[0]).sum(),
    "beta": lambda x: stats.beta.cdf(x / 5, 2.0, 3.0).sum(),
    "tt": lambda x: stats.t.logpdf(x, 3.0 + x[0]).sum(),
    "ppf": lambda x: stats.norm.ppf(x / 6).sum(),
    "gppf": lambda x: stats.gamma.ppf(x / 6, 2.5).sum(),
    "mvn": lambda x: stats.multivariate_normal.logpdf(x[:2], x[2:4], np.eye(2) * x[4]),
    "dir": lambda x: stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), x[:3]),
    "pois": lambda x: stats.poisson.logpmf(np.arange(8), x).sum(),
    "binom": lambda x: stats.binom.logpmf(np.arange(8), 10, x / 6).sum(),
    "kde": lambda x: stats.gaussian_kde(x)(np.array([0.5, 1.0])).sum(),
    "zscore": lambda x: (stats.zscore(x) ** 3).sum(),
    "skew": lambda x: stats.skew(x) + stats.kurtosis(x),
    "ttest": lambda x: stats.ttest_ind(x[:4], x[4:]).pvalue,
    "linreg": lambda x: stats.linregress(x, x**2).slope,
    "wass": lambda x: stats.wasserstein_distance(x[:4], x[4:]),
    "iqr": lambda x: stats.iqr(x),
    "trim": lambda x: stats.trim_mean(x, 0.2),
    "truncn": lambda x: stats.truncnorm.logpdf(x, -x[0], 6.0).sum(),
    "weib": lambda x: stats.weibull_min.logpdf(x, 1.5 + x[0]).sum(),
    "lap": lambda x: stats.laplace.logpdf(x, 1.0).sum(),
    "uni": lambda x: stats.uniform.logpdf(x, 0, 10.0 + x[0]).sum(),
    "polyval": lambda x: mmad.numpy.polynomial.chebyshev.chebval(x, x).sum(),
    "polyfit": lambda x: mmad.numpy.polynomial.polynomial.polyfit(T, x, 2).sum(),
    "cubic": lambda x: interpolate.CubicSpline(T, x)(x).sum(),
    "rgi": lambda x: interpolate.RegularGridInterpolator((T,), x)(x[:, None]).sum(),
    "interp1d": lambda x: interpolate.interp1d(T, x)(x).sum(),
    "pchip": lambda x: interpolate.PchipInterpolator(T, x)(x).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_recording(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(6)
    compiled = mmad.compile(mmad.grad(f))
    for _ in range(6):
        x, v = rng.uniform(0.3, 4.0, 8), rng.normal(size=8)
        g = compiled(x)
        np.testing.assert_allclose(g, mmad.grad(f)(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(g @ v, central_difference(lambda t: float(f(x + t * v)), 1e-4), rtol=1e-6, atol=1e-8)
    assert compiled.counts["records"] == 1
