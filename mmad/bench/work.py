"""Count the operations and bytes of mmad's program for a derivative, and measure the peak speeds of this machine."""

import warnings
from time import perf_counter

import numpy as np

import mmad
from mmad.bench.strategies.plans import MOST_COLUMNS
from mmad.bench.tools._tool import along

__all__ = ["peaks", "work_of"]

ELEMENTS = 1 << 22  # elements of an array of the triad: 32 MB, more than most caches hold
ORDER = 768  # order of the matrices in the product: 14 MB in all, multiplied in blocks that stay in cache
REPEATS = 5
OPERATORS = {"gradient": mmad.grad, "hvp": mmad.hvp, "hessian": mmad.hessian, "jacobian": mmad.jacobian}


def work_of(instance, product):
    """Return the number of operations in mmad's compiled program for a derivative, and of bytes that it moves.

    Parameters
    ----------
    instance : Instance
    product : str

    Returns
    -------
    operations, moved : int, or None
        None if there is no program, if the program calls back into Python, whose work cannot be counted, or if the
        matrix is too large to be dense.
    """
    if product in ("hessian", "jacobian") and instance.inputs > MOST_COLUMNS and not instance.problem.is_sparse:
        return None, None
    options = {"sparse": instance.problem.is_sparse} if product in ("hessian", "jacobian") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that the function runs eagerly, and so has no program
            compiled = mmad.compile(OPERATORS[product](instance.make(np), **options))
            compiled(instance.point, *along(instance, product))
            programs = compiled.programs()
    except Exception:  # the outcome of the measurement already reports what the function raises
        return None, None
    counts = programs[-1].counts() if programs else {"calls": 1}
    return (None, None) if counts["calls"] else (counts["operations"], counts["bytes"])


def peaks():
    """Measure the peak speeds of this machine with NumPy: a triad and a matrix product, each the best of a few runs.

    Returns
    -------
    dict
        "operations per second" of a product of two matrices, and "bytes per second" of a + s b on arrays that do not
        fit into the caches.
    """
    a, b, c = (np.full(ELEMENTS, value) for value in (1.0, 2.0, 3.0))
    seconds = best(lambda: np.add(a, np.multiply(b, 3.0, out=c), out=c))
    left, right = np.full((ORDER, ORDER), 0.5), np.full((ORDER, ORDER), 0.25)
    product = np.empty_like(left)
    return {
        "operations per second": 2 * ORDER**3 / best(lambda: np.matmul(left, right, out=product)),
        "bytes per second": 5 * a.nbytes / seconds,  # two reads and a write, after a read and a write
    }


def best(call):
    """Return the shortest time of a few calls, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)
