"""Taylor coefficients by order, beside nested forward mode and JAX's jet; loops with few states kept."""

import math
import tracemalloc

import numpy as np

import mmad
from mmad.bench import find_problem
from mmad.bench.problems.pendulum import make_step

from ._suite import Suite, benchmark

# jet has no rule for arctan or matrix factors; these functions it takes
FUNCTIONS = {
    "number": (lambda np: lambda x: np.exp(np.sin(x)) * np.log(1 + x * x) / np.sqrt(2 + np.cos(x)), 0.7),
    "array": (lambda np: lambda x: np.tanh(x * x) / (1 + np.exp(-x)), np.linspace(0.1, 1.0, 10_000)),
}


def nested(f, order):
    if order == 0:
        return f
    return lambda t: mmad.jvp(nested(f, order - 1), (t,), (1.0,))[1]


@benchmark("Taylor coefficients")
class Order(Suite):
    """All coefficients up to an order."""

    params = (tuple(FUNCTIONS), (1, 2, 4, 8, 16))
    param_names = ("function", "order")

    def setup(self, name, order):
        make, self.x = FUNCTIONS[name]
        self.f, self.v = make(np), np.ones_like(self.x) if np.ndim(self.x) else 1.0
        self.compiled = mmad.compile(lambda x: mmad.taylor(self.f, x, self.v, order))
        self.compiled(self.x)

    def time_taylor(self, name, order):
        """All coefficients, eagerly."""
        mmad.taylor(self.f, self.x, self.v, order)

    def time_compiled(self, name, order):
        """All coefficients, by a compiled function."""
        self.compiled(self.x)

    def time_function_alone(self, name, order):
        """The function in plain NumPy."""
        self.f(self.x)

    def track_instructions(self, name, order):
        """Instructions of a recording of all coefficients: their cost, whatever the machine."""
        return len(mmad.record(lambda x: mmad.taylor(self.f, x, self.v, order), self.x))

    track_instructions.unit = "instructions"


@benchmark("Nested forward mode")
class Nested(Suite):
    """The derivative of one order by nested forward mode, for comparison: it doubles and more with each order."""

    params = (tuple(FUNCTIONS), (1, 2, 4, 6))
    param_names = ("function", "order")

    def setup(self, name, order):
        make, x = FUNCTIONS[name]
        f, v = make(np), np.ones_like(x) if np.ndim(x) else 1.0
        self.g = nested(lambda t: f(x + t * v), order)

    def time_nested(self, name, order):
        """The derivative of one order."""
        self.g(0.0)


@benchmark("Coefficients by JAX's jet")
class Jet(Suite):
    """The same coefficients by `jax.experimental.jet`, under jit."""

    params = (tuple(FUNCTIONS), (1, 2, 4, 8, 16))
    param_names = ("function", "order")

    def setup(self, name, order):
        try:
            import jax
            from jax.experimental.jet import jet
        except ImportError:
            raise NotImplementedError("JAX is not installed") from None
        jax.config.update("jax_enable_x64", True)
        make, x = FUNCTIONS[name]
        f = make(jax.numpy)
        self.x = jax.numpy.asarray(x)
        one, zero = jax.numpy.ones_like(self.x), jax.numpy.zeros_like(self.x)
        self.run = jax.jit(lambda y: jet(f, (y,), ((one, *[zero] * (order - 1)),)))
        value, terms = self.run(self.x)
        got = [value, *[t / math.factorial(k + 1) for k, t in enumerate(terms)]]
        want = mmad.taylor(make(np), x, np.ones_like(x) if np.ndim(x) else 1.0, order)
        np.testing.assert_allclose(np.stack(got), want, rtol=1e-8, atol=1e-10)

    def time_jet(self, name, order):
        """All coefficients, under jit."""
        _, terms = self.run(self.x)
        terms[-1].block_until_ready()


@benchmark("Checkpointed loop")
class Loop(Suite):
    """The gradient of RK4 steps: recorded as a whole, and with few states kept."""

    params = ((1_000, 10_000), ("recorded", "default", "10 snapshots"))
    param_names = ("steps", "how")
    timeout = 300

    def setup(self, steps, how):
        recorded = find_problem("pendulum").make(np, steps)

        def kept(state):
            return mmad.checkpointed_loop(make_step(np), state, steps, snapshots=None if how == "default" else 10)[0]

        self.g = mmad.grad(recorded if how == "recorded" else kept)

    def time_gradient(self, steps, how):
        """The gradient of the last state."""
        self.g((1.0, 0.0))

    def track_peak_bytes(self, steps, how):
        """Traced by Python's allocator, the tape included."""
        tracemalloc.start()
        try:
            self.g((1.0, 0.0))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    track_peak_bytes.unit = "bytes"
