"""Define cases: a function of NumPy or SciPy, written once for the namespaces of mmad and of JAX.

What is differentiated is the squared distance between the function's results and fixed targets near them.  Its gradient
is the transposed Jacobian times the distance, which depends on the point even where the function is linear; its
Hessian-vector product needs the function's second derivative.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

import mmad
from mmad.bench.problem import Instance, ModelProblem

__all__ = ["FamilyCase", "FamilyInstance", "Namespace", "declare", "jax_namespace", "namespace_of", "numpy_namespace"]

PART = 0.1  # of the largest result: how far the targets are from the results at the first point
NEWTON = 6  # steps of Newton's method, which begins close by
JAX_MODULES = ("fft", "integrate", "interpolate", "linalg", "ndimage", "signal", "special", "stats")


@dataclass(frozen=True)
class Namespace:
    """What a case is written with.

    Attributes
    ----------
    np, scipy : module
        NumPy and SciPy, or what has their functions.
    odeint : callable
        ``odeint(f, y0, t, rtol, atol)``, with ``f(y, t)``.
    sparse : callable
        Returns a matrix that can be multiplied, of a matrix of SciPy.
    root : callable
        ``root(f, x0, p)`` returns y with ``f(y, p) = 0``; its derivative is that of the equation.
    """

    np: object
    scipy: object
    odeint: Callable
    sparse: Callable
    root: Callable


@cache
def numpy_namespace():
    """Return NumPy, `mmad.scipy`, and what has other names there."""
    scipy = importlib.import_module("mmad.scipy")

    def odeint(f, y0, t, rtol, atol):
        return scipy.integrate.odeint(f, y0, t, rtol=rtol, atol=atol)

    def root(f, x0, p):
        return scipy.optimize.fsolve(f, x0, args=(p,), xtol=1e-12)

    return Namespace(np, scipy, odeint, lambda matrix: matrix, root)


@cache
def jax_namespace():
    """Return `jax.numpy`, `jax.scipy`, and what has other names there."""
    jax = importlib.import_module("jax")
    for name in JAX_MODULES:
        importlib.import_module(f"jax.scipy.{name}")
    ode, sparse = (importlib.import_module(f"jax.experimental.{name}") for name in ("ode", "sparse"))

    def odeint(f, y0, t, rtol, atol):
        return ode.odeint(f, y0, jax.numpy.asarray(t), rtol=rtol, atol=atol)

    def root(f, x0, p):
        def newton(g, y):
            def step(_, y):
                return y - jax.numpy.linalg.solve(jax.jacfwd(g)(y), g(y))

            return jax.lax.fori_loop(0, NEWTON, step, y)

        def tangent_solve(g, y):
            return jax.numpy.linalg.solve(jax.jacfwd(g)(y), y)

        return jax.lax.custom_root(lambda y: f(y, p), x0, newton, tangent_solve)

    return Namespace(jax.numpy, jax.scipy, odeint, sparse.BCOO.from_scipy_sparse, root)


def namespace_of(xp):
    """Return the namespace of NumPy's or JAX's module of arrays."""
    if xp is np:
        return numpy_namespace()
    if xp.__name__ == "jax.numpy":
        return jax_namespace()
    raise NotImplementedError(f"cases are written for NumPy and JAX, not for {xp.__name__}")


@dataclass(frozen=True)
class FamilyCase(ModelProblem):
    """A problem that calls one function of a family.

    Attributes
    ----------
    family : str
    """

    family: str = ""

    def at(self, n):
        """Return the case of one size."""
        return FamilyInstance(self, n)


class FamilyInstance(Instance):
    """A case of one size, whose derivatives are compared with those of mmad's eager modes."""

    def gradient(self, x):
        """Return the gradient by mmad, recorded and swept at once."""
        return mmad.grad(self.make(np))(x)

    def hvp(self, x, v):
        """Return the Hessian-vector product by mmad, recorded and swept at once."""
        return mmad.hvp(self.make(np))(x, v)


def declare(family, name, function, draw, sizes):
    """Return a case.

    Parameters
    ----------
    family, name : str
    function : callable
        ``function(s, x)`` with a `Namespace` returns an array or a tuple of arrays, real or complex; where a point is a
        tuple, ``function(s, *x)``.
    draw : callable
        ``draw(n, rng)`` returns a point, an array or a tuple of arrays.
    sizes : tuple
        A small and a large one.
    """

    def results(s, x):
        found = function(s, *x) if isinstance(x, tuple) else function(s, x)
        return found if isinstance(found, tuple) else (found,)

    @cache
    def targets(n):
        found = results(numpy_namespace(), draw(n, np.random.default_rng(0)))
        return tuple(_near(np.asarray(value)) for value in found)

    def make(xp, n):
        s, held = namespace_of(xp), targets(n)

        def squared_distance(x):
            return sum(_squares(xp, value - target) for value, target in zip(results(s, x), held, strict=True))

        return squared_distance

    return FamilyCase(
        name=f"{family}: {name}",
        title=f"{family}: {name}",
        make=make,
        draw=draw,
        sizes=sizes,
        products=("gradient", "hvp"),
        source="a function of NumPy or SciPy",
        family=family,
    )


def _near(value):
    """Return real targets near the real parts of results."""
    steps = np.cos(np.arange(value.size, dtype=float)).reshape(value.shape)
    return value.real + PART * np.max(np.abs(value), initial=0.0) * steps


def _squares(xp, difference):
    """Return the sum of the squared absolute values."""
    if xp.iscomplexobj(difference):
        return xp.sum(xp.real(difference) ** 2) + xp.sum(xp.imag(difference) ** 2)
    return xp.sum(difference**2)
