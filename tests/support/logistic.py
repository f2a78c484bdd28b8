"""A likelihood over shards of data, with its derivatives in closed form."""

import numpy as np

__all__ = ["GRADIENT", "HESSIAN", "POINT", "SHARDS", "VALUE", "VECTOR", "likelihood", "ravelled"]


def likelihood(p, shard):
    """Return the negative logarithm of the likelihood of a logistic regression."""
    x, y = shard
    z = x @ p["w"] + p["b"]
    return (np.logaddexp(0.0, z) - y * z).sum()


def ravelled(tree):
    """Return parameters as a vector, in the order of the keys."""
    return np.append(tree["b"], tree["w"])


def _drawn():
    rng = np.random.default_rng(7)
    return [(rng.normal(size=(n, 3)), (rng.random(n) < 0.4).astype(float)) for n in (50, 50, 70, 1, 20)]


SHARDS = _drawn()
POINT = {"w": np.array([0.3, -0.5, 1.1]), "b": 0.2}
VECTOR = {"w": np.array([1.0, 2.0, -0.5]), "b": 0.7}

X = np.concatenate([np.c_[np.ones(len(x)), x] for x, _ in SHARDS])
Y = np.concatenate([y for _, y in SHARDS])
Z = X @ ravelled(POINT)
PROBABILITY = 1.0 / (1.0 + np.exp(-Z))
VALUE = -(Y * np.log(PROBABILITY) + (1.0 - Y) * np.log(1.0 - PROBABILITY)).sum()
GRADIENT = X.T @ (PROBABILITY - Y)
HESSIAN = X.T @ (X * (PROBABILITY * (1.0 - PROBABILITY))[:, None])
