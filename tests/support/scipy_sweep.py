"""Call every public function of SciPy with a traced argument, in processes of their own, and count what happens.

A call either gives a result with the right derivative, or raises an error that names the function; it never ends the
process.  The arguments are guessed: of several kinds of calls those are made which SciPy takes with plain values.  Run
it as

    python tests/support/scipy_sweep.py [MODULE ...] [--list KIND ...]

The kinds: "right" where the directional derivative agrees with differences of the plain call, "constant" where both are
zero, "opaque" where there are no numbers in the result or the plain call is not smooth or not the same twice, "named"
and "unnamed" by the error, "undefined" where the derivative is infinite or NaN, "WRONG" where it disagrees, "crashed"
where the process ends.
"""

import argparse
import importlib
import inspect
import math
import os
import resource
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
NUMBERS = np.ndarray | np.generic | int | float | complex
MEMORY = 4 << 30  # bytes that a process may use
for _array in (VECTOR, MATRIX, GRID):
    _array.flags.writeable = False  # a second argument may be `out`


def square(t, *rest):
    """A function for what takes one."""
    return t * t


#: Calls with a tolerance so large that differences of the result mean nothing.
COARSE = {("lambertw", 12)}

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


def numbers(value, depth=0):
    """Yield the numbers and numeric arrays in a result, traced or plain."""
    if isinstance(value, tuple | list):
        for v in value:
            yield from numbers(v, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        for key in sorted(value, key=str):
            if str(key) not in ("execution_time", "message"):
                yield from numbers(value[key], depth + 1)
    elif hasattr(value, "tocoo") and hasattr(value, "nnz"):
        yield value.tocoo().data
    elif issubclass(type(value), np.ma.MaskedArray):
        yield from numbers(np.ma.filled(value, 0.0), depth + 1)
    elif type(value) is np.ndarray and value.dtype.hasobject:
        elements = value.ravel().tolist()
        whole = all(np.shape(v) == () and len(list(numbers(v))) for v in elements)
        yield from [value] if whole else numbers(elements)
    elif isinstance(value, NUMBERS) and not isinstance(value, bool) and np.result_type(value).kind in "fciu":
        yield value


def total(result):
    """Return a weighted sum of all numbers in a result; None if there are none."""
    out, rng = None, np.random.default_rng(3)
    for y in numbers(result):
        weights = rng.uniform(0.5, 1.5, size=np.shape(y))
        objects = type(y) is np.ndarray and y.dtype.hasobject
        for v, w in zip(y.flat, weights.flat, strict=True) if objects else [(y, weights)]:
            part = np.sum(w * (v.real + 0.3 * v.imag if np.iscomplexobj(v) else v))
            out = part if out is None else out + part
    return out


def slope(f, point):
    """Return the derivative of a plain function along its point by differences; None where it cannot be told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = {}
        for h in (0.0, 1e-4, -1e-4, 2e-4, -2e-4, 1e-3, -1e-3):
            values[h] = f(point * (1.0 + h))
            if values[h] is None or not np.isfinite(values[h]):
                return None
        if values[0.0] != f(point * 1.0):
            return None
    fine = (8 * (values[1e-4] - values[-1e-4]) - values[2e-4] + values[-2e-4]) / 12e-4
    near, far = ((values[h] - values[-h]) / (2 * h) for h in (1e-4, 1e-3))
    kink = abs(values[1e-3] - 2 * values[0.0] + values[-1e-3]) / 1e-3
    size = abs(values[0.0]) + abs(near)
    if abs(near - far) > 1e-3 * size or kink > 0.02 * size or abs(fine - near) > 1e-5 * size:
        return None
    return float(fine)


def agrees(got, want, size):
    """Whether a derivative agrees with that of differences."""
    return abs(got - want) <= 1e-4 * max(abs(want), size) + 1e-9


def outcome(names, f, point, call, note):
    """What happens to one call: a kind of the list above, and the message or the numbers.

    `note` is called when SciPy has taken the call with plain values.
    """

    shapes = [None]

    def sized(result):
        shapes[0] = [np.shape(y) for y in numbers(result)]
        return total(result)

    def plain(x):
        return sized(call(f, np.array(x) if np.ndim(x) else x))

    def traced(x):
        y = sized(call(f, x))
        return (0.0 if y is None else y) + 0.0 * (x.sum() if np.ndim(x) else x)

    try:
        value = _quietly(plain, point)
    except BaseException:
        return "not a call", ""
    expected = shapes[0]
    note()
    try:
        tangent = _quietly(lambda: mmad.jvp(traced, (point,), (point,))[1])
        gradient = _quietly(lambda: mmad.vjp(traced, point)[1](1.0)[0])
    except Exception as e:
        text = " ".join([f"{type(e).__name__}: {e}", *getattr(e, "__notes__", ())])
        return ("named" if any(name in text for name in names) else "unnamed"), text
    if shapes[0] != expected and (
        len(shapes[0]) == len(expected) or sum(map(math.prod, shapes[0])) != sum(map(math.prod, expected))
    ):
        return "WRONG", f"shapes {shapes[0]}, not {expected}"
    if value is None or not np.isfinite(value):
        return "opaque", ""
    try:
        want = slope(plain, point)
    except BaseException:
        return "opaque", ""
    if want is None:
        return "opaque", ""
    tangent, gradient = float(tangent), float(np.sum(gradient * point))
    if not np.isfinite(tangent + gradient):
        return "undefined", f"forward {tangent}, reverse {gradient}, differences {want}"
    if agrees(tangent, want, abs(value)) and agrees(gradient, want, abs(value)):
        return ("right" if tangent else "constant"), ""
    return "WRONG", f"forward {tangent}, reverse {gradient}, differences {want}"


def one_process(module, start, first):
    """Run the functions of a module from one on, and print a line for each call, and before each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for k, (name, f) in enumerate(functions(module)):
        names = {name, getattr(f, "__name__", name)}
        for n, (point, call) in enumerate(CALLS):
            if (k, n) < (start, first):
                continue
            print(f"plain {k} {name} {n}", flush=True)
            kind, text = outcome(names, f, point, call, lambda k=k, name=name, n=n: print(f"traced {k} {name} {n}"))
            if kind != "not a call" and (name, n) not in COARSE:
                print(f"call {k} {name} {n} {kind}\t{' '.join(text.split())}", flush=True)
    print("done", flush=True)


def sweep(module):
    """Return (function, number of the call, kind, message) of all calls; a process that ends is "crashed"."""
    found, start = [], (0, 0)
    while True:
        command = [sys.executable, __file__, "--one", module, *map(str, start)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
            output, code = ran.stdout, ran.returncode
        except subprocess.TimeoutExpired as e:
            output, code = (e.stdout or b"").decode(), "timeout"
        last = None
        for line in output.splitlines():
            word, *rest = line.split(None, 4)
            if word in ("plain", "traced"):
                last = word, int(rest[0]), rest[1], int(rest[2])
            elif word == "call":
                kind, _, text = rest[3].partition("\t")
                found.append((f"scipy.{module}.{rest[1]}", int(rest[2]), kind.split()[0], text or rest[3]))
        if output.endswith("done\n") or last is None:
            return found
        if last[0] == "traced":  # and not what SciPy does of plain values
            found.append((f"scipy.{module}.{last[2]}", last[3], "crashed", f"exit code {code}"))
        start = last[1], last[3] + 1


def main():
    """Print the counts, and the calls of a kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--list", nargs="*", default=("unnamed", "crashed", "WRONG"))
    parser.add_argument("--one", nargs=3)
    arguments = parser.parse_args()
    if arguments.one:
        one_process(arguments.one[0], *map(int, arguments.one[1:]))
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
