"""Autograd's optimisers by first derivatives, for unknowns in containers."""

import functools

import numpy as np

from mmad.autograd.misc.flatten import flatten

__all__ = ["adam", "rmsprop", "sgd", "unflatten_optimizer"]


def unflatten_optimizer(optimize):
    """Return an optimiser of vectors as one of containers."""

    @functools.wraps(optimize)
    def wrapped(grad, x0, callback=None, *args, **kwargs):
        vector, unflatten = flatten(x0)

        def gradient(x, i):
            return flatten(grad(unflatten(x), i))[0]

        called = None if callback is None else lambda x, i, g: callback(unflatten(x), i, unflatten(g))
        return unflatten(optimize(gradient, vector, called, *args, **kwargs))

    return wrapped


def _descend(grad, x, callback, num_iters, step):
    """Return x after so many steps, each of which ``step(g, i)`` gives."""
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        x = x + step(g, i)
    return x


@unflatten_optimizer
def sgd(grad, x, callback=None, num_iters=200, step_size=0.1, mass=0.9):
    """Return the result of gradient descent with momentum; ``grad(x, i)`` gets the number of the step, too."""
    velocity = np.zeros(len(x))

    def step(g, i):
        nonlocal velocity
        velocity = mass * velocity - (1.0 - mass) * g
        return step_size * velocity

    return _descend(grad, x, callback, num_iters, step)


@unflatten_optimizer
def rmsprop(grad, x, callback=None, num_iters=100, step_size=0.1, gamma=0.9, eps=10**-8):
    """Return the result of descent by gradients divided by their root mean squares."""
    mean_square = np.ones(len(x))

    def step(g, i):
        nonlocal mean_square
        mean_square = mean_square * gamma + g**2 * (1.0 - gamma)
        return -step_size * g / (np.sqrt(mean_square) + eps)

    return _descend(grad, x, callback, num_iters, step)


@unflatten_optimizer
def adam(grad, x, callback=None, num_iters=100, step_size=0.001, b1=0.9, b2=0.999, eps=10**-8):
    """Return the result of Adam.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    """
    m, v = np.zeros(len(x)), np.zeros(len(x))

    def step(g, i):
        nonlocal m, v
        m, v = (1.0 - b1) * g + b1 * m, (1.0 - b2) * g**2 + b2 * v
        return -step_size * (m / (1.0 - b1 ** (i + 1))) / (np.sqrt(v / (1.0 - b2 ** (i + 1))) + eps)

    return _descend(grad, x, callback, num_iters, step)
