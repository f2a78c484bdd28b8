"""The digits problem: real data, a small tanh network, and its loss in plain NumPy."""

import numpy as np

__all__ = ["CLASSES", "accuracy", "data", "initial_weights", "loss"]

PIXELS, CLASSES = 64, 10
# Factor of the squared weights: large enough to give the loss a clear minimum, too small to lower the test accuracy.
PENALTY = 1e-3


def data(seed):
    """Return handwritten digits: three quarters for training and one for testing, each class in proportion.

    Parameters
    ----------
    seed : int
        Seed of the split.

    Returns
    -------
    x_train, x_test : ndarray, shape (1347, 64) and (450, 64), float64
        Pixel intensities in [0, 1].
    y_train, y_test : ndarray, shape (1347,) and (450,), int
        The digits.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, digits = load_digits(return_X_y=True)
    return train_test_split(pixels / 16.0, digits, test_size=0.25, random_state=seed, stratify=digits)


def initial_weights(hidden, seed):
    """Return random weights of standard deviation ``1/sqrt(inputs)`` and zero biases, a dict of four float64 arrays."""
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.normal(size=(PIXELS, hidden)) / np.sqrt(PIXELS),
        "b1": np.zeros(hidden),
        "w2": rng.normal(size=(hidden, CLASSES)) / np.sqrt(hidden),
        "b2": np.zeros(CLASSES),
    }


def scores(weights, x):
    """Return the network's output before the softmax, of shape (rows, 10)."""
    return np.tanh(x @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]


def loss(weights, x, targets):
    """Return the mean softmax cross-entropy plus half `PENALTY` times the sum of squared weights.

    Parameters
    ----------
    weights : dict of ndarray
        As from `initial_weights`.
    x : ndarray, shape (rows, 64), float64
    targets : ndarray, shape (rows, 10), float64
        The classes, one-hot.

    Returns
    -------
    float
    """
    z = scores(weights, x)
    # A shift does not change the loss or its derivatives; a shift by the row maximum avoids overflow.
    z = z - z.max(axis=1, keepdims=True)
    log_partition = np.log(np.exp(z).sum(axis=1))
    penalty = (weights["w1"] ** 2).sum() + (weights["w2"] ** 2).sum()
    return (log_partition - (z * targets).sum(axis=1)).mean() + 0.5 * PENALTY * penalty


def accuracy(weights, x, digits):
    """Return the share of rows whose largest score is that of the right digit."""
    return float(np.mean(scores(weights, x).argmax(axis=1) == digits))
