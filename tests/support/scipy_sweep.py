"""Call every public function of SciPy with a traced argument, in processes of their own, and count what happens.

A call either gives a result, or raises an error that names the function; it never ends the process.  The arguments
are guessed: of several kinds of calls those are made which SciPy takes with plain values.  Run it as

    python tests/support/scipy_sweep.py [MODULE ...] [--list KIND]
"""

import argparse
import importlib
import inspect
import os
import subprocess
import sys
import warnings

import numpy as np

import mmad

MODULES = (
    "cluster.hierarchy", "cluster.vq", "constants", "datasets", "differentiate", "fft", "fftpack", "integrate",
    "interpolate", "linalg", "linalg.blas", "linalg.lapack", "ndimage", "odr", "optimize", "signal", "signal.windows",
    "sparse", "sparse.csgraph", "sparse.linalg", "spatial", "spatial.distance", "spatial.transform", "special", "stats",
    "stats.mstats", "stats.qmc",
)  # fmt: skip
LEFT_OUT = {"show_options", "test", "interactive", "pyfunc", "bode", "ascent", "face", "electrocardiogram"}

VECTOR = np.array([0.3, 0.5, 0.2, 0.7, 0.45, 0.9])
MATRIX = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.1]])
GRID = np.arange(6.0)


def square(t, *rest):
    """A function for what takes one."""
    return t * t


#: Kinds of calls: what is traced, and the call with it.
CALLS = (
    (VECTOR, lambda f, x: f(x)),
    (MATRIX, lambda f, x: f(x)),
    (0.4, lambda f, x: f(x)),
    (VECTOR, lambda f, x: f(x, 3)),
    (VECTOR, lambda f, x: f(x, VECTOR)),
    (VECTOR, lambda f, x: f(VECTOR, x)),
    (VECTOR, lambda f, x: f(GRID, x)),
    (0.4, lambda f, x: f(x, 0.3)),
    (0.4, lambda f, x: f(2, x)),
    (MATRIX, lambda f, x: f(x, MATRIX)),
    (MATRIX, lambda f, x: f(x, MATRIX[0])),
    (MATRIX, lambda f, x: f(MATRIX, x)),
    (VECTOR, lambda f, x: f(x, 3, 2)),
    (VECTOR, lambda f, x: f([1.0], [1.0, -0.3], x)),
    (VECTOR, lambda f, x: f(VECTOR, VECTOR, x)),
    (0.4, lambda f, x: f(0.2, 0.3, x)),
    (0.4, lambda f, x: f(1, 0.3, x)),
    (0.4, lambda f, x: f(0.3, 0.4, 0.5, x)),
    (0.4, lambda f, x: f(square, x)),
    (0.4, lambda f, x: f(lambda t, *rest: t - x, 0.2, 3.0)),
    (0.4, lambda f, x: f(lambda t, *rest: (t - x) ** 2, 0.2)),
    (0.4, lambda f, x: f(lambda t, *rest: x * t, (0.0, 1.0), [1.0])),
    (0.4, lambda f, x: f(lambda t, *rest: x * t, [1.0], GRID)),
)


def functions(module):
    """The names of the public functions and classes of a module."""
    found = importlib.import_module(f"scipy.{module}")
    names = getattr(found, "__all__", None) or [n for n in dir(found) if not n.startswith("_")]
    for name in sorted(set(names) - LEFT_OUT):
        f = getattr(found, name, None)
        if callable(f) and not (inspect.isclass(f) and issubclass(f, BaseException)):
            yield name, f


def _quietly(f, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*args)


def outcome(name, f, point, call):
    """What happens to one call: "not a call", "result", "named", or "unnamed" with the error."""
    try:
        _quietly(call, f, np.array(point) if np.ndim(point) else point)
    except BaseException:
        return "not a call", ""
    try:
        _quietly(lambda: mmad.jvp(lambda x: (call(f, x), x * 1.0)[1], (point,), (point,)))
        _quietly(lambda: mmad.vjp(lambda x: (call(f, x), x * 1.0)[1], point))
    except Exception as e:
        text = " ".join([f"{type(e).__name__}: {e}", *getattr(e, "__notes__", ())])
        return ("named" if name in text else "unnamed"), text
    return "result", ""


def one_process(module, start):
    """Run the functions of a module from one on, and print a line for each call."""
    for k, (name, f) in enumerate(functions(module)):
        if k < start:
            continue
        print(f"begin {k} {name}", flush=True)
        for n, (point, call) in enumerate(CALLS):
            kind, text = outcome(name, f, point, call)
            if kind != "not a call":
                print(f"call {k} {name} {n} {kind}\t{' '.join(text.split())}", flush=True)
    print("done", flush=True)


def sweep(module):
    """Return (function, number of the call, kind, message) of all calls; a process that ends is "crashed"."""
    found, start = [], 0
    while True:
        command = [sys.executable, __file__, "--one", module, str(start)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
            output, code = ran.stdout, ran.returncode
        except subprocess.TimeoutExpired as e:
            output, code = (e.stdout or b"").decode(), "timeout"
        last = None
        for line in output.splitlines():
            word, *rest = line.split(None, 4)
            if word == "begin":
                last = int(rest[0]), rest[1]
            elif word == "call":
                kind, _, text = rest[3].partition("\t")
                found.append((f"scipy.{module}.{rest[1]}", int(rest[2]), kind.split()[0], text or rest[3]))
        if output.endswith("done\n") or last is None:
            return found
        found.append((f"scipy.{module}.{last[1]}", -1, "crashed", f"exit code {code}"))
        start = last[0] + 1


def main():
    """Print the counts, and the calls of a kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--list", nargs="*", default=("unnamed", "crashed"))
    parser.add_argument("--one", nargs=2)
    arguments = parser.parse_args()
    if arguments.one:
        one_process(arguments.one[0], int(arguments.one[1]))
        return
    counts = {}
    for module in arguments.modules or MODULES:
        for name, number, kind, text in sweep(module):
            counts[kind] = counts.get(kind, 0) + 1
            if kind in arguments.list:
                print(f"{kind}: {name} (call {number}) {text[:200]}", flush=True)
    print(counts)


if __name__ == "__main__":
    main()
