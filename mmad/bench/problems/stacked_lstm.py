"""A few steps of a stack of small LSTM layers, summed: next to no arithmetic, so the time is the tool's own.

The arguments are, for each layer, the weights of its input and of its state, and the biases.
A size is (layers, batch).
"""

import math
from functools import cache

import numpy as np

from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

WIDTH, STEPS = 4, 4


@cache
def data(batch):
    return np.random.default_rng(8).normal(size=(STEPS, WIDTH, batch))


def make(xp, size):
    layers, batch = size
    sequence, zero = constant(xp, data(batch), np.zeros((WIDTH, batch)))

    def sigmoid(x):
        return 1.0 / (1.0 + xp.exp(-x))

    def function(parameters):
        states = [(zero, zero)] * layers
        for x in sequence:
            for k in range(layers):
                hidden, cell = states[k]
                inner, across, bias = parameters[3 * k : 3 * k + 3]
                gates = inner @ x + across @ hidden + bias
                forget, taken = sigmoid(gates[:WIDTH]), sigmoid(gates[WIDTH : 2 * WIDTH])
                shown, change = sigmoid(gates[2 * WIDTH : 3 * WIDTH]), xp.tanh(gates[3 * WIDTH :])
                cell = forget * cell + taken * change
                x = hidden = shown * xp.tanh(cell)
                states[k] = hidden, cell
        return xp.sum(x)

    return function


def draw(size, rng):
    shapes = ((4 * WIDTH, WIDTH), (4 * WIDTH, WIDTH), (4 * WIDTH, 1)) * size[0]
    return tuple(rng.normal(size=shape) / math.sqrt(WIDTH) for shape in shapes)


PROBLEM = ModelProblem(
    name="stacked-lstm",
    title="stack of small LSTM layers",
    make=make,
    draw=draw,
    sizes=((1, 1), (3, 1), (3, 8), (3, 64)),
    products=("gradient",),
    source="M. Innes, Don't unroll adjoint: differentiating SSA-form programs, 2018, section 4",
    gradient=lambda point, size: complex_step_gradient(make(np, size), point),
    tags=frozenset({"arrays", "complex"}),
)
