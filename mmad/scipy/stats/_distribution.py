"""A distribution of SciPy whose points, locations, scales and shapes may be traced.

Plain values go to SciPy's distribution, and so does everything else that is asked of one of these.
"""

import functools
from typing import ClassVar

import numpy as np
import scipy.stats

from mmad._core import Traced
from mmad.ops import arithmetic as a
from mmad.ops.transcendental import log
from mmad.scipy._drop_in import any_traced
from mmad.scipy.stats._formulas import FORMULAS, refusal
from mmad.scipy.stats._frozen import Frozen
from mmad.scipy.stats._values import choose, double, everywhere, filled, nowhere, signature

__all__ = ["Continuous", "Discrete", "wrapped"]


def method_of(function):
    """Decorate a method of traced values: plain ones go to SciPy's method of the same name."""

    @functools.wraps(function)
    def call(self, *args, **kwargs):
        if not any_traced((args, kwargs)):
            return getattr(self.plain, function.__name__)(*args, **kwargs)
        with np.errstate(all="ignore"):
            return function(self, *args, **kwargs)

    return call


def refused(name):
    """Return a method that only takes plain values."""

    def method(self, *args, **kwargs):
        raise refusal(self.name, name, f"; {ADVICE[name]}" if name in ADVICE else "")

    method.__name__ = method.__qualname__ = name
    return method_of(method)


ADVICE = {
    "fit": "minimise nnlf by mmad.minimize, or give plain data",
    "expect": "write the integral with mmad.scipy.integrate.quad",
}


#: Distributions whose formula of the density is not defined at infinity, where it is zero.
VANISHING = ("genextreme", "genpareto", "norminvgauss", "rayleigh")


