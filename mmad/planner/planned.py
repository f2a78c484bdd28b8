"""Jacobians and Hessians as functions that choose how they are computed."""

import contextlib
import functools
import threading

import numpy as np

from mmad._core import Traced, shape_of
from mmad.derivatives import other_numbers
from mmad.derivatives.arguments import positions
from mmad.derivatives.first_order import grad
from mmad.derivatives.jacobians import in_blocks
from mmad.derivatives.operators import factored
from mmad.derivatives.recorded import LANES, Recorded
from mmad.errors import CaptureError, OtherNumberError, PatternError
from mmad.planner.by_plan import (
    BY_ROWS,
    check_product,
    entries_of,
    guard_zeros,
    scattered,
    sweep,
    unit_products,
    untraced,
    with_plan_number,
    zeros_hold,
)
from mmad.planner.coloring.colored import Coloring
from mmad.planner.decision.calibration import coefficients
from mmad.planner.decision.compare import compare
from mmad.planner.decision.decide import decide
from mmad.planner.decision.task import Options, Task, work_of
from mmad.planner.entries import Entries
from mmad.planner.racing import Race, contestant
from mmad.planner.sparsity._fingerprint import fingerprint
from mmad.planner.sparsity.detect import detect, graph_of
from mmad.planner.sparsity.pattern import Pattern
from mmad.planner.structure.blocks import blocks_of
from mmad.planner.structure.waist import waist_of
from mmad.planner.unassembled import Assembly, Unassembled
from mmad.python.kinds import isplain
from mmad.replay import compiled
from mmad.tape.contexts import open_tape, wrappers_open
from mmad.tracing import tree
from mmad.tracing.leaves import describe
from mmad.tracing.results import is_static
from mmad.tracing.trace import returned_by_program
from mmad.transforms.tape import record

__all__ = ["PlannedHessian", "PlannedJacobian"]

FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")


