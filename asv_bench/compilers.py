"""The tools that compile, each behind the same call.

A compiler turns a problem and the kind of result that is wanted into a call without arguments.  The function is made
anew each time, so what the first call takes includes recording (or tracing) and compiling.  Inputs are made
beforehand, and results stay of the tool's own kind.
"""

import numpy as np
from tools import Mmad, Tool

from mmad.bench.trees import map_leaves

__all__ = ["COMPILERS"]


class CompiledMmad(Mmad):
    """`mmad.compile` of a derivative."""

    def call(self, problem, kind):
        compiled, arguments = self.compiled(problem, kind)
        return lambda: compiled(*arguments)

    def compiled(self, problem, kind):
        """The compiled function, not yet called, and its arguments."""
        import mmad

        derivative = {
            "function": lambda f: f,
            "gradient": mmad.grad,
            "value and gradient": mmad.value_and_grad,
            "HVP": mmad.hvp,
            "Hessian": mmad.hessian,
        }[kind]
        arguments = (problem.point, problem.direction) if kind == "HVP" else (problem.point,)
        return mmad.compile(derivative(problem.make(np))), arguments


class Jax(Tool):
    """`jax.jit` in double precision; arguments lie on the device beforehand."""

    name, package = "JAX", "jax"

    def __init__(self):
        import jax

        self.jax = jax
        jax.config.update("jax_enable_x64", True)
        # Handing work to another thread and waiting for it would cost JAX some 10 us a call on one core.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        jax.block_until_ready(jax.jit(jax.grad(lambda x: x * x))(1.0))  # what is set up once is not a first call's cost

    def call(self, problem, kind):
        jax = self.jax
        derivative = {
            "function": lambda f: f,
            "gradient": jax.grad,
            "value and gradient": jax.value_and_grad,
            "HVP": lambda f: lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1],
            "Hessian": jax.hessian,
        }[kind]
        compiled = jax.jit(derivative(problem.make(jax.numpy)))
        trees = (problem.point, problem.direction) if kind == "HVP" else (problem.point,)
        arguments = [map_leaves(jax.numpy.asarray, tree) for tree in trees]
        return lambda: jax.block_until_ready(compiled(*arguments))


class Casadi(Tool):
    """A graph of scalar symbols (SX), called by its buffer interface.

    The plain call takes 10 % longer for 500 Runge-Kutta steps, and its search for common subexpressions (``cse``)
    changes the times of the problems here by less than 15 %, for the worse where it matters.
    """

    name, package = "CasADi", "casadi"

    def call(self, problem, kind):
        evaluate = None

        def run():
            nonlocal evaluate
            if evaluate is None:
                evaluate = self.evaluator(problem, kind)
            return evaluate()

        return run

    def evaluator(self, problem, kind):
        """A call that fills the value and the gradient of a function of a tuple of numbers, and returns them."""
        import casadi

        if kind != "value and gradient":
            raise ValueError(f"no {kind} with CasADi here: its SX graphs are compared on scalar programs only")
        n = len(problem.point)
        x = casadi.SX.sym("x", n)
        value = problem.make(None)(tuple(x[i] for i in range(n)))
        function = casadi.Function("f", [x], [value, casadi.gradient(value, x)])
        point, results = np.array(problem.point), (np.zeros(1), np.zeros(n))
        buffer, fill = function.buffer()
        buffer.set_arg(0, memoryview(point))
        for i, result in enumerate(results):
            buffer.set_res(i, memoryview(result))

        def evaluate():
            fill()
            return results

        evaluate.buffer = buffer, point  # the addresses in the buffer do not keep these alive
        return evaluate


COMPILERS = {"mmad": CompiledMmad, "jax": Jax, "casadi": Casadi}
