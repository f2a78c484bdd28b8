"""First and second derivatives of an ordinary NumPy function."""

import numpy as np

import mmad


def energy(x):
    """A chain of springs whose stiffness grows with the stretch; any NumPy code will do."""
    stretch = np.diff(x)
    return (0.5 * stretch**2 + 0.1 * stretch**4).sum()


x = np.array([0.0, 1.2, 1.9, 3.5])
v = np.array([1.0, 0.0, 0.0, -1.0])

value, gradient = mmad.value_and_grad(energy)(x)
product = mmad.hvp(energy)(x, v)
hessian = mmad.hessian(energy)(x)

print("energy  ", value)
print("gradient", gradient)
print("H v     ", product)
print("largest difference between H v and the dense product:", np.abs(hessian @ v - product).max())
