"""Tasks: what is known of a derivative before it is computed, and the price of each way to compute it."""

import time
from dataclasses import dataclass

from mmad.derivatives.recorded import LANES
from mmad.errors import StructureError
from mmad.planner.by_plan import OVER_FORWARD
from mmad.planner.coloring.coloring import (
    EFFORT,
    bicoloring,
    bounds,
    column_coloring,
    row_coloring,
    star_coloring,
)
from mmad.planner.decision._work import work
from mmad.planner.decision.cost import Work, recorded_instructions
from mmad.planner.decision.plan import Candidate
from mmad.planner.sparsity._sets import UNLIMITED, Exhausted

__all__ = ["COLORED", "DENSE", "MODES", "STRUCTURED", "Options", "Task", "modes", "work_of"]

UNKNOWN = 10  # evaluations to choose for if nobody said how many there will be
DENSE = {
    "jacobian": ("forward", "reverse"),
    "hessian": ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward", "forward-over-forward"),
    "grad": ("reverse", "forward"),
    "hvp": ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"),
}
COLORED = {
    "jacobian": {"columns": column_coloring, "rows": row_coloring, "bicoloring": bicoloring},
    "hessian": {"star": star_coloring},
    "grad": {},
    "hvp": {},
}
STRUCTURED = {"jacobian": ("blocks", "waist"), "hessian": ("blocks",), "grad": (), "hvp": ()}
LOOKING = 0.05  # share of the whole work that looking for a pattern, for blocks or for fewer colours may take
LEAST_LOOKING = 2e-3  # seconds that a search may take, however little there is to gain
STEP, MOST_STEPS = 2.5e-9, 4_000_000  # seconds of one step of a search; the most steps, however much work there is
MODES = ("auto", "eager", "compiled")
LEVELS = 4  # of checkpoints at the most; each computes the function once more
NUMBER, ARRAY = 250, 1500  # bytes that an instruction takes while a program is made, on numbers and on arrays
LONGEST = 1 << 30  # bytes that making a program may take where nobody asked for one
DEFERRED = 4096  # elements from which on an array is recorded without its value where a program is made
HELD = 0.5  # share of a function's elements that its program holds; the others are used up in loops
NESTED = (
    3.0  # sweeps over the recording that one of `OVER_FORWARD` costs: twice the operations, and no rule is compiled
)


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
    has_aux: bool = False

    @property
    def expected(self):
        """Evaluations to choose for."""
        return UNKNOWN if self.evaluations is None else self.evaluations


