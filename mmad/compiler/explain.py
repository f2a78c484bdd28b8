"""What a program looks like, and what the compiler did: text for people."""

import math
import re

import numpy as np

from mmad.compiler.pipeline import PASSES
from mmad.tape._instructions import scalar_costs

__all__ = ["counts", "explain", "listing", "predicted"]

MOST = 60  # scalar instructions printed of one run

# Nanoseconds, of a processor with AVX2 (Zen 3): a recording of asv_bench/benchmarks is predicted within a factor of two
# where its arrays stay in cache.  With vectors twice as long it is an upper bound.
COSTS = scalar_costs()  # an element, with glibc's vector math, measured; what follows is fitted to programs
PLAIN = COSTS["add"]  # an element that is read and written
SCALAR = 2.2  # a scalar instruction
BLOCK = 4.0  # to call one kernel
MEMORY = 0.5  # an element of an array that does not fit the caches, read or written
CACHE = 1 << 19  # bytes of an array from which it does not
FLOP = 0.04  # of a matrix product, one multiplication and addition
ROUTINE = 0.12  # of other linear algebra: less of it is in long rows
CALL = 3000.0  # of a NumPy implementation, without its arithmetic
START = 1200.0  # of a run

#: Instructions that are a multiplication and an addition.
FUSED = frozenset(
    name
    for product in ("multiply", "chain")
    for total in ("add", "subtract")
    for name in (f"{product}_{total}", f"{total}_{product}")
)


def listing(machine, origin=""):
    """The steps of a program, one instruction a line."""
    lines = [f"program of {origin}" if origin else "program"]
    for step in machine.step_list():
        lines += _step(step)
    return "\n".join(lines)


def _step(step):
    kind = step[0]
    if kind == "scalars":
        lines = [f"scalars: {len(step[1])} instructions"]
        for name, result, operands in step[1][:MOST]:
            text = f"{name} {', '.join(operands)}"
            lines.append(f"    {text}" if result is None else f"    {result} = {text}")
        return lines if len(step[1]) <= MOST else [*lines, f"    ... {len(step[1]) - MOST} more"]
    if kind == "group":
        _, size, block, _, dtype, loads, operations, stores = step
        lines = [f"group: {size} elements of {dtype}, {block} at a time"]
        lines += [f"    r{reg} = {place}" for reg, _, place in loads]
        lines += [f"    r{r} = {name} {', '.join(f'r{a}' for a in args)}" for name, r, args in operations]
        return lines + [
            f"    {place} {'=' if action in ('set', 'direct') else action} r{reg}" for reg, action, place in stores
        ]
    if kind == "matmul":
        _, count, m, k, n, (a, b, c) = step
        return [
            f"matmul: buffer {c} = buffer {a} ({m}, {k}) @ buffer {b} ({k}, {n})"
            + (f", {count} times" if count > 1 else "")
        ]
    if kind == "routine":
        _, name, count, n, k, (a, b, c), _ = step
        sides = f", buffer {b} ({n}, {k})" if name.startswith("solve") else ""
        return [f"{name}: buffer {c} = of buffer {a} ({n}, {n}){sides}" + (f", {count} times" if count > 1 else "")]
    _, name, operands, what = step
    places = ", ".join(_operand(o) for o in operands)
    return [f"call: {name} {places} -> {what[0]} {what[1] if what[0] != 'guard' else ''}".rstrip()]


def _operand(spec):
    if spec[0] == "slot":
        return f"%{spec[1]}"
    return f"buffer {spec[1]}" if spec[0] == "view" else "constant"


