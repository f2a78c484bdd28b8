"""Corrupted files of programs, with checksums that are right: ``python tests/support/fuzz_files.py --help``.

A file is changed where its structure says that something stands: values of the header, fields of the C structures,
bytes of arrays, lengths.  Loading has to raise ProgramError, or to give a program that runs on arguments of the shapes
that it declares, and prints, without a crash and without endless memory.  Cases are run by worker processes, so that a
crash is seen; case `n` is the same in every run.
"""

import argparse
import copy
import dataclasses
import faulthandler
import multiprocessing
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from program_bytes import LAYOUTS, Parts, sealed

import mmad
from mmad.compiler import PASSES
from mmad.compiler.program import Program
from mmad.errors import ProgramError
from mmad.tape._instructions import OPERATIONS, scalar_opcodes

MEMORY = 1 << 30  # bytes of address space that a worker may add to what it starts with
LARGE = 1 << 24  # bytes of arguments that a case may ask for to be run
SECONDS = 2  # that a run may take: a program may be told to take long, it must only be possible to stop it
STUCK = 30  # seconds after which a worker that cannot be stopped is killed
NUMBERS = [0, 1, -1, 2, 3, 5, 7, 8, 15, 16, 63, 64, 65, 127, 128, 255, 256, 1000, 4095, 4096, 4097, 65535, 65536]
NUMBERS += [s * 2**k + d for k in (15, 31, 32, 33, 40, 52, 53, 61, 62, 63) for s in (1, -1) for d in (-1, 0, 1)]


# ------------------------------------------------------------------------------------------------ to start from
def _scalars(x, y):
    a = np.sin(x) * np.cos(x) + np.hypot(x, y) ** 3
    return (a * y if x > 0 else a - y), np.exp(a), 2.0


def _fused(x, y):
    z = np.tanh(x) * y + np.where(x > y, x, np.exp(y))
    return z, z.sum(), np.max(z), z.sum(axis=0), np.min(z, axis=1), z[::-1, ::2] * 2.0, z > 0


def _single(x):
    return (x * x + np.float32(2.0) * np.sin(x)).sum(axis=1), x.astype(np.float64) * 2.0


def _matrices(a, b, v):
    return a @ b, a @ v, v @ a.T, (a.reshape(2, 3, 4) @ b).sum(), np.stack([a, a]) @ v


def _systems(a, v):
    lower = np.linalg.cholesky(a)
    x = np.linalg.solve(a, v) + np.linalg.solve(lower, v)
    return (
        x,
        np.linalg.inv(a),
        np.linalg.det(a[::-1]),
        np.linalg.slogdet(np.stack([a, a]))[1],
        np.linalg.solve(lower.T, a),
    )


TABLE = np.array([3, 0, 2, 2, 1])


def _gathers(x):
    y = x * 1.0
    y[[0, 4]] = 7.0
    y[1] = x[2] * y[3]
    y[2:4] += x[:2]
    np.add.at(y, [0, 0, 1], x[:3])
    return y, x[TABLE] * 2.0, x[x.argsort()], y[::-1].sum()


def _guards(x):
    t = (x * x).sum()
    if np.all(x > -9.0) and t > 1.0:
        return {"a": x[x > 0.0], "b": [t, (x, 1)]}
    return {"a": x, "b": [t, (x, 1)]}


def _calls(a, x):
    return np.cumsum(x), np.linalg.solve(a + 4.0 * np.eye(4), x), np.einsum("ij,j->i", a, x), np.prod(x), np.sort(x)


def _gradient(x):
    return mmad.grad(lambda t: (np.sin(t[1:]) * t[:-1] ** 2 + t[0]).sum())(x)


def bases():
    """Name -> bytes of a program's file."""
    rng = np.random.default_rng(5)
    arguments = {
        _scalars: (0.7, 1.3),
        _fused: (rng.normal(size=(5, 6)), rng.normal(size=6)),
        _single: (rng.normal(size=(3, 40)).astype(np.float32),),
        _matrices: (rng.normal(size=(6, 4)), rng.normal(size=(4, 5)), rng.normal(size=4)),
        _systems: (np.cos(np.arange(9.0)).reshape(3, 3) + 4.0 * np.eye(3), rng.normal(size=3)),
        _gathers: (rng.normal(size=5),),
        _guards: (np.array([1.0, -2.0, 3.0]),),
        _calls: (rng.normal(size=(4, 4)), rng.normal(size=4)),
        _gradient: (rng.normal(size=30),),
    }
    return {f.__name__.strip("_"): mmad.record(f, *x).compile(PASSES)._dumps() for f, x in arguments.items()}