class Planned:
    """What Jacobians and Hessians share; see :func:`mmad.jacobian` and :func:`mmad.hessian`.

    A call takes one of three routes.

    ===========  ====================================  ===============================================================
    route        where                                 what
    ===========  ====================================  ===============================================================
    `_traced`    something records: another            The function is recorded on the tape that is open; in a program
                 derivative, or `mmad.compile`         by a plan, elsewhere dense.  The result is traced.
    `_settling`  there is no plan for arguments of     The function is recorded, the recording planned and evaluated,
                 these shapes yet                      the entries of a pattern compared with a product.
    `_settled`   there is one                          By its program; or the function is recorded and evaluated by the
                                                       plan for recordings of that structure, made now if it is new.
    ===========  ====================================  ===============================================================

    A matrix with no more columns than go together in one batch takes neither of the latter, unless something was asked
    for: there is nothing to plan (`_by_shape`).  All plans are evaluated over a recording by `run`, or by `sweep` where
    a program gives what the entries are read from.
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
        """Return the function whose Jacobian is wanted."""
        raise NotImplementedError

    @property
    def name(self):
        """The operator, for messages."""
        return self.product

    def record(self, args, kwargs):
        nums = positions(self.f, self.argnums, args, self.name)
        r = Recorded(self.differentiated(nums), args, self.name, nums, kwargs, self.select)
        r.call = self.f, args, kwargs, nums
        return r

    def _key(self, args):
        """Return shapes and dtypes of what is differentiated by, and its leaves."""
        nums = positions(self.f, self.argnums, args, self.name)
        if len(nums) == 1 and type(args[nums[0]]) is np.ndarray:
            x = args[nums[0]]
            return (x.shape, x.dtype), (x,)
        leaves = [x for k in nums for x in tree.flatten(args[k])[0]]
        return tuple([x if is_static(x) else (shape_of(x), getattr(x, "dtype", float)) for x in leaves]), leaves

    def places(self, args):
        """Return the positions of the arguments that are differentiated by, and of a vector that is multiplied."""
        return positions(self.f, self.argnums, args, self.name)

    # ------------------------------------------------------------------------------------ the routes
    def __call__(self, *args, **kwargs):
        key, leaves = self._key(args)
        tape = open_tape()
        if tape is not None or wrappers_open() or any(isinstance(x, Traced) for x in leaves):
            return self._traced(tape, args, kwargs, leaves)
        entry = self.entries.by_shape.get(key)
        if entry is not None:
            return self._finished(*self._settled(entry, args, kwargs))
        if self.options == Options() and sum(np.size(x) for x in leaves if not is_static(x)) <= LANES:
            try:
                return self._by_shape(self.record(args, kwargs))
            except OtherNumberError:
                if not other_numbers.among(args) or self.product not in ("jacobian", "hessian"):
                    raise
            of = other_numbers.hessian_of if self.product == "hessian" else other_numbers.jacobian_of
            return of(self.f, self.argnums, args, kwargs)
        return self._finished(*self._settling(key, args, kwargs))

    def _traced(self, tape, args, kwargs, leaves):
        """Evaluate inside another derivative, or while `mmad.compile` records."""
        if self.options.factored or self.options.sparse:
            return self._unassembled(tape, args, kwargs)
        if tape is not None and tape.guarded and not wrappers_open():
            n = sum(int(np.prod(shape_of(x))) for x in leaves if not is_static(x))
            if n > LANES or self.options.strategy != "auto":
                return self._finished(*self.evaluate(args, kwargs))
        return self._by_shape(self.record(args, kwargs))

    def _unassembled(self, tape, args, kwargs):
        """Return a sparse or factored result for a program: the matrix is made of what the program computes."""
        what, kind = describe(self.f, self.product), "factored" if self.options.factored else "sparse"
        if wrappers_open() or not returned_by_program(tape):
            raise TypeError(
                f"{what}: a {kind} result cannot be traced; inside another derivative leave {kind}=True out"
            )
        swept, entry = self.evaluate(args, kwargs, swept=True)
        plan = entry.plan
        make = factored if self.options.factored else lambda *swept: self._sparse(plan, entries_of(plan, *swept))
        return Unassembled(swept[0] if self.options.factored else swept, Assembly(make, what))

    def _settling(self, key, args, kwargs):
        """Plan, and evaluate with what has been recorded for it."""
        if self.options.memory is not None and not self.matrix:
            with contextlib.suppress(CaptureError):  # it writes into plain arrays: no recording without values
                return self._settling_without_values(key, args, kwargs)
        r = self.record(args, kwargs)
        if r.rows.dtype.kind == "c":
            return self._of_complex(r), None
        entry = self._planned(r, args, kwargs)
        if entry.plan.mode == "eager":
            result = self.run(entry.plan, r, self.options.sparse, new=True), entry
        else:
            result = self._first_replayed(r, entry, args, kwargs)
            if entry.replay is not None:
                entry.replay.forget_hits()  # like the race, this call says nothing about later ones
        with self.lock:
            self.entries.by_shape[key] = entry
            entry.checked = True
        return result

    def _first_replayed(self, r, entry, args, kwargs):
        """Evaluate by a program; check a sparse result against the plan's recording, without another eager sweep."""
        if not self.options.sparse:
            return self._replayed(entry, args, kwargs)
        entry.checked = True
        try:
            entries, used = self._replayed(entry, args, kwargs)
            check_product(used.plan, r, entries, self.options.pattern is not None)
        except Exception:
            entry.checked = False
            raise
        return entries, used

    def _settling_without_values(self, key, args, kwargs):
        """Do the same where memory is short: plan from a recording without values."""
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
        return self._settled(entry, args, kwargs)

    def _settled(self, entry, args, kwargs):
        """Evaluate by a plan that was made before."""
        self.entries.use(entry)
        if entry.plan.mode == "compiled":
            return self._replayed(entry, args, kwargs)
        if entry.plan.strategy == self.usual:
            return self.unplanned(args, kwargs), entry
        return self.evaluate(args, kwargs)

    # ------------------------------------------------------------------------------------ planning
    def plan(self, *args, **kwargs):
        """Return how the derivative at these arguments is computed.

        Returns
        -------
        mmad.Plan
        """
        key, _ = self._key(args)
        if key not in self.entries.by_shape:
            self._settling(key, args, kwargs)
        if key not in self.entries.by_shape:
            raise TypeError(f"{describe(self.f, self.name)}: there is no plan for complex arguments or results")
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

    def _planned(self, r, args=None, kwargs=None):
        """Return the plan for a recording; a new one, by a race if there are arguments, for a new structure."""
        key = self.structure_of(r)
        entry = self.entries.by_structure.get(key)
        gone = entry is not None and not zeros_hold(entry.plan, r)
        if entry is None or gone:
            task, race = self.task(r, constants=not gone), None
            task.differing |= self.differing
            if args is not None and open_tape() is None:
                race = Race(self, task, key, args, kwargs)
            plan = decide(task, coefficients(), race)
            replay = None if race is None else race.replays.get((plan.strategy, plan.mode))
            with self.lock:
                entry = self.entries.add(plan, key, replay)
        return entry

    def structure_of(self, r):
        """Return what recordings that can be evaluated by one plan have in common."""
        kinds = tuple(k and k[1:] for k in (*r.rows.kinds, *r.columns.kinds))
        return r.shape, kinds, fingerprint(r.trace)

    def task(self, r, options=None, constants=True):
        """Return the task for a recording: what is known of its derivative; `constants`: their zeros as well."""
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
        return Task(
            self.product, r.shape, find, work_of(graph()), np.dtype(r.rows.dtype).itemsize, options,
            str(r.trace.origin), searches, gathers,
        )  # fmt: skip

    def distrust(self, pairs):
        """Plan without strategies and modes whose results differ from the others'."""
        with self.lock:
            self.differing |= pairs
            self.entries.forget(lambda entry: (entry.plan.strategy, entry.plan.mode) in pairs)

    def caller(self, task, candidate):
        """Return a function that evaluates by a candidate of a task, and gives what a call of the plan would."""
        return contestant(self, task, candidate)[0]

    # ------------------------------------------------------------------------------------ evaluating
    def _by_shape(self, r):
        """Return the dense result, from the side with fewer sweeps: all that can be chosen for a small matrix."""
        m, n = r.shape
        return in_blocks(r, r.jacobian(self.product == "jacobian" and m < n), self.single)

    def _of_complex(self, r):
        """Return the Jacobian of complex results by real arguments: dense, without a plan."""
        if self.options.sparse or self.options.factored:
            raise TypeError(
                f"{r.trace.origin}: a sparse or factored Jacobian of a complex result is not supported; take it of "
                "the real and the imaginary part"
            )
        return self._by_shape(r)

    def evaluate(self, args, kwargs, swept=False):
        """Return what `run` gives (or `sweep` alone), traced while something records, and the plan."""
        r = self.record(args, kwargs)
        if r.rows.dtype.kind == "c":
            return self._of_complex(r), None
        entry = self._planned(r)
        plan, new, given = entry.plan, not entry.checked, self.options.pattern is not None
        guard_zeros(plan, r)
        alone = swept or open_tape() is not None  # `run` checks what it reads, of plain values
        if new and alone and self._reads_entries(plan) and (given or self.options.memory is None):
            r_plain = self.record(*untraced((args, kwargs)))  # a program cannot raise, so this is checked now
            check_product(plan, r_plain, entries_of(plan, *sweep(plan, r_plain, recorded=False)), given)
        self.entries.use(entry)
        result = sweep(plan, r) if swept else self.run(plan, r, self.options.sparse, new)
        entry.checked = True
        return result, entry

    def _reads_entries(self, plan):
        """Return whether a pattern says what is computed: one that leaves out entries would make it wrong."""
        found = plan.coloring if plan.structure is None else plan.structure
        return plan.pattern is not None and (self.options.sparse or found is not None)

    def run(self, plan, r, sparse, new=False):
        """Evaluate by a plan: the entries of a sparse result, or a dense one in the structure of the arguments."""
        found = plan.coloring if plan.structure is None else plan.structure
        if found is None and not sparse:
            found = unit_products(plan, r)
            return in_blocks(r, found if plan.strategy in BY_ROWS else found.T, self.single)
        swept = sweep(plan, r)
        if plan.pattern is None:
            return swept[0] if self.options.factored else in_blocks(r, found.matrix(*swept), self.single)
        data = entries_of(plan, *swept)
        if new and not isinstance(data, Traced):
            check_product(plan, r, data, self.options.pattern is not None)
        return data if sparse else in_blocks(r, scattered(plan.pattern, data), self.single)

    def _replayed(self, entry, args, kwargs):
        """Evaluate by a compiled program, for sparse results up to the products: reading entries is not compiled."""
        replay = entry.replay
        if replay is None:
            swept, plan = self.options.sparse or self.options.factored, entry.plan

            def evaluate(*args, **kwargs):
                if open_tape() is None:
                    return with_plan_number(*self.unrecorded(plan, entry, args, kwargs, swept))
                if not self.matrix:  # there is one way, whatever branches are taken
                    return self.run(plan, self.record(args, kwargs), False), entry.number
                return with_plan_number(*self.evaluate(args, kwargs, swept))

            with self.lock:
                if entry.replay is None:
                    entry.replay = self.compiled(evaluate, plan)
                replay = entry.replay
        result, k = replay(*args, **kwargs)
        used = entry if k < 0 else self.entries.at(k)
        if used is None:  # the program is of a plan that was forgotten since
            entry.replay = None
            return self.evaluate(args, kwargs)
        if self.options.factored:
            return result[0], used
        return (entries_of(used.plan, *result) if self.options.sparse else result), used

    def unrecorded(self, plan, entry, args, kwargs, swept):
        """Return what a program would give, by a run of the function; dense results need no plan for its branches."""
        if self.usual is not None and self.options.strategy in ("auto", self.usual):
            return self.unplanned(args, kwargs), entry
        if plan.pattern is None and not swept:
            return self.run(plan, self.record(args, kwargs), False), entry
        return self.evaluate(args, kwargs, swept)

    def unplanned(self, args, kwargs):
        """Return the result by the operator that takes no options."""
        raise NotImplementedError

    def compiled(self, evaluate, plan):
        functools.update_wrapper(evaluate, self.f, updated=())  # what f reads from closures belongs to the key
        allowed = self.options.memory
        if allowed is not None and plan.chosen is not None:
            allowed = max(1, allowed - plan.chosen.ends)
        return compiled.compile(evaluate, memory=allowed)

    def _finished(self, result, entry):
        """Return the result as it was asked for."""
        if self.options.factored:
            return factored(*result)
        return self._sparse(entry.plan, result) if self.options.sparse else result

    def _sparse(self, plan, entries):
        """Return the matrix of the entries of a plan's pattern."""
        out = plan.pattern.tocsr(entries)
        return out if self.format == "csr" else out.asformat(self.format)


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
