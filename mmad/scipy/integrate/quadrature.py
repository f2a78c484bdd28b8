"""Integrals of functions, in what the function holds and in the limits.

The derivative of the integral of f(t, p) from a to b is the integral of the derivative of f, plus f(b, p) b_dot minus
f(a, p) a_dot.  It is an integral again, with nodes of its own, and so has derivatives itself.
"""

import itertools

import numpy as np
import scipy.integrate as _scipy

from mmad.derivatives.closures import rule_of_values
from mmad.derivatives.first_order import jvp, vjp
from mmad.numpy import asarray
from mmad.scipy._drop_in import replaces
from mmad.scipy.optimize.roots import as_tuple

__all__ = []

# Derivatives are integrated to these tolerances at least: a caller's are often chosen for the value.
EPSABS, EPSREL = 1e-12, 1e-10


def _integral(f, a, b, quadrature, options):
    """Return the integral of f(t) from a to b.

    Parameters
    ----------
    quadrature : callable
        ``quadrature(f, a, b)`` -> value, on plain values.
    options : dict
        Breaking points and weights of the integrand, as `quad` takes them.
    """

    def ends(filled):
        return lambda values: [x * 1.0 for x in filled(values)[1:]]

    def bounded(f, a, b):
        """The integrand at the limits; zero at infinity."""
        return [f(x) if np.isfinite(x) else 0.0 for x in (a, b)]

    def push(filled, values, tangents, y):
        f, a, b = filled(values)

        def rate(t):
            return jvp(lambda values: filled(values)[0](t), (values,), (tangents,))[1]

        total = _integral(rate, a, b, _accurate(options), options)
        if not _ends_matter(options):
            return total
        rates = jvp(ends(filled), (values,), (tangents,))[1]
        low, high = bounded(f, a, b)
        return total + high * rates[1] - low * rates[0]

    def pull(filled, values, ct, y):
        f, a, b = filled(values)
        shapes = [np.shape(v) for v in values]
        marks = np.cumsum([0, *(int(np.prod(s)) for s in shapes)])

        def slopes(t):
            gs = vjp(lambda values: filled(values)[0](t), values)[1](ct)[0]
            return np.concatenate([np.reshape(asarray(g), (-1,)) for g in gs])

        total = _integral(slopes, a, b, _accurate(options), options)
        gs = [
            total[i:j].reshape(s) if s else total[i]
            for (i, j), s in zip(itertools.pairwise(marks), shapes, strict=True)
        ]
        if not _ends_matter(options):
            return gs
        low, high = (np.sum(np.conj(ct) * v) if np.iscomplexobj(ct) else np.sum(ct * v) for v in bounded(f, a, b))
        at_ends = vjp(ends(filled), values)[1]([-np.real(low), np.real(high)])[0]
        return [g + h for g, h in zip(gs, at_ends, strict=True)]

    return rule_of_values("quad", (f, a, b), lambda whole: quadrature(*whole), push, pull)


def _ends_matter(options):
    return options.get("weight") not in ("alg", "alg-loga", "alg-logb", "alg-log", "cauchy")


def _accurate(options):
    """Return the quadrature of derivatives, of numbers or vectors."""
    tolerances = {"epsabs": EPSABS, "epsrel": EPSREL}

    def quadrature(f, a, b):
        if options.get("weight") is None:
            points = {"points": options["points"]} if options.get("points") is not None else {}
            return _scipy.quad_vec(f, a, b, norm="max", limit=2000, **tolerances, **points)[0]
        first = np.asarray(f((a + b) / 2.0 if np.isfinite(a + b) else a if np.isfinite(a) else b))
        found = [
            _scipy.quad(lambda t, k=k: np.ravel(f(t))[k], a, b, **tolerances, **options)[0] for k in range(first.size)
        ]
        return np.reshape(found, first.shape)[()]

    return quadrature


@replaces(_scipy.quad, closures=True)
def quad(func, a, b, args=(), full_output=0, points=None, weight=None, wvar=None, **more):
    """Return the integral of a function of one number, and an estimate of its error."""
    held, args = [], as_tuple(args)
    options = {k: v for k, v in (("points", points), ("weight", weight), ("wvar", wvar)) if v is not None}

    def quadrature(f, a, b):
        out = _scipy.quad(f, a, b, full_output=full_output, **options, **more)
        held.append(out[1:])
        return out[0]

    y = _integral(lambda t: func(t, *args), a, b, quadrature, options)
    return (y, *held[-1])


@replaces(_scipy.quad_vec, closures=True)
def quad_vec(f, a, b, args=(), full_output=False, points=None, **more):
    """Return the integral of a function with an array as its value, and an estimate of its error."""
    held, args = [], as_tuple(args)
    options = {} if points is None else {"points": points}

    def quadrature(f, a, b):
        out = _scipy.quad_vec(f, a, b, full_output=full_output, **options, **more)
        held.append(out[1:])
        return out[0]

    y = _integral(lambda t: f(t, *args), a, b, quadrature, options)
    return (y, *held[-1])


@replaces(_scipy.fixed_quad, closures=True)
def fixed_quad(func, a, b, args=(), n=5):
    """Return the integral by Gauss and Legendre's rule with n nodes."""
    x, w = np.polynomial.legendre.leggauss(n)
    t = (b - a) * (x + 1.0) / 2.0 + a
    return (b - a) / 2.0 * (w * asarray(func(t, *as_tuple(args)))).sum(axis=-1), None


def _at(limit, *args):
    return limit(*args) if callable(limit) else limit


@replaces(_scipy.dblquad, closures=True)
def dblquad(func, a, b, gfun, hfun, args=(), **tolerances):
    """Return the integral of ``func(y, x)`` for x from a to b, and y between two functions of x."""

    def inner(x):
        return quad(func, _at(gfun, x), _at(hfun, x), (x, *args), **tolerances)[0]

    return quad(inner, a, b, **tolerances)
