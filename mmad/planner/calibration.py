"""Coefficients of the cost model for the machine at hand: measured on request, kept in the user's cache directory.

Each coefficient is a difference of two timings divided by what they differ in, each timing the best of several.  The
file says which machine and versions it is of; one that is damaged, or of another machine, is measured again.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmad import compiled
from mmad.planner.cost import EAGER_AND_COMPILED, Coefficients, as_plain, from_plain
from mmad.recorded import Recorded

__all__ = ["cache_file", "calibrate", "coefficients", "measure"]

_known = None


def coefficients():
    """Coefficients for "eager" and "compiled": of this machine, if it has been calibrated.

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
            json.dump({"machine": machine(), "coefficients": as_plain(_known)}, file, indent=1)
        os.replace(temporary, path)
    except OSError:
        pass  # a cache that cannot be written is none; the measurement holds for this process
    return _known


def cache_file():
    """Where the coefficients are kept; ``MMAD_CACHE`` names another directory."""
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
    """Coefficients in a file; ValueError where it is damaged or of another machine."""
    with open(path, encoding="utf-8") as file:
        try:
            data = json.load(file)
        except (ValueError, RecursionError) as e:
            raise ValueError(f"{path} is damaged: {e}") from None
    if not isinstance(data, dict) or data.get("machine") != machine():
        raise ValueError(f"{path} is of another machine")
    return from_plain(data.get("coefficients"))


def machine():
    """What the coefficients depend on."""
    return [platform.machine(), platform.processor(), platform.node(), os.cpu_count(), sys.version, np.__version__]


# ------------------------------------------------------------------------------------------------ measuring
def measure(progress=None):
    """Coefficients of this machine."""
    steps = [("eager", _eager), ("compiled", _compiled)]
    return {name: step() for name, step in (steps if progress is None else progress(steps))}


OPERATIONS = 40
SMALL, LARGE = 8, 40_000
COUNT, LANES = 2000, 32


def _chain(x):
    y = x
    for _ in range(OPERATIONS // 2):
        y = y * x + 0.1
    return y


def _numbers(x):
    s = x[0]
    for _ in range(COUNT // 2):
        s = s * x[0] + x[1]
    return s


def _square(x):
    return x.reshape(256, 256) @ x.reshape(256, 256)


def _seconds(call, repeats=5):
    """The best time of a call."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def _point(n):
    return np.linspace(0.1, 0.9, n)


def _seeds(count, n):
    return np.random.default_rng(n).normal(size=(count, n))


def _positive(x):
    """A time; noise may make a difference of two negative."""
    return float(min(max(x, 1e-12), 0.5))


def _fit(run, first):
    """The coefficients that an eager and a compiled run have in common; `run(f, x)` is a timing of evaluating f."""
    call = run(lambda x: x * x, _point(2))
    number = (run(_numbers, _point(2)) - call) / COUNT
    small, large = run(_chain, _point(SMALL)), run(_chain, _point(LARGE))
    element = (large - small) / OPERATIONS / (LARGE - SMALL)
    flop = (run(_square, _point(256 * 256)) - call) / 256**3
    return {
        "call": _positive(call),
        "number": _positive(number),
        "array": _positive((small - call) / OPERATIONS),
        "element": _positive(element),
        "flop": _positive(flop),
        **first(),
    }


def _common():
    """What does not depend on the mode of running."""
    index, data = np.random.default_rng(0).permutation(100_000), np.ones(100_000)
    return {
        "entry": _positive(_seconds(lambda: data[index]) / 100_000),
        "byte": _positive(_seconds(lambda: np.zeros(2_000_000).fill(1.0)) / 16e6),
    }


def _eager():
    def run(f, x):
        return _seconds(lambda: Recorded(f, (x,), "calibrate"))

    def lanes():
        def push(f, n, count):
            r = Recorded(f, (_point(n),), "calibrate")
            seeds = _seeds(count, n)
            return _seconds(lambda: r.push_many(seeds, LANES))

        def pull(f, n, count):
            r = Recorded(f, (_point(n),), "calibrate")
            seeds = _seeds(count, r.shape[0])
            return _seconds(lambda: r.pull_many(seeds, LANES))

        one, many = push(_chain, SMALL, LANES), push(_chain, LARGE // LANES, LANES)
        number = (push(_numbers, 2, 2 * LANES) - push(_numbers, 2, LANES)) / LANES / COUNT
        backward, forward = pull(_chain, LARGE // LANES, LANES), many
        return {
            "lane_number": _positive(number),
            "lane_array": _positive(one / OPERATIONS),
            "lane_element": _positive((many - one) / OPERATIONS / LARGE),
            "reverse": float(np.clip(backward / forward, 0.5, 5.0)),
            **_compiling(),
        }

    return Coefficients(**_fit(run, lanes), **_common())


def _compiled():
    def run(f, x):
        g = compiled.compile(f)
        g(x)
        return _seconds(lambda: g(x))

    def lanes():
        def push(f, n, count, width=LANES):
            def evaluate(x):
                return Recorded(f, (x,), "calibrate").push_many(_seeds(count, n), width)

            return run(evaluate, _point(n))

        def pull(f, n, count):
            def evaluate(x):
                r = Recorded(f, (x,), "calibrate")
                return r.pull_many(_seeds(count, r.shape[0]), LANES)

            return run(evaluate, _point(n))

        one, many = push(_chain, SMALL, LANES), push(_chain, LARGE // LANES, LANES)
        plain = run(_chain, _point(LARGE // LANES))
        number = (push(_numbers, 2, 8, 1) - push(_numbers, 2, 4, 1)) / 4 / COUNT
        return {
            "lane_number": _positive(number),
            "lane_array": _positive((one - run(_chain, _point(SMALL))) / OPERATIONS),
            "lane_element": _positive((many - plain) / OPERATIONS / LARGE),
            "reverse": float(
                np.clip((pull(_chain, LARGE // LANES, LANES) - plain) / max(many - plain, 1e-9), 0.5, 5.0)
            ),
            **_compiling(),
        }

    return Coefficients(**_fit(run, lanes), **_common())


def _compiling():
    """Seconds of compiling an instruction."""

    def taken(f, x):
        g = compiled.compile(f)
        g(x)
        return g.stats()["seconds"]

    def lanes(x):
        return Recorded(_chain, (x,), "calibrate").push_many(_seeds(LANES, SMALL), LANES)

    base = min(taken(lambda x: x * x, _point(2)) for _ in range(3))
    return {
        "compile": _positive(base),
        "compile_number": _positive((taken(_numbers, _point(2)) - base) / COUNT),
        "compile_array": _positive((min(taken(lanes, _point(SMALL)) for _ in range(3)) - base) / (3 * OPERATIONS)),
    }
