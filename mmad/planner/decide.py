"""The decision: closed rules first, then prices, then a race.

=====  ===================================================  =====================================================
rule   where                                                what
=====  ===================================================  =====================================================
1      a strategy was asked for                             that one
2      the matrix has no more columns (rows) than lanes     dense, by the cheaper side: finding and colouring a pattern
       of one batch, or all takes less than `LEAST`, and    takes longer than that
       no sparse result is asked for
3      all evaluations take longer than to look for         they are looked for: they give the pattern, and take a sweep
       repeated blocks                                      for each output of a block
4      every bound on colours is half of min(m, n) or more  dense, through a waist if there is one, or blocks
5      prices differ by more than `CLOSE`                   the cheapest of all candidates that fit into the memory
6      prices are close, and what is at stake is more       a race of the best: their results are derivatives, too
       than the race takes
7      prices are close, little is at stake                 the cheapest
=====  ===================================================  =====================================================

`docs/planner.md` explains the table, `tests/planner/test_decide.py` has a case for each row.
"""

import math
import time
from dataclasses import dataclass, replace

from mmad.errors import StructureError
from mmad.planner._work import work
from mmad.planner.coloring import (
    EFFORT,
    acyclic_coloring,
    bicoloring,
    bounds,
    column_coloring,
    row_coloring,
    star_coloring,
)
from mmad.planner.cost import Work
from mmad.planner.plan import Candidate, Plan
from mmad.recorded import LANES

__all__ = ["CLOSE", "COLORED", "DENSE", "STRUCTURED", "Options", "Problem", "decide"]

CLOSE = 1.5  # prices within this factor are as good as equal: the model is no better than that
AT_STAKE = 0.05  # share of the whole work that a race may take
RACED = 3  # candidates of a race at the most
UNKNOWN = 10  # evaluations that a choice is made for if nobody said how many there will be

DENSE = {
    "jacobian": ("forward", "reverse"),
    "hessian": ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward", "forward-over-forward"),
    "grad": ("reverse", "forward"),
    "hvp": ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"),
}
COLORED = {
    "jacobian": {"columns": column_coloring, "rows": row_coloring, "bicoloring": bicoloring},
    "hessian": {"star": star_coloring, "acyclic": acyclic_coloring},
    "grad": {},
    "hvp": {},
}
LEAST = 5e-4  # seconds that to find and to colour a pattern takes at the least
COLORING, COLORING_ENTRY = 3e-4, 1e-7  # seconds that a colouring takes, and for each nonzero; roughly
STRUCTURED = {"jacobian": ("blocks", "waist"), "hessian": ("blocks",), "grad": (), "hvp": ()}
LOOKING = 0.05  # share of the whole work that looking for fewer colours may take
STEP, MOST_STEPS = 2.5e-9, 4_000_000  # seconds of one step of it; steps that more work does not lead on from
SEARCH = (2e-3, 1e-4, 8e-8)  # seconds of looking for blocks; for each operation on arrays; for each element
WAIST = (4e-4, 2e-5, 0.0)  # the same of looking for a waist
GATHERED = 16  # sweeps that a colouring may take where elements are gathered, to know whether to look for blocks
SEPARATE = 4000  # array instructions up to which each sweep of a compiled program is unrolled
MODES = ("auto", "eager", "compiled")
UNCOMPILED = ("acyclic",)  # the compiler has no instruction for substitution
# Not chosen, only done on request: "acyclic", whose substitutions let errors of rounding grow.
OVER_FORWARD = ("reverse-over-forward", "forward-over-forward")  # of the function, beside its recorded gradient
LEVELS = 4  # of checkpoints; each computes the function once more
HELD = 0.5  # share of a function's elements that its program holds; the others are used up in loops
NESTED = 3.0  # what that takes, in sweeps over the recording: twice the operations, by rules that nothing has compiled
FORWARD_OVER_FORWARD = 8  # unknowns up to which nested forward mode is worth its price


@dataclass(frozen=True)
class Options:
    """What the user said."""

    strategy: str = "auto"
    sparse: bool = False
    pattern: object = None
    evaluations: int | None = None
    memory: int | None = None
    mode: str = "auto"
    factored: bool = False

    @property
    def expected(self):
        """Evaluations to choose for."""
        return UNKNOWN if self.evaluations is None else self.evaluations


