"""A Hessian-vector product over shards of data: one worker and two, in turns, and a model of more.

Workers are processes, each on a processor of its own.  Where other programs run on these processors, elapsed times say
little; the workers' processor times say what two processors would have taken that do nothing else.
"""

import contextlib
import itertools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from time import perf_counter, process_time

import numpy as np

import mmad
from experiments.threads import PROCESSORS

__all__ = ["run"]

FEATURES = 20
SHARDS = 8
JOBS = (1, 2, 4, 8, 16, 32)  # of tiny shards: what an evaluation and a job cost
MODELLED = (1, 2, 4, 8, 16, 32, 64)  # workers
BANDWIDTH = 1e9  # bytes a second of the network of the model, 8 Gbit/s: an assumption


def likelihood(p, shard):
    x, y = shard
    z = x @ p
    return (np.logaddexp(0.0, z) - y * z).sum()


def product_by_hand(p, v, shards):
    """Return the product of the Hessian with v."""
    total = np.zeros_like(v)
    for x, _ in shards:
        q = 1.0 / (1.0 + np.exp(-(x @ p)))
        total += x.T @ (q * (1.0 - q) * (x @ v))
    return total


def drawn(rows, shards):
    rng = np.random.default_rng(0)
    sizes = np.full(shards, rows // shards)
    return [(rng.normal(size=(n, FEATURES)), (rng.random(n) < 0.4).astype(float)) for n in sizes]


def worker(processor):
    """Return an executor of one process on one processor."""
    where = {"initializer": os.sched_setaffinity, "initargs": (0, {processor})}
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), **where)


def run(quick):
    """Return times in seconds, of one worker and of two, and a model's; nothing where there is one processor."""
    if len(PROCESSORS) < 2:
        return {}
    pools = [worker(processor) for processor in sorted(PROCESSORS)[:2]]
    try:
        found = scaling(pools, 20_000 if quick else 2_000_000, 3 if quick else 40)
        # Of shorter products some fall between the turns of other programs.
        found["shorter"] = scaling(pools, 10_000 if quick else 400_000, 3 if quick else 200)
        found["overhead"] = overhead(pools[:1], 3 if quick else 50)
    finally:
        for pool in pools:
            pool.shutdown()
    with cluster() as client:
        if client is not None:
            found["overhead by Dask"] = overhead(client, 3 if quick else 20)
    found["model"] = modelled(found)
    return found


@contextlib.contextmanager
def cluster():
    """Give a client of two workers of Dask on this machine; None where Dask is not installed."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        yield None
        return
    where = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **where) as held, Client(held) as client:
        yield client


def scaling(pools, rows, rounds):
    """Time products by one worker and by two, in turns, each at another point than the one before."""
    shards, rng = drawn(rows, SHARDS), np.random.default_rng(1)
    sums = {"1": mmad.sharded(likelihood, shards, pools[:1]), "2": mmad.sharded(likelihood, shards, pools)}
    p, v = rng.normal(size=(2, FEATURES))
    expected = product_by_hand(p, v, shards)
    for total in sums.values():
        np.testing.assert_allclose(total.hvp(p, v), expected, rtol=1e-9)
    assert np.array_equal(sums["1"].hvp(p, v), sums["2"].hvp(p, v))
    elapsed, busy = {"1": [], "2": []}, {"1": [], "2": []}
    for _ in range(rounds):
        p, v = rng.normal(size=(2, FEATURES))
        for count, total in sums.items():
            before = [pool.submit(process_time).result() for pool in pools]
            start = perf_counter()
            total.hvp(p, v)
            elapsed[count].append(perf_counter() - start)
            after = [pool.submit(process_time).result() for pool in pools]
            busy[count].append(max(b - a for a, b in zip(before, after, strict=True)))
    return {
        "rows": rows,
        "features": FEATURES,
        "shards": SHARDS,
        "bytes": sum(x.nbytes + y.nbytes for x, y in shards),
        "load": os.getloadavg()[0],
        "least": {count: min(seconds) for count, seconds in elapsed.items()},
        "elapsed": {count: median(seconds) for count, seconds in elapsed.items()},
        "busiest": {count: median(seconds) for count, seconds in busy.items()},
        "elapsed ratio": median(a / b for a, b in zip(elapsed["1"], elapsed["2"], strict=True)),
        "busiest ratio": median(a / b for a, b in zip(busy["1"], busy["2"], strict=True)),
    }


def overhead(executor, rounds):
    """Return what a product costs besides its arithmetic: for an evaluation, and for each job of it.

    Shards of one row are evaluated by as many jobs as there are shards; a line is put through the least times,
    by the median of the slopes, which a slow spell of the machine does not move.
    """
    rng, least = np.random.default_rng(2), {}
    for jobs in JOBS:
        total = mmad.sharded(likelihood, drawn(jobs, jobs), executor, parts=jobs)
        times = []
        for _ in range(rounds):
            p, v = rng.normal(size=(2, FEATURES))
            start = perf_counter()
            total.hvp(p, v)
            times.append(perf_counter() - start)
        least[str(jobs)] = min(times)
    points = list(zip(JOBS, least.values(), strict=True))
    slope = median((t - s) / (n - m) for (m, s), (n, t) in itertools.combinations(points, 2))
    constant = median(t - slope * n for n, t in points)
    return {"evaluation": constant, "job": slope, "least": least}


def modelled(found):
    """Return seconds by number of workers: arithmetic divided, jobs started one by one, vectors sent to each."""
    alone, costs = found["busiest"]["1"], found["overhead"]
    sent = 3 * 8 * FEATURES / BANDWIDTH  # the point and the vector there, the product back
    seconds = {n: alone / n + costs["evaluation"] + n * (costs["job"] + sent) for n in MODELLED}
    return [
        {"workers": n, "seconds": t, "speed-up": seconds[1] / t, "efficiency": seconds[1] / t / n}
        for n, t in seconds.items()
    ]
