"""Final populations of competing species after explicit Euler steps over arrays; differentiated by the rates.

A size is (steps, parameters).
"""

from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def species(size):
    return max(2, size[1] // 2)


def make(xp, size):
    count = species(size)

    def function(p):
        growth, loss = p[:count], p[count:]

        def step(y, _):
            return y + 0.01 * y * (growth - loss * xp.sum(y))

        return last_state(xp, step, xp.ones_like(growth) * 0.5, range(size[0]))

    return function


PROBLEM = ModelProblem(
    name="orbit",
    title="competing species, sensitivities",
    make=make,
    draw=lambda size, rng: rng.uniform(0.5, 1.5, size=2 * species(size)),
    sizes=((20, 4), (200, 4), (200, 8), (2000, 8)),
    products=("jacobian",),
    source="Murray, Mathematical Biology I, Springer 2002, section 3.5, competition models",
    tags=frozenset({"arrays", "loop", "complex"}),
    smallest=(5, 4),
)
