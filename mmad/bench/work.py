"""What has to be computed and moved for a derivative, counted in mmad's program; and what a machine can do."""

import warnings
from time import perf_counter

import numpy as np

import mmad
from mmad.bench.strategies.plans import MOST_COLUMNS
from mmad.bench.tools._tool import along

__all__ = ["peaks", "work_of"]

ELEMENTS = 1 << 22  # of an array of the triad: 32 MB, more than most caches hold
ORDER = 768  # of the matrices that are multiplied: 14 MB in all, of which blocks stay in cache
REPEATS = 5
OPERATORS = {"gradient": mmad.grad, "hvp": mmad.hvp, "hessian": mmad.hessian, "jacobian": mmad.jacobian}


def work_of(instance, product):
    """Return the operations of mmad's compiled program for a derivative, and the bytes that it reads and writes.

    Parameters
    ----------
    instance : Instance
    product : str

    Returns
    -------
    operations, moved : int, or None
        None where there is no program, where it calls back into Python, whose work cannot be counted, or where the
        matrix is too large to be dense.
    """
    if product in ("hessian", "jacobian") and instance.inputs > MOST_COLUMNS and not instance.problem.is_sparse:
        return None, None
    options = {"sparse": instance.problem.is_sparse} if product in ("hessian", "jacobian") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it runs eagerly, say: then there is no program
            compiled = mmad.compile(OPERATORS[product](instance.make(np), **options))
            compiled(instance.point, *along(instance, product))
            programs = compiled.programs()
    except Exception:  # whatever the function raises has been told where it was measured
        return None, None
    counts = programs[-1].counts() if programs else {"calls": 1}
    return (None, None) if counts["calls"] else (counts["operations"], counts["bytes"])


def peaks():
    """Measure what this machine can do, by NumPy: a triad and a matrix product, the best of a few.

    Returns
    -------
    dict
        "operations per second" of a product of two matrices, and "bytes per second" of a + s b on arrays that do not
        fit the caches.
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
    """Return the least seconds of a few calls."""
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)
