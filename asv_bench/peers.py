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

HEADER = ("task", "mmad", "peer", "ratio", "bar")


def arguments():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--json", metavar="FILE", help="write every number to FILE")
    parser.add_argument("--only", metavar="WORD", default="", help="only the tasks whose name contains WORD")
    parser.add_argument(
        "--tools",
        nargs="*",
        metavar="NAME",
        default=["autograd", "torch"],
        help="what to compare with (default: autograd torch)",
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
        **{tool.package: tool.version() for tool in tools},
    }


def processor():
    """The processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def table(rows):
    """The rows as a Markdown table."""
    cells = [HEADER, *[(row.task, row.mmad, row.peer, row.measured, row.bar) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [lines[0], rule, *lines[1:]])


def main():
    options = arguments()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # before NumPy is imported, or it has no effect
    import alone
    import versus
    from tools import available

    tools, missing = available(["mmad", *options.tools])
    if "mmad" in missing:
        print("mmad is not installed: pip install . in the checkout first", file=sys.stderr)
        return 2
    for name in missing:
        print(f"{name} is not installed and is left out", file=sys.stderr)
    facts = environment(tools)
    print(", ".join(f"{key} {value}" for key, value in facts.items()), end="\n\n", flush=True)
    rows = []
    try:
        for task in [*alone.tasks(options.quick), *versus.tasks(options.quick, tools)]:
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
