"""How a function of a standard distribution, of its point and its shapes, is found for traced values.

A distribution of SciPy has private methods of a standardised point and of shapes: `_logpdf`, `_cdf`, `_ppf`, ...  Those
that are made of NumPy's functions and of ufuncs of `scipy.special` take traced values as they are.  The others have a
formula in the tables of this package (`OWN`), or are derived of another method: the survival function is one minus the
distribution function; an inverse is differentiated by the equation that it solves; of a distribution function that
SciPy integrates, the derivative by the point is the density.
"""

import functools

import numpy as np
import scipy.stats
from scipy.stats import rv_continuous, rv_discrete

from mmad._core import Traced
from mmad.derivatives.first_order import jvp
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import elementwise
from mmad.ops.transcendental import exp, log, log1p

__all__ = ["FORMULAS", "OWN", "Formulas", "own", "plain_op", "refusal"]

#: distribution -> {method: formula of the point and the shapes}
OWN: dict[str, dict] = {}
GENERIC = (rv_continuous, rv_discrete)  # whose methods integrate and search
#: What NumPy and SciPy raise where they do not know traced values.
FAILURES = (TypeError, ValueError, AttributeError, IndexError, NotImplementedError, SystemError)


def own(name, **formulas):
    """Declare formulas of a distribution that replace SciPy's private methods; an older SciPy may not have it."""
    OWN.setdefault(name, {}).update(formulas)


def refusal(name, method, why=""):
    """Return the error for a method that has no rule."""
    return UnsupportedError(
        f"scipy.stats.{name}.{method} has no derivative rule{why}: pass constants, mmad.concrete(v) or "
        f"mmad.stop_gradient(v), write it with functions of NumPy and scipy.special, or give it a rule with "
        "mmad.primitive"
    )


def plain_op(name, impl, *partials, boolean=False, nin=None):
    """Declare what SciPy computes of plain arrays as an operation."""

    def quiet(*operands):
        arrays = [v.copy() for v in np.broadcast_arrays(*map(np.atleast_1d, operands))]  # what SciPy's methods take
        shape = np.broadcast_shapes(*map(np.shape, operands))
        with np.errstate(all="ignore"):
            return np.asarray(impl(*arrays)).reshape(shape)[()]

    return elementwise(f"scipy.stats.{name}", quiet, *partials, boolean=boolean, nin=nin)


