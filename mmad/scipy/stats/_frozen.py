"""A distribution with parameters, some of which may be traced."""

import functools

from mmad.scipy._drop_in import any_traced

__all__ = ["Frozen"]


class Frozen:
    """A distribution with parameters."""

    def __init__(self, dist, args, kwds):
        self.dist, self.args, self.kwds = dist, args, kwds
        self.plain = None if any_traced((args, kwds)) else dist.plain(*args, **kwds)
        self.parameters = dist.bound((), args, kwds)

    def __reduce__(self):
        return type(self), (self.dist, self.args, self.kwds)

    @property
    def __class__(self):
        return Frozen if self.plain is None else type(self.plain)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in METHODS and hasattr(type(self.dist), name):
            return functools.partial(self._call, name)
        if self.plain is None:
            raise AttributeError(f"a distribution with traced parameters has no attribute {name!r}")
        return getattr(self.plain, name)

    def _call(self, name, *args, **kwargs):
        if self.plain is not None and not any_traced((args, kwargs)):
            return getattr(self.plain, name)(*args, **kwargs)
        given = dict(zip((METHODS[name] or self.dist.POINT).split(), args, strict=False))
        return getattr(self.dist, name)(**given, **kwargs, **self.parameters)


#: The methods of a distribution with parameters, and what they are given.
METHODS = {
    **dict.fromkeys(("pdf", "logpdf"), "x"),
    **dict.fromkeys(("pmf", "logpmf"), "k"),
    **dict.fromkeys(("ppf", "isf"), "q"),
    **dict.fromkeys(("mean", "var", "std", "median", "entropy", "support"), "none"),
    "interval": "confidence",
    "moment": "order",
    "rvs": "size random_state",
    "stats": "moments",
    **dict.fromkeys(("cdf", "logcdf", "sf", "logsf"), None),  # the point, by the name that it has
}
