"""What a program looks like, and what the compiler did: text for people."""

from mmad.compiler.pipeline import PASSES

__all__ = ["explain", "listing", "predicted"]

MOST = 60  # scalar instructions printed of one run

# Nanoseconds an element, measured on an AVX-512 processor with glibc's vector math (asv_bench/figures.py); PLAIN for
# the others.
COSTS = {
    "exp": 0.7, "exp2": 0.7, "expm1": 1.3, "log": 0.9, "log2": 1.0, "log10": 1.2, "log1p": 1.1, "sin": 1.9, "cos": 1.8,
    "tan": 3.0, "arcsin": 1.6, "arccos": 1.8, "arctan": 1.6, "arctan2": 2.5, "sinh": 2.0, "cosh": 1.7, "tanh": 1.7,
    "arcsinh": 2.5, "arccosh": 2.5, "arctanh": 2.2, "power": 2.6, "hypot": 1.0, "cbrt": 2.5, "logaddexp": 2.2,
    "logaddexp2": 2.2, "divide": 0.31, "reciprocal": 0.31, "sqrt": 0.4, "remainder": 12.0, "fmod": 10.0,
    "floor_divide": 12.0,
}  # fmt: skip
PLAIN = 0.085
SCALAR = 2.0  # nanoseconds a scalar instruction
BLOCK = 6.0  # to call one kernel
FLOP = 0.04  # of a matrix product, one multiplication and addition
CALL = 3000.0  # of a NumPy implementation, without its arithmetic
START = 300.0  # of a run


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
        elif step[0] == "matmul":
            total += FLOP * step[1] * step[2] * step[3] * step[4] + BLOCK
        else:
            total += CALL
    return total * 1e-9


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
        if p not in {name for name, _, _ in report} and p not in ("fusion", "in_place", "sincos", "buffers")
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
    calls = [s[1] for s in steps if s[0] == "call"]
    lines.append(f"calls back into Python: {len(calls)}" + (f" ({', '.join(sorted(set(calls)))})" if calls else ""))
    buffers = machine.buffer_list()
    separate = sum(size for size, home, _ in buffers if home == "arena")
    count = sum(home == "arena" for _, home, _ in buffers)
    lines.append(
        f"buffers: {len(buffers)}, of which {count} of {separate} bytes share {machine.workspace} bytes of workspace"
    )
    lines.append(f"predicted time: {predicted(machine) * 1e6:.3g} us")
    return "\n".join(lines)
