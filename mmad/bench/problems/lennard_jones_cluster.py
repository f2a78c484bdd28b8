"""The Lennard-Jones energy of a cluster of n particles, all of whose pairs meet."""

import numpy as np

from mmad.bench.problem import ModelProblem
from mmad.bench.problems.lennard_jones_chain import energy, forces

__all__ = ["PROBLEM"]


def draw(n, rng):
    side = int(np.ceil(n ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:n] * 1.1
    return (lattice + rng.uniform(-0.1, 0.1, size=(n, 3))).ravel()


PROBLEM = ModelProblem(
    name="lennard-jones-cluster",
    title="Lennard-Jones cluster",
    make=lambda xp, n: energy(xp, n, *np.triu_indices(n, 1)),
    draw=draw,
    sizes=(5, 10, 20, 40),
    products=("hessian", "gradient", "hvp"),
    source="Wales, Doye, J. Phys. Chem. A 101 (1997), 5111-5116; MINPACK-2: Lennard-Jones clusters",
    gradient=lambda x, n: forces(x, n, *np.triu_indices(n, 1)),
    tags=frozenset({"arrays", "complex"}),
    smallest=4,
)
