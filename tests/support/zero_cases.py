"""Functions in whose chain rule a zero meets an infinity, and the ways to differentiate them."""

import numpy as np

import mmad


def basis(x):
    return np.eye(x.size).reshape(x.size, *x.shape)


def by_forward(f):
    """The gradient of a function of one array or number, a direction at a time."""

    def gradient(x):
        if np.ndim(x) == 0:
            return mmad.jvp(f, (x,), (1.0,))[1]
        return np.reshape([mmad.jvp(f, (x,), (v,))[1] for v in basis(x)], np.shape(x))

    return gradient


GRADIENTS = {
    "reverse": mmad.grad,
    "forward": by_forward,
    "jacobian": lambda f: lambda x: mmad.jacobian(f)(x),
    "jacfwd": lambda f: lambda x: mmad.jacfwd(f)(x),
    "jacrev": lambda f: lambda x: mmad.jacrev(f)(x),
    "compiled": lambda f: mmad.compile(mmad.grad(f)),
    "compiled jacobian": lambda f: mmad.compile(mmad.jacobian(f)),
    "compiled jacfwd": lambda f: mmad.compile(mmad.jacfwd(f)),
    "recorded": lambda f: lambda x: mmad.jvp(mmad.grad(f), (x,), (x,))[0],
}


def columns(product):
    """A Hessian out of Hessian-vector products."""

    def hessian(x):
        if np.ndim(x) == 0:
            return product(x, 1.0)
        return np.stack([product(x, v) for v in basis(x)], axis=-1)

    return hessian


HESSIANS = {
    "hessian": mmad.hessian,
    "hvp": lambda f: columns(mmad.hvp(f)),
    "reverse over reverse": lambda f: columns(lambda x, v: mmad.grad(lambda t: np.sum(mmad.grad(f)(t) * v))(x)),
    "forward over reverse": lambda f: columns(lambda x, v: mmad.jvp(mmad.grad(f), (x,), (v,))[1]),
    "reverse over forward": lambda f: columns(lambda x, v: mmad.grad(lambda t: mmad.jvp(f, (t,), (v,))[1])(x)),
    "jacrev of grad": lambda f: mmad.jacrev(mmad.grad(f)),
    "jacfwd of grad": lambda f: mmad.jacfwd(mmad.grad(f)),
    "compiled hessian": lambda f: mmad.compile(mmad.hessian(f)),
    "compiled hvp": lambda f: columns(mmad.compile(mmad.hvp(f))),
}

#: function, point, its derivative there, its second derivative there: of each element
STRUCTURAL = {
    "where log": (lambda x: np.where(x > 0, np.log(x), 0.0), 0.0, 0.0, 0.0),
    "where sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0, 0.0),
    "where other way": (lambda x: np.where(x <= 0, x * x, x**0.5), 0.0, 0.0, 2.0),
    "where reciprocal": (lambda x: np.where(x == 0, 1.0, 1.0 / x), 0.0, 0.0, 0.0),
    "where quotient": (lambda x: np.where(x == 0, 1.0, np.sin(x) / x), 0.0, 0.0, 0.0),
    "where cbrt of where": (lambda x: np.where(x > 0, np.cbrt(np.where(x > 0, x, 0.0)) * x, 3.0 * x), 0.0, 3.0, 0.0),
    "where squared": (lambda x: np.where(x > 0, np.sqrt(x), x) ** 2 + x, 0.0, 1.0, 2.0),
    "maximum sqrt": (lambda x: np.maximum(np.sqrt(x), 1e-3), 0.0, 0.0, 0.0),
    "fmax sqrt": (lambda x: np.fmax(1e-3, np.sqrt(x)), 0.0, 0.0, 0.0),
    "fmin": (lambda x: np.fmin(2.0, 1 / x) + x, 0.0, 1.0, 0.0),
    "clip log": (lambda x: np.clip(np.log(x), -5.0, 5.0), 0.0, 0.0, 0.0),
    "clip arccos": (lambda x: np.clip(np.arccos(x), 1.0, 3.0) + 2 * x, 1.0, 2.0, 0.0),
    "sqrt of maximum": (lambda x: np.sqrt(np.maximum(x, 0.0)), -1.0, 0.0, 0.0),
    "log of clip": (lambda x: np.sqrt(np.clip(x, 0.0, 1.0)), -1.0, 0.0, 0.0),
    "floor sqrt": (lambda x: np.floor(np.sqrt(x)) + x, 0.0, 1.0, 0.0),
    "sign cbrt": (lambda x: np.sign(np.cbrt(x)) * x, 1.0, 1.0, 0.0),
}
OVERFLOW = {
    "Fermi": (lambda x: 1 / (1 + np.exp(x)), 800.0, 0.0, 0.0),
    "Fermi by reciprocal": (lambda x: np.reciprocal(1 + np.exp(x)), 800.0, 0.0, 0.0),
    "Fermi by a power": (lambda x: (1 + np.exp(x)) ** -1.0, 800.0, 0.0, 0.0),
    "Fermi squared": (lambda x: (1 + np.exp(x)) ** -2.0, 800.0, 0.0, 0.0),
    "Planck": (lambda x: x**3 / (np.exp(x) - 1), 800.0, 0.0, 0.0),
    "Planck by expm1": (lambda x: x**3 / np.expm1(x), 800.0, 0.0, 0.0),
    "tanh": (lambda x: np.tanh(np.exp(x)), 800.0, 0.0, 0.0),
    "arctan": (lambda x: np.arctan(np.exp(x)), 800.0, 0.0, 0.0),
    "sech": (lambda x: 1 / np.cosh(x), 800.0, 0.0, 0.0),
    "cosech": (lambda x: 1 / np.sinh(x), 800.0, 0.0, 0.0),
    "square": (lambda x: 1 / (1 + x * x), 1e200, 0.0, 0.0),
}
CASES = {**STRUCTURAL, **OVERFLOW}


def total(f):
    return lambda x: f(x).sum() if np.ndim(x) else f(x)
