"""Statistics of tests, with their probabilities; correlations; straight lines through data; ranks."""

import collections
import math

import numpy as np
import scipy.special as sc
import scipy.stats as _scipy

from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear
from mmad.scipy._drop_in import any_traced
from mmad.scipy.stats._samples import along, kurtosis_of, reduced, registered, skew_of

__all__ = []

ALTERNATIVES = ("two-sided", "less", "greater")


class TestResult(collections.namedtuple("TestResult", "statistic pvalue")):
    """A statistic and its probability, with the degrees of freedom of Student's distribution as an attribute."""

    __test__ = False


def _chosen(alternative):
    if alternative not in ALTERNATIVES:
        raise ValueError("`alternative` must be 'less', 'greater', or 'two-sided'.")
    return alternative


def _student_pvalue(t, df, alternative):
    """Return the probability of a value of Student's distribution that is more extreme."""
    if alternative == "two-sided":
        return 2.0 * sc.stdtr(df, a.negative(abs(t)))
    return sc.stdtr(df, t if alternative == "less" else a.negative(t))


def _student(t, df, alternative, x, axis, keepdims):
    result = TestResult(
        reduced(t, x, axis, keepdims), reduced(_student_pvalue(t, df, _chosen(alternative)), x, axis, keepdims)
    )
    result.df = df
    return result


@registered("ttest_1samp")
def ttest_1samp(a, popmean, axis=0, alternative="two-sided", keepdims=False):
    x = along(a, axis)
    mean = popmean
    if np.ndim(popmean):
        mean = np.squeeze(asarray(popmean), axis=axis) if np.ndim(popmean) == np.ndim(a) else popmean
    n = x.shape[-1]
    t = (x.mean(axis=-1) - mean) / (np.std(x, axis=-1, ddof=1) / math.sqrt(n))
    return _student(t, n - 1.0, alternative, a, axis, keepdims)


@registered("ttest_rel")
def ttest_rel(a, b, axis=0, alternative="two-sided", keepdims=False):
    d = along(a, axis) - along(b, axis)
    n = d.shape[-1]
    return _student(
        d.mean(axis=-1) / (np.std(d, axis=-1, ddof=1) / math.sqrt(n)), n - 1.0, alternative, a, axis, keepdims
    )


@registered("ttest_ind")
def ttest_ind(a, b, axis=0, equal_var=True, alternative="two-sided", keepdims=False):
    x, y = along(a, axis), along(b, axis)
    n, m = x.shape[-1], y.shape[-1]
    t, df = _two_samples(
        x.mean(axis=-1), x.var(axis=-1, ddof=1), n, y.mean(axis=-1), y.var(axis=-1, ddof=1), m, equal_var
    )
    return _student(t, df, alternative, a, axis, keepdims)


def _two_samples(mean1, var1, n, mean2, var2, m, equal_var):
    """Return Student's statistic of two samples, and its degrees of freedom."""
    if equal_var:
        df = n + m - 2.0
        return (mean1 - mean2) / np.sqrt(((n - 1) * var1 + (m - 1) * var2) / df * (1.0 / n + 1.0 / m)), df
    v, w = var1 / n, var2 / m
    return (mean1 - mean2) / np.sqrt(v + w), (v + w) ** 2 / (v**2 / (n - 1) + w**2 / (m - 1))


@registered("ttest_ind_from_stats")
def ttest_ind_from_stats(mean1, std1, nobs1, mean2, std2, nobs2, equal_var=True, alternative="two-sided"):
    t, df = _two_samples(mean1, std1**2, nobs1, mean2, std2**2, nobs2, equal_var)
    return TestResult(t, _student_pvalue(t, df, _chosen(alternative)))


@registered("chisquare")
def chisquare(f_obs, f_exp=None, ddof=0, axis=0):
    observed = along(f_obs, axis)
    expected = observed.mean(axis=-1, keepdims=True) if f_exp is None else along(f_exp, axis)
    statistic = ((observed - expected) ** 2 / expected).sum(axis=-1)
    return TestResult(statistic, sc.chdtrc(observed.shape[-1] - 1.0 - ddof, statistic))


