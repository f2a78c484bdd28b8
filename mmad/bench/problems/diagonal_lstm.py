"""A character model whose LSTM layers have diagonal weights: the mean log-likelihood of each next character.

The arguments are (weights and biases of the gates, of shape (2 layers, 4 bits); weights and biases of input and output,
of shape (3, bits)).  A size is (layers, characters, bits).
"""

from functools import cache

import numpy as np

from mmad.bench.complex_step import STEP
from mmad.bench.namespaces import constant, last_state
from mmad.bench.problem import ModelProblem
from mmad.bench.trees import flatten, leaves_of, map_leaves, unflatten

__all__ = ["PROBLEM"]


@cache
def data(size):
    """Return the characters, bit by bit, and the first hidden states and cells."""
    layers, characters, bits = size
    rng = np.random.default_rng(7)
    return rng.integers(0, 2, size=(characters, bits)).astype(float), rng.normal(size=(2 * layers, bits))


def objective(xp, size, sequence, start):
    layers, characters, bits = size

    def sigmoid(x):
        return 1.0 / (1.0 + xp.exp(-x))

    def function(parameters):
        main, extra = parameters

        def step(state, x, following):
            total, *cells = state
            x = x * extra[0]
            for k in range(layers):
                hidden, cell = cells[2 * k : 2 * k + 2]
                gates = xp.concatenate((x, hidden, x, hidden)) * main[2 * k] + main[2 * k + 1]
                forget, taken = sigmoid(gates[:bits]), sigmoid(gates[bits : 2 * bits])
                shown, change = sigmoid(gates[2 * bits : 3 * bits]), xp.tanh(gates[3 * bits :])
                cell = cell * forget + taken * change
                x = hidden = shown * xp.tanh(cell)
                cells[2 * k : 2 * k + 2] = hidden, cell
            y = x * extra[1] + extra[2]
            y = y - xp.log(xp.sum(xp.exp(y), axis=0) + 2.0)  # the benchmark adds 2
            return total + xp.sum(following * y, axis=0), *cells

        total, *_ = last_state(xp, step, (0.0, *start), sequence[:-1], sequence[1:])
        return -total / ((characters - 1) * bits)

    return function


def make(xp, size):
    return objective(xp, size, *constant(xp, *data(size)))


def gradient(point, size):
    """Return the gradient by complex steps along all directions at once, the trailing axis of all arrays."""
    sequence, start = data(size)
    lanes = flatten(point).size
    units = np.eye(lanes)
    parts = np.split(units, np.cumsum([leaf.size for leaf in leaves_of(point)])[:-1])
    shifted = tuple(
        leaf[..., None] + 1j * STEP * part.reshape(*leaf.shape, lanes)
        for leaf, part in zip(map_leaves(np.real, point), parts, strict=True)
    )
    starts = np.repeat(start[..., None], lanes, axis=2)
    return unflatten(np.imag(objective(np, size, sequence[..., None], starts)(shifted)) / STEP, point)


def draw(size, rng):
    layers, _, bits = size
    return rng.normal(size=(2 * layers, 4 * bits)), rng.normal(size=(3, bits))


PROBLEM = ModelProblem(
    name="diagonal-lstm",
    title="LSTM with diagonal weights",
    make=make,
    draw=draw,
    sizes=((2, 64, 14), (2, 256, 14), (2, 1024, 14), (4, 1024, 14)),
    products=("gradient",),
    source="ADBench: LSTM; Srajer, Kukelova, Fitzgibbon, Optim. Methods Softw. 33 (2018), 889-906, its third version",
    gradient=gradient,
    tags=frozenset({"arrays", "loop", "complex"}),
    smallest=(1, 6, 3),
)