class Distribution:
    """What continuous and discrete distributions share."""

    POINT = "x"
    PARAMETERS: ClassVar[dict] = {}

    def __init__(self, plain):
        self.plain = plain
        self.formulas = FORMULAS(plain.name)
        self.shapes_named = tuple(plain.shapes.split(", ")) if plain.shapes else ()
        self.__doc__ = plain.__doc__

    def __reduce__(self):
        return wrapped, (self.plain.name,)

    @property
    def __class__(self):
        return type(self.plain)

    def __getattr__(self, name):
        return getattr(self.__dict__["plain"], name)

    def __dir__(self):
        return dir(self.plain)

    def __call__(self, *args, **kwargs):
        """Return the distribution with these parameters."""
        return Frozen(self, args, kwargs)

    freeze = __call__

    def bound(self, before, args, kwargs, **after):
        """Return the arguments of a method by their names."""
        bound = signature(*before, *self.shapes_named, **self.PARAMETERS, **after).bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def _bind(self, before, args, kwargs, **after):
        """Return the arguments of a method by their names, and the parameters: shapes, location and scale."""
        values = self.bound(before, args, kwargs, **after)
        shapes = tuple(double(values[n]) for n in self.shapes_named)
        return values, shapes, double(values["loc"]), double(values.get("scale", 1.0))

    def _valid(self, shapes, scale):
        valid = self.formulas.valid(shapes)
        positive = a.greater(scale, 0.0)
        if everywhere(positive):
            return valid
        return positive if valid is True else a.logical_and(valid, positive)

    # ---------------------------------------------------------------------------------------- constants of shapes
    def _constant(self, which, shapes):
        """Return a moment or the entropy of the standard distribution: m, v, s, k or entropy."""
        own = self.formulas.own.get(which)
        if own is not None and any_traced(shapes):
            return own(*shapes)
        if not any_traced(shapes):
            return self.plain.entropy(*shapes) if which == "entropy" else self.plain.stats(*shapes, moments=which)
        value = None
        if which == "entropy":
            value = self.formulas.get("entropy")(*shapes)
        elif self.formulas.has("stats"):
            more = {"moments": which} if self.plain._stats_has_moments else {}
            value = self.formulas.get("stats")(*shapes, **more)["mvsk".index(which)]
        if value is None and which in "mv" and self.formulas.has("munp"):
            power = self.formulas.get("munp")
            value = power(1, *shapes) if which == "m" else power(2, *shapes) - self._constant("m", shapes) ** 2
        if value is None:
            raise refusal(self.name, {"m": "mean", "v": "var", "entropy": "entropy"}.get(which, f"stats({which!r})"))
        return value

    def _constants(self, args, kwargs, of):
        """Return ``of(constant, shapes, loc, scale)`` in the shape of the parameters, NaN where they are not valid."""
        _, shapes, loc, scale = self._bind((), args, kwargs)
        valid = self.formulas.valid(shapes)
        if any_traced(shapes) and not everywhere(valid):
            shapes = tuple(a.select(valid, s, np.nan) for s in shapes)
        valid = self._valid(shapes, scale)
        scale = scale if everywhere(valid) else a.select(valid, scale, np.nan)
        shape = np.broadcast_shapes(*map(np.shape, (*shapes, loc, scale)))
        return filled(of(lambda which: self._constant(which, shapes), loc, scale), shape)

    @method_of
    def mean(self, *args, **kwargs):
        return self._constants(args, kwargs, lambda of, loc, scale: of("m") * scale + loc)

    @method_of
    def var(self, *args, **kwargs):
        return self._constants(args, kwargs, lambda of, loc, scale: of("v") * scale * scale)

    @method_of
    def std(self, *args, **kwargs):
        return np.sqrt(self.var(*args, **kwargs))

    @method_of
    def entropy(self, *args, **kwargs):
        return self._constants(args, kwargs, lambda of, loc, scale: of("entropy") + log(scale))

    @method_of
    def median(self, *args, **kwargs):
        return self.ppf(0.5, *args, **kwargs)

    @method_of
    def stats(self, *args, **kwargs):
        values, *_ = self._bind((), args, kwargs, moments="mv")
        moments = values.pop("moments")
        parts = {
            "m": lambda: self.mean(**values),
            "v": lambda: self.var(**values),
            "s": lambda: self._constants((), values, lambda of, loc, scale: of("s") + 0.0 * scale),
            "k": lambda: self._constants((), values, lambda of, loc, scale: of("k") + 0.0 * scale),
        }
        results = tuple(parts[which]() for which in "mvsk" if which in moments)
        return results[0] if len(results) == 1 else results

    @method_of
    def moment(self, order, *args, **kwargs):
        values, *_ = self._bind((), args, kwargs)
        if isinstance(order, Traced) or int(order) != order or order > 4 or order < 0:
            raise refusal(self.name, "moment", " of order above 4")
        mean = self.mean(**values)
        if order < 2:
            return mean if order else 1.0 + 0.0 * mean
        var = self.var(**values)
        if order == 2:
            return var + mean**2
        third = self.stats(**values, moments="s") * var**1.5
        if order == 3:
            return third + mean * (3.0 * var + mean**2)
        fourth = (self.stats(**values, moments="k") + 3.0) * var**2
        return fourth + mean * (4.0 * third + mean * (6.0 * var + mean**2))

    @method_of
    def interval(self, *args, **kwargs):
        values, *_ = self._bind(("confidence",), args, kwargs)
        confidence = values.pop("confidence")
        return self.ppf((1.0 - confidence) / 2, **values), self.ppf((1.0 + confidence) / 2, **values)

    @method_of
    def support(self, *args, **kwargs):
        def ends(k):
            return lambda of, loc, scale: self.formulas.support(shapes)[k] * scale + loc

        _, shapes, _, _ = self._bind((), args, kwargs)
        return self._constants(args, kwargs, ends(0)), self._constants(args, kwargs, ends(1))

    @method_of
    def rvs(self, *args, **kwargs):
        """Return loc + scale * what SciPy draws of the standard distribution."""
        values, shapes, loc, scale = self._bind((), args, kwargs, size=None, random_state=None)
        if any_traced(shapes):
            raise refusal(self.name, "rvs", " by shape parameters; write ppf(u, ...) of uniform random numbers u")
        size = values["size"]
        if size is None:
            size = np.broadcast_shapes(*map(np.shape, (*shapes, loc, scale)))
        return self.plain.rvs(*shapes, size=size, random_state=values["random_state"]) * scale + loc

    expect = refused("expect")


