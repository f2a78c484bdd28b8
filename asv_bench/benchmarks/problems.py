"""The problems that are timed: a function, a point, a direction, and derivatives worked out by hand.

A function is made for a namespace `xp` (numpy, autograd.numpy, torch, ...), so that every tool differentiates
the same arithmetic.  The hand-written gradients are independent of every tool; they accept complex arguments,
so a complex step through them gives Hessian-vector products exact to rounding.  Seeds never change: they are
part of what a recorded time means.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Problem",
    "chain",
    "determinant",
    "digits",
    "flatten",
    "indexed_loop",
    "lotka_volterra",
    "repeated",
    "rosenbrock",
    "transform",
]

COMPLEX_STEP = 1e-30  # nothing is subtracted, so the step may be as small as it likes


@dataclass(frozen=True)
class Problem:
    """One function to differentiate.

    Attributes
    ----------
    name : str
    make : callable
        ``make(xp)`` gives a function of one argument, of the structure of `point`, to a real scalar.
    point, direction : ndarray, or dict or tuple of them, float64
        Where, and for Hessian-vector products along what.
    gradient : callable
        The gradient of ``make(numpy)``, by hand; takes and returns the structure of `point`; accepts complex.
    """

    name: str
    make: Callable
    point: Any
    direction: Any
    gradient: Callable

    def hvp(self):
        """The Hessian-vector product at `point`, by a complex step through the gradient by hand."""
        shifted = combine(self.point, self.direction, 1j * COMPLEX_STEP)
        return transform(self.gradient(shifted), lambda a: np.imag(a) / COMPLEX_STEP)

    def hessian(self):
        """The Hessian at `point`, a vector, by a complex step through the gradient by hand for each column."""
        columns = np.eye(self.point.size) * 1j * COMPLEX_STEP
        return np.array([np.imag(self.gradient(self.point + column)) / COMPLEX_STEP for column in columns])


def around(*args, count=16):
    """Arguments near the given ones, other ones at each step: what guards a value is fast at one point only."""
    steps = [1.0 - 2.0**-22 * k for k in range(1, count + 1)]
    return itertools.cycle([tuple(transform(x, lambda a, t=t: a * t) for x in args) for t in steps])


def transform(tree, function):
    """Apply a function to each array of a dict or tuple, or to the one array."""
    if isinstance(tree, dict):
        return {key: function(value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(function(value) for value in tree)
    return function(tree)


def combine(x, v, factor):
    """``x + factor * v``."""
    if isinstance(x, dict):
        return {key: x[key] + factor * v[key] for key in x}
    if isinstance(x, tuple):
        return tuple(a + factor * b for a, b in zip(x, v, strict=True))
    return x + factor * v


def flatten(tree):
    """All numbers of a dict, tuple or array as one vector, keys in order."""
    if isinstance(tree, dict):
        tree = tuple(tree[key] for key in sorted(tree))
    if not isinstance(tree, tuple):
        tree = (tree,)
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in tree])


def repeated(xp, step, state, *inputs):
    """The last of the states ``state = step(state, *elements)``, for the elements of `inputs` in turn.

    A plain loop; for JAX, whose compiler would take it apart step by step, `jax.lax.scan`.
    """
    if getattr(xp, "__name__", "") == "jax.numpy":
        import jax

        def scanned(state, elements):
            return step(state, *elements), None

        start = jax.tree.map(lambda leaf: xp.asarray(leaf, dtype=float), state)
        return jax.lax.scan(scanned, start, tuple(map(np.asarray, inputs)))[0]
    for elements in zip(*inputs, strict=True):
        state = step(state, *elements)
    return state


def rosenbrock(n):
    """The chained Rosenbrock function of `n` variables, in vector form."""

    def make(_):
        def function(x):
            return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

        return function

    def gradient(x):
        slack = x[1:] - x[:-1] ** 2
        g = np.zeros_like(x)
        g[1:] += 200.0 * slack
        g[:-1] -= 400.0 * x[:-1] * slack + 2.0 * (1.0 - x[:-1])
        return g

    rng = np.random.default_rng(1)
    return Problem(f"rosenbrock-{n}", make, rng.normal(size=n), rng.normal(size=n), gradient)


def lotka_volterra(steps=500):
    """Predator and prey over Python scalars: classical Runge-Kutta steps, the final populations squared."""

    def make(xp):
        def function(parameters):
            a, b, c, d = parameters
            h = 0.01

            def step(state, _):
                x, y = state
                k1, m1 = (a - b * y) * x, (c * x - d) * y
                u, w = x + 0.5 * h * k1, y + 0.5 * h * m1
                k2, m2 = (a - b * w) * u, (c * u - d) * w
                u, w = x + 0.5 * h * k2, y + 0.5 * h * m2
                k3, m3 = (a - b * w) * u, (c * u - d) * w
                u, w = x + h * k3, y + h * m3
                k4, m4 = (a - b * w) * u, (c * u - d) * w
                x = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
                y = y + h / 6.0 * (m1 + 2.0 * m2 + 2.0 * m3 + m4)
                return x, y

            x, y = repeated(xp, step, (1.0, 0.5), range(steps))
            return x * x + y * y

        return function

    def gradient(parameters):
        function, columns = make(None), np.eye(4) * 1j * COMPLEX_STEP
        values = [function(tuple(p + s for p, s in zip(parameters, c, strict=True))) for c in columns]
        return tuple(complex(value).imag / COMPLEX_STEP for value in values)

    return Problem("lotka-volterra", make, (1.5, 1.0, 1.0, 3.0), (1.0, -1.0, 0.5, 0.25), gradient)


def determinant(size=8):
    """The determinant by expansion in minors along the first row, over plain numbers."""

    def minors(rows):
        if len(rows) == 1:
            return rows[0][0]
        total = 0.0
        for j, pivot in enumerate(rows[0]):
            term = pivot * minors([row[:j] + row[j + 1 :] for row in rows[1:]])
            total = total - term if j % 2 else total + term
        return total

    def make(_):
        return lambda x: minors([[x[size * i + j] for j in range(size)] for i in range(size)])

    def gradient(x):
        matrix = np.reshape(x, (size, size))
        return tuple((np.linalg.det(matrix) * np.linalg.inv(matrix).T).ravel())  # Jacobi's formula

    rng = np.random.default_rng(4)
    point, direction = (tuple(map(float, rng.normal(size=size * size))) for _ in range(2))
    return Problem(f"determinant-{size}", make, point, direction, gradient)


def digits(hidden=32, rows=1347):
    """The tanh network of ``mmad train-digits``: softmax cross-entropy and a small penalty, full batch."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    inputs, targets, penalty = pixels[:rows] / 16.0, np.eye(10)[labels[:rows]], 1e-3

    def make(xp):
        x, y = (inputs, targets) if not hasattr(xp, "from_numpy") else map(xp.from_numpy, (inputs, targets))

        def function(weights):
            z = xp.tanh(x @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]
            z = z - xp.amax(z, 1).reshape(-1, 1)
            log_partition = xp.log(xp.sum(xp.exp(z), 1))
            squares = (weights["w1"] ** 2).sum() + (weights["w2"] ** 2).sum()
            return (log_partition - xp.sum(z * y, 1)).mean() + 0.5 * penalty * squares

        return function

    def gradient(weights):
        h = np.tanh(inputs @ weights["w1"] + weights["b1"])
        p = np.exp(h @ weights["w2"] + weights["b2"])
        z_bar = (p / p.sum(axis=1, keepdims=True) - targets) / rows
        a_bar = (z_bar @ weights["w2"].T) * (1.0 - h * h)
        return {
            "w1": inputs.T @ a_bar + penalty * weights["w1"],
            "b1": a_bar.sum(axis=0),
            "w2": h.T @ z_bar + penalty * weights["w2"],
            "b2": z_bar.sum(axis=0),
        }

    rng = np.random.default_rng(2)
    shapes = {"w1": (64, hidden), "b1": (hidden,), "w2": (hidden, 10), "b2": (10,)}
    point = {key: 0.2 * rng.normal(size=shape) for key, shape in shapes.items()}
    direction = {key: rng.normal(size=shape) for key, shape in shapes.items()}
    return Problem(f"digits-{hidden}", make, point, direction, gradient)


def indexed_loop(n):
    """Elements read and written one at a time: a cost of O(n) is what is asked."""

    def make(xp):
        def function(x):
            y = xp.zeros_like(x)
            for i in range(n):
                y[i] = x[i] * x[i - 1]
            return y.sum()

        return function

    def gradient(x):
        return np.roll(x, 1) + np.roll(x, -1)

    rng = np.random.default_rng(3)
    return Problem(f"indexed-loop-{n}", make, rng.normal(size=n), rng.normal(size=n), gradient)


def chain(n):
    """`n` scalar operations, each on the one before: ``x -> x * c`` and ``x -> x + d`` in turn."""
    c, d = 1.0 - 1e-8, 1e-9  # the value and the derivative stay near 1 over 10^7 operations

    def make(_):
        def function(x):
            for _ in range(n // 2):
                x = x * c + d
            return x

        return function

    def gradient(_):
        return float(np.exp(n // 2 * np.log1p(-1e-8)))

    return Problem(f"chain-{n}", make, 1.0, 1.0, gradient)
