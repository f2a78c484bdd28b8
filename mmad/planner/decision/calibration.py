"""Coefficients of the cost model for the machine at hand: measured on request, kept in the user's cache directory.

Each coefficient is a difference of two timings divided by what they differ in, each timing the best of several.  The
file says which machine and versions it is of; one that is damaged, or of another machine, is measured again.

What calibrating earns (`python asv_bench/earned.py calibration`): nothing on a machine like the one that the built-in
coefficients are of, where the regret of plans for 1, 10 and 1000 evaluations is 1.04, 1.02 and 1.03 in the mean instead
of 1.04, 1.02 and 1.02.  It is for machines that are not like it.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmad.derivatives.first_order import grad
from mmad.derivatives.recorded import Recorded
from mmad.planner.decision.cost import EAGER_AND_COMPILED, Coefficients, as_dict, from_dict
from mmad.planner.decision.task import work_of
from mmad.planner.sparsity._fingerprint import fingerprint
from mmad.planner.sparsity.detect import graph_of
from mmad.replay import compiled

__all__ = ["cache_file", "calibrate", "clock", "coefficients", "measure"]

# Processor time, where its clock is fine enough: what other programs do meanwhile is no property of the machine.
clock = time.process_time if time.get_clock_info("process_time").resolution <= 1e-6 else time.perf_counter

_known = None


def coefficients():
    """Return the coefficients for "eager" and "compiled": of this machine, if it has been calibrated.

    Returns
    -------
    dict of str to Coefficients
    """
    global _known
    if _known is None:
        try:
            _known = read(cache_file())
        except FileNotFoundError:
            _known = EAGER_AND_COMPILED
        except (OSError, ValueError):
            _known = calibrate()
    return _known


def calibrate(progress=None):
    """Measure this machine, in about half a second, and keep the result for processes to come.

    Parameters
    ----------
    progress : callable, optional
        Wraps the list of measurements, as `tqdm.tqdm` does.

    Returns
    -------
    dict of str to Coefficients
    """
    global _known
    _known = measure(progress)
    path = cache_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            json.dump({"machine": machine_identity(), "coefficients": as_dict(_known)}, file, indent=1)
        os.replace(temporary, path)
    except OSError:
        pass  # a cache that cannot be written is none; the measurement holds for this process
    return _known


def cache_file():
    """Return where the coefficients are kept; ``MMAD_CACHE`` names another directory."""
    if "MMAD_CACHE" in os.environ:
        return Path(os.environ["MMAD_CACHE"]) / "coefficients.json"
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "mmad" / "coefficients.json"


def read(path):
    """Return the coefficients in a file; raise ValueError where it is damaged or of another machine."""
    with open(path, encoding="utf-8") as file:
        try:
            data = json.load(file)
        except (ValueError, RecursionError) as e:
            raise ValueError(f"{path} is damaged: {e}") from None
    if not isinstance(data, dict) or data.get("machine") != machine_identity():
        raise ValueError(f"{path} is of another machine")
    return from_dict(data.get("coefficients"))


def machine_identity():
    """Return what the coefficients depend on."""
    return [platform.machine(), platform.processor(), platform.node(), os.cpu_count(), sys.version, np.__version__]


# ------------------------------------------------------------------------------------------------ measuring
def measure(progress=None):
    """Return the coefficients of this machine."""
    steps, shared = [("eager", _eager), ("compiled", _compiled)], {**_compiling(), **_common()}
    return {name: step(shared) for name, step in (steps if progress is None else progress(steps))}


OTHERS = np.ones(500_000)  # what other code has in cache
SMALL, LARGE = 8, 4000
SHORTEST = 2e-4  # seconds of one timing
COUNT, LANES = 1000, 8


def _energy(x):
    """Evaluate operations of the usual kinds: slices, powers, sums; the gradient adds to windows."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def _residuals(x):
    y = (3.0 - 2.0 * x) * x + 1.0
    y[1:] -= x[:-1] * y[:-1]
    y[:-1] -= 2.0 * x[1:]
    return np.sin(y) * x


def _mixture(x):
    y = np.exp(-x * x)
    return np.tanh(y / (1.0 + y.sum())) * y


KINDS = ((grad(_energy), True), (_residuals, False), (_mixture, False))


def _one_operation(x):
    return x * x


def _one_energy(x):
    return (x * x).sum()


