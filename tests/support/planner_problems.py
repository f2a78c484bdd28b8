"""Functions for the tests of the planner, with derivatives by hand: those of `mmad.bench` and many small odd ones."""

import numpy as np

from mmad.bench import find_problem

__all__ = ["HESSIANS", "JACOBIANS"]

BROYDEN, ARROWHEAD, ROSENBROCK, ARWHEAD = map(find_problem, ("broyden", "arrowhead", "rosenbrock", "arwhead"))


def at(n):
    return np.linspace(0.3, 1.2, n)


# ------------------------------------------------------------------------------------------------ Jacobians
def neighbours(x):
    return x[1:] * x[:-1]


def neighbours_by_hand(x):
    n = len(x)
    out = np.zeros((n - 1, n))
    i = np.arange(n - 1)
    out[i, i], out[i, i + 1] = x[1:], x[:-1]
    return out


def broyden(x):
    return BROYDEN.make(np, len(x))(x)


def broyden_by_hand(x):
    return BROYDEN.jacobian(x, len(x))


def arrowhead(x):
    return ARROWHEAD.make(np, len(x))(x)


def arrowhead_by_hand(x):
    return ARROWHEAD.jacobian(x, len(x))


def loop(x):
    y = [x[0] * x[1]]
    for i in range(1, len(x)):
        y.append(x[i] ** 2 * x[0] if i % 3 else 2.0 * x[i])
    return np.array(y)


def loop_by_hand(x):
    n = len(x)
    out = np.zeros((n, n))
    out[0, :2] = x[1], x[0]
    for i in range(1, n):
        out[i, i] = 2 * x[i] * x[0] if i % 3 else 2.0
        if i % 3:
            out[i, 0] = x[i] ** 2
    return out


def tall(x):
    return np.outer(x, x).ravel()


def tall_by_hand(x):
    n = len(x)
    e = np.eye(n)
    return (e[:, None, :] * x[None, :, None] + x[:, None, None] * e[None, :, :]).reshape(n * n, n)


def matrix(x):
    """Rows of a matrix do not mix."""
    return np.exp(x).sum(axis=1)


def matrix_by_hand(x):
    m, n = x.shape
    out = np.zeros((m, m, n))
    out[np.arange(m), np.arange(m)] = np.exp(x)
    return out


#: name: (function, point, Jacobian by hand)
JACOBIANS = {
    "neighbours": (neighbours, at(90), neighbours_by_hand),
    "Broyden": (broyden, at(70), broyden_by_hand),
    "arrowhead": (arrowhead, at(80), arrowhead_by_hand),
    "loop": (loop, at(70), loop_by_hand),
    "tall": (tall, at(5), tall_by_hand),
    "matrix": (matrix, at(210).reshape(70, 3), matrix_by_hand),
    "small": (neighbours, at(4), neighbours_by_hand),
    "dense": (lambda x: np.cos(np.outer(at(70), x)).sum(0) * x.sum(), at(66), None),
    "row": (lambda x: (x * x).sum(keepdims=True), at(70), lambda x: 2.0 * x[None]),
    "number": (lambda x: (x * x).sum(), at(70), lambda x: 2.0 * x),
    "column": (lambda x: x[0] * at(70), at(1), lambda x: at(70)[:, None]),
    "identity": (lambda x: x, at(70), lambda x: np.eye(len(x))),
    "constant": (lambda x: at(3), at(70), lambda x: np.zeros((3, len(x)))),
    "part constant": (
        lambda x: np.concatenate([x**2, np.ones(2)]), at(70), lambda x: np.vstack([np.diag(2 * x), np.zeros((2, 70))])
    ),
    "no inputs": (lambda x: np.ones(3), at(0), lambda x: np.zeros((3, 0))),
    "no outputs": (lambda x: x[:0], at(70), lambda x: np.zeros((0, len(x)))),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ Hessians
def rosenbrock(x):
    return ROSENBROCK.make(np, len(x))(x)


def rosenbrock_by_hand(x):
    d = np.zeros(len(x))
    d[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    d[1:] += 200.0
    return np.diag(d) + np.diag(-400.0 * x[:-1], 1) + np.diag(-400.0 * x[:-1], -1)


def arwhead(x):
    return ARWHEAD.make(np, len(x))(x)


def arwhead_by_hand(x):
    y, z = x[:-1], x[-1]
    out = np.diag(np.append(12 * y**2 + 4 * z**2, (4 * y**2 + 12 * z**2).sum()))
    out[-1, :-1] = out[:-1, -1] = 8 * y * z
    return out


def cubes(x):
    """A diagonal Hessian, through numbers."""
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] ** 3
    return total


def quartic(x):
    return (x * x).sum() ** 2


HESSIANS = {
    "Rosenbrock": (rosenbrock, at(70), rosenbrock_by_hand),
    "ARWHEAD": (arwhead, at(70), arwhead_by_hand),
    "cubes": (cubes, at(66), lambda x: np.diag(6 * x)),
    "quartic": (quartic, at(66), lambda x: 8 * np.outer(x, x) + 4 * (x @ x) * np.eye(len(x))),
    "small": (rosenbrock, at(4), rosenbrock_by_hand),
    "linear": (lambda x: (3.0 * x).sum(), at(70), lambda x: np.zeros((70, 70))),
    "constant": (lambda x: 2.5, at(70), lambda x: np.zeros((70, 70))),
    "one": (lambda x: (x**3).sum(), at(1), lambda x: np.array([6 * x])),
    "none": (lambda x: (x**3).sum(), at(0), lambda x: np.zeros((0, 0))),
    "matrix": (
        lambda x: (x[1:] * x[:-1]).sum(), at(210).reshape(70, 3),
        lambda x: np.einsum("ij,kl->ikjl", np.eye(70, k=1) + np.eye(70, k=-1), np.eye(3)),
    ),
}  # fmt: skip
