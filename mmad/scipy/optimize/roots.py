"""Roots and fixed points: SciPy finds them, the implicit function theorem differentiates them."""

import copy

import numpy as np
import scipy.optimize as _scipy

from mmad.derivatives import implicit
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import replaces

__all__ = ["as_tuple", "replaced", "require_success"]


def as_tuple(args):
    """Return `args` as SciPy takes it: a single argument need not be a tuple."""
    return args if isplain(args, tuple) else (args,)


def replaced(result, **values):
    """Return a copy of a result of SciPy with other values of some attributes."""
    result = copy.copy(result)
    for name, value in values.items():
        setattr(result, name, value)
    return result


def require_success(name, result):
    """Raise an error where a solver did not converge, since a derivative there would mean nothing."""
    if not result.success:
        raise UnsupportedError(
            f"{name} did not converge, so its result has no derivative: {getattr(result, 'message', '')}"
        )


def _array_valued(f):
    """Return a function whose result, maybe a list of traced numbers, is an array."""

    def g(x, *args):
        return asarray(f(x, *args))

    return g


def _bracketing(name):
    """Return a root finder that takes an interval."""
    function = getattr(_scipy, name)

    @replaces(function, closures=True)
    def find(f, a, b, args=(), full_output=False, **options):
        held = []

        def solver(*args):
            x, info = function(f, a, b, args=args, full_output=True, **options)
            held.append(info)
            return float(x)

        x = implicit.root(f, solver, *as_tuple(args))
        return (x, replaced(held[-1], root=x)) if full_output else x

    return find


brentq = _bracketing("brentq")
brenth = _bracketing("brenth")
bisect = _bracketing("bisect")
ridder = _bracketing("ridder")
toms748 = _bracketing("toms748")


@replaces(_scipy.newton, closures=True)
def newton(func, x0, args=(), full_output=False, **options):
    """Return a root by Newton's or the secant method, of one number or of each element of an array."""
    held, number = [], np.ndim(x0) == 0

    def solver(*args):
        out = _scipy.newton(func, x0, args=args, full_output=True, **options)
        held.append(out[1:])
        return out[0] if not number else complex(out[0]) if np.iscomplexobj(out[0]) else float(out[0])

    x = implicit.root(func, solver, *as_tuple(args))
    if not full_output:
        return x
    return (x, replaced(held[-1][0], root=x)) if number else (x, *held[-1])


@replaces(_scipy.root_scalar, closures=True)
def root_scalar(f, args=(), fprime=None, **options):
    """Return a root of a function of one number."""
    held = []

    def solver(*args):
        result = _scipy.root_scalar(f, args=args, fprime=fprime, **options)
        if not result.converged:
            raise UnsupportedError(f"scipy.optimize.root_scalar did not converge: {result.flag}")
        held.append(result)
        return float(result.root)

    def residual(x, *args):
        y = f(x, *args)
        return y[0] if fprime is True else y  # the function and its derivative

    x = implicit.root(residual, solver, *as_tuple(args))
    return replaced(held[-1], root=x)


@replaces(_scipy.root, closures=True)
def root(fun, x0, args=(), jac=None, **options):
    """Return a root of a function of a vector."""
    held = []

    def solver(*args):
        result = _scipy.root(fun, x0, args=args, jac=jac, **options)
        require_success("scipy.optimize.root", result)
        held.append(result)
        return np.array(result.x, dtype=float)

    residual = _array_valued((lambda x, *args: fun(x, *args)[0]) if jac is True else fun)
    x = implicit.root(residual, solver, *as_tuple(args))
    return replaced(held[-1], x=x)


@replaces(_scipy.fsolve, closures=True)
def fsolve(func, x0, args=(), full_output=0, **options):
    """Return a root of a function of a vector."""
    held = []

    def solver(*args):
        x, info, flag, message = _scipy.fsolve(func, x0, args=args, full_output=True, **options)
        if flag != 1:
            raise UnsupportedError(f"scipy.optimize.fsolve did not converge, so there is no derivative: {message}")
        held.append((info, flag, message))
        return x

    x = implicit.root(_array_valued(func), solver, *as_tuple(args))
    return (x, *held[-1]) if full_output else x


@replaces(_scipy.fixed_point, closures=True)
def fixed_point(func, x0, args=(), **options):
    """Return a fixed point of a function, of one number or of each element of an array."""

    def solver(*args):
        x = _scipy.fixed_point(func, x0, args=args, **options)
        return x if np.ndim(x) else float(x)

    step = _array_valued(func) if np.ndim(x0) else func
    return implicit.fixed_point(step, solver, *as_tuple(args))
