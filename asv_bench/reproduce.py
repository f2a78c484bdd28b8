"""Measure what the documents quote: each experiment in a process of its own, on one processor, with one thread.

    python asv_bench/reproduce.py                  all experiments: see --list for how long they take
    python asv_bench/reproduce.py tools regret     some
    python asv_bench/reproduce.py --quick          small sizes and few rounds, kept nowhere: that everything runs
    python asv_bench/reproduce.py --resume tools   go on with a comparison that was interrupted
    python asv_bench/reproduce.py --out FOLDER     write results there instead of asv_bench/results

Every derivative is compared with one worked out by hand, or by a complex step, before anything is timed; a tool that is
not installed is left out.  ``python asv_bench/fill.py`` then writes the numbers into the documents.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
#: Experiments, with the minutes that they took where the results come from.
EXPERIMENTS = {
    "distributed": 2,
    "features": 1, "design": 1, "guards": 1, "threads": 1, "planning": 1, "optimisers": 4, "inductor": 1, "regret": 2,
    "overhead": 3, "memory": 3, "sparse": 3, "passes": 4, "families": 11, "growth": 23, "tools": 25,
}  # fmt: skip
CAMPAIGNS = ("tools", "growth", "passes", "inductor", "sparse", "families")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: XLA's own threads stay on one processor, too.
XLA = "--xla_cpu_multi_thread_eigen=false"


def main():
    """Run the experiments that are asked for; return 1 where one fails."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--list", action="store_true", help="name the experiments, and say how long they take")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results are written")
    parser.add_argument("--resume", action="store_true", help="keep the cases of comparisons that are there")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return measure(options.here, options)
    if options.list:
        for name, minutes in EXPERIMENTS.items():
            print(f"{name:<10} {minutes:>3} min")
        return 0
    unknown = set(options.names) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    with tempfile.TemporaryDirectory() as kept_nowhere:
        out = options.out or (Path(kept_nowhere) if options.quick else RESULTS)
        failed = [name for name in options.names or EXPERIMENTS if start(name, options, out)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def start(name, options, out):
    """Run one experiment in a process of its own; return its exit status."""
    environment = dict(os.environ, **ONE_THREAD)
    environment["XLA_FLAGS"] = " ".join(filter(None, (environment.get("XLA_FLAGS"), XLA)))
    if hasattr(os, "sched_getaffinity"):
        environment["REPRODUCE_PROCESSORS"] = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    command = [sys.executable, str(HERE / "reproduce.py"), "--here", name, "--out", str(out)]
    command += ["--quick"] * options.quick + ["--resume"] * options.resume
    begun = time.monotonic()
    status = subprocess.run(command, env=environment, check=False).returncode
    print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return status


def measure(name, options):
    """Measure in this process, on one processor, and write what was found."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sys.path.insert(0, str(HERE))
    from mmad.bench.provenance import provenance
    from mmad.bench.results import load, save, without_digits

    begun, where, out, quick = time.monotonic(), provenance(), options.out, options.quick
    if name in CAMPAIGNS:
        from experiments.campaigns import run

        known, there = load(out / name) if options.resume else ([], {})
        before = there.get("seconds", 0)

        def keep(outcomes):
            save(out / name, outcomes, {**where, "seconds": before + round(time.monotonic() - begun)})

        keep(run(name, quick, lambda line: print(f"{name}: {line}", file=sys.stderr, flush=True), keep, known))
        return 0
    found = importlib.import_module(f"experiments.{name}").run(quick)
    held = {"where": {**where, "seconds": round(time.monotonic() - begun)}, "found": without_digits(found)}
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(lines_of(held) + "\n")
    return 0


def lines_of(held):
    """Return JSON with a line for each entry of what was found."""
    where, found = json.dumps(held["where"]), held["found"]
    parts = []
    for key, entry in found.items():
        if isinstance(entry, list) and entry and isinstance(entry[0], dict):
            entries = ",\n".join(f"  {json.dumps(one)}" for one in entry)
            parts.append(f" {json.dumps(key)}: [\n{entries}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(entry)}")
    return '{"where": ' + where + ',\n"found": {\n' + ",\n".join(parts) + "\n}}"


if __name__ == "__main__":
    sys.exit(main())
