"""The equations of power flow: the real and the reactive power that flow into each bus of a network, less the demand.

The unknowns are the angles and the sizes of the voltages.  The network is a ring with chords: four lines a bus.
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

STEPS = (1, 7)  # a bus has lines to the buses this many places before and after it


@cache
def data(n):
    """Return the neighbours of each bus and the admittances, the bus itself first; and the demand for power."""
    rng = np.random.default_rng(70)
    around = np.array([0, *(sign * step for step in STEPS for sign in (1, -1))])
    neighbours = (np.arange(n)[:, None] + around) % n
    g, b = np.zeros(neighbours.shape), np.zeros(neighbours.shape)
    for k, step in enumerate(STEPS):
        y = 1.0 / (
            rng.uniform(0.01, 0.05, size=n) + 1j * rng.uniform(0.05, 0.2, size=n)
        )  # of the line from i to i + step
        for column, line in ((1 + 2 * k, y), (2 + 2 * k, np.roll(y, step))):
            g[:, column], b[:, column] = -line.real, -line.imag
    g[:, 0], b[:, 0] = -g[:, 1:].sum(axis=1), -b[:, 1:].sum(axis=1)
    return neighbours, g, b, rng.normal(size=n), 0.3 * rng.normal(size=n)


def make(xp, n):
    neighbours, *numbers = data(n)
    g, b, real, reactive = constant(xp, *numbers)

    def function(x):
        angle, size = x[:n], x[n:]
        difference = angle[:, None] - angle[neighbours]
        c, s = xp.cos(difference), xp.sin(difference)
        flow = size[:, None] * size[neighbours]
        p = xp.sum(flow * (g * c + b * s), axis=1)
        q = xp.sum(flow * (g * s - b * c), axis=1)
        return xp.concatenate((p - real, q - reactive))

    return function


PROBLEM = ModelProblem(
    name="power-flow",
    title="power flow",
    make=make,
    draw=lambda n, rng: np.concatenate([rng.uniform(-0.3, 0.3, size=n), rng.uniform(0.9, 1.1, size=n)]),
    sizes=(30, 300, 3000, 30_000),
    products=("jacobian",),
    source="Tinney, Hart, IEEE Trans. Power Appar. Syst. 86 (1967), 1449-1460; as in MATPOWER, on a random ring",
    pattern="four blocks of a ring with chords",
    tags=frozenset({"arrays", "complex"}),
    smallest=17,
)