class Problem:
    """What is known of a derivative before it is computed; the expensive parts on demand, once.

    Parameters
    ----------
    product : {"jacobian", "hessian", "grad", "hvp"}
    shape : (int, int)
    find : callable
        Gives the pattern.
    work : Work
    itemsize : int
        Bytes of an element of the result.
    searches : dict of str to callable
        By strategy of `STRUCTURED`: gives the structure, or raises StructureError.
    gathers : bool
        Whether elements are taken by index arrays: lanes that share arguments are then likely.
    """

    def __init__(self, product, shape, find, work, itemsize, options, origin="", searches=None, gathers=False):
        self.product, self.shape, self.find, self.work = product, shape, find, work
        self.itemsize, self.options, self.origin = itemsize, options, origin
        self.searches, self.gathers = {} if searches is None else searches, gathers
        self.colorings, self.structures, self.refused, self._pattern = {}, {}, {}, None
        self.finding = self.coloring_time = 0.0
        self.effort, self.measured = EFFORT, {}  # by strategy and mode: seconds of an evaluation, where they are known

    @property
    def pattern(self):
        """The pattern; of a Hessian, made symmetric."""
        if self._pattern is None:
            start = time.perf_counter()
            found = self.find() if self.structures.get("blocks") is None else self.structures["blocks"].pattern
            self._pattern = found.symmetrized() if self.product == "hessian" else found
            self.finding += time.perf_counter() - start
        return self._pattern

    @property
    def of_gradient(self):
        """Whether what is recorded is a gradient."""
        return self.product in ("hessian", "hvp")

    @property
    def known(self):
        """The pattern, if it has been looked for."""
        return self._pattern

    def coloring(self, name):
        if name not in self.colorings:
            given = self.options.pattern
            if hasattr(given, "column_colors"):
                self.colorings[name] = given
            else:
                p, start = self.pattern, time.perf_counter()
                self.colorings[name] = COLORED[self.product][name](p, effort=self.effort)
                self.coloring_time += time.perf_counter() - start
        return self.colorings[name]

    def structure(self, name):
        """What a strategy of `STRUCTURED` goes by; None where there is no such structure."""
        if name not in self.structures and name not in self.refused:
            start = time.perf_counter()
            try:
                self.structures[name] = self.searches[name]()
            except StructureError as e:
                self.refused[name] = str(e)
            except KeyError:
                self.refused[name] = "not looked for"
            self.finding += time.perf_counter() - start
        return self.structures.get(name)

    def sweeps(self, name):
        """Numbers of forward and reverse sweeps."""
        m, n = self.shape
        if name in STRUCTURED[self.product]:
            found = self.structure(name)
            if found is None:
                raise StructureError(f"{self.origin}: strategy {name!r} is not possible: {self.refused[name]}")
            return found.sweeps
        if name in COLORED[self.product]:
            c = self.coloring(name)
            return c.column_count, c.row_count
        if self.product == "hvp":
            return (0, 1) if name == "reverse-over-reverse" else (1, 0)
        if name in ("reverse", "reverse-over-reverse"):
            return 0, m
        return (n * (n + 1) // 2 if name == "forward-over-forward" else n), 0

    def candidate(self, name, mode, coefficients, sweeps=None):
        """A strategy with its price; of a colouring with the colours that it has, or with numbers of sweeps given."""
        m, n = self.shape
        forward, reverse = self.sweeps(name) if sweeps is None else sweeps
        structure = self.structure(name) if name in STRUCTURED[self.product] else None
        colored = name in COLORED[self.product] or name == "blocks"
        size = self.pattern.nnz if self.options.sparse else n if self.product == "hvp" else m * n
        out = size * self.itemsize

        separate = colored or self.options.sparse
        width = 1 if name == "blocks" else self.width(forward, reverse, mode, coefficients[mode], separate)

        def priced(mode):
            """Seconds of one evaluation."""
            c = coefficients[mode]
            swept = c.lanes(self.work, forward, reverse, width)
            if structure is not None:
                swept = structure.share * swept + structure.flops() * c.flop + structure.terms * c.entry
            elif name in OVER_FORWARD:
                swept *= NESTED
            entries = self.pattern.nnz * c.entry if colored or self.options.sparse else 0.0
            return c.once(self.work, self.of_gradient) + swept + entries + out * c.byte

        seconds, once = priced(mode), 0.0
        if mode == "compiled":  # the first call, and that which is recorded to be compiled, are evaluated eagerly
            once = coefficients[mode].compiling(self.work, forward, reverse, width)
            once += 2 * max(0.0, priced("eager") - seconds)
        ends = out + (m + n) * width * self.itemsize
        held = ends + self.work.elements * self.itemsize
        allowed = self.options.memory
        if mode == "compiled" and allowed is not None and held > allowed:
            levels, held = self.checkpoints(allowed - ends)
            held += ends
            seconds += levels * coefficients[mode].once(self.work, self.of_gradient)
        measured = self.measured.get((name, mode))
        return Candidate(name, mode, width, forward, reverse, seconds, once, int(held), measured, ends=int(ends))

    def checkpoints(self, memory):
        """Levels of checkpoints that a program needs to fit into a memory, and what it then holds."""
        w = self.work
        each = HELD * w.elements * self.itemsize / max(w.arrays, 1)
        for levels in range(1, LEVELS + 1):
            held = each * (levels + 1) * w.arrays ** (1 / (levels + 1))
            if held <= memory:
                break
        return levels, held

    def width(self, forward, reverse, mode, c, separate):
        """Lanes that go together: all up to a limit, fewer where memory is short.

        One where numbers prevail, where so few go together that a batch does not pay, and in a compiled program of
        moderate length: there each direction then has instructions of its own, without those in which it is zero.
        """
        sweeps = forward + reverse
        if mode == "eager" and self.is_cheaper_apart(forward, reverse, c):
            return 1
        if not separate:  # unit directions for a dense result: one batch after the other
            return max(1, min(sweeps, LANES))
        if self.work.numbers > 20 * self.work.arrays:
            return 1
        if mode == "compiled" and sweeps * self.work.arrays <= SEPARATE:
            return 1
        width = max(1, min(sweeps, LANES))
        if self.options.memory is not None:
            while width > 1 and self.work.elements * self.itemsize * width > self.options.memory:
                width //= 2
        return width

    def is_cheaper_apart(self, forward, reverse, c):
        """Whether sweeps take less time one by one than in a batch."""
        w = self.work
        apart = forward * c.single(w) + reverse * c.single(w, True)
        return apart <= (forward > 0) * c.batch(w) + (reverse > 0) * c.batch(w, True)

    def look(self, coefficients):
        """Let colourings take time in proportion to what fewer colours are worth."""
        b = bounds(self.pattern)
        fewest = min(b.columns, b.rows, b.both)
        each = min(
            c.once(self.work, self.of_gradient) + c.lanes(self.work, fewest, 0, LANES)
            for c in [coefficients[mode] for mode in modes("", self.options)]
        )
        self.effort = int(min(MOST_STEPS, LOOKING * self.options.expected * each / STEP))


def decide(problem, coefficients, race=None):
    """The plan for a problem, of compiled programs where nothing eager fits into the memory allowed.

    Parameters
    ----------
    problem : Problem
    coefficients : dict of str to Coefficients
        For "eager" and "compiled".
    race : callable, optional
        ``race(candidate)`` -> measured seconds of one evaluation.

    Returns
    -------
    Plan

    Raises
    ------
    MemoryError
        Nothing fits into it.
    """
    try:
        return decided(problem, coefficients, race)
    except MemoryError:
        o = problem.options
        if o.mode != "auto" or o.strategy in UNCOMPILED or "compiled" in modes("", o):
            raise
    problem.options = replace(o, mode="compiled")
    plan = decided(problem, coefficients, race)
    return plan.with_reason(f"eagerly, nothing fits into {o.memory} bytes; {plan.reason}")


def decided(problem, coefficients, race):
    """The plan by the table above."""
    o, (m, n) = problem.options, problem.shape
    if o.strategy != "auto":
        if o.strategy in COLORED[problem.product]:
            problem.look(coefficients)
        return finish(
            problem,
            [problem.candidate(o.strategy, mode, coefficients) for mode in modes(o.strategy, o)],
            "it was asked for",
        )
    dense = [s for s in DENSE[problem.product] if s != "forward-over-forward" or n <= FORWARD_OVER_FORWARD]
    if not o.sparse and o.pattern is None:
        candidates = [problem.candidate(s, mode, coefficients) for s in dense for mode in modes(s, o)]
        if not COLORED[problem.product]:
            return compared(problem, candidates, race, "there is no pattern to look for")
        if min(m, n) <= LANES:
            why = f"min(m, n) = {min(m, n)} is one batch of sweeps; no pattern was looked for"
            return compared(problem, candidates, race, why)
        if min(c.total(o.expected) for c in candidates) < LEAST:
            return compared(problem, candidates, race, "all is done sooner than a pattern would be found and coloured")
    if problem.gathers and promising(problem, GATHERED, coefficients):
        problem.structure("blocks")  # before the pattern, which they give
    b = bounds(problem.pattern)
    problem.look(coefficients)
    fewest = min(b.columns, b.rows, b.both) if problem.product == "jacobian" else b.both
    full = fewest >= 0.5 * min(m, n) > 2
    structured = [s for s in STRUCTURED[problem.product] if worthwhile(problem, s, fewest, full, coefficients)]
    colored = [s for s in COLORED[problem.product] if s != "acyclic" and not full and not hopeless(problem, s, b)]
    if not colored and not structured:
        return compared(
            problem, [problem.candidate(s, mode, coefficients) for s in dense for mode in modes(s, o)], race,
            f"every bound on colours is at least half of min(m, n) = {min(m, n)}: dense",
        )  # fmt: skip
    candidates = [problem.candidate(s, mode, coefficients) for s in (*structured, *dense) for mode in modes(s, o)]
    least = {"columns": (b.columns, 0), "rows": (0, b.rows), "bicoloring": (b.both - 1, 1), "star": (b.both, 0)}
    for s in sorted(colored, key=lambda s: sum(least[s])):
        # With no more colours than there must be, and the time that finding them takes.
        hoped = [problem.candidate(s, mode, coefficients, least[s]).total(o.expected) for mode in modes(s, o)]
        search = 0.0 if s in problem.colorings else COLORING + COLORING_ENTRY * problem.pattern.nnz
        if min(hoped) + search < min(c.total(o.expected) for c in candidates):
            candidates += [problem.candidate(s, mode, coefficients) for mode in modes(s, o)]
    return compared(problem, candidates, race)


def modes(strategy, options):
    """Eager, and compiled where it is known that there will be evaluations to come; or what was asked for."""
    if options.mode != "auto":
        return (options.mode,) if options.mode == "eager" or strategy not in UNCOMPILED else ()
    again = options.evaluations is not None and options.evaluations > 1
    return ("eager", "compiled") if again and strategy not in UNCOMPILED else ("eager",)


def promising(problem, sweeps, coefficients, search=SEARCH):
    """Whether all evaluations, of so many sweeps each, take longer than to look for a structure."""
    w, o = problem.work, problem.options
    if w.numbers > 20 * w.arrays:
        return False
    each = min(
        c.once(w, problem.of_gradient) + c.lanes(w, sweeps, 0, LANES)
        for c in [coefficients[mode] for mode in modes("blocks", o)]
    )  # fmt: skip
    return o.expected * each > search[0] + search[1] * w.arrays + search[2] * w.elements


def worthwhile(problem, name, fewest, full, coefficients):
    """Whether there is a structure, if it is worth looking for, that takes fewer sweeps than a dense matrix."""
    if name == "waist":
        if not full or (name in problem.searches and not promising(problem, min(problem.shape), coefficients, WAIST)):
            return False
        return problem.structure(name) is not None
    known = name in problem.structures or name in problem.refused
    if not known and (fewest <= 4 or not promising(problem, fewest, coefficients)):
        return False
    return problem.structure(name) is not None and sum(problem.sweeps(name)) <= max(2, 0.5 * min(problem.shape))


def hopeless(problem, name, b):
    """Whether bounds alone rule a colouring out."""
    m, n = problem.shape
    if name == "columns":
        return b.columns >= 0.5 * n > 2 or (b.columns > 2 * b.rows and b.columns > 8)
    if name == "rows":
        return b.rows >= 0.5 * m > 2 or (b.rows > 2 * b.columns and b.rows > 8)
    if name == "bicoloring":  # worth looking for where both directions are held up by a few full rows and columns
        return min(b.columns, b.rows) < max(9, 2 * b.both) or problem.pattern.nnz > 0.25 * m * n
    return problem.pattern.nnz > 0.5 * m * n


def compared(problem, candidates, race, why=""):
    """Prices, and a race where they are close; `why` there are no other candidates."""
    why = why and f"{why}; "
    o = problem.options
    ranked = sorted(candidates, key=lambda c: c.total(o.expected))
    if o.memory is not None:
        ranked = [c for c in ranked if c.bytes <= o.memory] or _nothing_fits(ranked, o.memory)
    best = ranked[0].total(o.expected)
    close = [c for c in ranked if c.total(o.expected) <= CLOSE * best][:RACED]
    if len(close) < 2:
        return finish(
            problem, candidates, f"{why}the next best is predicted to take {_ratio(ranked, o):.2g} times as long"
        )
    at_stake = AT_STAKE * o.expected * close[0].seconds
    cost = sum(6 * c.seconds + c.preparation for c in close) - close[0].preparation  # what wins need not be repeated
    if race is None or at_stake < cost:
        return finish(problem, candidates, f"{why}prices of {len(close)} are close, too little is at stake for a race")
    raced = []
    for c in ranked:
        # Slower than predicted, the first ones may be worse than what comes after them.
        if len(raced) >= len(close) and c.total(o.expected) > min(r.total(o.expected) for r in raced):
            break
        raced.append(c if c.measured is not None else replace(c, measured=race(c)))
    measured = {(c.strategy, c.mode): c for c in raced}
    candidates = [measured.get((c.strategy, c.mode), c) for c in candidates]
    return finish(problem, candidates, f"{why}it won a race of {len(raced)} whose prices were close")


def _ratio(ranked, o):
    return ranked[1].total(o.expected) / ranked[0].total(o.expected) if len(ranked) > 1 else math.inf


def _nothing_fits(ranked, memory):
    least = min(ranked, key=lambda c: c.bytes)
    raise MemoryError(
        f"no strategy fits into {memory} bytes; the smallest, {least.strategy}, is predicted to need {least.bytes}: "
        "allow more, or wrap steps of the function in mmad.checkpoint, which computes their values again in place of "
        "keeping them"
    )


def finish(problem, candidates, reason):
    """The plan, with a verdict on every candidate."""
    o = problem.options
    fitting = [c for c in candidates if o.memory is None or c.bytes <= o.memory]
    if not fitting:
        _nothing_fits(candidates, o.memory)
    best = min(fitting, key=lambda c: c.total(o.expected))
    judged = []
    for c in sorted(candidates, key=lambda c: c.total(o.expected)):
        ratio = c.total(o.expected) / best.total(o.expected)
        if c is best:
            verdict = "chosen"
        elif c not in fitting:
            verdict = "memory"
        elif c.measured is not None:
            verdict = f"lost {ratio:.2g}x"
        else:
            verdict = f"{ratio:.2g}x"
        judged.append(replace(c, verdict=verdict))
    judged.sort(key=lambda c: c.verdict != "chosen")
    coloring = problem.coloring(best.strategy) if best.strategy in COLORED[problem.product] else None
    structure = problem.structure(best.strategy) if best.strategy in STRUCTURED[problem.product] else None
    pattern = problem.known if coloring is None else coloring.pattern
    pattern = pattern if structure is None else structure.pattern
    if o.sparse and pattern is None:
        pattern = problem.pattern
        structure = None if structure is None else replace(structure, pattern=pattern)
    return Plan(
        product=problem.product, origin=problem.origin, shape=problem.shape, strategy=best.strategy, mode=best.mode,
        width=best.width, evaluations=o.expected, reason=reason, candidates=tuple(judged), pattern=pattern,
        coloring=coloring, structure=structure, refused=tuple(problem.refused.items()),
        bounds=None if pattern is None else bounds(pattern), work=problem.work,
        finding=problem.finding, coloring_time=problem.coloring_time,
    )  # fmt: skip


def work_of(graph):
    """Counts of a graph."""
    return Work(*work(graph))
