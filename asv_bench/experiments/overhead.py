"""What an operation costs that computes next to nothing.

1. Arrays: the experiment of the paper on Zygote (Innes et al., arXiv:1907.07587, section 3.1), after "Don't unroll
   adjoint" (Innes, 2018): gradients of stacked LSTMs of one to three layers for batches of one to eight samples.  The
   times are fitted, relative errors in the least square, by ``operations * (overhead + batch * work)``.
2. Numbers: the same loop on a Python float and recorded.
3. A chain of operations on numbers, in a process of its own, whose peak of memory is its own.
4. A loop that reads and writes elements of arrays, for sizes that double.
"""

import gc
import json
import subprocess
import sys
from itertools import cycle
from statistics import median
from time import perf_counter

import numpy as np
from overhead import BATCHES, LAYERS, fitted, operations_of

import mmad
from experiments.campaigns import tools_here
from mmad.bench import find_problem
from mmad.bench.measure import arguments_of, check, time_in_turns, verified
from mmad.bench.memory import resident_bytes
from mmad.bench.processes import environment_of_mmad

__all__ = ["run"]

TOOLS = ("mmad", "mmad-eager", "jax", "autograd", "torch", "torch-autograd")


def run(quick):
    """Return all four."""
    recorded, largest, chained = (20_000, 20_000, 200_000) if quick else (200_000, 1_000_000, 10_000_000)
    return {
        "arrays": arrays(LAYERS[:2], BATCHES[:2], 2) if quick else arrays(LAYERS, BATCHES, 21),
        "numbers": numbers(recorded, 5 if quick else 15),
        "chain": chain(chained),
        "elements": elements(largest, 3 if quick else 5),
    }


def arrays(layers_of, batches_of, rounds):
    """Return the seconds of an operation for each tool, and how well the model fits."""
    operations, batches, jobs = [], [], {}
    tools = tools_here(TOOLS)
    for layers in layers_of:
        for batch in batches_of:
            instance = find_problem("stacked-lstm").at((layers, batch))
            operations.append(operations_of(instance.make(np), instance.point))
            batches.append(batch)
            given = arguments_of(instance, "gradient")
            for tool in tools:
                runner, outcome = verified(tool, instance, "gradient", given)
                if runner is None:
                    raise ArithmeticError(f"{tool.name}: {outcome.reason}")
                points = cycle([runner.arguments(*each) for each in given])
                key = f"{tool.name} {layers} {batch}"
                jobs[key] = lambda runner=runner, points=points: runner.run(next(points))
    timings = time_in_turns(jobs, rounds)
    found = {}
    for tool in tools:
        seconds = [timings[f"{tool.name} {n} {b}"].median for n in layers_of for b in batches_of]
        fit = fitted(operations, batches, seconds)
        found[tool.name] = {"operation": fit.overhead, "sample": fit.work, "spread": fit.spread, "seconds": seconds}
    return {"operations": operations, "batches": batches, "tools": found}


def numbers(n, rounds):
    """Return the seconds of an operation on a Python float, and of one that is recorded."""
    function = find_problem("chain").at(n).make(None)
    plain, recorded = [], []
    for _ in range(rounds):
        start = perf_counter()
        value = function(1.0)
        middle = perf_counter()
        recorded_value, pullback = mmad.vjp(function, 1.0)
        end = perf_counter()
        plain.append((middle - start) / n)
        recorded.append((end - middle) / n)
        del pullback
        check("recording", np.array([recorded_value]), np.array([value]), 0.0)
    return {"operations": n, "plain": median(plain), "recorded": median(recorded)}


def chain(n):
    """Return what recording, differentiating and freeing n operations take, and how much memory."""
    code = f"from experiments.overhead import chain_here; chain_here({n})"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment_of_mmad(sys.path[0]), capture_output=True, text=True, check=False)
    if result.returncode:
        raise ArithmeticError(f"chain of {n} operations: {result.stderr.strip().splitlines()[-1:]}")
    return json.loads(result.stdout)


def chain_here(n):
    """Print the seconds of each stage and the growth of peak memory in bytes, as JSON."""
    problem = find_problem("chain").at(n)
    function = problem.make(None)
    mmad.vjp(find_problem("chain").at(1000).make(None), 1.0)[1](1.0)  # whatever is made once is made now
    before = resident_bytes()
    marks = [perf_counter()]
    _, pullback = mmad.vjp(function, 1.0)
    marks.append(perf_counter())
    (gradient,) = pullback(1.0)
    marks.append(perf_counter())
    del pullback
    gc.collect()
    marks.append(perf_counter())
    growth = resident_bytes(peak=True) - before
    check(problem.name, np.array([gradient]), np.array([problem.gradient(1.0)]), 1e-9)
    stages = dict(zip(("record", "differentiate", "free"), np.diff(marks).tolist(), strict=True))
    json.dump({"operations": n, **stages, "bytes": growth}, sys.stdout)


def elements(largest, rounds):
    """Return the seconds of gradients for n doubling up to the largest."""
    sizes = [largest // 2**k for k in range(4, -1, -1)]
    times = {n: [] for n in sizes}
    jobs = {}
    for n in sizes:
        problem = find_problem("indexed-loop").at(n)
        gradient = mmad.grad(problem.make(np))
        check(problem.name, gradient(problem.point), problem.gradient(problem.point), 1e-14)
        jobs[n] = gradient, problem.point
    for _ in range(rounds):
        for n, (gradient, point) in jobs.items():
            gc.collect()
            start = perf_counter()
            gradient(point)
            times[n].append(perf_counter() - start)
    return {"sizes": sizes, "seconds": [median(times[n]) for n in sizes]}