def _numbers(x):
    s = x[0]
    for _ in range(COUNT // 2):
        s = s * x[0] + x[1]
    return s


def _square(x):
    return x.reshape(256, 256) @ x.reshape(256, 256)


def _seconds(call, repeats=5):
    """Return the best time of a call."""
    best = np.inf
    for _ in range(repeats):
        count, start = 0, clock()
        while (spent := clock() - start) < SHORTEST or not count:
            call()
            count += 1
        best = min(best, spent / count)
    return best


def _seconds_apart(call, repeats=7):
    """Return the median time of a call after others: eager code is spread over many functions, seldom in cache."""
    times = []
    for _ in range(repeats):
        OTHERS.sum()
        start = clock()
        call()
        times.append(clock() - start)
    return sorted(times)[repeats // 2]


def _point(n):
    return np.linspace(0.1, 0.9, n)


def _seeds(count, n):
    return np.random.default_rng(n).normal(size=(count, n))


def _positive(x):
    """Return a time; noise may make a difference of two negative."""
    return float(min(max(x, 1e-12), 0.5))


def _mean(values):
    return float(np.exp(np.mean(np.log([max(v, 1e-12) for v in values]))))


def _common():
    """Measure what does not depend on the mode of running."""
    index, data = np.random.default_rng(0).permutation(100_000), np.ones(100_000)
    return {
        "entry": _positive(_seconds(lambda: data[index]) / 100_000),
        "byte": _positive(_seconds(lambda: np.zeros(2_000_000).fill(1.0)) / 16e6),
    }


def _coefficients(recording, sweep, shared):
    """Return coefficients from timings of evaluating f (`recording`) and of lanes of it (`sweep`), by `KINDS` averaged.

    ``recording(f, x)`` and ``sweep(f, x, lanes, backward, width)`` give seconds; of the latter without the recording.
    What a call or a sweep takes by itself is that of a function with next to no operations.
    """
    least = _point(2)
    call = recording(_one_operation, least)
    gradient = recording(grad(_one_energy), least) - call
    ways = {
        "forward_single": (1, False),
        "forward_batch": (LANES, False),
        "reverse_single": (1, True),
        "reverse_batch": (LANES, True),
    }
    alone = {name: sweep(_one_operation, least, lanes, back, lanes) for name, (lanes, back) in ways.items()}
    parts = {k: [] for k in ("array", "element", "lane_element", "reverse", *(f"{name}_array" for name in ways))}
    for f, is_gradient in KINDS:
        small, large = _point(SMALL), _point(LARGE)
        a, b = (work_of(graph_of(Recorded(f, (x,), "calibrate"))) for x in (small, large))
        extent = b.elements - a.elements
        t = recording(f, small)
        parts["array"].append((t - call - is_gradient * max(gradient, 0.0)) / a.arrays)
        parts["element"].append((recording(f, large) - t) / extent)
        for name, (lanes, back) in ways.items():
            found = sweep(f, small, lanes, back, lanes)
            parts[f"{name}_array"].append((found - alone[name]) / (a.arrays - 1))
        tangents, cotangents = (
            sweep(f, large, LANES, back, LANES) - sweep(f, small, LANES, back, LANES) for back in (False, True)
        )
        parts["lane_element"].append(tangents / LANES / extent)
        parts["reverse"].append(max(cotangents, 1e-12) / max(tangents, 1e-12))
    found = {k: _positive(_mean(v)) for k, v in parts.items() if k != "reverse"}
    numbers = _point(2)
    return Coefficients(
        call=_positive(call),
        gradient=_positive(gradient),
        number=_positive((recording(_numbers, numbers) - call) / COUNT),
        flop=_positive((recording(_square, _point(256 * 256)) - call) / 256**3),
        lane_number=_positive(
            (sweep(_numbers, numbers, LANES, False, LANES) - sweep(_numbers, numbers, 2, False, 2)) / COUNT / 6
        ),
        reverse=float(np.clip(_mean(parts["reverse"]), 0.5, 5.0)),
        **{k: _positive(v - found[f"{k}_array"]) for k, v in alone.items()},
        **found,
        **shared,
    )


def _eager(shared):
    def recording(f, x):
        def call():
            r = Recorded(f, (x,), "calibrate")
            fingerprint(r.trace)  # as every planned call does

        return _seconds_apart(call)

    def sweep(f, x, lanes, backward, width):
        r = Recorded(f, (x,), "calibrate")
        seeds = _seeds(lanes, r.shape[0] if backward else r.shape[1])
        product = r.pull_many if backward else r.push_many
        return _seconds_apart(lambda: product(seeds, width))

    return _coefficients(recording, sweep, shared)


def _compiled(shared):
    def timed(f, x):
        g = compiled.compile(f)
        g(x)
        return _seconds(lambda: g(x))

    def sweep(f, x, lanes, backward, width):
        def evaluate(x):
            r = Recorded(f, (x,), "calibrate")
            seeds = _seeds(lanes, r.shape[0] if backward else r.shape[1])
            return (r.pull_many if backward else r.push_many)(seeds, width)

        return max(timed(evaluate, x) - timed(f, x), 1e-9)

    return _coefficients(timed, sweep, shared)


def _compiling():
    """Return the seconds of compiling, and of each instruction and lane: measured once, so that nothing is in cache."""

    def taken(f, x):
        times = []
        for _ in range(3):
            g = compiled.compile(f)
            OTHERS.sum()
            start = clock()
            g(x)
            times.append(clock() - start)
        return sorted(times)[1]

    def swept(f, lanes):
        def evaluate(x):
            r = Recorded(f, (x,), "calibrate")
            forward, reverse = _seeds(lanes, r.shape[1]), _seeds(lanes, r.shape[0])
            return r.push_many(forward, 1), r.pull_many(reverse, 1)

        return evaluate

    arrays, base = [], []
    for f, _ in KINDS:
        x = _point(SMALL)
        count = work_of(graph_of(Recorded(f, (x,), "calibrate"))).arrays
        few, many = (taken(swept(f, k), x) for k in (1, 3))
        arrays.append((many - few) / 4 / count)
        base.append(few - 3 * count * arrays[-1])
    return {
        "compile": _positive(max(_mean(base), 3e-4)),
        "compile_number": _positive(taken(_numbers, _point(2)) / COUNT),
        "compile_array": _positive(_mean(arrays)),
    }