class Continuous(Distribution):
    """A continuous distribution."""

    PARAMETERS: ClassVar = {"loc": 0, "scale": 1}

    def _point(self, args, kwargs, name="x"):
        values, shapes, loc, scale = self._bind((name,), args, kwargs)
        return double(values[name]), shapes, loc, scale

    def _at(self, method, y, shapes, scale, low, high, scaled):
        """Return a function of standardised points: constants outside of the support, NaN where it is not defined."""
        valid = self._valid(shapes, scale)
        if not everywhere(valid):
            y = a.select(valid, y, np.nan)
        lower, upper = self.formulas.support(shapes)
        closed = scaled is not None and not self.formulas.open
        below = a.less(y, lower) if closed else a.less_equal(y, lower)
        above = a.greater(y, upper) if closed else a.greater_equal(y, upper)
        if closed and self.formulas.name in VANISHING:
            above = a.logical_or(above, a.isinf(y))
        inside = self._inside(y, a.logical_not(a.logical_or(below, above)), lower, upper)
        value = self.formulas.get(method)(inside, *shapes)
        if scaled is not None:
            value = scaled(value, scale)
        if not nowhere(above):
            value = a.select(above, high, value)
        return value if nowhere(below) else a.select(below, low, value)

    def _inside(self, y, inside, lower, upper):
        """Return the points; those outside of the support are replaced by one inside."""
        if everywhere(inside):
            return y
        low, high = a.greater(lower, -np.inf), a.less(upper, np.inf)
        some = choose(
            a.logical_and(low, high),
            0.5 * (choose(low, lower, 0.0) + choose(high, upper, 0.0)),
            choose(low, choose(low, lower, 0.0) + 1.0, choose(high, choose(high, upper, 0.0) - 1.0, 0.0)),
        )
        return a.select(inside, y, some)

    def _inverse(self, method, q, shapes, loc, scale, swap):
        """Return quantiles: the ends of the support at 0 and 1, NaN beyond."""
        valid = self._valid(shapes, scale)
        inside = a.logical_and(a.greater(q, 0.0), a.less(q, 1.0))
        x = self.formulas.get(method)(choose(inside, q, 0.5), *shapes)
        x = x * scale + loc
        if not everywhere(inside):
            ends = [end * scale + loc for end in self.formulas.support(shapes)]
            first, last = reversed(ends) if swap else ends
            outside = a.select(a.equal(q, 0.0), first, a.select(a.equal(q, 1.0), last, np.nan))
            x = a.select(inside, x, outside)
        return x if everywhere(valid) else a.select(valid, x, np.nan)

    def _standard(self, method, args, kwargs, low, high, scaled=None):
        """Return a function of points; `scaled` makes a density of that of standardised points."""
        x, shapes, loc, scale = self._point(args, kwargs)
        y = self._at(method, (x - loc) / scale, shapes, scale, low, high, scaled)
        return filled(y, np.broadcast_shapes(*map(np.shape, (x, *shapes, loc, scale))))

    @method_of
    def pdf(self, *args, **kwargs):
        return self._standard("pdf", args, kwargs, 0.0, 0.0, lambda value, scale: value / scale)

    @method_of
    def logpdf(self, *args, **kwargs):
        return self._standard("logpdf", args, kwargs, -np.inf, -np.inf, lambda value, scale: value - log(scale))

    @method_of
    def cdf(self, *args, **kwargs):
        return self._standard("cdf", args, kwargs, 0.0, 1.0)

    @method_of
    def logcdf(self, *args, **kwargs):
        return self._standard("logcdf", args, kwargs, -np.inf, 0.0)

    @method_of
    def sf(self, *args, **kwargs):
        return self._standard("sf", args, kwargs, 1.0, 0.0)

    @method_of
    def logsf(self, *args, **kwargs):
        return self._standard("logsf", args, kwargs, 0.0, -np.inf)

    def _quantile(self, method, args, kwargs, swap):
        q, shapes, loc, scale = self._point(args, kwargs, "q")
        shape = np.broadcast_shapes(*map(np.shape, (q, *shapes, loc, scale)))
        return filled(self._inverse(method, q, shapes, loc, scale, swap), shape)

    @method_of
    def ppf(self, *args, **kwargs):
        return self._quantile("ppf", args, kwargs, swap=False)

    @method_of
    def isf(self, *args, **kwargs):
        return self._quantile("isf", args, kwargs, swap=True)

    @method_of
    def nnlf(self, theta, x):
        """Return minus the sum of logpdf over x, of the parameters as a sequence."""
        *shapes, loc, scale = theta
        value = a.negative(np.sum(self.logpdf(x, *shapes, loc=loc, scale=scale), axis=0))
        return a.select(a.isfinite(value), value, np.inf)

    fit = refused("fit")
    fit_loc_scale = refused("fit_loc_scale")


