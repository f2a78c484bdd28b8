"""`compile`: record once, replay from then on, record again where a guard fails."""

import functools
import threading
import types
import warnings

import numpy as np

from mmad import tree
from mmad._core import Traced
from mmad.compiler import compile_tape
from mmad.errors import CaptureError, TraceError
from mmad.tracing import describe, open_tape, wrappers_open
from mmad.transforms.tape import record

__all__ = ["compile"]

TRACES = 64  # variants kept for one signature
CHECKED_CALLS = 3  # calls that check=True runs both ways


def compile(f, *, check=False):
    """A function that is recorded at its first call and replayed at later ones.

    Parameters
    ----------
    f : callable
        Any function of numbers, arrays and trees of them, or a derivative function such as ``mmad.grad(f)``.
    check : bool
        Run the first calls both ways and raise if they disagree: for functions that may depend on more than their
        arguments (random numbers, files, attributes of objects).

    Returns
    -------
    callable
        With ``stats()``, counts of calls, replays, recordings and guard failures.

    Notes
    -----
    Another structure, shape or dtype of the arguments, another value of an argument that is not floating-point, and
    another value of a number or text that the function reads from a closure or a global are recorded separately.  Where
    Python looks at a value (a branch, an index) a guard is left; a replay whose guard fails is recorded again, and both
    are kept.  Captured arrays are read at every call.  Not seen: attributes of objects, random numbers, files.

    Raises
    ------
    TraceError
        With `check`, where a replay and the function disagree.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> g = mmad.compile(mmad.grad(lambda x: 2 * x if x > 0 else 3 * x))
    >>> g(1.0), g(-1.0), g(2.0)
    (2.0, 3.0, 2.0)
    >>> g.stats()["records"]
    2
    """
    if not callable(f):
        raise TypeError(f"mmad.compile takes a function, not {type(f).__name__}")
    return functools.wraps(f, updated=())(Compiled(f, check))


class Compiled:
    """A compiled function; see :func:`compile`."""

    def __init__(self, f, check):
        self.f, self.check = f, check
        self.reads = _reads(f)
        self.variants, self.lock = {}, threading.Lock()
        self.counts = dict.fromkeys(("calls", "replays", "records", "guard_failures", "eager"), 0)

    def __call__(self, *args, **kwargs):
        self.counts["calls"] += 1
        leaves, structure = tree.flatten((args, kwargs))
        if open_tape() is not None or wrappers_open() or any(isinstance(x, Traced) for x in leaves):
            return self.f(*args, **kwargs)  # inside another derivative the function itself is traced
        key, values = self._signature(leaves, structure)
        variants = self.variants.get(key)
        if variants is None:
            variants = self.variants.setdefault(key, [])
        result = self._replay(variants, values)
        if result is None:
            return self._record(variants, args, kwargs, leaves, structure, values)
        if self.check and self.counts["calls"] <= CHECKED_CALLS:
            self._compare(result, self.f(*args, **kwargs))
        return result

    def stats(self):
        """Counts of calls, replays, recordings, guard failures and calls that ran eagerly; instructions kept."""
        variants = [v for vs in self.variants.values() for v in vs]
        return {**self.counts, "variants": len(variants), "instructions": sum(v.program.size for v in variants)}

    def _signature(self, leaves, structure):
        """What a recording depends on, and the values that it does not depend on."""
        parts, values = [structure, tuple([read() for read in self.reads])], []
        for x in leaves:
            if type(x) is float or type(x) is np.float64:
                parts.append(type(x))
                values.append(float(x))
            elif isinstance(x, np.ndarray) and x.dtype.kind in "fc":
                parts.append((x.shape, x.dtype.newbyteorder("=")))
                values.append(
                    x
                    if x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative
                    else np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
                )
            elif isinstance(x, np.ndarray) or (isinstance(x, np.generic) and not isinstance(x, np.floating)):
                parts.append((x.shape, x.dtype, x.tobytes()))
            else:
                parts.append((type(x), _hashable(x)))
        return tuple(parts), values

    def _replay(self, variants, values):
        for k, variant in enumerate(variants):
            found = variant.run(values)
            if found is not None:
                self.counts["replays"] += 1
                if k:  # what was taken last is likely to be taken next
                    variants.insert(0, variants.pop(k))
                return tree.unflatten(variant.structure, found)
            self.counts["guard_failures"] += 1
        return None

    def _record(self, variants, args, kwargs, leaves, structure, values):
        if len(variants) >= TRACES:
            self._eager(f"has taken {TRACES} different ways through its branches")
            return self.f(*args, **kwargs)
        moving = [
            k
            for k, x in enumerate(leaves)
            if type(x) in (float, np.float64) or (isinstance(x, np.ndarray) and x.dtype.kind in "fc")
        ]

        def run(*traced):
            full = list(leaves)
            for k, x in zip(moving, traced, strict=True):
                full[k] = x
            a, kw = tree.unflatten(structure, full)
            return self.f(*a, **kw)

        functools.update_wrapper(run, self.f, updated=())
        self.counts["records"] += 1
        try:
            tape = record(run, *[leaves[k] for k in moving], live=True)
            tape.settle()
        except CaptureError:
            self._eager("writes into an array that it captures, or that it makes without traced values in it")
            return self.f(*args, **kwargs)
        variant = Variant(tape)
        with self.lock:
            variants.insert(0, variant)
        found = variant.run(values)
        result = tree.unflatten(variant.structure, found)
        if self.check and self.counts["calls"] <= CHECKED_CALLS:
            self._compare(result, self.f(*args, **kwargs))
        return result

    def _eager(self, why):
        if not self.counts["eager"]:
            warnings.warn(f"{describe(self.f, 'compile')} {why}: such calls run eagerly", RuntimeWarning, stacklevel=4)
        self.counts["eager"] += 1

    def _compare(self, result, eager):
        got, want = tree.flatten(result)[0], tree.flatten(eager)[0]
        same = len(got) == len(want) and all(
            np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True)
            if isinstance(y, float | complex | np.ndarray | np.generic)
            else x == y
            for x, y in zip(got, want, strict=True)
        )
        if not same:
            raise TraceError(
                f"{describe(self.f, 'compile')}: the replay and the function disagree; it depends on something "
                "besides its arguments (random numbers, a file, an attribute of an object), or writes to it"
            )


