"""Random programs compiled with every set of passes: ``python tests/support/fuzz_programs.py --help``.

Each program (`programs.py`: Python with small arrays; `array_programs.py`: arrays of many shapes) is
recorded at one point, together with its pullback.  The replay has to agree, there and elsewhere, with what mmad gives
without compiling, whichever passes ran; it may refuse a point where the program takes another way through its branches.
``MMAD_DEBUG=1`` validates every graph between passes.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import sys
import time

import array_programs
import numpy as np
import programs

import mmad
from mmad.compiler import PASSES, pipeline
from mmad.tracing import tree

PASS_SETS = {
    "all": PASSES,
    "none": (),
    "ordered": PASSES,
    "tight": PASSES,
    **{f"-{p}": [q for q in PASSES if q != p] for p in PASSES},
}
SCALES = (0.0, 1e-3, -0.1)  # of the steps to the points of the replays
TAME = 1e6  # derivatives beyond it: rounding errors of different orders of evaluation grow as large


@dataclasses.dataclass
class Report:
    """What a run did: programs, compiled programs, replays, replays refused by guards, failures as text."""

    programs: int = 0
    compiled: int = 0
    replays: int = 0
    refused: int = 0
    wild: int = 0
    failures: list = dataclasses.field(default_factory=list)

    def __iadd__(self, other):
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self

    def __str__(self):
        return (
            f"{self.programs} programs, compiled {self.compiled} times, {self.replays} replays, {self.refused} refused "
            f"by guards, {self.wild} ill-conditioned programs left out, {len(self.failures)} failures"
        )


def flat(x):
    """All numbers of a tree as one vector."""
    return np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in tree.flatten(x)[0]])


def scalar_case(seed):
    """A program of `programs.py` with its pullback, points to replay it at, and how well it has to agree."""
    program = programs.build(seed)
    z = flat(programs.point(seed))
    d = np.random.default_rng([seed, 2]).normal(size=17)
    points = [(float(p[0]), p[1:5].copy(), p[5:].reshape(3, 4).copy()) for p in (z + scale * d for scale in SCALES)]

    def f(s, v, m):
        (a, w), pull = mmad.vjp(program, s, v, m)
        return a, w, pull((1.0, np.array([0.5, -1.0, 0.25, 2.0])))

    return f, points, 1e-9


def array_case(seed):
    """The same of `array_programs.py`; odd ones are not differentiated, but have float32 among float64."""
    points, gradient = array_programs.arguments(seed)
    return array_programs.build(seed), points, 1e-9 if gradient else 1e-4


KINDS = {"scalars": scalar_case, "arrays": array_case}


@contextlib.contextmanager
def ordered():
    """Let the pass `order` decide, however little workspace a program needs."""
    kept = pipeline.spacious, pipeline.roomier
    pipeline.spacious, pipeline.roomier = lambda parts: True, lambda other, parts: True
    try:
        yield
    finally:
        pipeline.spacious, pipeline.roomier = kept


def tight(tape, passes):
    """The program with half the memory, or with three quarters, if it can be had."""
    compiled = tape.compile(passes)
    ends = [offset + size for size, home, offset in compiled.machine.buffer_list() if home == "arena"]
    for share in (0.5, 0.75):
        with contextlib.suppress(MemoryError):
            return tape.compile(passes, int(share * max(ends, default=0)) + 1)
    return compiled


def conditioned(f, x, want, tolerance):
    """Whether the next numbers in float32 change a program's results by less than a tenth of what is allowed."""
    if not any(np.asarray(a).dtype == np.float32 for a in x):
        return True
    near = f(*[np.nextafter(a, a + 1) if np.asarray(a).dtype == np.float32 else a for a in x])
    return np.abs(flat(near) - flat(want)).max() < 0.1 * tolerance * (1e-3 + np.abs(flat(want)).max())


def check(seed, pass_sets, kind):
    """One program with several sets of passes.

    Parameters
    ----------
    seed : int
    pass_sets : dict of str to iterable of str
    kind : str
        Of :data:`KINDS`.

    Returns
    -------
    Report
    """
    report = Report()
    with np.errstate(all="ignore"):
        f, points, tolerance = KINDS[kind](seed)
        wants = [tree.flatten(f(*x))[0] for x in points]
        if not all(
            np.isfinite(flat(w)).all() and np.abs(flat(w)).max() < TAME and conditioned(f, x, w, tolerance)
            for x, w in zip(points, wants, strict=True)
        ):
            report.wild = 1
            return report
        report.programs = 1
        tape = mmad.record(f, *points[0])
        for name, passes in pass_sets.items():
            with ordered() if name == "ordered" else contextlib.nullcontext():
                compiled = tight(tape, passes) if name == "tight" else tape.compile(passes)
            report.compiled += 1
            for k, (x, want) in enumerate(zip(points, wants, strict=True)):
                try:
                    got = tree.flatten(compiled(*x))[0]
                except mmad.GuardError:
                    report.refused += 1
                    if k == 0:
                        report.failures.append(f"program {seed}, passes {name}: refuses the point of its recording")
                    continue
                report.replays += 1
                for i, (g, w) in enumerate(zip(got, want, strict=True)):
                    error = np.abs(np.asarray(g) - w).max(initial=0.0) / (1e-3 + np.abs(flat(want)).max())
                    if (
                        not error < tolerance
                        or np.shape(g) != np.shape(w)
                        or np.asarray(g).dtype != np.asarray(w).dtype
                    ):
                        report.failures.append(f"program {seed}, passes {name}, point {k}, result {i}: {error:.1e}")
    return report


def run(seeds, pass_sets=PASS_SETS, kind="scalars"):
    """Many programs; the sum of their reports."""
    total = Report()
    for seed in seeds:
        try:
            total += check(seed, pass_sets, kind)
        except Exception as error:  # one program must not hide the others
            total.failures.append(f"program {seed}: {type(error).__name__}: {error}")
    return total


def main(arguments=None):
    """Run from the command line; the status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 1000), metavar=("FIRST", "END"))
    parser.add_argument("--kind", choices=KINDS, default="scalars")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--passes", nargs="*", default=list(PASS_SETS), help=f"of {', '.join(PASS_SETS)}")
    options = parser.parse_args(arguments)
    start, total = time.monotonic(), Report()
    pass_sets = {name: PASS_SETS[name] for name in options.passes}
    chunks = [range(k, min(k + 100, options.seeds[1])) for k in range(options.seeds[0], options.seeds[1], 100)]
    with concurrent.futures.ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for report in pool.map(run, chunks, [pass_sets] * len(chunks), [options.kind] * len(chunks)):
            total += report
            for failure in report.failures:
                print(failure, flush=True)
    print(f"{total}, {time.monotonic() - start:.0f} s")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
