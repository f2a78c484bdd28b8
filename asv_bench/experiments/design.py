"""What decisions of the design are worth: lanes, recorded products, replays, nesting, and the pool of memory."""

import json
import os
import subprocess
import sys

import numpy as np

import mmad
from experiments.timing import seconds_of
from mmad.bench import find_problem
from mmad.bench.processes import environment_of_mmad

__all__ = ["run"]

CHAINED = 100_000


def run(quick):
    """Return seconds."""
    rounds = 2 if quick else 15
    return {"lanes": lanes(rounds), "nested": nested(rounds), "pool": pool(quick)}


def lanes(rounds):
    """Return a Hessian with all directions at once, against as many products; and a gradient recorded and replayed."""
    instance, n = find_problem("rosenbrock").at(200), 200
    f, x, eye = instance.make(np), instance.point, np.eye(n)
    product = mmad.hvp(f)
    _, push = mmad.linearize(mmad.grad(f), x)
    hessian = mmad.hessian(f)(x)
    np.testing.assert_allclose(np.array([push(v) for v in eye]), hessian, rtol=1e-12, atol=1e-9)
    return {
        "unknowns": n,
        "gradient": seconds_of(lambda: mmad.grad(f)(x), rounds),
        "hessian": seconds_of(lambda: mmad.hessian(f)(x), rounds),
        "products": seconds_of(lambda: [product(x, v) for v in eye], rounds),
        "linearized": seconds_of(lambda: [push(v) for v in eye], rounds),
    }


def nested(rounds):
    """Return the second derivative of a chain of multiplications by nested gradients, an operation."""

    def chain(x):
        for _ in range(CHAINED):
            x = x * 1.0000001
        return x * x

    second = mmad.grad(mmad.grad(chain))
    np.testing.assert_allclose(second(1.0), 2.0 * 1.0000001 ** (2 * CHAINED), rtol=1e-9)
    return {"operations": CHAINED, "seconds": seconds_of(lambda: second(1.0), min(rounds, 5))}


def pool(quick):
    """Return a gradient and a Hessian-vector product of large arrays with the pool of memory and without."""
    found = {}
    for way, size in (("with", None), ("without", "0")):
        environment = environment_of_mmad(sys.path[0])
        if size is not None:
            environment["MMAD_POOL_BYTES"] = size
        code = f"from experiments.design import large_here; large_here({10_000 if quick else 1_000_000})"
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ArithmeticError(result.stderr)
        found[way] = json.loads(result.stdout)
    return found


def large_here(n):
    """Print the seconds of a gradient and of a product, evaluated eagerly, as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    instance = find_problem("rosenbrock").at(n)
    f, v, points = instance.make(np), instance.direction, instance.cycle()
    gradient, product = mmad.grad(f), mmad.hvp(f)
    found = {
        "gradient": seconds_of(lambda: gradient(next(points)), 9),
        "hvp": seconds_of(lambda: product(next(points), v), 9),
    }
    json.dump(found, sys.stdout)
