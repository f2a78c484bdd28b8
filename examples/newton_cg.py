"""A Newton method for 2000 unknowns that never forms the Hessian, and its smallest eigenvalue at the end.

The minimal surface over a square with a wavy frame: the unknowns are the heights inside, the objective is the
area.  Needs SciPy.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import eigsh

import mmad

N = 45
EDGE = np.linspace(0.0, 1.0, N + 2)


def area(heights):
    """The area of the surface over the frame."""
    z = mmad.numpy.zeros((N + 2, N + 2))
    z[0], z[-1] = np.sin(np.pi * EDGE), np.sin(np.pi * EDGE)
    z[1:-1, 1:-1] = heights.reshape(N, N)
    h = EDGE[1]
    slope_x = (z[1:, 1:] + z[1:, :-1] - z[:-1, 1:] - z[:-1, :-1]) / (2 * h)
    slope_y = (z[1:, 1:] + z[:-1, 1:] - z[1:, :-1] - z[:-1, :-1]) / (2 * h)
    return h * h * np.sqrt(1.0 + slope_x**2 + slope_y**2).sum()


products = 0
hvp = mmad.hvp(area)


def counted(x, v):
    global products
    products += 1
    return hvp(x, v)


result = minimize(
    mmad.value_and_grad(area),
    np.zeros(N * N),
    jac=True,
    hessp=counted,
    method="trust-ncg",
    options={"gtol": 1e-8},
)
operator = mmad.hessian_operator(area, result.x)
smallest = eigsh(operator, k=1, which="SA", return_eigenvectors=False)[0]

print(f"{result.x.size} unknowns: area {result.fun:.9f}, gradient norm {np.linalg.norm(result.jac):.1e}")
print(f"{result.nit} Newton steps, {products} Hessian-vector products")
print(f"smallest eigenvalue of the Hessian {smallest:.3e}: a strict minimum")
