"""Jacobians and Hessians as functions that choose how they are computed."""

import contextlib
import functools
import threading
from dataclasses import replace

import numpy as np

from mmad._core import Traced
from mmad.derivatives.arguments import positions
from mmad.derivatives.first_order import grad
from mmad.derivatives.matrices import in_blocks
from mmad.derivatives.operators import factored
from mmad.derivatives.recorded import LANES, Recorded, real_leaf
from mmad.errors import CaptureError, PatternError
from mmad.ops.declare import shape_of
from mmad.planner.coloring.colored import Coloring
from mmad.planner.decision.agreement import differing, nearby
from mmad.planner.decision.calibration import clock, coefficients
from mmad.planner.decision.compare import compare
from mmad.planner.decision.decide import decide
from mmad.planner.decision.observed import Observed
from mmad.planner.decision.problem import Options, Problem, work_of
from mmad.planner.entries import Entries
from mmad.planner.evaluate import BY_ROWS, check, entries_of, plain, products, scattered, sweep
from mmad.planner.sparsity._structure import structure
from mmad.planner.sparsity.detect import detect, graph_of
from mmad.planner.sparsity.pattern import Pattern
from mmad.planner.structure.blocks import blocks_of
from mmad.planner.structure.waist import waist_of
from mmad.planner.unassembled import Assembly, Unassembled
from mmad.python.kinds import isplain
from mmad.replay import compiled
from mmad.tape.contexts import open_tape, wrappers_open
from mmad.tracing import tree
from mmad.tracing.trace import describe, is_static, returned_by_program
from mmad.transforms.tape import record

__all__ = ["PlannedHessian", "PlannedJacobian"]

LONG = 0.2  # seconds of an eager evaluation of which a race needs no second
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")


