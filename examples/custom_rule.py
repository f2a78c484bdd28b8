"""A derivative of one's own: the root of an equation, by the implicit function theorem.

Differentiating through the iterations of a root finder works too, but costs a tape as long as the iteration.
The rule needs one line: for f(root, a) = 0, d root = - (df/da) da / (df/droot).
"""

import numpy as np

import mmad


def residual(root, a):
    """Kepler's equation; `a` is the mean anomaly, the eccentricity is 0.6."""
    return root - 0.6 * np.sin(root) - a


def newton(a):
    """The root, by Newton's method."""
    root = a
    while abs(residual(root, a)) > 1e-14:
        root = root - residual(root, a) / (1.0 - 0.6 * np.cos(root))
    return root


@mmad.custom_jvp
def kepler(a):
    """The root, differentiated by the implicit function theorem."""
    return newton(a)


@kepler.defjvp
def kepler_rule(primals, tangents):
    (a,), (a_dot,) = primals, tangents
    root = kepler(a)
    return root, a_dot / (1.0 - 0.6 * np.cos(root))


print("root             ", kepler(1.0))
print("derivative, rule ", mmad.grad(kepler)(1.0))
print("derivative, loop ", mmad.grad(newton)(1.0))
print("second derivative", mmad.grad(mmad.grad(kepler))(1.0))
