"""The energy of a Lennard-Jones fluid in a periodic box, with a cut-off: beyond it pairs do not interact.

Distances are to the nearest image; near the cut-off the energy is made to go to zero with its slope.
"""

from functools import cache

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

SPACING, CUTOFF = 1.2, 2.5
SQUARED = CUTOFF**2
# e(s) = 4 (s^-6 - s^-3) - value - slope (s - SQUARED), in s, the squared distance.
VALUE = 4.0 * (SQUARED**-6 - SQUARED**-3)
SLOPE = 4.0 * (3.0 * SQUARED**-4 - 6.0 * SQUARED**-7)


@cache
def pairs(n):
    return np.triu_indices(n, 1)


def box(n):
    """Return the length of the box's sides."""
    return max(SPACING * np.ceil(n ** (1 / 3)), 2.0 * CUTOFF)


def make(xp, n):
    first, second = pairs(n)
    length = box(n)

    def function(x):
        r = xp.reshape(x, (n, 3))
        d = r[first] - r[second]
        d = d - length * xp.round(d / length)
        s = xp.sum(d * d, axis=1)
        inverse = 1.0 / (s * s * s)
        energy = 4.0 * (inverse * inverse - inverse) - VALUE - SLOPE * (s - SQUARED)
        return xp.sum(xp.where(s < SQUARED, energy, 0.0))

    return function


def gradient(x, n):
    first, second = pairs(n)
    r = x.reshape(n, 3)
    d = r[first] - r[second]
    d = d - box(n) * np.round(d.real / box(n))
    s = (d * d).sum(axis=1)
    slope = np.where(s.real < SQUARED, 4.0 * (3.0 * s**-4 - 6.0 * s**-7) - SLOPE, 0.0)
    force = 2.0 * slope[:, None] * d
    g = np.zeros_like(r)
    np.add.at(g, first, force)
    np.add.at(g, second, -force)
    return g.ravel()


def draw(n, rng):
    side = int(np.ceil(n ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:n] * SPACING
    return (lattice + rng.uniform(-0.1, 0.1, size=(n, 3))).ravel()


PROBLEM = ModelProblem(
    name="molecular-dynamics",
    title="molecular dynamics with a cut-off",
    make=make,
    draw=draw,
    sizes=(8, 27, 125, 512),
    products=("gradient", "hvp"),
    source="Allen, Tildesley, Computer Simulation of Liquids, Oxford 2017, sections 1.6 and 5.2",
    gradient=gradient,
    pattern="blocks of 3 of pairs within the cut-off",
    tags=frozenset({"arrays"}),
)
