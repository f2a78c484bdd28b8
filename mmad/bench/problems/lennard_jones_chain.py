"""The Lennard-Jones energy of n particles in a chain, each with three neighbours on either side."""

from functools import cache

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM", "energy", "forces"]

NEIGHBOURS = 3


@cache
def pairs(n):
    """Return the indices of the first and of the second particles of all pairs that meet."""
    first, second = np.array([(i, i + d) for d in range(1, NEIGHBOURS + 1) for i in range(n - d)]).T
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def energy(xp, n, first, second):
    """Return the energy of pairs as a function of all coordinates."""

    def function(x):
        r = xp.reshape(x, (n, 3))
        d = r[first] - r[second]
        inverse = 1.0 / xp.sum(d * d, axis=1) ** 3
        return xp.sum(4.0 * (inverse * inverse - inverse))

    return function


def forces(x, n, first, second):
    """Return the gradient of the energy of pairs."""
    r = x.reshape(n, 3)
    d = r[first] - r[second]
    square = (d * d).sum(axis=1)
    inverse = 1.0 / square**3
    force = (4.0 * (2.0 * inverse - 1.0) * (-3.0) * inverse / square)[:, None] * 2.0 * d
    g = np.zeros_like(r)
    np.add.at(g, first, force)
    np.add.at(g, second, -force)
    return g.ravel()


def draw(n, rng):
    lattice = np.stack([np.arange(n) * 1.1, np.zeros(n), np.zeros(n)], 1)
    return (lattice + rng.uniform(-0.1, 0.1, size=(n, 3))).ravel()


PROBLEM = ModelProblem(
    name="lennard-jones-chain",
    title="Lennard-Jones chain",
    make=lambda xp, n: energy(xp, n, *pairs(n)),
    draw=draw,
    sizes=(10, 50, 300, 2000),
    products=("hessian", "gradient", "hvp"),
    source="J. E. Lennard-Jones, Proc. Phys. Soc. 43 (1931), 461-482",
    gradient=lambda x, n: forces(x, n, *pairs(n)),
    pattern="band of half width 11",
    tags=frozenset({"arrays", "complex"}),
    smallest=5,
)
