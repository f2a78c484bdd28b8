"""Random programs compiled with every set of passes: ``python tests/fuzz_programs.py --help``.

Each program (`tests/programs.py`) is recorded as value and gradient together at one point.  The replay has to agree,
there and at points nearby, with what mmad gives without compiling, whichever passes ran; a replay may refuse a point
where the program takes another way through its branches.  ``MMAD_DEBUG=1`` validates every graph between passes.
"""

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import sys
import time

import numpy as np
import programs

import mmad
from mmad import tree
from mmad.compiler import PASSES

PASS_SETS = {"all": PASSES, "none": (), **{f"-{p}": [q for q in PASSES if q != p] for p in PASSES}}
ARGUMENTS = (0, 1, 2)
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


def points(seed):
    """Where a program is replayed; the first point is where it is recorded."""
    z = flat(programs.point(seed))
    d = np.random.default_rng([seed, 2]).normal(size=17)
    return [(float(p[0]), p[1:5].copy(), p[5:].reshape(3, 4).copy()) for p in (z + scale * d for scale in SCALES)]


def check(seed, pass_sets):
    """One program with several sets of passes.

    Parameters
    ----------
    seed : int
    pass_sets : dict of str to iterable of str

    Returns
    -------
    Report
    """
    report = Report()
    program = programs.build(seed)

    def f(s, v, m):
        (a, w), pull = mmad.vjp(program, s, v, m)
        return a, w, pull((1.0, np.array([0.5, -1.0, 0.25, 2.0])))

    at = points(seed)
    with np.errstate(all="ignore"):
        wants = [flat(f(*x)) for x in at]
        if not all(np.isfinite(w).all() and np.abs(w).max() < TAME for w in wants):
            report.wild = 1
            return report
        report.programs = 1
        tape = mmad.record(f, *at[0])
        for name, passes in pass_sets.items():
            compiled = tape.compile(passes)
            report.compiled += 1
            for k, (x, want) in enumerate(zip(at, wants, strict=True)):
                try:
                    got = flat(compiled(*x))
                except mmad.GuardError:
                    report.refused += 1
                    if k == 0:
                        report.failures.append(f"program {seed}, passes {name}: refuses the point of its recording")
                    continue
                report.replays += 1
                error = np.abs(got - want).max() / (1e-3 + np.abs(want).max())
                if not error < 1e-10:
                    report.failures.append(f"program {seed}, passes {name}, point {k}: off by {error:.1e}")
    return report


def run(seeds, pass_sets=PASS_SETS):
    """Many programs; the sum of their reports."""
    total = Report()
    for seed in seeds:
        try:
            total += check(seed, pass_sets)
        except Exception as error:  # one program must not hide the others
            total.failures.append(f"program {seed}: {type(error).__name__}: {error}")
    return total


def main(arguments=None):
    """Run from the command line; the status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 1000), metavar=("FIRST", "END"))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--passes", nargs="*", default=list(PASS_SETS), help=f"of {', '.join(PASS_SETS)}")
    options = parser.parse_args(arguments)
    start, total = time.monotonic(), Report()
    pass_sets = {name: PASS_SETS[name] for name in options.passes}
    chunks = [range(k, min(k + 100, options.seeds[1])) for k in range(options.seeds[0], options.seeds[1], 100)]
    with concurrent.futures.ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for report in pool.map(run, chunks, [pass_sets] * len(chunks)):
            total += report
            for failure in report.failures:
                print(failure, flush=True)
    print(f"{total}, {time.monotonic() - start:.0f} s")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
