"""A loss of the final state of y' = p - y^3, driven by one control p for each step; controls are read one by one."""

from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

DT = 0.01


def make(xp, steps):
    def function(p):
        y = last_state(xp, lambda y, push: y + DT * (push - y * y * y), 0.5, p)
        return (y - 1.0) ** 2

    return function


def gradient(p, steps):
    states = [0.5 + 0.0 * p[0]]
    for k in range(steps):
        y = states[-1]
        states.append(y + DT * (p[k] - y * y * y))
    bar, g = 2.0 * (states.pop() - 1.0), 0.0 * p
    for k in reversed(range(steps)):
        g[k] = DT * bar
        bar = bar * (1.0 - 3.0 * DT * states[k] ** 2)
    return g


PROBLEM = ModelProblem(
    name="controlled",
    title="many controls of one state, over numbers",
    make=make,
    draw=lambda steps, rng: rng.uniform(0.5, 1.5, size=steps),
    sizes=(30, 300, 1000, 5000),
    products=("gradient",),
    source="Griewank, Walther, Evaluating Derivatives, SIAM 2008, chapter 12, as a loop to checkpoint",
    gradient=gradient,
    tags=frozenset({"scalars", "loop", "complex"}),
    smallest=10,
)
