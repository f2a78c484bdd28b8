"""The saddle point and the charged particle of Pearlmutter and Siskind, in all four mode pairs.

References
----------
B. A. Pearlmutter and J. M. Siskind, "Using Programming Language Theory to Make Automatic Differentiation
Sound and Efficient", Advances in Automatic Differentiation, Springer, 2008, 79-90. Both run an
optimiser with an adaptive step on a function that itself runs one (saddle) or integrates the gradient
of a potential (particle).
"""

import math

import numpy as np
import pytest

import mmad

PAIRS = ["ff", "fr", "rf", "rr"]
SADDLE = 8.2463248261403561e-06  # every coordinate; as printed by the published implementations
PARTICLE = 0.20719187464861194


def gradient(mode, f):
    """The gradient of a function of a list of numbers: column by column forward, or in one reverse sweep."""
    if mode == "r":
        return mmad.grad(f)

    def forward(x):
        n = len(x)
        return [mmad.jvp(f, (x,), ([float(i == j) for j in range(n)],))[1] for i in range(n)]

    return forward


def magnitude(u):
    return np.sqrt(sum(t * t for t in u))


def distance(u, v):
    return magnitude([s - t for s, t in zip(u, v, strict=True)])


def argmin(mode, f, x):
    """Gradient descent: the step doubles after ten improvements in a row and halves at a failure."""
    g = gradient(mode, f)
    fx, gx, eta, successes = f(x), g(x), 1e-5, 0
    while magnitude(gx) > 1e-5:
        if successes == 10:
            eta, successes = 2.0 * eta, 0
            continue
        trial = [s - eta * t for s, t in zip(x, gx, strict=True)]
        if distance(x, trial) <= 1e-5:
            break
        f_trial = f(trial)
        if f_trial < fx:
            x, fx, gx, successes = trial, f_trial, g(trial), successes + 1
        else:
            eta, successes = eta / 2.0, 0
    return x


def argmax(mode, f, x):
    return argmin(mode, lambda y: -f(y), x)


def maximum(mode, f, x):
    return f(argmax(mode, f, x))


def saddle(outer, inner):
    start = [1.0, 1.0]

    def f(p, q):
        return (p[0] * p[0] + p[1] * p[1]) - (q[0] * q[0] + q[1] * q[1])

    low = argmin(outer, lambda p: maximum(inner, lambda q: f(p, q), start), start)
    high = argmax(inner, lambda q: f(low, q), start)
    return [*low, *high]


def particle_path(inner, w):
    """Squared abscissa where the path of a particle, repelled by two charges, meets the axis."""
    charges = [[10.0, 10.0 - w], [10.0, 0.0]]
    dt, x, velocity = 1e-1, [0.0, 8.0], [0.75, 0.0]
    field = gradient(inner, lambda y: sum(1.0 / distance(y, charge) for charge in charges))
    while True:
        acceleration = [-t for t in field(x)]
        ahead = [s + dt * t for s, t in zip(x, velocity, strict=True)]
        if ahead[1] <= 0:
            break
        x, velocity = ahead, [s + dt * t for s, t in zip(velocity, acceleration, strict=True)]
    last = -x[1] / velocity[1]
    hit = x[0] + last * velocity[0]
    return hit * hit


def particle(outer, inner):
    (w,) = argmin(outer, lambda u: particle_path(inner, u[0]), [0.0])
    return w


@pytest.mark.parametrize("pair", PAIRS)
def test_saddle(pair):
    for coordinate in saddle(*pair):
        assert math.isclose(coordinate, SADDLE, rel_tol=1e-9)


@pytest.mark.parametrize("pair", PAIRS)
def test_particle(pair):
    assert math.isclose(particle(*pair), PARTICLE, rel_tol=1e-11)


@pytest.mark.parametrize("pair", PAIRS)
def test_derivative_of_the_path_against_differences(pair):
    outer, inner = pair
    slope = gradient(outer, lambda u: particle_path(inner, u[0]))([0.1])[0]
    h = 1e-5
    difference = (particle_path(inner, 0.1 + h) - particle_path(inner, 0.1 - h)) / (2 * h)
    assert math.isclose(slope, difference, rel_tol=1e-7)