# ------------------------------------------------------------------------------------------------ changes
def places(x, found, path=()):
    """All places of a tree of lists and dicts, as (container, key)."""
    for key in x if isinstance(x, dict) else range(len(x)):
        found.append((x, key))
        if isinstance(x[key], list | dict):
            places(x[key], found)
    return found


def other_value(rng, old, header):
    """What could stand in a header instead of something."""
    kind = rng.randrange(9)
    if kind <= 2 and type(old) is int:
        return rng.choice([old + 1, old - 1, old * 2, -old, old + rng.choice(NUMBERS)])
    if kind <= 3:
        return rng.choice([*NUMBERS, 10**30, 1.5, float("nan"), float("inf")])
    if kind == 4:
        return rng.choice([None, True, "", "x" * 300, [], {}, [[]], {"t": []}, {"m": []}, {"f": "nan"}, {"d": "<f4"}])
    if kind == 5:
        return rng.choice([*OPERATIONS, *scalar_opcodes(), "slot", "buffer", "own", "object", "copy", "view", "value"])
    if kind == 6:
        return {
            rng.choice("abcdefmnst"): rng.choice([rng.randrange(9), "<c16", "|b1", "0x1p9", [], [1, 2], {"t": [1]}])
        }
    container, key = rng.choice(places(header, []))
    return copy.deepcopy(container[key])  # something from elsewhere


def change_header(rng, parts):
    container, key = rng.choice(places({k: v for k, v in parts.header.items() if k != "machine"}, []))
    what = rng.randrange(8)
    if what == 0 and isinstance(container, list):
        del container[key]
    elif what == 1 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif what == 2 and isinstance(container, list):
        container.insert(key, other_value(rng, container[key], parts.header))
    elif what == 3 and isinstance(container, dict):
        container[rng.choice("abcdefmnstz")] = container.pop(key)
    elif what == 4 and isinstance(container, list):
        rng.shuffle(container)
    else:
        container[key] = other_value(rng, container[key], parts.header)


def change_field(rng, parts):
    """One field of one C structure."""
    name = rng.choice([n for n in LAYOUTS if len(parts.records(n))])
    records = parts.records(name)
    column = records[rng.choice(records.dtype.names)]
    flat = column.reshape(-1)
    k = rng.randrange(flat.size)
    index = np.unravel_index(k, column.shape)
    old, bits = int(flat[k]), 8 * column.dtype.itemsize
    new = rng.choice([old + 1, old - 1, old * 2, -old, int(flat[rng.randrange(flat.size)]), *rng.sample(NUMBERS, 4)])
    column[index] = np.array(new % 2**bits, f"u{bits // 8}").astype(column.dtype)


def change_records(rng, parts):
    """One C structure in another's place, or two exchanged."""
    records = parts.records(rng.choice([n for n in LAYOUTS if len(parts.records(n))]))
    i, j = rng.randrange(len(records)), rng.randrange(len(records))
    if rng.random() < 0.5:
        records[i] = records[j].copy()
    else:
        records[[i, j]] = records[[j, i]]


