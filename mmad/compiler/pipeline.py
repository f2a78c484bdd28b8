"""The compiler from end to end: a tape in, a program out, and a report of what was done."""

import contextlib
import gc
import os
import time

from mmad.compiler._lower import lower
from mmad.compiler.assembly._assemble import assemble
from mmad.compiler.assembly._units import Units
from mmad.compiler.passes._dead import dead
from mmad.compiler.passes._fold import fold
from mmad.compiler.passes._multiply_add import multiply_add
from mmad.compiler.passes._order import order
from mmad.compiler.passes._powers import powers
from mmad.compiler.passes._recompute import fitting
from mmad.compiler.passes._schedule import schedule
from mmad.compiler.passes._share import share
from mmad.compiler.passes._simplify import simplify
from mmad.vm._make import make_machine

__all__ = ["PASSES", "compile_tape", "selected", "uncollected"]

REWRITES = {
    "fold": fold,
    "powers": powers,
    "simplify": simplify,
    "share": share,
    "dead": dead,
    "multiply_add": multiply_add,
    "schedule": schedule,
    "order": order,
}
# In rounds: what one pass finds, another may use.
FIRST = ("fold", "powers", "simplify")
THEN = ("share", "dead")
ROUNDS = 3
FINALLY = ("multiply_add", "dead", "schedule")
DEBUG = os.environ.get("MMAD_DEBUG", "") not in ("", "0")
PASSES = (*REWRITES, "fusion", "in_place", "sincos", "buffers", "recompute")
SPACIOUS = 1 << 20  # bytes of workspace from which on another order is tried
TRIES = 6  # to fit into a memory
STEP = 1 << 13  # bytes that are written and read about as fast as a step begins


def selected(passes=None):
    """Return the passes to run.

    Parameters
    ----------
    passes : iterable of str, optional
        Names of :data:`PASSES`; by default those of the environment variable ``MMAD_PASSES`` (names with commas,
        ``none``, or names to leave out, each with a minus: ``-fusion,-share``), or all.

    Returns
    -------
    frozenset of str

    Raises
    ------
    ValueError
        There is no pass of that name.
    """
    if passes is None:
        words = [w.strip() for w in os.environ.get("MMAD_PASSES", "all").split(",")]
        without = [w[1:] for w in words if w.startswith("-")]
        named = [w for w in words if w not in ("all", "none", "") and not w.startswith("-")]
        passes = [p for p in PASSES if p not in without] if without or "all" in words else named
        named = named + without
    else:
        passes = named = [passes] if isinstance(passes, str) else list(passes)
    for name in named:
        if name not in PASSES:
            raise ValueError(f"there is no compiler pass {name!r}; there are {', '.join(PASSES)}")
    return frozenset(passes)


@contextlib.contextmanager
def uncollected():
    """Run without the cyclic garbage collector, which would look at every record of a long trace again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def spacious(parts):
    """Return whether a program takes so much workspace that another order may be worth the time to assemble it."""
    return parts["arena"] > max(SPACIOUS, STEP * len(parts["listing"]))


def roomier(other, parts):
    """Return whether an order takes clearly less workspace than the recorded one, and is worth its steps."""
    steps = len(other["listing"]) - len(parts["listing"])
    return other["arena"] <= 0.75 * parts["arena"] and steps * STEP <= parts["arena"] - other["arena"]


@uncollected()
def compile_tape(tape, passes=None, seconds=0.0, memory=None):
    """Return the program of a tape.

    Parameters
    ----------
    tape : mmad.Tape
        Recorded with guards.
    passes : iterable of str, optional
        Which passes to run; see :func:`selected`.
    seconds : float, optional
        What recording took, for the report.
    memory : int, optional
        Bytes that its workspace may take.

    Returns
    -------
    Machine

    Raises
    ------
    MemoryError
        It would take more.
    """
    passes = selected(passes)
    report, start = [("recorded", len(tape), seconds)], time.perf_counter()
    graph = lower(tape)

    def done(name, size):
        nonlocal start
        now = time.perf_counter()
        report.append((name, size, now - start))
        start = now

    done("lower", len(graph))

    def rewrite(graph, names):
        for name in names:
            if name in passes:
                graph = REWRITES[name](graph)
                if DEBUG:
                    graph.validate()
                done(name, len(graph))
        return graph

    for turn in range(ROUNDS):
        before = graph
        graph = rewrite(graph, FIRST)
        if turn and graph is before:  # which the others have seen
            break
        graph = rewrite(graph, THEN)
        if len(graph) > 0.98 * len(before):
            break
    graph = rewrite(graph, FINALLY)

    def units_of(graph):
        return Units(graph, "fusion" in passes, "in_place" in passes)

    def assembled(graph):
        units = units_of(graph)
        done("fusion", units.n)
        parts = assemble(units, "buffers" in passes, "sincos" in passes)
        done("buffers", units.n)
        return parts

    def smaller(parts):
        """Return the parts of a program with the workspace allowed, if that can be."""
        other, aim = graph, memory
        for _ in range(TRIES if "recompute" in passes else 0):
            other, most = fitting(other, aim, units_of)
            done("recompute", len(other))
            found = assembled(other)
            if found["arena"] < parts["arena"]:
                parts = found
            if parts["arena"] <= memory or most > aim:
                break
            aim = min(aim - 1, int(0.99 * aim * memory / found["arena"]))  # places do not fit together without gaps
        return parts

    parts = assembled(graph)
    if "order" in passes and spacious(parts):
        graph = rewrite(graph, ("order",))
        other = assembled(graph)
        if roomier(other, parts):
            parts = other
    if memory is not None and parts["arena"] > memory:
        parts = smaller(parts)
        if parts["arena"] > memory:
            raise MemoryError(
                f"the program of {tape.origin} needs {parts['arena']} bytes of workspace, with {memory} allowed, "
                "however many of its arrays are computed again instead of being kept: allow more"
            )
    parts["watched"] += tape.sources()
    parts["report"] = report
    program = make_machine(parts)
    done("check", len(parts["listing"]))
    return program
