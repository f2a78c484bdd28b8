"""SciPy's optimisers on Rosenbrock's function, with derivatives from each tool and by differences.

"first" is a run with all preparation (recording, compiling), "later" another with the derivative that is there, by
L-BFGS-B with SciPy's stopping rules and enough iterations.  Evaluations are calls of the function or of its sweep,
"error" is the largest distance of the result to the minimiser.  Wrappers
are those that the tools' documentation shows for SciPy: a compiled value and gradient, given as ``jac=True``, the
gradient as a float64 array of NumPy.
"""

import numpy as np

from experiments.timing import seconds_of
from mmad.bench import all_tools

__all__ = ["run"]

METHOD = "L-BFGS-B"
OPTIONS = {"maxiter": 100_000, "maxfun": 10_000_000}


def rosenbrock(xp):
    """Return the function in a namespace; made anew, so that nothing of it is kept."""

    def value(x):
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return value


def by_differences():
    return rosenbrock(np), None


def by_mmad():
    import mmad

    goal = mmad.objective(rosenbrock(np))
    return goal.fun, goal.jac


def by_jax():
    import jax

    jax.config.update("jax_enable_x64", True)
    both = jax.jit(jax.value_and_grad(rosenbrock(jax.numpy)))

    def value_and_gradient(x):
        value, gradient = both(x)
        return float(value), np.array(gradient)

    return value_and_gradient, True


def by_autograd():
    import autograd
    import autograd.numpy

    return autograd.value_and_grad(rosenbrock(autograd.numpy)), True


WAYS = {"differences": by_differences, "mmad": by_mmad, "jax": by_jax, "autograd": by_autograd}


def run(quick):
    """Return a row for each tool and size."""
    from scipy.optimize import minimize, rosen_der

    installed = {name for name, tool in all_tools().items() if tool.is_installed}
    rows = []
    for n in (2, 10) if quick else (2, 10, 100, 1000):
        x0 = np.full(n, -1.2)
        for name, make in WAYS.items():
            if name in ("jax", "autograd") and name not in installed:
                continue

            def optimised(fun, jac, x0=x0):
                return minimize(fun, x0, jac=jac, method=METHOD, options=OPTIONS)

            fun, jac = make()
            if jac is not None:
                gradient = jac(x0) if callable(jac) else fun(x0)[1]
                np.testing.assert_allclose(gradient, rosen_der(x0), rtol=1e-10)
            found = optimised(fun, jac)
            rounds = 1 if quick or (name == "differences" and n >= 100) else 5
            later = seconds_of(lambda fun=fun, jac=jac, optimised=optimised: optimised(fun, jac), rounds)
            first = later  # differences need no preparation
            if jac is not None:
                first = seconds_of(lambda make=make, optimised=optimised: optimised(*make()), min(rounds, 3))
            rows.append({
                "n": n,
                "tool": name,
                "first": first,
                "later": later,
                "evaluations": int(found.nfev),
                "iterations": int(found.nit),
                "error": float(np.abs(found.x - 1.0).max()),
            })  # fmt: skip
    return {"rows": rows}