class Formulas:
    """The functions of one standard distribution.

    Parameters
    ----------
    plain : rv_continuous or rv_discrete
        SciPy's distribution.
    """

    def __init__(self, plain):
        self.plain, self.name = plain, plain.name
        self.own = OWN.get(plain.name, {})
        self.count = plain.numargs
        # whether SciPy takes the density at the ends of the support as zero
        self.open = getattr(type(plain), "_support_mask", None) is rv_continuous._open_support_mask
        self.get = functools.cache(self._find)

    def refuse(self, method, why=""):
        """Raise the error for a method."""
        raise refusal(self.name, method, why)

    def has(self, method):
        """Return whether SciPy's class defines a private method itself."""
        generic = next(c for c in GENERIC if isinstance(self.plain, c))
        return getattr(type(self.plain), f"_{method}", None) is not getattr(generic, f"_{method}", None)

    def _find(self, method):
        if method in self.own:
            return self.own[method]
        derived = getattr(self, f"_{method}", None)
        base = {"pdf": "logpdf", "pmf": "logpmf", "sf": "cdf", "isf": "ppf", "logcdf": "cdf", "logsf": "sf"}.get(method)
        if derived is not None and (not self.has(method) or base in self.own):
            return derived
        if self.has(method):
            return self._private(method)
        raise refusal(self.name, method)

    def _private(self, method):
        function = getattr(self.plain, f"_{method}")

        def formula(*operands, **options):
            try:
                return function(*operands, **options)
            except FAILURES as error:
                if any(map(np.ndim, operands)):
                    raise refusal(self.name, method, " by these arguments") from error
            try:  # some write into the arrays that SciPy gives them
                results = function(*(np.reshape(v, (1,)) for v in operands), **options)
            except FAILURES as error:
                raise refusal(self.name, method, " by these arguments") from error
            return tuple(v if v is None else _only(v) for v in results) if type(results) is tuple else _only(results)

        return formula

    # ---------------------------------------------------------------------------------------- derived of others
    def _pdf(self, x, *shapes):
        return exp(self.get("logpdf")(x, *shapes))

    def _logpdf(self, x, *shapes):
        return log(self.get("pdf")(x, *shapes))

    def _pmf(self, k, *shapes):
        return exp(self.get("logpmf")(k, *shapes))

    def _logpmf(self, k, *shapes):
        return log(self.get("pmf")(k, *shapes))

    def _sf(self, x, *shapes):
        return 1.0 - self.get("cdf")(x, *shapes)

    def _logcdf(self, x, *shapes):
        return self._log_of("cdf", "sf", x, *shapes)

    def _logsf(self, x, *shapes):
        return self._log_of("sf", "cdf", x, *shapes)

    def _log_of(self, method, other, x, *shapes):
        """Return the logarithm of a probability, of its complement where that is smaller."""
        p, q = self.get(method)(x, *shapes), self.get(other)(x, *shapes)
        small = a.less(p, 0.5)
        return a.select(small, log(a.select(small, p, 0.25)), log1p(a.negative(a.select(small, 0.25, q))))

    def _isf(self, q, *shapes):
        return self.get("ppf")(1.0 - q, *shapes)

    def _cdf(self, x, *shapes):
        if isinstance(self.plain, rv_discrete):
            return self._sum(x, *shapes)
        return self.integral("cdf", 1.0)(x, *shapes)

    @functools.cache  # noqa: B019  (distributions live as long as the module)
    def integral(self, method, sign):
        """Return what SciPy integrates as an operation.

        Its derivative by the point is plus or minus the density; those by shapes are refused.
        """

        def refused(*operands):
            raise refusal(self.name, method, " by its shape parameters")

        def density(x, *rest):
            return a.multiply(sign, self.get("pdf")(x, *rest[:-1]))

        integrated = getattr(self.plain, f"_{method}") if self.has(method) else self.plain._cdfvec

        def impl(x, *shapes):
            return np.where(np.isnan(x), np.nan, integrated(x, *shapes))

        return plain_op(f"{self.name}.{method}", impl, density, *[refused] * self.count)

    def _sum(self, k, *shapes):
        """Return the sum of the probabilities up to k."""
        lower, upper = self.support(shapes)
        last = upper if isinstance(k, Traced) else k
        if any(isinstance(v, Traced) for v in (lower, last)) or np.any(np.isinf(lower)) or np.any(np.isinf(last)):
            raise refusal(self.name, "cdf", " by these arguments")
        first = np.min(lower)
        steps = np.arange(first, np.max(last, initial=first) + 1.0)
        k, *shapes = (np.asarray(v)[..., None] if not isinstance(v, Traced) else v[..., None] for v in (k, *shapes))
        used = np.logical_and(a.less_equal(steps, k), steps >= np.asarray(lower)[..., None])
        return np.sum(
            np.where(used, self.get("pmf")(a.select(used, steps, np.asarray(lower)[..., None]), *shapes), 0.0), axis=-1
        )

    @functools.cache  # noqa: B019
    def constant(self, method):
        """Return what SciPy computes of plain arrays, as an operation whose derivatives are zero."""
        return plain_op(
            f"{self.name}.{method}_steps", getattr(self.plain, method), *[lambda *operands: 0.0] * (1 + self.count)
        )

    def _ppf(self, q, *shapes):
        return self.inverse("ppf", "cdf", 1.0)(q, *shapes)

    @functools.cache  # noqa: B019  (distributions live as long as the module)
    def inverse(self, method, of, sign):
        """Return the solution of ``of(x, *shapes) = q`` that SciPy finds, as an operation.

        Its derivative by q is that of x by the probability, and by a shape minus the change of the probability along
        that shape over the density.
        """

        def density(*operands):
            *shapes, out = operands[1:]
            return a.multiply(sign, self.get("pdf")(out, *shapes))

        def by_shape(i):
            def partial(*operands):
                *shapes, out = operands[1:]
                out, *shapes = _broadcast(out, *shapes)
                change = jvp(lambda s: self.get(of)(out, *shapes[:i], s, *shapes[i + 1 :]), (shapes[i],), (_ones(out),))
                return a.negative(a.divide(change[1], density(*operands)))

            return partial

        def by_q(*operands):
            return a.reciprocal(density(*operands))

        impl = getattr(self.plain, f"_{method}")
        if method == "ppf" and not self.has("ppf"):
            impl = self.plain._ppfvec
        return plain_op(f"{self.name}.{method}", impl, by_q, *map(by_shape, range(self.count)))

    # ---------------------------------------------------------------------------------------- where it is defined
    def support(self, shapes):
        """Return the ends of the support."""
        if "support" in self.own:
            return self.own["support"](*shapes)
        if not any(isinstance(s, Traced) for s in shapes):
            return self.plain._get_support(*shapes)
        if type(self.plain)._get_support is getattr(GENERIC[0], "_get_support", None):
            return self.plain.a, self.plain.b
        return self._private("get_support")(*shapes)

    def valid(self, shapes):
        """Return where the shapes are those of a distribution; True where all are."""
        if not shapes:
            return True
        if not any(isinstance(s, Traced) for s in shapes):
            return np.asarray(self.plain._argcheck(*shapes), bool)
        return self.argcheck(*shapes)

    @functools.cached_property
    def argcheck(self):
        """SciPy's test of shapes as an operation."""

        def test(*shapes):
            return np.asarray(self.plain._argcheck(*shapes), bool) & np.ones(
                np.broadcast_shapes(*map(np.shape, shapes)), bool
            )

        return plain_op(f"{self.name}.argcheck", test, boolean=True, nin=self.count)


def _only(x):
    return x[0] if np.ndim(x) else x


def _ones(x):
    return np.ones(np.shape(x))[()]


def _broadcast(*values):
    shape = np.broadcast_shapes(*map(np.shape, values))
    return [np.broadcast_to(v, shape) if np.shape(v) != shape else v for v in values]


@functools.cache
def FORMULAS(name):  # noqa: N802
    """Return the formulas of a distribution by its name."""
    return Formulas(getattr(scipy.stats, name))
