"""Define problems to differentiate: functions of any size, streams of points, derivatives by hand, and tags."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice
from types import MappingProxyType

import numpy as np

from mmad.bench.complex_step import complex_step_jacobian, complex_step_product
from mmad.bench.trees import flatten, map_leaves

__all__ = ["PRODUCTS", "TAGS", "Instance", "ModelProblem"]

#: The derivatives that a comparison computes: the first three of functions that return one number, the last of others.
PRODUCTS = ("gradient", "hvp", "hessian", "jacobian")

#: The tags of problems, and what they mean.
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
    """A problem, for any size.

    Attributes
    ----------
    name : str
        The name of its module, with hyphens.
    title : str
        A few words for tables.
    make : callable
        ``make(xp, n)`` returns the function of size `n` for a namespace: numpy, jax.numpy, autograd.numpy, torch, ...
        The function has one argument: an array, a number, or a dict or tuple of them.
    draw : callable
        ``draw(n, rng)`` returns a random point.
    sizes : tuple
        Four sizes, from small to large; each is an integer or a tuple of integers.
    products : tuple of str
        The derivatives, out of `PRODUCTS`, that are of interest for the problem, the most typical one first.
    source : str
        Where the problem comes from, with its name in a known collection.
    gradient : callable, optional
        ``gradient(x, n)`` by hand, in NumPy, in the structure of `x`.  It accepts complex arguments, so that a complex
        step through it gives Hessian-vector products.
    jacobian : callable, optional
        ``jacobian(x, n)`` by hand, a matrix; without it, columns come from complex steps through the function.
    pattern : str
        The sparsity pattern of the Hessian or Jacobian, in a few words.
    tags : frozenset of str
        A subset of `TAGS`.
    smallest : int or tuple, optional
        A size for tests, if the first of `sizes` takes long.
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
        """Yield random points without end; the same seed gives the same points."""
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
        """The highest order of the derivatives in `products`."""
        return 2 if {"hvp", "hessian"} & set(self.products) else 1

    @property
    def is_sparse(self):
        """Whether it is worth while to compute the Hessian or Jacobian as a sparse matrix."""
        return "dense" not in self.pattern

    @property
    def is_pure(self):
        """Whether one trace is valid at all points: no branches on values, no writes into arrays."""
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
        """Yield random points without end."""
        return self.problem.points(self.n, seed)

    def cycle(self, count=8):
        """Yield a few points over and over, so that the time of drawing a point is not measured."""
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
        """The number of unknowns: the size of a point."""
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