class Variant:
    """One way through a function: its program and how results are given back."""

    def __init__(self, tape):
        self.program, self.structure = compile_tape(tape), tape.out_tree
        self.results = [tape.giver(k, c, f) for k, c, f in zip(tape.outputs, tape.constants, tape.floats, strict=True)]

    def run(self, values):
        found = self.program.run(values)
        return None if found is None else [give(v) for give, v in zip(self.results, found, strict=True)]


# ------------------------------------------------------------------------------------------------ captured numbers
_STATIC = (bool, int, float, complex, str, bytes, type(None), np.generic)


def _hashable(x):
    """A value in a key, told apart from equal values of another type and from itself after a change of its contents."""
    try:
        hash(x)
    except TypeError:
        return id(x)
    return x


def _static(x):
    return isinstance(x, _STATIC) or (isinstance(x, tuple) and all(_static(v) for v in x))


def _reads(f):
    """Readers of the numbers and texts that a function, and the functions it uses, take from closures and globals."""
    reads, seen = [], set()

    def visit(g):
        while isinstance(g, functools.partial):
            for v in (*g.args, *g.keywords.values()):
                visit(v)
            g = g.func
        g = getattr(g, "__func__", g)
        if id(g) in seen or len(seen) > 500:
            return
        seen.add(id(g))
        inner = getattr(g, "__wrapped__", None)
        if inner is not None:
            visit(inner)
        if not isinstance(g, types.FunctionType) or g.__module__.partition(".")[0] in ("numpy", "mmad"):
            return
        for cell in g.__closure__ or ():
            reads.append(functools.partial(_cell, cell))
            if callable(_cell(cell, raw=True)):
                visit(_cell(cell, raw=True))
        names, codes = set(), [g.__code__]
        while codes:
            code = codes.pop()
            names.update(code.co_names)
            codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        for name in sorted(names & g.__globals__.keys()):
            value = g.__globals__[name]
            if _static(value):
                reads.append(functools.partial(_global, g.__globals__, name))
            elif callable(value):
                visit(value)

    visit(f)
    return reads


def _cell(cell, raw=False):
    try:
        value = cell.cell_contents
    except ValueError:  # not yet assigned
        return None
    return value if raw or _static(value) else None


def _global(names, name):
    value = names.get(name)
    return (type(value), value) if _static(value) else None
