"""Fit the four rates of a predator-prey model to noisy counts, with exact standard errors.

The simulation is a plain loop over Python numbers.  Gradient and Hessian go to a Newton method; the
inverse of the Hessian at the solution gives the standard errors.  Needs SciPy.
"""

import numpy as np
from scipy.optimize import minimize

import mmad

TRUE = np.array([1.1, 0.4, 0.1, 0.4])
STEPS, EVERY, NOISE = 400, 20, 0.05


def simulate(rates):
    """Populations every `EVERY` steps of the midpoint rule, as a list of pairs."""
    a, b, c, d = rates
    x, y, h = 10.0, 5.0, 0.05
    seen = []
    for step in range(STEPS):
        u, w = x + 0.5 * h * (a - b * y) * x, y + 0.5 * h * (c * x - d) * y
        x, y = x + h * (a - b * w) * u, y + h * (c * u - d) * w
        if step % EVERY == EVERY - 1:
            seen.append((x, y))
    return seen


rng = np.random.default_rng(0)
COUNTS = np.log(simulate(TRUE)) + NOISE * rng.normal(size=(STEPS // EVERY, 2))


def misfit(rates):
    """Minus the log-likelihood of the counts, up to a constant."""
    total = 0.0
    for (x, y), (p, q) in zip(simulate(rates), COUNTS, strict=True):
        total = total + (np.log(x) - p) ** 2 + (np.log(y) - q) ** 2
    return total / (2 * NOISE**2)


start = TRUE * 1.05
result = minimize(mmad.value_and_grad(misfit), start, jac=True, hess=mmad.hessian(misfit), method="trust-exact")
errors = np.sqrt(np.diag(np.linalg.inv(mmad.hessian(misfit)(result.x))))

for name, true, fitted, error in zip("abcd", TRUE, result.x, errors, strict=True):
    print(f"{name}: {fitted:.4f} +- {error:.4f}  (true {true})")
print(f"{result.nit} Newton steps, gradient norm {np.linalg.norm(result.jac):.1e}")
