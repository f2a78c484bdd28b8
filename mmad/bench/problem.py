"""A problem to differentiate: a function of any size, a stream of points, derivatives by hand, and what it is about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice
from types import MappingProxyType

import numpy as np

from mmad.bench.complex_step import complex_step_jacobian, complex_step_product
from mmad.bench.trees import flatten, map_leaves

__all__ = ["PRODUCTS", "TAGS", "Instance", "ModelProblem"]

#: What can be asked for.  The first two are of functions with one number as their result, the last one of all others.
PRODUCTS = ("gradient", "hvp", "hessian", "jacobian")

#: What a problem is marked with, and what that means.
TAGS = MappingProxyType(
    {
        "arrays": "written with operations on whole arrays",
        "scalars": "written with operations on single numbers",
        "loop": "a Python loop whose length grows with the size",
        "branches": "Python branches on values, which differ from point to point",
        "mutation": "writes into arrays",
        "linear algebra": "factorisations or solutions of linear systems",
        "nested": "takes derivatives inside",
        "complex": "its function accepts complex arguments",
    }
)


@dataclass(frozen=True)
class ModelProblem:
    """One problem, for any size.

    Attributes
    ----------
    name : str
        That of its module, with hyphens.
    title : str
        A few words for tables.
    make : callable
        ``make(xp, n)`` gives the function of size `n` for a namespace: numpy, jax.numpy, autograd.numpy, torch, ...
        It has one argument, an array, a number or a dict or tuple of them.
    draw : callable
        ``draw(n, rng)`` gives a point at random.
    sizes : tuple
        Four, from small to large; each an integer or a tuple of them.
    products : tuple of str
        What of `PRODUCTS` the problem is about, the most typical one first.
    source : str
        Where it comes from, with its name in a known collection.
    gradient : callable, optional
        ``gradient(x, n)`` by hand, in NumPy, in the structure of `x`.  It accepts complex arguments, so that a complex
        step through it gives Hessian-vector products.
    jacobian : callable, optional
        ``jacobian(x, n)`` by hand, a matrix; without it, columns come from complex steps through the function.
    pattern : str
        The sparsity pattern of the Hessian or Jacobian, in a few words.
    tags : frozenset of str
        Of `TAGS`.
    smallest : int or tuple, optional
        A size for tests, where the first of `sizes` takes long.
    """

    name: str
    title: str
    make: Callable
    draw: Callable
    sizes: tuple
    products: tuple
    source: str
    gradient: Callable | None = None
    jacobian: Callable | None = None
    pattern: str = "dense"
    tags: frozenset = field(default_factory=frozenset)
    smallest: object = None

    def at(self, n):
        """Return the problem of one size."""
        return Instance(self, n)

    def points(self, n, seed=0):
        """Yield points without end, another one each time; the same ones for the same seed."""
        rng = np.random.default_rng(seed)
        while True:
            yield self.draw(n, rng)

    def direction(self, n, seed=0):
        """Return a direction in the structure of a point, of normally distributed numbers."""
        rng = np.random.default_rng((seed, 1))
        return map_leaves(
            lambda leaf: rng.normal(size=np.shape(leaf)) if np.ndim(leaf) else float(rng.normal()),
            self.draw(n, np.random.default_rng(seed)),
        )

    @property
    def order(self):
        """The highest order of derivatives that it is about."""
        return 2 if {"hvp", "hessian"} & set(self.products) else 1

    @property
    def is_sparse(self):
        """Whether its Hessian or Jacobian is worth to be computed as a sparse matrix."""
        return "dense" not in self.pattern

    @property
    def is_pure(self):
        """Whether tools can trace it once for all points: no branches on values, no writes into arrays."""
        return not {"branches", "mutation"} & self.tags


@dataclass(frozen=True)
class Instance:
    """A problem of one size, with derivatives to compare with: by hand, or by complex steps."""

    problem: ModelProblem
    n: object

    @property
    def name(self):
        """The problem's name and the size, such as ``"waist-1000-4"``."""
        return "-".join([self.problem.name, *map(str, self.n if isinstance(self.n, tuple) else (self.n,))])

    def make(self, xp):
        """Return the function for a namespace."""
        return self.problem.make(xp, self.n)

    def points(self, seed=0):
        """Yield points without end."""
        return self.problem.points(self.n, seed)

    def cycle(self, count=8):
        """Yield a few points over and over: drawing a point is no part of what is timed."""
        return cycle(list(islice(self.points(), count)))

    @cached_property
    def point(self):
        """The first of the points."""
        return next(self.points())

    @cached_property
    def direction(self):
        """A direction at a point."""
        return self.problem.direction(self.n)

    @cached_property
    def inputs(self):
        """How many numbers a point holds."""
        return flatten(self.point).size

    def gradient(self, x):
        """Return the gradient by hand."""
        return self.problem.gradient(x, self.n)

    def hvp(self, x, v):
        """Return the Hessian-vector product by a complex step through the gradient by hand."""
        return complex_step_product(self.gradient, x, v)

    def hessian(self, x):
        """Return the Hessian matrix by complex steps through the gradient by hand."""
        return complex_step_jacobian(self.gradient, x)

    def jvp(self, x, v):
        """Return the Jacobian times a direction by a complex step through the function; a vector."""
        if "complex" in self.problem.tags:
            return flatten(complex_step_product(self.make(np), x, v))
        return self.jacobian(x) @ flatten(v)

    def jacobian(self, x):
        """Return the Jacobian matrix by hand, or by complex steps through the function."""
        if self.problem.jacobian is not None:
            return self.problem.jacobian(x, self.n)
        return complex_step_jacobian(self.make(np), x)
