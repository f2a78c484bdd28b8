"""`record` and the public tape: a recorded function as a program that can be run, read and transformed.

Every transform evaluates the tape on the right kind of value while a new tape records, so what it gives is again a
tape of ordinary instructions, and transforms nest in any order.

====================  ====================================================  =======================================
transform             arguments of the new tape                             what it gives
====================  ====================================================  =======================================
``pushforward()``     primals, then their tangents                          ``(y, y_dot)``
``pullback()``        primals, then the cotangent of y                      tuple of cotangents, one a primal
``linearize(*at)``    tangents                                              tangent of y at a fixed point
``transpose()``       cotangent of y (the tape must be linear)              tuple of cotangents, one an argument
``batch(k)``          primals, each with a leading axis of k lanes          y with a leading axis of k lanes
====================  ====================================================  =======================================
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import numpy as np

from mmad._core import Traced
from mmad.compiler.program import Program, of_tape
from mmad.errors import CaptureError
from mmad.python import html
from mmad.python.amounts import size_in_bytes
from mmad.python.kinds import isplain
from mmad.tape import _tape
from mmad.tape.instruction import decode
from mmad.tracing import tree
from mmad.tracing.leaves import describe, plain_leaf
from mmad.tracing.origins import Origin, Origins
from mmad.tracing.results import is_static
from mmad.tracing.trace import Trace
from mmad.transforms import derived
from mmad.transforms.closing import close
from mmad.transforms.evaluate import evaluate
from mmad.transforms.graphviz import dot
from mmad.transforms.profile import TapeProfile, profile

__all__ = ["Tape", "record"]

SHOWN = 60  # instructions that a notebook shows


class Tape(_tape.Tape):
    """A recorded function: instructions in static single assignment form, with guards where Python looked at a value.

    Made by :func:`mmad.record` and by the transforms; calling it evaluates it at other arguments.

    Attributes
    ----------
    instructions : tuple of Instruction
    inputs, outputs : list of int
        The values the arguments' and the result's leaves are; -1 for a leaf that is not traced.
    statics, constants : list
        The leaves of arguments and result that are not traced; None where they are.
    floats : list of bool
        Which leaves of the result are Python floats, not NumPy's.
    in_tree : list of (structure, int)
        Structure and number of leaves of every argument.
    out_tree : structure
        Structure of the result.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> tape = mmad.record(lambda x, y: np.sin(x) * y, 0.0, 2.0)
    >>> tape(0.5, 1.0)
    0.479425538604203
    >>> tape.pullback()(0.0, 2.0, 1.0)
    (2.0, 0.0)
    """

    def __init__(self, origin="", guarded=True, live=False, plain_integers=False):
        self.statics, self.constants, self.floats, self.numbers = [], [], [], []
        self.origins = None

    # ------------------------------------------------------------------------------------ looking at it
    @functools.cached_property
    def instructions(self):
        """The instructions as small records."""
        inputs = set(self.inputs)
        return tuple(decode(self, k, inputs) for k in range(len(self)))

    def origin_of(self, k: int) -> Origin:
        """Return where instruction k comes from: file and line of the user's code, and the sweeps that it is part of.

        Parameters
        ----------
        k : int

        Returns
        -------
        Origin
            With attributes `file`, `line`, `text`, `sweeps`; file None where the tape was not recorded with
            ``lines=True``.
        """
        return Origin() if self.origins is None else self.origins.of(k)

    def to_dot(self, limit: int = 200) -> str:
        r"""Return the tape as a graph in Graphviz's language.

        A node is an instruction with its parameters, its dtype and shape and, if the tape was recorded with
        ``lines=True``, its line and sweeps; results have two rims.

        Parameters
        ----------
        limit : int
            The number of instructions shown; of the others the graph says how many they are.

        Examples
        --------
        >>> import mmad
        >>> print(mmad.record(lambda x: x * x, 3.0).to_dot())
        digraph "record of <lambda> (...)" {
          rankdir=TB;
          node [shape=ellipse, fontname="monospace", fontsize=10];
          v0 [label="%0 input\nfloat", shape=box];
          v1 [label="%1 multiply\nfloat", peripheries=2];
          v0 -> v1 [label=0];
          v0 -> v1 [label=1];
        }
        """
        return dot(self, limit)

    def profile(self, repeats: int = 10) -> TapeProfile:
        """Return how long the function and the sweeps take, by the lines of the user's code.

        Of a function its pullback is evaluated, so that the reverse sweep is in it; a recorded derivative has its own
        sweeps.

        Parameters
        ----------
        repeats : int
            The time of each instruction is the shortest of so many.

        Returns
        -------
        TapeProfile
            Printed as a table; its `rows` have `file`, `line`, `text`, `function`, `forward` and `reverse` (seconds).

        Raises
        ------
        ValueError
            The tape was not recorded with ``lines=True``.

        Notes
        -----
        Instructions are evaluated one by one: a program of `compile` fuses them, and is faster.  The time includes
        about a microsecond an instruction to call it.

        Examples
        --------
        >>> import numpy as np, mmad
        >>> profile = mmad.record(lambda x: np.sum(np.sin(x) * x), np.ones(100), lines=True).profile()
        >>> print(profile)
        pullback of record of <lambda> (...): ... microseconds
         share   function    forward    reverse  count  line
        ...
        """
        return profile(self, repeats)

    @functools.cached_property
    def dead_after(self):
        """Instruction -> values that nothing uses after it."""
        last = {}
        for i in self.instructions:
            for k in i.operands:
                last[k] = i.id
            last.setdefault(i.id, i.id)
        dead, kept = {}, set(self.outputs)
        for k, at in last.items():
            if k >= 0 and k not in kept:
                dead.setdefault(at, []).append(k)
        return dead

    def __bool__(self) -> bool:
        return True

    def __iter__(self):
        return iter(self.instructions)

    def __getitem__(self, k):
        return self.instructions[k]

    def __str__(self) -> str:
        head = f"{self.origin}: {len(self.inputs)} inputs, {len(self)} instructions"
        results = [f"%{k}" if k >= 0 else str(c) for k, c in zip(self.outputs, self.constants, strict=True)]
        return "\n".join([head, *map(str, self.instructions), f"      return {', '.join(results)}"])

    def __repr__(self) -> str:
        return f"<Tape: {self.origin}, {len(self)} instructions>"

    def _repr_html_(self) -> str:
        inputs = set(self.inputs)
        shown = [decode(self, k, inputs) for k in range(min(len(self), SHOWN))]
        lines = [*shown, *([f"   ... {len(self) - SHOWN} more"] if len(self) > SHOWN else [])]
        facts = html.facts([("inputs", len(self.inputs)), ("instructions", len(self)), ("outputs", len(self.outputs))])
        return html.block(f"Tape: {self.origin}", facts, html.folded("instructions", lines, SHOWN + 1))

    def __reduce__(self):
        raise TypeError("a tape cannot be pickled; record the function again")

    # ------------------------------------------------------------------------------------ running it
    def __call__(self, *args: Any) -> Any:
        """Evaluate at other arguments of the same structure, shapes and dtypes.

        Parameters
        ----------
        *args : float, ndarray or tree
            Plain, or traced: a tape is a function like any other inside `mmad.grad`, `mmad.jvp` or `mmad.record`.

        Raises
        ------
        GuardError
            The recorded run took a branch that these arguments would not take.
        ValueError
            A shape, dtype or structure differs from what was recorded.
        """
        values = evaluate(self, self.arguments(args))
        results = [self._result(*r) for r in zip(self.outputs, values, self.floats, strict=True)]
        return tree.unflatten(self.out_tree, results)

    def arguments(self, args):
        """Return the leaves of the arguments, checked against what was recorded."""
        if len(args) != len(self.in_tree):
            raise TypeError(f"{self.origin}: the tape takes {len(self.in_tree)} arguments, it was given {len(args)}")
        leaves = []
        for position, (arg, (structure, _)) in enumerate(zip(args, self.in_tree, strict=True)):
            values, s = tree.flatten(arg)
            if not _equal_structures(s, structure):
                raise ValueError(f"{self.origin}: argument {position} has another structure than the one recorded")
            leaves += [(x, f"{self.origin}: argument {position}") for x in values]
        return [
            self._argument(k, static, x, place)
            for k, static, (x, place) in zip(self.inputs, self.statics, leaves, strict=True)
        ]

    def _argument(self, k, static, x, place):
        if k < 0:
            if not is_static(x) or x != static:
                raise ValueError(f"{place} was {static!r} when the tape was recorded, now it is {x!r}")
            return x
        i = self.instructions[k]
        if not isinstance(x, Traced):
            if isplain(x, int | np.integer) and not isplain(x, bool) and not i.array:
                x = float(x)
            x = plain_leaf(x, place)
            if not i.array and np.shape(x) == ():
                x = float(x) if np.result_type(x) == np.float64 else x
                x = x if i.weak or type(x) is not float else np.float64(x)
        shape = x.shape if hasattr(x, "shape") else ()
        dtype = x.dtype if hasattr(x, "dtype") else np.result_type(x)
        if tuple(shape) != i.shape or dtype != i.dtype:
            raise ValueError(
                f"{place} has shape {tuple(shape)} and dtype {dtype}, the tape was recorded with "
                f"{i.shape} and {i.dtype}; record the function again"
            )
        return x

    def _result(self, k, v, as_float):
        if k < 0 or isinstance(v, Traced):
            return v.copy() if isplain(v, np.ndarray) else v
        i = self.instructions[k]
        if i.array:
            return np.array(v) if i.shape or i.dtype.kind in "fc" else v[()]
        return float(v) if as_float else v

    def compile(self, passes: Any = None, memory: int | str | None = None) -> Program:
        """Return the tape as a program of the virtual machine.

        Parameters
        ----------
        passes : iterable of str, optional
            The compiler's passes to run, of ``mmad.compiler.PASSES``; by default all.
        memory : int or str, optional
            Bytes, or as in "500MB", that it may take besides its arguments and results; see :func:`mmad.compile`.

        Returns
        -------
        mmad.Program

        Raises
        ------
        MemoryError
            It does not fit into `memory`.
        ProgramError
            Arguments or results hold objects of the user's classes.

        Examples
        --------
        >>> import mmad
        >>> mmad.record(lambda x: x * x, 3.0).pullback().compile()(3.0, 1.0)
        (6.0,)
        """
        return of_tape(self, passes, size_in_bytes(memory, str(self.origin)))

    # ------------------------------------------------------------------------------------ transforms
    def pushforward(self) -> Tape:
        """Return a tape of tangents: ``(*primals, *tangents) -> (y, y_dot)``.

        Examples
        --------
        >>> import mmad
        >>> mmad.record(lambda x: x * x, 3.0).pushforward()(3.0, 1.0)
        (9.0, 6.0)
        """
        return derived.pushforward(self)

    def pullback(self) -> Tape:
        """Return a tape of cotangents: ``(*primals, y_bar) -> (x_bar, ...)``, one cotangent a primal.

        Examples
        --------
        >>> import mmad
        >>> mmad.record(lambda x, y: x * y, 3.0, 4.0).pullback()(3.0, 4.0, 1.0)
        (4.0, 3.0)
        """
        return derived.pullback(self)

    def linearize(self, *at: Any) -> Tape:
        """Return the linear map at a point: a tape ``(*tangents) -> y_dot``.

        Parameters
        ----------
        *at : float, ndarray or tree
            The point; by default the arguments the tape was recorded with.

        Examples
        --------
        >>> import mmad
        >>> mmad.record(lambda x: x * x, 3.0).linearize()(1.0)
        6.0
        """
        return derived.linearize(self, at)

    def transpose(self) -> Tape:
        """Return the transpose of a linear tape: ``y_bar -> (x_bar, ...)``, one cotangent an argument.

        For complex values it is the adjoint of the real inner product, as everywhere in mmad.

        Raises
        ------
        ValueError
            An instruction is not linear in what depends on the arguments; the message names it.

        Examples
        --------
        >>> import mmad
        >>> mmad.record(lambda x, y: 2 * x + 3 * y, 1.0, 1.0).transpose()(1.0)
        (2.0, 3.0)
        """
        return derived.transpose(self)

    def batch(self, k: int) -> Tape:
        """Return a tape of k lanes at once: every argument and the result have a leading axis of length `k`.

        Raises
        ------
        GuardError
            From the new tape, where a guard does not hold in every lane.

        Examples
        --------
        >>> import numpy as np, mmad
        >>> mmad.record(lambda x: x * x, 3.0).batch(2)(np.array([3.0, 4.0]))
        array([ 9., 16.])
        """
        return derived.batch(self, k)


def _equal_structures(s, t):
    """Return whether two structures are equal; a single leaf has more than one form."""
    if s is tree.LEAF or t is tree.LEAF:
        return all(r is tree.LEAF or r.is_leaf() for r in (s, t))
    return s == t


def record(f, *args, live=False, lines=False):
    """Record a function as a tape.

    The function runs once.  Where Python looks at a value (an `if`, an index, a mask), the tape keeps a guard: it may
    be evaluated at other arguments as long as they would have gone the same way.

    Parameters
    ----------
    f : callable
    *args : float, ndarray or tree
        Floating-point or complex; None and text are kept as they are.
    live : bool
        Read captured arrays again at every evaluation; they must not be written to while the function runs.  Large
        arrays are recorded without their values, unless the function looks at them.
    lines : bool
        Note for each instruction the line of the user's code that it comes from (`Tape.origin_of`).

    Returns
    -------
    Tape

    Raises
    ------
    TypeError
        An argument is an integer or has no derivative.

    Notes
    -----
    Small arrays that the function captures are copied, large ones are checked for changes when the tape is evaluated.
    Integers and truth values that come from traced values are traced, too.  Where the function does with them what only
    plain ones can do, it runs once more with plain ones, each with a guard on its value.

    References
    ----------
    .. [1] Frostig, Johnson and Leary, "Compiling machine learning programs via high-level tracing", SysML 2018.

    Examples
    --------
    >>> import mmad
    >>> def f(x):
    ...     return x * x if x > 0 else -x
    >>> tape = mmad.record(f, 3.0)
    >>> tape(4.0)
    16.0
    >>> tape(-4.0)
    Traceback (most recent call last):
        ...
    mmad.errors.GuardError: ...
    """
    if not callable(f):
        raise TypeError(f"mmad.record takes a function, not {type(f).__name__}")
    try:
        tape, trace = _run_recorded(f, args, live, False, lines)
    except CaptureError:
        raise
    except Exception as error:
        # A traced integer may have been used where only a plain one is accepted.
        try:
            tape, trace = _run_recorded(f, args, live, True, lines)
        except Exception:
            raise error from None
    nodes = iter(trace.nodes)
    for x, leaf in zip(trace.inputs, trace.leaves, strict=True):
        tape.inputs.append(-1 if x is None else next(nodes))
        tape.statics.append(leaf if x is None else None)
    tape.in_tree = list(trace.structures)
    return close(tape, trace.outputs, trace.out_tree)


def _run_recorded(f, args, live, plain_integers, lines):
    """Run a function on traced arguments; return its tape and trace."""
    tape = Tape(describe(f, "record"), True, live, plain_integers)
    if lines:
        tape.origins = Origins(tape)
    with tape.origins if lines else contextlib.nullcontext():
        return tape, Trace(f, args, {}, tuple(range(len(args))), "record", tape=tape)
