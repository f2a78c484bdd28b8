"""Robertson's reaction, stiff, by Rosenbrock's implicit step over numbers: three species at the end by three rates."""

from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

DT = 0.01


def make(xp, steps):
    def function(rates):
        slow, fast, middle = rates[0], 3e3 * rates[1], 1e2 * rates[2]

        def step(state, _):
            a, b, c = state
            # (I - dt J) d = dt f, with J the Jacobian of the slopes f; the slopes add up to zero.
            loss, gain, back = slow * a, middle * b * c, fast * b * b
            f, g = gain - loss, loss - gain - back
            p, q, r = slow, middle * c, middle * b
            s = 2.0 * fast * b
            # c = total - a - b: two equations are left.
            m11, m12 = 1.0 + DT * (p + r), DT * (r - q)
            m21, m22 = -DT * (p + r), 1.0 + DT * (q + s - r)
            det = m11 * m22 - m12 * m21
            d = DT * (f * m22 - m12 * g) / det
            e = DT * (m11 * g - m21 * f) / det
            return a + d, b + e, c - d - e

        a, b, c = last_state(xp, step, (1.0, 0.0, 0.0), range(steps))
        return xp.stack((a, 1e2 * b, c))

    return function


PROBLEM = ModelProblem(
    name="robertson",
    title="Robertson's reaction, sensitivities",
    make=make,
    draw=lambda steps, rng: rng.uniform(0.5, 1.5, size=3),
    sizes=(10, 100, 1000, 10_000),
    products=("jacobian",),
    source="H. H. Robertson, 1966; Hairer, Wanner, Solving ODEs II, Springer 1996, IV.1: ROBER; milder rates here",
    tags=frozenset({"scalars", "loop", "complex"}),
)
