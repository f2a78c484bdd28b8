"""Overhead of an operation: what a gradient takes for each operation of the function, apart from the arithmetic.

Two experiments.  The one of "A Differentiable Programming System to Bridge Machine Learning and Scientific Computing"
(Innes and others, 2019, arXiv 1907.07587, where Zygote takes 568.8 ns) differentiates a stack of small LSTM layers for
several batch sizes: the time that is left at a batch of no samples is the overhead.  The other one differentiates a
chain of scalar operations, and takes off what Python needs for the same loop over floats.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import check, time_in_turns

__all__ = ["BATCHES", "LAYERS", "MODES", "Fit", "chain_overhead", "fitted", "operations_of", "stacked_lstm_overhead"]

LAYERS, BATCHES = (1, 2, 3), range(1, 9)

#: What is done with a function, or its gradient, before it is called.
MODES = {"eager": lambda function: function, "compiled": mmad.compile}


class CountingArray(np.ndarray):
    """An array that counts the universal functions applied to it, matrix products and sums included, views not."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        CountingArray.count += 1
        plain = [x.view(np.ndarray) if isinstance(x, CountingArray) else x for x in inputs]
        return np.asarray(getattr(ufunc, method)(*plain, **kwargs)).view(CountingArray)


def operations_of(function, point):
    """Return how many universal functions a function of a tuple of arrays applies; no tool has a say in it."""
    CountingArray.count = 0
    function(tuple(a.view(CountingArray) for a in point))
    return CountingArray.count


@dataclass(frozen=True)
class Fit:
    """Times fitted by ``operations * (overhead + batch * work)``, relative errors in the least square.

    Attributes
    ----------
    overhead, work : float
        Seconds an operation, and seconds more for each sample.
    spread : float
        The largest relative error.
    operations, batch, seconds : list of float
        What was fitted.
    """

    overhead: float
    work: float
    spread: float
    operations: list
    batch: list
    seconds: list


def fitted(operations, batches, seconds):
    """Return the fit to times."""
    operations, batches, seconds = (np.asarray(values, dtype=float) for values in (operations, batches, seconds))
    columns = np.stack([operations, operations * batches], axis=1) / seconds[:, None]
    (overhead, work), *_ = np.linalg.lstsq(columns, np.ones(len(seconds)))
    spread = np.max(np.abs(columns @ (overhead, work) - 1.0))
    return Fit(float(overhead), float(work), float(spread), operations.tolist(), batches.tolist(), seconds.tolist())


def stacked_lstm_overhead(mode, rounds, clock=perf_counter):
    """Return the fit for the gradient of a stack of one to three layers and batches of one to eight samples.

    Parameters
    ----------
    mode : {"eager", "compiled"}
    rounds : int
    clock : callable
    """
    operations, batches, calls, given = [], [], {}, {}
    for layers in LAYERS:
        for batch in BATCHES:
            instance = find_problem("stacked-lstm").at((layers, batch))
            function = instance.make(np)
            gradient = MODES[mode](mmad.grad(function))
            for _ in range(2):  # a later call may go another way than the first
                check(instance.name, gradient(instance.point), instance.gradient(instance.point))
            operations.append(operations_of(function, instance.point))
            batches.append(batch)
            points = instance.cycle()
            calls[instance.name], given[instance.name] = gradient, [(next(points),) for _ in range(8)]
    timings = time_in_turns(calls, rounds, clock, given)
    return fitted(operations, batches, [timing.median for timing in timings.values()])


def chain_overhead(mode, n, rounds, clock=perf_counter):
    """Return the seconds that the gradient of `n` chained scalar operations takes more than the chain, over `n`.

    Both are in the same mode: eagerly Python runs the loop, over floats and recorded; compiled it runs neither.
    """
    instance = find_problem("chain").at(n)
    function = MODES[mode](instance.make(np))
    gradient = MODES[mode](mmad.grad(instance.make(np)))
    for _ in range(2):
        check(instance.name, np.array([gradient(1.0)]), np.array([instance.gradient(1.0)]))
    timings = time_in_turns({"chain": lambda: function(1.0), "gradient": lambda: gradient(1.0)}, rounds, clock)
    return (timings["gradient"].median - timings["chain"].median) / n
