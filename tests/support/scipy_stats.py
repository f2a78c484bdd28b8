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
    "crystalball": (2.0, 3.0),
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
    "kappa3": (1.3,),
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
