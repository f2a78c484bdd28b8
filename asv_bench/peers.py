"""Compare mmad with autograd and PyTorch: same problems, same process, one thread, in turns, medians.

    python asv_bench/peers.py                  the whole comparison, some minutes
    python asv_bench/peers.py --quick          small sizes and few rounds: that everything runs and is right
    python asv_bench/peers.py --json FILE      also write every number, with versions

Every result is checked against derivatives worked out by hand before anything is timed.  A tool that is not
installed is left out.  The exit status is 0 whatever the ratios are, 1 where a result is wrong.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime


def arguments(description, peers):
    """The options of the command line; `peers` are the tools that are compared with unless others are asked for."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=raw)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--json", metavar="FILE", help="write every number to FILE")
    parser.add_argument("--only", metavar="WORD", default="", help="only the tasks whose name contains WORD")
    parser.add_argument(
        "--tools",
        nargs="*",
        metavar="NAME",
        default=peers,
        help=f"what to compare with (default: {' '.join(peers)})",
    )
    return parser.parse_args()


def environment(tools):
    """What the numbers depend on."""
    import numpy

    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "processor": processor(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        **{tool.package: tool.version for tool in tools},
    }


def processor():
    """The processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def one_thread():
    """Keep the libraries that are not yet imported to one thread."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # before NumPy is imported, or it has no effect


def one_core():
    """Keep this process to one core where the system can; gives the set of those it had, empty where it cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    return cores


def main():
    options = arguments(__doc__, ["autograd", "torch", "torch-autograd"])
    one_thread()
    import alone
    import versus

    tools = versus.available(["mmad-eager", *options.tools])
    return run([*alone.tasks(options.quick), *versus.tasks(options.quick, tools)], tools, options)


def run(tasks, tools, options):
    """Run the tasks that are wanted, and print and write their rows; gives the exit status."""
    from report import table

    facts = environment(tools)
    print(", ".join(f"{key} {value}" for key, value in facts.items()), end="\n\n", flush=True)
    rows = []
    try:
        for task in tasks:
            if options.only in task.name:
                print(f"... {task.name}", file=sys.stderr, flush=True)
                rows.extend(task.run())
    except ArithmeticError as error:
        print(f"wrong result: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"environment": facts, "rows": [asdict(row) for row in rows]}, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
