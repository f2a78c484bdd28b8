"""Recurrent networks: many small array operations one after the other."""

import math

import numpy as np

from .problems import COMPLEX_STEP, Problem, repeated

__all__ = ["diagonal_lstm", "stacked_lstm"]


def by_complex_steps(function, point):
    """The gradient of a function of a tuple of arrays, all directions at once as the trailing axis of its arguments."""
    sizes = [leaf.size for leaf in point]
    eye = np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1])
    steps = [rows.reshape(*leaf.shape, -1) for rows, leaf in zip(eye, point, strict=True)]
    shifted = tuple(leaf[..., None] + 1j * COMPLEX_STEP * s for leaf, s in zip(point, steps, strict=True))
    slopes = np.split(np.imag(function(shifted)) / COMPLEX_STEP, np.cumsum(sizes)[:-1])
    return tuple(slope.reshape(leaf.shape) for slope, leaf in zip(slopes, point, strict=True))


def diagonal_lstm(layers=2, characters=1024, bits=14):
    """A character model whose LSTM layers have diagonal weights: the mean log-likelihood of each next character.

    The arguments are (weights and biases of the gates, of shape (2 layers, 4 bits); weights and biases of input and
    output, of shape (3, bits)).

    References
    ----------
    F. Srajer, Z. Kukelova, A. Fitzgibbon. A benchmark of selected algorithmic differentiation tools on some problems
    in computer vision and machine learning. Optimization Methods and Software 33 (2018); the benchmark's third version.
    """
    rng = np.random.default_rng(7)
    sequence = rng.integers(0, 2, size=(characters, bits)).astype(float)
    start = rng.normal(size=(2 * layers, bits))

    def objective(xp, start, sequence):
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
                y = y - xp.log(xp.sum(xp.exp(y), axis=0) + 2.0)  # the 2 is the benchmark's
                return total + xp.sum(following * y, axis=0), *cells

            total, *_ = repeated(xp, step, (0.0, *start), sequence[:-1], sequence[1:])
            return -total / ((characters - 1) * bits)

        return function

    def make(xp):
        return objective(xp, start, sequence)

    def gradient(point):
        lanes = sum(leaf.size for leaf in point)
        repeats = np.repeat(start[..., None], lanes, axis=2)
        return by_complex_steps(objective(np, repeats, sequence[..., None]), point)

    def tree():
        return rng.normal(size=(2 * layers, 4 * bits)), rng.normal(size=(3, bits))

    return Problem(f"diagonal-lstm-{layers}-{characters}-{bits}", make, tree(), tree(), gradient)


def stacked_lstm(layers, batch, width=4, steps=4):
    """A few steps of a stack of small LSTM layers, summed: next to no arithmetic, so the time is the tool's own.

    The arguments are, for each layer, the weights of its input and of its state, and the biases.

    References
    ----------
    M. Innes. Don't unroll adjoint: differentiating SSA-form programs. 2018, section 4.
    """
    rng = np.random.default_rng(8)
    sequence = rng.normal(size=(steps, width, batch))

    def make(xp):
        def sigmoid(x):
            return 1.0 / (1.0 + xp.exp(-x))

        def function(parameters):
            zero = xp.zeros((width, batch))
            states = [(zero, zero)] * layers
            for x in sequence:
                for k in range(layers):
                    hidden, cell = states[k]
                    inner, across, bias = parameters[3 * k : 3 * k + 3]
                    gates = inner @ x + across @ hidden + bias
                    forget, taken = sigmoid(gates[:width]), sigmoid(gates[width : 2 * width])
                    shown, change = sigmoid(gates[2 * width : 3 * width]), xp.tanh(gates[3 * width :])
                    cell = forget * cell + taken * change
                    x = hidden = shown * xp.tanh(cell)
                    states[k] = hidden, cell
            return xp.sum(x)

        return function

    def gradient(point):
        function, slopes = make(np), []
        for k, leaf in enumerate(point):
            slope = np.empty(leaf.shape)
            for where in np.ndindex(leaf.shape):
                shifted = leaf.astype(complex)
                shifted[where] += 1j * COMPLEX_STEP
                slope[where] = np.imag(function((*point[:k], shifted, *point[k + 1 :]))) / COMPLEX_STEP
            slopes.append(slope)
        return tuple(slopes)

    shapes = ((4 * width, width), (4 * width, width), (4 * width, 1)) * layers

    def tree():
        return tuple(rng.normal(size=shape) / math.sqrt(width) for shape in shapes)

    return Problem(f"stacked-lstm-{layers}-{batch}", make, tree(), tree(), gradient)
