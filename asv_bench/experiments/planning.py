"""What the planner costs: colours it finds, detection and colouring, and its own time; processor time."""

from statistics import median
from time import process_time

import numpy as np
import scipy.sparse  # noqa: F401  what the first sparse result would import is no cost of planning

import mmad
from experiments.timing import seconds_of
from mmad.bench import find_problem
from mmad.planner.coloring.coloring import column_coloring, star_coloring

__all__ = ["run"]

PLANNED = (
    ("arrowhead", 500, "jacobian"), ("tanh-network", 6, "hessian"), ("broyden", 1000, "jacobian"),
    ("rosenbrock", 10_000, "hessian"), ("orbit", (200, 4), "jacobian"),
)  # fmt: skip


def run(quick):
    """Return colours, and seconds of each part."""
    return {
        "colours": colours(),
        "hessian": sparse_hessian(10_000 if quick else 1_000_000),
        "preparation": preparation(1000 if quick else 10_000),
        "chain": pattern_of_a_chain(10_000 if quick else 1_000_000),
        "planned": {
            f"{name}, {product}": planned(name, n, product, 3 if quick else 15) for name, n, product in PLANNED
        },
    }


def pattern_of(name, n, order=1):
    """Return the pattern of a problem."""
    instance = find_problem(name).at(n)
    return mmad.sparsity(instance.make(np), instance.point, order=order)


def colours():
    """Return the colours of patterns whose smallest number is known, and that number."""
    half, n = 6, 300
    band = sum(np.eye(n, k=k) for k in range(-half, half + 1))
    tridiagonal = sum(np.eye(n, k=k) for k in (-1, 0, 1))
    return {
        "tridiagonal, columns": [column_coloring(tridiagonal).count, 3],
        "arrow, star": [star_coloring(pattern_of("arwhead", 300, order=2)).count, 2],
        "5-point grid 40 x 40, columns": [column_coloring(pattern_of("bratu", 40)).count, 5],
        "brusselator 100 x 100, columns": [column_coloring(pattern_of("brusselator", 100)).count, 6],
        f"band of half width {half}, star": [star_coloring(band).count, 2 * half + 1],
    }


def sparse_hessian(n):
    """Return the seconds of first and later calls, run eagerly and compiled."""
    instance = find_problem("rosenbrock").at(n)
    product, found = instance.hvp(instance.point, instance.direction), {}
    for mode in ("eager", "compiled"):
        derivative = mmad.hessian(instance.make(np), sparse=True, mode=mode)
        start = process_time()
        matrix = derivative(instance.point)
        first = process_time() - start
        error = np.abs(matrix @ instance.direction - product).max() / np.abs(product).max()
        if not error < 1e-10:
            raise ArithmeticError(f"sparse Hessian of {instance.name}, {mode}: relative error {error:.1e}")
        points = instance.cycle()
        derivative(next(points))
        found[mode] = {"first": first, "later": seconds_of(lambda d=derivative, p=points: d(next(p)), 5, process_time)}
    return {"n": n, **found}


def preparation(n):
    """Return the seconds of detection, of colouring, and of one evaluation of the Hessian that they serve."""
    instance = find_problem("rosenbrock").at(n)
    function, x = instance.make(np), instance.point
    derivative = mmad.hessian(function, sparse=True)
    derivative(x)
    pattern = mmad.sparsity(function, x, order=2)
    return {
        "n": n,
        "detection": seconds_of(lambda: mmad.sparsity(function, x, order=2), 11, process_time),
        "coloring": seconds_of(
            lambda: star_coloring(mmad.Pattern(pattern.shape, pattern.indptr, pattern.indices)), 11, process_time
        ),
        "evaluation": seconds_of(lambda: derivative(x), 21, process_time),
    }


def pattern_of_a_chain(n):
    """Return the seconds of detecting the pattern of a chain of elementwise operations."""
    x = np.linspace(0.1, 0.9, n)

    def chain(x):
        for _ in range(5):
            x = np.sin(x) * x + 1.0
        return x

    return {"n": n, "seconds": seconds_of(lambda: mmad.sparsity(chain, x), 3, process_time)}


def planned(name, n, product, rounds):
    """Return the seconds of the first call of a planned derivative, and of one whose strategy is forced."""
    instance, make = find_problem(name).at(n), getattr(mmad, product)
    chooses = make(instance.make(np), sparse=True)
    chooses(instance.point)
    strategy = chooses.plan(instance.point).strategy
    taken = {"auto": [], strategy: []}
    for _ in range(rounds):
        for way, times in taken.items():
            derivative = make(instance.make(np), strategy=way, sparse=True)
            start = process_time()
            derivative(instance.point)
            times.append(process_time() - start)
    return {"strategy": strategy, "planned": median(taken["auto"]), "forced": median(taken[strategy])}