def change_array(rng, parts):
    """Bytes of an array."""
    if parts.arrays:
        k = rng.randrange(len(parts.arrays))
        if rng.random() < 0.5:
            parts.arrays[k] ^= 1 << rng.randrange(8)
        else:
            value = rng.choice(NUMBERS) % 2**64
            parts.arrays[k // 8 * 8 : k // 8 * 8 + 8] = value.to_bytes(8, "little")


def resize(rng, parts):
    """An array cut off or longer."""
    entry = rng.choice(parts.header["arrays"])
    size = entry[1][0] if entry[1] else 1
    entry[1][:1] = [rng.choice([max(size + rng.choice([-64, -20, -8, -1, 1, 8, 24]), 0), size // 2, 0])]
    if rng.random() < 0.3:
        del parts.arrays[rng.randrange(len(parts.arrays) + 1) :]


CHANGES = (change_header,) * 4 + (change_field,) * 6 + (change_records, change_array, change_array, resize)


def corrupted(number, files):
    """Case `number`: the name of the program that it starts from and the bytes of a file."""
    rng = random.Random(number)
    name = rng.choice(sorted(files))
    data = files[name]
    if rng.random() < 0.05:  # of the file as bytes: what no longer is a header
        length = int.from_bytes(data[8:16], "little")
        body = bytearray(data[48:])
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(length)] = rng.randrange(256)
        cut = rng.choice([len(body), rng.randrange(len(body))])
        claimed = rng.choice([length, length, *(n % 2**64 for n in NUMBERS)])
        return name, sealed(bytes(body[:cut]), b"", claimed)
    parts = Parts(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        try:
            rng.choice(CHANGES)(rng, parts)
        except (TypeError, KeyError, ValueError, IndexError, StopIteration):
            continue  # an earlier change has taken away what this one would change
    try:
        return name, parts.dumps()
    except (ValueError, TypeError):  # keys of dicts that JSON does not have
        return name, data


# ------------------------------------------------------------------------------------------------ what has to hold
class Late(BaseException):
    """A run takes too long."""


def arguments_of(program):
    """Arguments of the structure, shapes and dtypes that a program declares; None: too large, or none at all."""
    leaves, size = [], 0
    rng = np.random.default_rng(1)
    for spec in program.arguments:
        if spec[0] == "array":
            size += np.prod(spec[1], dtype=float) * spec[2].itemsize
            if size > LARGE:
                return None
            leaves.append(np.ones(spec[1], spec[2]) if rng.random() < 0.5 else np.full(spec[1], -2.5).astype(spec[2]))
        else:
            leaves.append(spec[1] if spec[0] == "static" else 0.5)
    rest = iter(leaves)

    def build(shape):
        kind, inner = shape
        if kind == "leaf":
            return next(rest)
        if kind == "dict":
            return {k: build(v) for k, v in inner}
        return (tuple if kind == "tuple" else list)([build(v) for v in inner])

    made = build(program.structures[0])
    if type(made) is not tuple or len(made) != 2 or type(made[0]) is not tuple or type(made[1]) is not dict:
        return None
    return made if all(type(k) is str for k in made[1]) else None


def attempt(data):
    """Load a file, run the program and print it: "refused", "ran", "stopped", "uncallable", "large" or "late".

    Any other exception than the documented ones goes through.
    """
    try:
        program = Program._loads(data)
    except ProgramError:
        return "refused"
    str(program), repr(program), program.explain(), len(program), program.nbytes
    try:
        made = arguments_of(program)
    except (TypeError, ValueError, IndexError, MemoryError):
        made = None
    if made is None:
        return "uncallable"
    for _ in range(2):
        try:
            with np.errstate(all="ignore"):
                program(*made[0], **made[1])
        except (ProgramError, mmad.GuardError):
            return "stopped"
        except MemoryError:
            return "large"
    program._dumps()
    return "ran"


def work(first, end, at, counts, failures):
    """Cases first..end-1 in this process; `at` says which one is being run."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    files = bases()
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def late(*_):
        raise Late

    signal.signal(signal.SIGALRM, late)
    for number in range(first, end):
        at.value = number
        name, data = corrupted(number, files)
        signal.alarm(SECONDS)
        try:
            outcome = attempt(data)
        except Late:
            outcome = "late"
        except BaseException as error:
            outcome = "failed"
            failures.put(f"case {number} ({name}): {type(error).__name__}: {error}")
        signal.alarm(0)
        counts[OUTCOMES.index(outcome)] += 1
    at.value = end


OUTCOMES = ("refused", "ran", "stopped", "uncallable", "large", "late", "failed")


@dataclasses.dataclass
class Found:
    """What a run saw."""

    counts: dict
    failures: list

    def __str__(self):
        return f"{sum(self.counts.values())} files: " + ", ".join(f"{n} {k}" for k, n in self.counts.items())


def run(first, end):
    """Cases first..end-1 in a worker process, a new one after every crash."""
    context = multiprocessing.get_context("spawn")
    at, counts = context.Value("q", first), context.Array("q", len(OUTCOMES))
    failures, found = context.Queue(), []
    while at.value < end:
        worker = context.Process(target=work, args=(at.value, end, at, counts, failures))
        worker.start()
        seen, since = -1, time.monotonic()
        while worker.is_alive():
            worker.join(0.2)
            while not failures.empty():
                found.append(failures.get())
            if at.value != seen:
                seen, since = at.value, time.monotonic()
            elif time.monotonic() - since > STUCK:
                worker.kill()
        if at.value < end:
            found.append(f"case {at.value}: the process ended with {worker.exitcode}")
            at.value += 1
    while not failures.empty():
        found.append(failures.get())
    return Found(dict(zip(OUTCOMES, counts, strict=True)), found)


def main(arguments=None):
    """Run from the command line; the status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--case", type=int, help="run one case here, in this process")
    options = parser.parse_args(arguments)
    if options.case is not None:
        print(attempt(corrupted(options.case, bases())[1]))
        return 0
    start = time.monotonic()
    found = run(options.first, options.first + options.count)
    for failure in found.failures:
        print(failure)
    print(f"{found}, {len(found.failures)} failures, {time.monotonic() - start:.0f} s")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
