"""Evaluating by a plan: its sweeps over a recording, and what is read off them."""

import numpy as np

from mmad._core import Traced, Var, concrete
from mmad.derivatives.jacobians import by_directions, by_pairs
from mmad.errors import PatternError
from mmad.ops.movement import put_index
from mmad.planner.coloring.colored import Seeds
from mmad.python.kinds import isplain
from mmad.tape.constants import zeros
from mmad.tape.contexts import open_tape
from mmad.tracing import tree
from mmad.tracing.results import is_static

__all__ = [
    "BY_ROWS",
    "OVER_FORWARD",
    "check_product",
    "entries_of",
    "guard_zeros",
    "in_trees",
    "nested_hessian",
    "scattered",
    "sweep",
    "unit_products",
    "untraced",
    "with_plan_number",
    "zeros_hold",
]

HELD = 2**24  # elements of a colouring's seeds or products, up to which all are kept; more are computed block by block
BY_ROWS = ("reverse", "reverse-over-reverse")
OVER_FORWARD = ("reverse-over-forward", "forward-over-forward")  # of the function, not of its recorded gradient


def sweep(plan, r, recorded=True):
    """Return what the entries are read from: products with columns and with rows, in blocks of lanes."""
    if plan.structure is not None:
        return (plan.structure.sweep(r),)
    c, (m, n) = plan.coloring, r.shape
    if c is None:
        return (unit_products(plan, r),)
    large = c.count * max(m, n) > HELD
    if not large:
        columns, rows = c.column_seeds(), c.row_seeds()
    else:
        columns, rows = Seeds(c.column_colors, c.column_count), Seeds(c.row_colors, c.row_count)
    tape = open_tape()
    if tape is not None and recorded:
        # Recorded, so that a program computes with them block by block instead of reading what follows from them.
        columns, rows = [tape.add_constant(x[:]) if len(x) else x for x in (columns, rows)]
    elif large:
        across, count = c.read, c.column_count
        products = r.push_blocks(columns, plan.width, across)
        products += r.pull_blocks(rows, plan.width, lambda start, block: across(count + start, block))
        return (c.placed(products),)
    return r.push_blocks(columns, plan.width), r.pull_blocks(rows, plan.width)


def unit_products(plan, r):
    """Return products with all unit vectors by a plan of a dense strategy: the matrix, or its transpose (`BY_ROWS`)."""
    if plan.strategy in OVER_FORWARD:
        return nested_hessian(by_pairs if plan.strategy == "forward-over-forward" else by_directions, r)
    return r.unit_products(plan.strategy in BY_ROWS, plan.width)


def nested_hessian(hessian, r):
    """Return the Hessian by derivatives of directional derivatives of the function, not by its recorded gradient."""
    f, args, kwargs, nums = r.call
    t, full = r.trace, list(args)

    def flat(v):
        for k, x in zip(nums, in_trees(t, r.columns.split(v)), strict=True):
            full[k] = x
        return f(*full, **kwargs)

    return hessian(flat, r.columns.join([None if is_static(x) else x for x in t.leaves]))


def check_product(plan, r, entries, given=False):
    """Raise unless a new plan's result agrees with a forward sweep along a random vector; `given`: its pattern was."""
    m, n = r.shape
    v = np.random.default_rng(n).normal(size=n)
    want = np.asarray(r.push(v.astype(r.columns.dtype)), float)
    p = plan.pattern
    product = np.zeros(m)
    np.add.at(product, p.rows, np.asarray(entries, float) * v[p.indices])
    scale = np.zeros(m)
    np.add.at(scale, p.rows, np.abs(np.asarray(entries, float) * v[p.indices]))
    error = np.abs(product - want)
    loose = 1e-3 if r.rows.dtype == np.float32 else 1e-7
    finite = np.isfinite(want)
    wrong = finite & ~(error <= loose * (scale + np.abs(want) + np.abs(want).max(initial=0.0, where=finite)))
    if wrong.any():
        i = int(np.argmax(wrong))
        hint = (
            "the pattern that was given leaves out entries that are not zero"
            if given
            else "this is an error of mmad's sparsity detection; please report it"
        )
        raise PatternError(f"{r.trace.origin}: the {plan.product} by {plan.strategy} is wrong in row {i}: {hint}")


def zeros_hold(plan, r):
    """Return whether what the plan's pattern counts on, zeros of constant arrays, is so in a recording."""
    return plan.zeros is None or plan.zeros.hold(r.trace)


def guard_zeros(plan, r):
    """Have a program check that the zeros that the plan counts on are still there."""
    if plan.zeros is not None and (tape := open_tape()) is not None and tape.guarded:
        plan.zeros.guard(r.trace, tape)


def with_plan_number(result, entry):
    """Return a result and the number of its plan, as a program gives them; -1: the plan of the program."""
    return result, -1 if entry is None else entry.number


def in_trees(trace, values):
    """Return a value for each leaf of what is differentiated by (None: the leaf itself) as trees, one an argument."""
    leaves = [x if new is None else new for x, new in zip(trace.leaves, values, strict=True)]
    out = []
    for kind, count in trace.structures:
        out.append(tree.unflatten(kind, leaves[:count]))
        leaves = leaves[count:]
    return out


def untraced(x):
    """Return a tree with values for what is traced; they leave no guard, as nothing recorded depends on them."""
    leaves, structure = tree.flatten(x)
    return tree.unflatten(structure, [_peek(v) if isinstance(v, Var) else concrete(v) for v in leaves])


def _peek(v):
    value = v.tape.value_of(v)
    return value.copy() if isplain(value, np.ndarray) else value


def entries_of(plan, *swept):
    """Return the entries of a plan's pattern, from what its sweeps found."""
    if plan.structure is not None:
        return plan.structure.entries(*swept)
    p = plan.pattern
    if plan.coloring is None:
        (matrix,) = swept
        return matrix[p.rows, p.indices] if plan.strategy in BY_ROWS else matrix[p.indices, p.rows]
    if len(swept) == 1:  # read while they were computed
        return swept[0]
    return plan.coloring.decompress(*swept)


def scattered(pattern, data):
    """Return entries in a dense matrix, traced if they are."""
    m, n = pattern.shape
    if isinstance(data, Traced):
        return put_index(zeros((m * n,), data.dtype, data), data, pattern.flat).reshape(m, n)
    out = np.zeros(m * n, data.dtype)
    out[pattern.flat] = data
    return out.reshape(m, n)
