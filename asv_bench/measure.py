"""Measure the results that are committed: a part of the benchmarks, in the environment that this runs in.

    python asv_bench/measure.py                      a selection, to asv_bench/results/MACHINE
    python asv_bench/measure.py --quick              each benchmark once: that everything runs
    python asv_bench/measure.py --bench control      only benchmarks whose names match, besides what is there

To be run where nothing else runs, with the peers installed (`pip install ".[bench]"`), at a commit on the branch main.
What is written says which processor, versions and commit; names of hosts and folders are left out.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from config import HERE, RESULTS, git, write_config

import mmad
from mmad.bench.provenance import processor

__all__ = ["BENCHMARKS", "machine_name", "published"]

#: What is measured: expressions for names with parameters.
PEERS = "mmad|mmad-eager|jax|autograd|casadi-sx|torch|numpy"
BENCHMARKS = (
    r"control\.",
    r"scalars\.(Chain|LotkaVolterra|SmallCalls)\.",
    r"arrays\.Rosenbrock\.time_(function|gradient|hvp)\b",
    r"compiled\.Rosenbrock\.(time_first_call|time_replay|track)",
    r"planner\.(SparseHessian|SparseJacobian)\.(track_sweeps|time_evaluation)\(.*, 1000\)",
    r"planner\.Regret\.",
    r"ratios\.",
    r"memory\.",
    r"contestants\.Strategies\.time_later_call\('(rosenbrock|broyden)', 300,",
    rf"contestants\.Tools\.time_\w+\('(rosenbrock|log-sum-exp)', (300|3000), 'gradient', '({PEERS})'",
)
ROUNDS = 3  # instead of eight: that it takes minutes


def machine_name():
    """Return a name for this kind of machine, such as "amd-epyc-2-processors"."""
    words = re.findall(r"[a-z0-9]+", processor().lower())
    return "-".join([*words[:4], str(os.cpu_count()), "processors"])


def run_asv(*arguments):
    """Run asv in the folder of the benchmarks."""
    # asv takes PYTHONPATH away: what is measured is the mmad that would be imported here.
    environment = dict(os.environ, ASV_PYTHONPATH=str(Path(mmad.__file__).resolve().parents[1]))
    status = subprocess.run(
        [sys.executable, "-m", "asv", *arguments], cwd=HERE, env=environment, check=False
    ).returncode
    if status not in (0, 2):  # 2: a benchmark failed, which the results say
        raise SystemExit(status)


def published(entry, environment):
    """Return results of asv without names of this machine's folders.

    Parameters
    ----------
    entry : dict
        A file of results, as asv writes them for an environment that exists.
    environment : str
        What the environment is called.
    """
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", "optree")}
    python = platform.python_version()
    params = {**entry["params"], "python": python, **versions}
    return {**entry, "env_name": environment, "python": python, "requirements": versions, "params": params}


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--machine", default=machine_name(), metavar="NAME", help="default: %(default)s")
    parser.add_argument("--bench", nargs="*", default=BENCHMARKS, metavar="REGEX", help="default: a selection")
    parser.add_argument("--results", default=RESULTS, metavar="DIR", help="default: asv_bench/results")
    parser.add_argument("--quick", action="store_true", help="each benchmark once")
    options = parser.parse_args()
    commit = git("rev-parse", "HEAD").stdout.strip()
    run_asv("machine", "--yes", "--machine", options.machine)
    core = str(max(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None
    for bench in options.bench:  # one after the other: asv writes at its end only, and an interruption loses one
        with tempfile.TemporaryDirectory() as folder:
            run_asv(
                "run", "--config", str(write_config(folder, folder)), "--machine", options.machine,
                "--environment", f"existing:{sys.executable}", "--set-commit-hash", commit,
                "--attribute", f"rounds={ROUNDS}", "--bench", bench,
                *(("--cpu-affinity", core) if core else ()), *(("--quick",) if options.quick else ()),
            )  # fmt: skip
            keep(Path(folder), commit, options.machine, Path(options.results))


def keep(folder, commit, machine, results):
    """Copy what asv has written to the folder of results; benchmarks of another run at the same commit stay."""
    environment = f"py{platform.python_version()}-numpy{metadata.version('numpy')}"
    to = results / machine
    to.mkdir(parents=True, exist_ok=True)
    facts = json.loads((folder / machine / "machine.json").read_text())
    write(to / "machine.json", {**facts, "machine": machine})
    write(results / "benchmarks.json", json.loads((folder / "benchmarks.json").read_text()))
    (found,) = (folder / machine).glob(f"{commit[:8]}*.json")
    entry = published(json.loads(found.read_text()), environment)
    path = to / f"{commit[:8]}-{environment}.json"
    if path.exists():
        held = json.loads(path.read_text())
        entry["results"] = {**held["results"], **entry["results"]}
        entry["durations"] = {**held.get("durations", {}), **entry.get("durations", {})}
    write(path, entry)
    print(f"written: {path}")


def write(path, content):
    """Write JSON with a line for each benchmark, so that a change reads well."""

    def lines(entries, deeper):
        parts = []
        for key, value in entries.items():
            text = lines(value, ()) if key in deeper else json.dumps(value)
            parts.append(f"{json.dumps(key)}: {text}")
        return "{\n" + ",\n".join(parts) + "\n}"

    path.write_text(lines(content, ("results",)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