class Task:
    """What is known of a derivative before it is computed; the expensive parts on demand, once.

    Parameters
    ----------
    product : {"jacobian", "hessian", "grad", "hvp"}
    shape : (int, int)
    find : callable
        ``find(steps)`` gives the pattern and the zeros of constants that it counts on, or raises Exhausted.
    work : Work
    itemsize : int
        Bytes of an element of the result.
    searches : dict of str to callable
        By strategy of `STRUCTURED`: ``search(steps)`` gives the structure, or raises StructureError.
    gathers : bool
        Whether elements are taken by index arrays: lanes that share arguments are then likely.
    """

    def __init__(self, product, shape, find, work, itemsize, options, origin="", searches=None, gathers=False):
        self.product, self.shape, self.find, self.work = product, shape, find, work
        self.itemsize, self.options, self.origin = itemsize, options, origin
        self.searches, self.gathers = {} if searches is None else searches, gathers
        self.colorings, self.structures, self.refused, self._pattern = {}, {}, {}, None
        self.finding = self.coloring_time = 0.0
        self.zeros = None  # the zeros of constant arrays that the pattern counts on
        self.steps = UNLIMITED  # that a search for a pattern or a structure may take
        self.effort = EFFORT  # steps that a colouring may take
        self.differing = set()  # strategies and modes whose results differ from the others'

    @property
    def pattern(self):
        """The pattern; of a Hessian, made symmetric."""
        if self._pattern is None:
            start = time.perf_counter()
            if self.structures.get("blocks") is None:
                asked = self.options.sparse or self.options.strategy != "auto"
                found, self.zeros = self.find(UNLIMITED if asked else self.steps)
            else:
                found = self.structures["blocks"].pattern
            self._pattern = found.symmetrized() if self.product == "hessian" else found
            self.finding += time.perf_counter() - start
        return self._pattern

    @property
    def of_gradient(self):
        """Whether what is recorded is a gradient."""
        return self.product in ("hessian", "hvp")

    @property
    def found_pattern(self):
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
        """Return the structure that a strategy of `STRUCTURED` goes by; None where there is none."""
        if name not in self.structures and name not in self.refused:
            start = time.perf_counter()
            try:
                self.structures[name] = self.searches[name](self.steps)
            except StructureError as e:
                self.refused[name] = str(e)
            except Exhausted:
                self.refused[name] = "not found within the share of the work that a search may take"
            except KeyError:
                self.refused[name] = "not looked for"
            self.finding += time.perf_counter() - start
        return self.structures.get(name)

    def sweeps(self, name):
        """Return the numbers of forward and reverse sweeps."""
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
        """Return a strategy with its price; of a colouring with the colours that it has, or with the sweeps given."""
        forward, reverse = self.sweeps(name) if sweeps is None else sweeps
        colored = name in COLORED[self.product] or name == "blocks"
        separate = colored or self.options.sparse
        width = 1 if name == "blocks" else self.width(forward, reverse, mode, coefficients[mode], separate)
        m, n = self.shape
        structure = self.structure(name) if name in STRUCTURED[self.product] else None
        size = self.pattern.nnz if self.options.sparse else n if self.product == "hvp" else m * n
        out = size * self.itemsize

        def each(mode):
            """Return the seconds of one evaluation."""
            c = coefficients[mode]
            swept = c.lanes(self.work, forward, reverse, width)
            if structure is not None:
                swept = structure.share * swept + structure.flops() * c.flop + structure.terms * c.entry
            elif name in OVER_FORWARD:
                swept *= NESTED
            entries = self.pattern.nnz * c.entry if separate else 0.0
            return c.once(self.work, self.of_gradient) + swept + entries + out * c.byte

        seconds, once = each(mode), 0.0
        if mode == "compiled":  # what is recorded to be compiled is evaluated eagerly
            once = coefficients[mode].compiling(self.work, forward, reverse, width)
            once += max(0.0, each("eager") - seconds)
        ends = out + (m + n) * width * self.itemsize
        held = ends + self.work.elements * self.itemsize
        allowed = self.options.memory
        if mode == "compiled" and allowed is not None and held > allowed:
            levels, held = self.checkpoints(allowed - ends)
            held += ends
            seconds += levels * coefficients[mode].once(self.work, self.of_gradient)
        return Candidate(name, mode, width, forward, reverse, seconds, once, int(held), ends=int(ends))

    def compilable(self, candidate):
        """Return whether making the program of a candidate takes no more memory than `LONGEST`, or was asked for."""
        if candidate.mode != "compiled" or self.options.mode == "compiled":
            return True
        return self.making(candidate) <= LONGEST

    def making(self, candidate):
        """Return the bytes that making a candidate's program takes: instructions, and values the recording holds."""
        w, c = self.work, candidate
        numbers, arrays = recorded_instructions(w, c.forward, c.reverse, c.width)
        batched = w.numbers if w.arrays and c.width > 1 else 0  # numbers with lanes are arrays
        short = w.elements * c.width < DEFERRED * w.arrays  # longer arrays are recorded without their values
        values = (1.0 if short else HELD) * w.elements * (1 + c.forward + c.reverse) + batched * (c.forward + c.reverse)
        return NUMBER * numbers + ARRAY * arrays + values * self.itemsize

    def checkpoints(self, memory):
        """Return the levels of checkpoints that a program needs to fit into a memory, and what it then holds."""
        w = self.work
        each = HELD * w.elements * self.itemsize / max(w.arrays, 1)
        for levels in range(1, LEVELS + 1):
            held = each * (levels + 1) * w.arrays ** (1 / (levels + 1))
            if held <= memory:
                break
        return levels, held

    def width(self, forward, reverse, mode, c, separate):
        """Return how many lanes go together: all up to a limit, fewer where memory is short.

        One where numbers prevail, and where so few go together that a batch does not pay.
        """
        sweeps = forward + reverse
        if mode == "eager" and self.is_cheaper_apart(forward, reverse, c):
            return 1
        width = max(1, min(sweeps, LANES))
        if not separate:  # unit directions for a dense result: one batch after the other
            return width
        if self.work.numbers > 20 * self.work.arrays:
            return 1
        if self.options.memory is not None:
            while width > 1 and self.work.elements * self.itemsize * width > self.options.memory:
                width //= 2
        return width

    def is_cheaper_apart(self, forward, reverse, c):
        """Return whether sweeps take less time one by one than in a batch."""
        w = self.work
        apart = forward * c.single(w) + reverse * c.single(w, True)
        return apart <= (forward > 0) * c.batch(w) + (reverse > 0) * c.batch(w, True)

    def bound_searches(self, coefficients, sweeps=None):
        """Bound searches by what there is to gain: the price of all evaluations, of so many sweeps or dense."""
        each = min(
            c.once(self.work, self.of_gradient)
            + c.lanes(self.work, min(self.shape) if sweeps is None else sweeps, 0, LANES)
            for c in [coefficients[mode] for mode in modes(self.options)]
        )
        self.steps = int(max(LEAST_LOOKING, LOOKING * self.options.expected * each) / STEP)

    def bound_colorings(self, coefficients):
        """Let colourings take time in proportion to what fewer colours are worth."""
        b = bounds(self.pattern)
        fewest = min(b.columns, b.rows, b.both)
        each = min(
            c.once(self.work, self.of_gradient) + c.lanes(self.work, fewest, 0, LANES)
            for c in [coefficients[mode] for mode in modes(self.options)]
        )
        self.effort = int(min(MOST_STEPS, LOOKING * self.options.expected * each / STEP))


def modes(options):
    """Return the modes to choose from: eager, compiled too if evaluations are to come; or what was asked for."""
    if options.mode != "auto":
        return (options.mode,)
    again = options.evaluations is not None and options.evaluations > 1
    return ("eager", "compiled") if again else ("eager",)


def work_of(graph):
    """Return the counts of a graph."""
    return Work(*work(graph))