def predicted(machine):
    """Seconds that a run should take, by the costs of its steps."""
    total = START
    for step in machine.step_list():
        if step[0] == "scalars":
            total += SCALAR * len(step[1])
        elif step[0] == "group":
            _, size, block, _, _, loads, operations, stores = step
            blocks = -(-size // max(block, 1))
            parts = sum(COSTS.get(name, PLAIN) for name, _, _ in operations) + PLAIN * (len(loads) + len(stores)) / 2
            total += size * parts + blocks * BLOCK * (len(operations) + len(stores))
            if 8 * size > CACHE:  # windows of one array are read at once
                total += size * MEMORY * len({place.split("[")[0] for _, _, place in (*loads, *stores)})
        elif step[0] == "matmul":
            total += FLOP * step[1] * step[2] * step[3] * step[4] + BLOCK
        elif step[0] == "routine":
            total += ROUTINE * step[6] + BLOCK * step[2]
        else:
            total += CALL
    return total * 1e-9


def counts(machine):
    """Count what a run computes and moves.

    Parameters
    ----------
    machine : Machine

    Returns
    -------
    dict
        "operations" on single numbers, of which a multiplication with an addition is two and a function such as exp is
        one; "bytes" that the steps read from buffers and write to them, whichever cache holds them; "calls" back into
        Python, whose operations and bytes are not counted.
    """
    operations, moved, calls = 0, 0, 0
    for step in machine.step_list():
        if step[0] == "scalars":
            for name, _, _ in step[1]:
                if name in ("load", "store"):
                    moved += 8
                else:
                    operations += _operations(name)
        elif step[0] == "group":
            _, size, _, _, dtype, loads, names, stores = step
            operations += size * sum(_operations(name) for name, _, _ in names)
            operations += sum(_elements(place, size) for _, action, place in stores if action == "add")
            places = [place for _, _, place in (*loads, *stores)]
            places += [place for _, action, place in stores if action == "add"]  # which is read too
            moved += np.dtype(dtype).itemsize * sum(_elements(place, size) for place in places)
        elif step[0] == "matmul":
            _, count, m, k, n, _ = step
            operations += 2 * count * m * k * n
            moved += 8 * count * (m * k + k * n + m * n)
        elif step[0] == "routine":
            _, name, count, n, k, _, work = step
            operations += 2 * work
            moved += 8 * count * (2 * n * n + (2 * n * k if name.startswith("solve") else 0))
        else:
            calls += 1
    return {"operations": int(operations), "bytes": int(moved), "calls": calls}


def _operations(name):
    """Return the number of operations that one instruction counts as."""
    return 2 if name in FUSED else 1


def _elements(place, size):
    """Return the number of elements of a buffer that an operand of a group has; 0 for a number."""
    if not place.startswith("buffer"):
        return 0
    axes = re.findall(r"(\d+)\*(-?\d+)", place)
    return math.prod(int(n) for n, stride in axes if int(stride)) if axes else size


def explain(machine, origin=""):
    """What the compiler did, in 100 columns: passes, groups, calls back into Python, buffers, predicted time."""
    report = machine.report()
    steps = machine.step_list()
    lines = [f"program of {origin}" if origin else "program"]
    for name, size, seconds in report:
        unit = "units" if name in ("fusion", "buffers", "check") else "instructions"
        lines.append(f"  {name:<13}{size:>9} {unit:<13}{seconds * 1e3:8.2f} ms")
    if report:
        lines.append(f"  {'all':<36}{sum(seconds for _, _, seconds in report) * 1e3:8.2f} ms")
    missing = [
        p
        for p in PASSES
        if p not in {name for name, _, _ in report}
        and p not in ("fusion", "in_place", "sincos", "buffers", "order", "recompute")
    ]
    if missing and report:
        lines.append(f"  switched off: {', '.join(missing)}")
    groups = [s for s in steps if s[0] == "group"]
    runs = [len(s[1]) for s in steps if s[0] == "scalars"]
    lines.append(f"scalar instructions: {sum(runs)} in {len(runs)} runs")
    lines.append(f"fused groups: {len(groups)}, with {sum(len(s[6]) for s in groups)} operations")
    for s in groups[:20]:
        names = " ".join(name for name, _, _ in s[6]) or "copy"
        lines.append(f"  {s[1]:>9} elements: {names}"[:100])
    if len(groups) > 20:
        lines.append(f"  ... {len(groups) - 20} more")
    lines.append(f"matrix products: {sum(s[0] == 'matmul' for s in steps)}")
    routines = [s[1] for s in steps if s[0] == "routine"]
    lines.append(f"matrix routines: {len(routines)}" + (f" ({', '.join(sorted(set(routines)))})" if routines else ""))
    calls = [s[1] for s in steps if s[0] == "call"]
    lines.append(f"calls back into Python: {len(calls)}" + (f" ({', '.join(sorted(set(calls)))})" if calls else ""))
    buffers = machine.buffer_list()
    separate = sum(size for size, home, _ in buffers if home == "arena")
    count = sum(home == "arena" for _, home, _ in buffers)
    lines.append(
        f"buffers: {len(buffers)}, of which {count} of {separate} bytes share {machine.workspace} bytes of workspace"
    )
    done = counts(machine)
    lines.append(f"work, without calls: {done['operations']} operations, {done['bytes']} bytes read and written")
    lines.append(f"predicted time: {predicted(machine) * 1e6:.3g} us")
    return "\n".join(lines)