class Discrete(Distribution):
    """A discrete distribution, which is differentiated by its shapes: at integers only it is more than zero."""

    POINT = "k"
    PARAMETERS: ClassVar = {"loc": 0}

    def _steps(self, method, args, kwargs, low, high):
        """Return a function of points, which is constant between integers."""
        values, shapes, loc, scale = self._bind(("k",), args, kwargs)
        k = a.stop_gradient(double(values["k"]) - loc)
        if not any_traced(shapes):
            return self.formulas.constant(method)(k, *shapes)
        lower, upper = self.formulas.support(shapes)
        if method in ("pmf", "logpmf"):
            above = a.greater(k, upper)
            below = a.logical_or(a.less(k, lower), a.less(a.floor(k), k))
        else:
            k = a.floor(k)
            below, above = a.less(k, lower), a.greater_equal(k, upper)
        outside = a.logical_or(below, above)
        inside = k if nowhere(outside) else a.select(outside, choose(a.greater(lower, -np.inf), lower, 0.0), k)
        value = self.formulas.get(method)(inside, *shapes)
        value = value if nowhere(above) else a.select(above, high, value)
        value = value if nowhere(below) else a.select(below, low, value)
        valid = self._valid(shapes, scale)
        value = value if everywhere(valid) else a.select(valid, value, np.nan)
        return filled(value, np.broadcast_shapes(*map(np.shape, (k, *shapes))))

    def _quantile(self, method, args, kwargs):
        """Return quantiles: constant as a function of the probability and of the shapes."""
        values, shapes, loc, _ = self._bind(("q",), args, kwargs)
        return self.formulas.constant(method)(double(values["q"]), *shapes) + loc

    @method_of
    def pmf(self, *args, **kwargs):
        return self._steps("pmf", args, kwargs, 0.0, 0.0)

    @method_of
    def logpmf(self, *args, **kwargs):
        return self._steps("logpmf", args, kwargs, -np.inf, -np.inf)

    @method_of
    def cdf(self, *args, **kwargs):
        return self._steps("cdf", args, kwargs, 0.0, 1.0)

    @method_of
    def logcdf(self, *args, **kwargs):
        return self._steps("logcdf", args, kwargs, -np.inf, 0.0)

    @method_of
    def sf(self, *args, **kwargs):
        return self._steps("sf", args, kwargs, 1.0, 0.0)

    @method_of
    def logsf(self, *args, **kwargs):
        return self._steps("logsf", args, kwargs, 0.0, -np.inf)

    @method_of
    def ppf(self, *args, **kwargs):
        return self._quantile("ppf", args, kwargs)

    @method_of
    def isf(self, *args, **kwargs):
        return self._quantile("isf", args, kwargs)


@functools.cache
def wrapped(name):
    """Return the distribution of a name."""
    plain = getattr(scipy.stats, name)
    return (Continuous if isinstance(plain, scipy.stats.rv_continuous) else Discrete)(plain)