@registered("f_oneway")
def f_oneway(*samples, axis=0):
    samples = [along(x, axis) for x in samples]
    sizes = [x.shape[-1] for x in samples]
    total = sum(x.sum(axis=-1) for x in samples) / sum(sizes)
    between = sum(n * (x.mean(axis=-1) - total) ** 2 for n, x in zip(sizes, samples, strict=True))
    within = sum(n * x.var(axis=-1) for n, x in zip(sizes, samples, strict=True))
    first, second = len(samples) - 1.0, float(sum(sizes) - len(samples))
    statistic = (between / first) / (within / second)
    return TestResult(statistic, sc.fdtrc(first, second, statistic))


@registered("jarque_bera")
def jarque_bera(x, axis=None, keepdims=False):
    y = along(x, axis)
    statistic = y.shape[-1] / 6.0 * (skew_of(y) ** 2 + kurtosis_of(y) ** 2 / 4.0)
    return TestResult(reduced(statistic, x, axis, keepdims), reduced(sc.chdtrc(2.0, statistic), x, axis, keepdims))


# ------------------------------------------------------------------------------------------------ correlation, lines
def _correlation(x, y):
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    return (x * y).sum(axis=-1) / (np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1))


@registered("pearsonr")
def pearsonr(x, y, *, alternative="two-sided", axis=0):
    r = _correlation(along(x, axis), along(y, axis))
    half = along(x, axis).shape[-1] / 2.0 - 1.0
    upper = {"two-sided": abs(r), "greater": r, "less": a.negative(r)}[_chosen(alternative)]
    tail = sc.betaincc(half, half, 0.5 * (upper + 1.0))
    return TestResult(r, 2.0 * tail if alternative == "two-sided" else tail)


_LINE = type(_scipy.linregress([0.0, 1.0, 2.0], [0.0, 1.0, 3.0]))


@registered("linregress")
def linregress(x, y, alternative="two-sided"):
    x, y = along(x, None).astype(float), along(y, None).astype(float)
    n, middle = x.shape[0], x.mean()
    dx, dy = x - middle, y - y.mean()
    xx, xy, yy = (dx * dx).mean(), (dx * dy).mean(), (dy * dy).mean()
    slope, r, df = xy / xx, xy / np.sqrt(xx * yy), n - 2.0
    t = r * np.sqrt(df / ((1.0 - r + 1e-20) * (1.0 + r + 1e-20)))  # SciPy's guard against a perfect line
    error = np.sqrt((1.0 - r * r) * yy / xx / df)
    return _LINE(
        slope=slope,
        intercept=y.mean() - slope * middle,
        rvalue=r,
        pvalue=_student_pvalue(t, df, _chosen(alternative)),
        stderr=error,
        intercept_stderr=error * np.sqrt(xx + middle * middle),
    )


# ------------------------------------------------------------------------------------------------ ranks: constants
def _steady(name, function):
    """Declare a function of samples that is constant where it is continuous: its derivative is zero."""

    def quiet(*samples, **options):
        return np.asarray(function(*samples, **options))[()]

    return nonlinear(f"scipy.stats.{name}", quiet, lambda dots, out, *samples, **options: None, nin=1)


_RANKS = _steady("rankdata", lambda x, method, axis: _scipy.rankdata(x, method, axis=axis))


@registered("rankdata")
def rankdata(a, method="average", *, axis=None):
    """Return ranks, whose derivative is zero."""
    return _RANKS(asarray(a), method=method, axis=axis)


@registered("spearmanr")
def spearmanr(a, b=None, axis=0, alternative="two-sided"):
    """Return the correlation of ranks, whose derivative is zero."""
    if b is None or np.ndim(a) != 1 or np.ndim(b) != 1:
        raise UnsupportedError(
            "scipy.stats.spearmanr of traced values takes two vectors: write it for pairs of columns"
        )
    x, y = (rankdata(v) if any_traced(v) else _scipy.rankdata(v) for v in (a, b))
    r, df = _correlation(x, y), np.shape(a)[0] - 2.0
    return TestResult(r, _student_pvalue(r * np.sqrt(df / ((1.0 - r) * (1.0 + r))), df, _chosen(alternative)))