class Planned:
    """What Jacobians and Hessians share; see :func:`mmad.jacobian` and :func:`mmad.hessian`.

    A plan is made at the first call with arguments of given shapes.  One that uses a sparsity pattern is for recordings
    of one structure: at every call the function is recorded anyway, and a recording of another structure is planned
    anew.
    """

    product = ""
    matrix = True  # what comes out is a matrix, and may be sparse
    select = None  # see `Recorded`
    usual = None  # the strategy of the operator that takes no options

    def __init__(self, f, argnums, options, fmt):
        self.f, self.argnums, self.options, self.format = f, argnums, options, fmt
        self.single = not isinstance(argnums, tuple | list)
        self.entries = Entries()
        self.differing = set()  # strategies and modes whose results were seen to differ from the others'
        self.lock = threading.Lock()

    def __reduce__(self):
        return type(self), (self.f, self.argnums, self.options, self.format)

    # ------------------------------------------------------------------------------------ what is recorded
    def differentiated(self, nums):
        """The function whose Jacobian is wanted."""
        raise NotImplementedError

    @property
    def name(self):
        """The operator, for messages."""
        return self.product

    def record(self, args, kwargs):
        nums = positions(self.f, self.argnums, args, self.name)
        r = Recorded(self.differentiated(nums), args, self.name, nums, kwargs, self.select)
        for leaf in r.trace.inputs:
            if not is_static(leaf):
                real_leaf(leaf, r.trace.origin)
        r.call = self.f, args, kwargs, nums
        return r

    def __call__(self, *args, **kwargs):
        key, leaves = self._key(args)
        entry, tape = self.entries.by_shape.get(key), open_tape()
        if tape is not None or wrappers_open() or any(isinstance(x, Traced) for x in leaves):
            return self._inside(tape, args, kwargs, leaves)
        if entry is None:
            if self.options == Options() and sum(np.size(x) for x in leaves if not is_static(x)) <= LANES:
                return self._by_shape(self.record(args, kwargs))
            result = self._first(key, args, kwargs)
        else:
            observed = entry.observed
            if observed is None or not observed.open:
                result = self._again(entry, args, kwargs)
            else:
                start = clock()
                result = self._again(entry, args, kwargs)
                if observed.strays(entry.plan, clock() - start):
                    self._replan(entry, args, kwargs)
        return self._finished(*result)

    def _again(self, entry, args, kwargs):
        """By a plan that was made before."""
        self.entries.use(entry)
        if entry.plan.mode == "compiled":
            return self._replayed(entry, args, kwargs)
        if entry.plan.strategy == self.usual:
            return self.unplanned(args, kwargs), entry
        return self.evaluate(args, kwargs)

    def _key(self, args):
        """Shapes and dtypes of what is differentiated by, and its leaves."""
        nums = positions(self.f, self.argnums, args, self.name)
        if len(nums) == 1 and type(args[nums[0]]) is np.ndarray:
            x = args[nums[0]]
            return (x.shape, x.dtype), (x,)
        leaves = [x for k in nums for x in tree.flatten(args[k])[0]]
        return tuple([x if is_static(x) else (shape_of(x), getattr(x, "dtype", float)) for x in leaves]), leaves

    def _by_shape(self, r):
        """Dense, from the side with fewer sweeps: all that can be chosen for a small matrix."""
        m, n = r.shape
        return in_blocks(r, r.jacobian(self.product == "jacobian" and m < n), self.single)

    def _of_complex(self, r):
        """The Jacobian of complex results by real arguments: dense, without a plan."""
        if self.options.sparse or self.options.factored:
            raise TypeError(
                f"{r.trace.origin}: a sparse or factored Jacobian of a complex result is not supported; take it of "
                "the real and the imaginary part"
            )
        return self._by_shape(r)

    def _inside(self, tape, args, kwargs, leaves):
        """Inside another derivative, or while `mmad.compile` records."""
        if self.options.factored or self.options.sparse:
            return self._unassembled(tape, args, kwargs)
        if tape is not None and tape.guarded and not wrappers_open():
            n = sum(int(np.prod(shape_of(x))) for x in leaves if not is_static(x))
            if n > LANES or self.options.strategy != "auto":
                return self._finished(*self.evaluate(args, kwargs))
        return self._by_shape(self.record(args, kwargs))

    def _unassembled(self, tape, args, kwargs):
        """A sparse or factored result for a program: the matrix is made of what the program computes."""
        what, kind = describe(self.f, self.product), "factored" if self.options.factored else "sparse"
        if wrappers_open() or not returned_by_program(tape):
            raise TypeError(
                f"{what}: a {kind} result cannot be traced; inside another derivative leave {kind}=True out"
            )
        found, entry = self.evaluate(args, kwargs, swept=True)
        plan = entry.plan
        make = factored if self.options.factored else lambda *found: self._sparse(plan, entries_of(plan, *found))
        return Unassembled(found[0] if self.options.factored else found, Assembly(make, what))

    # ------------------------------------------------------------------------------------ planning
    def plan(self, *args, **kwargs):
        """How the derivative at these arguments is computed.

        Returns
        -------
        mmad.Plan
        """
        key, _ = self._key(args)
        if key not in self.entries.by_shape:
            self._first(key, args, kwargs)
        if key not in self.entries.by_shape:
            raise TypeError(f"{describe(self.f, self.name)}: there is no plan where arguments or results are complex")
        return self.entries.by_shape[key].plan

    def compare(self, *args, rounds=5, progress=None, **kwargs):
        """Run every strategy and measure it.

        Parameters
        ----------
        *args, **kwargs
            Where the derivative is taken.
        rounds : int
            Times of a later call, of which the median counts.
        progress : callable, optional
            Wraps the list of strategies, as `tqdm.tqdm` does.

        Returns
        -------
        mmad.planner.decision.compare.Comparison
            Printable; ``rows`` is plain data.
        """
        return compare(self, args, kwargs, rounds, progress)

    def _first(self, key, args, kwargs):
        """Plan, and evaluate with what has been recorded for it."""
        if self.options.memory is not None and not self.matrix:
            with contextlib.suppress(CaptureError):  # it writes into plain arrays: no recording without values
                return self._within(key, args, kwargs)
        r = self.record(args, kwargs)
        if r.rows.dtype.kind == "c":
            return self._of_complex(r), None
        entry = self._planned(r, args, kwargs)
        if entry.plan.mode == "eager":
            result = self.run(entry.plan, r, self.options.sparse, new=True), entry
        else:
            result = self._first_replay(r, entry, args, kwargs)
            if entry.replay is not None:
                entry.replay.forget_hits()  # nor does the call at the point of the race
        with self.lock:
            self.entries.by_shape[key] = entry
            entry.checked = True
        return result

    def _first_replay(self, r, entry, args, kwargs):
        """By a program; what is sparse is compared with the recording for the plan, instead of another, eager sweep."""
        if not self.options.sparse:
            return self._replayed(entry, args, kwargs)
        entry.checked = True
        try:
            found, used = self._replayed(entry, args, kwargs)
            check(used.plan, r, found, self.options.pattern is not None)
        except Exception:
            entry.checked = False
            raise
        return found, used

    def _within(self, key, args, kwargs):
        """The same where memory is short: planned from a recording without values."""
        leaves, form = tree.flatten((args, kwargs))
        moving = [k for k, x in enumerate(leaves) if isplain(x, float | np.ndarray) and np.result_type(x).kind in "fc"]

        def layout(*traced):
            full = list(leaves)
            for k, x in zip(moving, traced, strict=True):
                full[k] = x
            nonlocal entry
            entry = self._planned(self.record(*tree.unflatten(form, full)))

        entry = None
        record(layout, *[leaves[k] for k in moving], live=True)
        with self.lock:
            self.entries.by_shape[key] = entry
        return self._again(entry, args, kwargs)

    def _replan(self, entry, args, kwargs):
        """Plan once more, now that it is known what a plan takes; it stays for what was compiled by it."""
        r, old, seconds = self.record(args, kwargs), entry.plan, entry.observed.best
        key, raced = self._structure(r), {}
        if self.entries.by_structure.get(key) is not entry:
            return
        known = {(old.strategy, old.mode): seconds}
        plan = self._decide(r, args, kwargs, key, raced, known, constants=old.zeros is not None)
        if (plan.strategy, plan.mode) == (old.strategy, old.mode):
            return
        with self.lock:
            plan = plan.with_reason(f"{old.strategy} took longer than predicted; {plan.reason}")
            self.entries.replace(entry, self.entries.add(plan, key, replay=raced.get((plan.strategy, plan.mode))))

    def _planned(self, r, args=None, kwargs=None):
        """The plan for a recording; a new one for a structure not met before."""
        key = self._structure(r)
        entry = self.entries.by_structure.get(key)
        gone = entry is not None and not self._holds(entry.plan, r)
        if entry is None or gone:
            raced, start = {}, clock()
            plan = self._decide(r, args, kwargs, key, raced, constants=not gone)
            observed = Observed(clock() - start) if self.options.strategy == "auto" else None
            with self.lock:
                replay = raced.get((plan.strategy, plan.mode))
                entry = self.entries.add(plan, key, observed=observed, replay=replay)
        return entry

    def _structure(self, r):
        return (*self._shapes(r), structure(r.trace))

    @staticmethod
    def _shapes(r):
        return r.shape, tuple(k and k[1:] for k in (*r.rows.kinds, *r.columns.kinds))

    def problem(self, r, options=None, constants=True):
        """What is known of the derivative of a recording; `constants`: zeros of constant arrays as well."""
        options = self.options if options is None else options
        graph = functools.cache(lambda: graph_of(r))

        def find(steps):
            given = options.pattern
            if given is None:
                return detect(r, graph(), steps, constants)
            p = given.pattern if isinstance(given, Coloring) else Pattern.of(given)
            if p.shape != r.shape:
                raise PatternError(f"{r.trace.origin}: the pattern is {p.shape}, the {self.product} {r.shape}")
            return p, None

        searches = {"waist": lambda steps: waist_of(r, steps)}
        if options.pattern is None:
            searches["blocks"] = lambda steps: blocks_of(r, self.product == "hessian", steps)
        gathers = any(rec.op is not None and rec.op.name == "gather" for rec in r.trace.tape.recs)
        return Problem(
            self.product, r.shape, find, work_of(graph()), np.dtype(r.rows.dtype).itemsize, options,
            str(r.trace.origin), searches, gathers,
        )  # fmt: skip

    @staticmethod
    def _holds(plan, r):
        """Whether what the plan's pattern counts on, zeros of constant arrays, is so in a recording."""
        return plan.zeros is None or plan.zeros.hold(r.trace)

    @staticmethod
    def _guard(plan, r):
        """Have a program look whether that is still so."""
        if plan.zeros is not None and (tape := open_tape()) is not None and tape.guarded:
            plan.zeros.guard(r.trace, tape)

    def _decide(self, r, args, kwargs, key, raced, measured=None, constants=True):
        problem, race = self.problem(r, constants=constants), None
        problem.measured.update(measured or {})
        problem.differing |= self.differing
        if args is not None and open_tape() is None:
            race = functools.partial(self._race, problem, key, raced, {}, args, kwargs)
        return decide(problem, coefficients(), race)

    def distrust(self, pairs):
        """Plan without strategies and modes whose results differ from the others'."""
        with self.lock:
            self.differing |= pairs
            self.entries.forget(lambda entry: (entry.plan.strategy, entry.plan.mode) in pairs)

    def _race(self, problem, key, raced, results, args, kwargs, candidate):
        """Seconds of one evaluation by a candidate, the best of a few; what was compiled for it is kept in `raced`.

        Candidates whose results differ from those of most others, in `results`, are noted in the problem.
        """
        call, replay = self.contestant(problem, candidate, key)
        if replay is not None:
            raced[candidate.strategy, candidate.mode] = replay
        start = clock()
        results[candidate.strategy, candidate.mode] = call(*args, **kwargs)
        took = clock() - start
        problem.differing |= self.differing | differing(results, self.itemsize(problem))
        if replay is None and took > LONG:
            return took
        nums, k = self.places(args), 0
        best, spent = np.inf, 0.0
        while spent < min(0.05, 5 * best):
            moved, k = nearby(args, nums, k), k + 1
            start = clock()
            try:
                call(*moved, **kwargs)
            except Exception:  # the function refuses this point
                start = clock()
                call(*args, **kwargs)
            took = clock() - start
            best, spent = min(best, took), spent + took
        if replay is not None:
            replay.forget_hits()  # a race says nothing about later calls
        return best

    def places(self, args):
        """Positions of the arguments that are differentiated by, and of a vector that is multiplied."""
        return positions(self.f, self.argnums, args, self.name)

    @staticmethod
    def itemsize(problem):
        """Bytes of a real number of the result."""
        return min(problem.itemsize, 8)

    def caller(self, problem, candidate):
        """A function that evaluates by a candidate of a problem, and gives what a call of the plan would."""
        return self.contestant(problem, candidate)[0]

    def contestant(self, problem, candidate, key=None):
        """A function that evaluates by a candidate, and the compiled function in it, if there is one.

        The compiled function is the candidate's for recordings of the structure `key` alone, where it gives -1 for the
        plan's number; others, as after a branch goes another way, are planned as always.
        """
        plan = replace(decide(_forced(problem, candidate.strategy), coefficients()), width=candidate.width)
        sparse = problem.options.sparse

        def finished(found):
            return plan.pattern.tocsr(found) if sparse else found

        if candidate.mode == "eager":
            return lambda *args, **kwargs: finished(self.run(plan, self.record(args, kwargs), sparse)), None

        def evaluate(*args, **kwargs):
            if open_tape() is None:
                return numbered(*self._unrecorded(plan, None, args, kwargs, sparse))
            r = self.record(args, kwargs)
            if key is not None and (self._structure(r) != key or not self._holds(plan, r)):
                return numbered(*self.evaluate(args, kwargs, sparse))
            self._guard(plan, r)
            return (sweep(plan, r) if sparse else self.run(plan, r, sparse)), -1

        replay = self._compiled(evaluate, plan)

        def call(*args, **kwargs):
            found, k = replay(*args, **kwargs)
            used = plan if k < 0 else self.entries.at(k).plan  # made in this call, or kept since
            return used.pattern.tocsr(entries_of(used, *found)) if sparse else found

        return call, replay

    # ------------------------------------------------------------------------------------ evaluating
    def evaluate(self, args, kwargs, swept=False):
        """What `run` gives (or `sweep` alone), traced while something records, and the plan."""
        r = self.record(args, kwargs)
        if r.rows.dtype.kind == "c":
            return self._of_complex(r), None
        entry = self._planned(r)
        plan, new, given = entry.plan, not entry.checked, self.options.pattern is not None
        self._guard(plan, r)
        alone = swept or open_tape() is not None  # `run` checks what it reads, of plain values
        if new and alone and self._reads_entries(plan) and (given or self.options.memory is None):
            r_plain = self.record(*plain((args, kwargs)))  # a program cannot raise
            check(plan, r_plain, entries_of(plan, *sweep(plan, r_plain, recorded=False)), given)
        self.entries.use(entry)
        result = sweep(plan, r) if swept else self.run(plan, r, self.options.sparse, new)
        entry.checked = True
        return result, entry

    def _reads_entries(self, plan):
        """Whether a pattern says what is computed: one that leaves out entries would make it wrong."""
        found = plan.coloring if plan.structure is None else plan.structure
        return plan.pattern is not None and (self.options.sparse or found is not None)

    def run(self, plan, r, sparse, new=False):
        """By a plan: the entries of a sparse result, or a dense one in the structure of the arguments."""
        found = plan.coloring if plan.structure is None else plan.structure
        if found is None and not sparse:
            found = products(plan, r)
            return in_blocks(r, found if plan.strategy in BY_ROWS else found.T, self.single)
        swept = sweep(plan, r)
        if plan.pattern is None:
            return swept[0] if self.options.factored else in_blocks(r, found.matrix(*swept), self.single)
        data = entries_of(plan, *swept)
        if new and not isinstance(data, Traced):
            check(plan, r, data, self.options.pattern is not None)
        return data if sparse else in_blocks(r, scattered(plan.pattern, data), self.single)

    def _replayed(self, entry, args, kwargs):
        """By a compiled program, for sparse results up to the products: reading entries need not be compiled."""
        replay = entry.replay
        if replay is None:
            swept, plan = self.options.sparse or self.options.factored, entry.plan

            def evaluate(*args, **kwargs):
                if open_tape() is None:
                    return numbered(*self._unrecorded(plan, entry, args, kwargs, swept))
                if not self.matrix:  # there is one way, whatever branches are taken
                    return self.run(plan, self.record(args, kwargs), False), entry.number
                return numbered(*self.evaluate(args, kwargs, swept))

            with self.lock:
                if entry.replay is None:
                    entry.replay = self._compiled(evaluate, plan)
                replay = entry.replay
        found, k = replay(*args, **kwargs)
        used = entry if k < 0 else self.entries.at(k)
        if used is None:  # the program is of a plan that was forgotten since
            entry.replay = None
            return self.evaluate(args, kwargs)
        if self.options.factored:
            return found[0], used
        return (entries_of(used.plan, *found) if self.options.sparse else found), used

    def _unrecorded(self, plan, entry, args, kwargs, swept):
        """What a program would give, by a run of the function; dense results need no plan for its branches."""
        if self.usual is not None and self.options.strategy in ("auto", self.usual):
            return self.unplanned(args, kwargs), entry
        if plan.pattern is None and not swept:
            return self.run(plan, self.record(args, kwargs), False), entry
        return self.evaluate(args, kwargs, swept)

    def unplanned(self, args, kwargs):
        """The result by the operator that takes no options."""
        raise NotImplementedError

    def _compiled(self, evaluate, plan):
        functools.update_wrapper(evaluate, self.f, updated=())  # what f reads from closures belongs to the key
        allowed = self.options.memory
        if allowed is not None and plan.chosen is not None:
            allowed = max(1, allowed - plan.chosen.ends)
        return compiled.compile(evaluate, memory=allowed)

    def _finished(self, found, entry):
        """The result as it was asked for."""
        if self.options.factored:
            return factored(*found)
        return self._sparse(entry.plan, found) if self.options.sparse else found

    def _sparse(self, plan, found):
        """The matrix of the entries of a plan's pattern."""
        out = plan.pattern.tocsr(found)
        return out if self.format == "csr" else out.asformat(self.format)


def numbered(found, entry):
    """A result and its plan, as a program gives them; -1: the plan of the program."""
    return found, -1 if entry is None else entry.number


def _forced(problem, strategy):
    """The same problem with one strategy asked for."""
    out = Problem(
        problem.product, problem.shape, lambda steps: (problem.pattern, problem.zeros), problem.work, problem.itemsize,
        replace(problem.options, strategy=strategy, evaluations=None, mode="auto"), problem.origin, problem.searches,
    )  # fmt: skip
    out.colorings, out.structures, out.refused = problem.colorings, problem.structures, problem.refused
    return out


class PlannedJacobian(Planned):
    """See :func:`mmad.jacobian`."""

    product = "jacobian"

    def differentiated(self, nums):
        return self.f


class PlannedHessian(Planned):
    """See :func:`mmad.hessian`."""

    product = "hessian"

    def differentiated(self, nums):
        return grad(self.f, self.argnums if self.single else nums)
