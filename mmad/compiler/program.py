"""Programs: compiled tapes with the structure of their arguments and results, to be called, read, saved and sent."""

from __future__ import annotations

import operator
import os
from typing import Any, Self

import numpy as np

from mmad._core import own_arithmetic
from mmad.compiler import program_file
from mmad.compiler.explain import counts, explain, listing
from mmad.compiler.pipeline import compile_tape, selected
from mmad.errors import GuardError, ProgramError
from mmad.python import html
from mmad.python.kinds import isplain
from mmad.tape.instruction import decode
from mmad.tracing import tree
from mmad.vm._make import from_description

__all__ = ["Program"]

LARGE = 100_000  # instructions from which on a notebook does not list them: reading them takes seconds

GIVERS = {"float": None, "float64": np.float64, "bool": np.bool_, "array": operator.itemgetter(())}


class Program:
    """A compiled tape: immutable, callable, with a safe file format through which it pickles.

    Made by ``tape.compile()`` (see :func:`mmad.record`) or taken from ``mmad.compile(f).programs()``.  Threads may
    share one; every call has a workspace of its own.

    Parameters
    ----------
    machine : mmad.vm._vm.Machine
    argument : tree of specifications
        For every leaf of the arguments ``("number", strong)``, ``("array", shape, dtype)`` or ``("static", value)``.
    result : list
        For every leaf of the result ``("constant", value)``, ``("number", kind)`` or ``("array",)``.
    structures : tuple
        Of arguments and result, as nested containers of leaf numbers.
    origin : str
        What was recorded; it appears in messages.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> program = mmad.record(lambda x, y: np.sin(x) * y, 0.0, 2.0).compile()
    >>> program(0.5, 1.0)
    0.479425538604203
    >>> import pickle
    >>> pickle.loads(pickle.dumps(program))(0.5, 1.0)
    0.479425538604203
    """

    def __init__(self, machine, arguments, results, structures, origin="", trusted=True):
        self.machine, self.arguments, self.results = machine, arguments, results
        self.structures, self.origin, self.trusted = structures, origin, trusted
        self.givers = [giver(r) for r in results]

    # ------------------------------------------------------------------------------------ calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the function at other arguments.

        Raises
        ------
        ValueError
            Arguments of another structure, shape, dtype or static value than those recorded.
        TypeError
            An array whose arithmetic is not that of ndarray (masked, a matrix).
        mmad.errors.GuardError
            The function would take another way through its branches here.
        ProgramError
            A program that was loaded asks for something impossible.
        """
        leaves = []
        if not _collect(self.structures[0], (args, kwargs), leaves):
            raise ValueError(f"{self.origin}: the arguments have another structure than those recorded")
        values = [self._leaf(spec, x) for spec, x in zip(self.arguments, leaves, strict=True)]
        values = [v for spec, v in zip(self.arguments, values, strict=True) if spec[0] != "static"]
        try:
            results = self.machine.run(values)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
            if self.trusted:
                raise
            raise ProgramError(f"the loaded program cannot run: {error}") from error
        if isinstance(results, tuple):
            raise GuardError(f"{self.origin}: the function takes another way here than when it was recorded")
        out = [v if give is None else give(v) for give, v in zip(self.givers, results, strict=True)]
        return _rebuild(self.structures[1], iter(out))

    def _leaf(self, spec, x):
        if spec[0] == "static":
            if not _equals_static(x, spec[1]):
                raise ValueError(f"{self.origin}: recorded with {spec[1]!r}, called with {x!r}")
            return None
        if spec[0] == "number":
            if isplain(x, bool) or not isplain(x, int | float | np.integer | np.float64):
                raise ValueError(f"{self.origin}: recorded with a float, called with a {type(x).__name__}")
            return float(x)
        if isplain(x, np.inexact):
            x = np.array(x)
        if not isplain(x, np.ndarray) or x.shape != spec[1] or x.dtype.newbyteorder("=") != spec[2]:
            now = f"shape {x.shape} and dtype {x.dtype}" if isplain(x, np.ndarray) else f"a {type(x).__name__}"
            raise ValueError(
                f"{self.origin}: recorded with an array of shape {spec[1]} and dtype {spec[2]}, called with {now}"
            )
        own_arithmetic(x, self.origin)
        return np.require(x, spec[2], "CA")

    # ------------------------------------------------------------------------------------ looking at it
    def __len__(self) -> int:
        """Return the number of instructions: scalar ones, and the operations of groups."""
        return len(self.machine)

    @property
    def nbytes(self) -> int:
        """Bytes of the program and of one workspace, without captured arrays."""
        return self.machine.nbytes

    @property
    def workspace(self) -> int:
        """Bytes that a call needs besides arguments and results."""
        return self.machine.workspace

    def __str__(self) -> str:
        return listing(self.machine, self.origin)

    def __repr__(self) -> str:
        return f"<Program of {self.origin}: {len(self)} instructions>"

    def _repr_html_(self) -> str:
        facts = [("instructions", len(self)), ("bytes", self.nbytes), ("of them workspace", self.workspace)]
        parts = [html.facts(facts)]
        if len(self) <= LARGE:
            parts += [
                html.folded("what the compiler did", self.explain().splitlines()[1:]),
                html.folded("steps", str(self).splitlines()[1:]),
            ]
        return html.block(f"Program of {self.origin}", *parts)

    def explain(self) -> str:
        """Return what the compiler did, as text: instructions after each pass, steps, buffers, bytes, time."""
        return explain(self.machine, self.origin)

    def counts(self) -> dict[str, int]:
        """Count the operations of a call, and the bytes that it moves.

        Returns
        -------
        dict
            "operations" on single numbers, "bytes" read from buffers and written to them, and "calls" back into Python,
            whose operations and bytes are not counted.

        Examples
        --------
        >>> import numpy as np, mmad
        >>> mmad.record(lambda x: (2.0 * x + 1.0) @ x, np.ones(100)).compile().counts()["operations"] >= 300
        True
        """
        return counts(self.machine)

    # ------------------------------------------------------------------------------------ files
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program, with the arrays that it captured as they are now, to a file.

        Raises
        ------
        ProgramError
            It calls an operation of the user's own, or its arguments are objects of the user's classes.
        """
        data = self._dumps()
        with open(path, "wb") as file:
            file.write(data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a program.  Nothing is executed; a damaged or hostile file raises ProgramError.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        Program

        Raises
        ------
        ProgramError
        """
        with open(path, "rb") as file:
            return cls._loads(file.read())

    def _dumps(self):
        parts = self.machine.description()
        return program_file.dumps(
            {
                **parts,
                "arguments": self.arguments,
                "outcomes": self.results,
                "structures": self.structures,
                "origin": str(self.origin),
            }
        )

    @classmethod
    def _loads(cls, data):
        try:
            d = program_file.loads(data)
            arguments, results, structures = d.pop("arguments"), d.pop("outcomes"), d.pop("structures")
            origin = d.pop("origin")
            machine = from_description(d)
            _sound(machine, arguments, results, structures, origin)
        except ProgramError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise ProgramError(f"the file of the program is damaged: {type(error).__name__}: {error}") from None
        return cls(machine, arguments, results, structures, origin, trusted=False)

    def __reduce__(self):
        return Program._loads, (self._dumps(),)


def of_tape(tape, passes=None, memory=None):
    """Return the program of a tape, called as the tape is."""
    machine = compile_tape(tape, selected(passes), memory=memory)
    arguments, parts, at = [], [], 0
    for structure, count in tape.in_tree:
        parts.append(skeleton(tree.unflatten(structure, [0.0] * count)))
        for k, static in list(zip(tape.inputs, tape.statics, strict=True))[at : at + count]:
            if k < 0:
                arguments.append(("static", _kept(static)))
            else:
                i = decode(tape, k, set(tape.inputs))
                arguments.append(("array", i.shape, i.dtype) if i.array else ("number", not i.weak))
        at += count
    given = ("tuple", [("tuple", parts), ("dict", [])])
    results = results_of(tape)
    result = skeleton(tree.unflatten(tape.out_tree, [0.0] * len(results)))
    return Program(machine, arguments, results, (given, result), str(tape.origin))


def results_of(tape):
    """Return how the results of a tape are given back: a specification for each leaf."""
    inputs, out = set(tape.inputs), []
    for k, constant, as_float, number in zip(tape.outputs, tape.constants, tape.floats, tape.numbers, strict=True):
        if k < 0:
            out.append(("constant", constant))
            continue
        i = decode(tape, k, inputs)
        if i.array:
            out.append(("array",) if i.shape or (i.dtype.kind in "fc" and not number) else ("number", "array"))
        else:
            out.append(("number", "float" if as_float else "bool" if i.dtype.kind == "b" else "float64"))
    return out


def giver(spec):
    """Return what makes a result of what the machine gives; None: nothing has to be done."""
    if spec[0] == "constant":
        constant = spec[1]
        return lambda v: constant.copy() if isplain(constant, np.ndarray) else constant
    return GIVERS[spec[1]] if spec[0] == "number" else None


def argument_of(leaf):
    """Return the specification of one leaf of the arguments."""
    if isplain(leaf, np.ndarray) and leaf.dtype.kind in "fc":
        return "array", leaf.shape, leaf.dtype.newbyteorder("=")
    if type(leaf) in (float, np.float64):
        return ("number", type(leaf) is np.float64)
    if isplain(leaf, np.inexact):
        return "array", (), leaf.dtype
    return "static", _kept(leaf)


def _kept(static):
    """Return a static value as it is now, whatever the caller does to it later."""
    return static.copy() if isplain(static, np.ndarray) else static


def _equals_static(x, static):
    """Return whether a static value is the recorded one."""
    if type(x) is not type(static):
        return False
    if isplain(static, np.ndarray):
        return x.dtype == static.dtype and np.array_equal(x, static)
    return x == static


# ------------------------------------------------------------------------------------------------ structures
def skeleton(x):
    """Return a tree with its leaves numbered: -1 for a leaf, tuples, lists and dicts for containers.

    Raises
    ------
    ProgramError
        It holds objects of other classes.
    """
    if type(x) is tuple:
        return ("tuple", [skeleton(v) for v in x])
    if type(x) is list:
        return ("list", [skeleton(v) for v in x])
    if type(x) is dict:
        return ("dict", [[k, skeleton(x[k])] for k in sorted(x)])
    if len(tree.flatten(x)[0]) != 1 or tree.flatten(x)[0][0] is not x:
        raise ProgramError(
            f"a program whose arguments or results hold a {type(x).__name__} can only be called by mmad.compile"
        )
    return ("leaf", None)


def _collect(shape, x, leaves):
    """Append the leaves of x, if it has this structure."""
    kind, parts = shape
    if kind == "leaf":
        leaves.append(x)
        return True
    if kind == "dict":
        return (
            type(x) is dict
            and len(x) == len(parts)
            and all(k in x and _collect(part, x[k], leaves) for k, part in parts)
        )
    return (
        type(x) is (tuple if kind == "tuple" else list)
        and len(x) == len(parts)
        and all(_collect(part, v, leaves) for part, v in zip(parts, x, strict=True))
    )


def _rebuild(shape, leaves):
    """Return the tree of a structure with these leaves, an iterator that is used up in order."""
    kind, parts = shape
    if kind == "leaf":
        return next(leaves)
    if kind == "dict":
        return {k: _rebuild(part, leaves) for k, part in parts}
    values = [_rebuild(part, leaves) for part in parts]
    return tuple(values) if kind == "tuple" else values


def _count(shape, depth=0):
    """Return the leaves of a structure; raise ProgramError if it is none."""
    if depth > 40 or not _tagged(shape) or len(shape) != 2:
        raise ProgramError("the structure of the program's arguments is damaged")
    kind, parts = shape
    if kind == "leaf" and parts is None:
        return 1
    if type(parts) is not list or kind not in ("tuple", "list", "dict"):
        raise ProgramError("the structure of the program's arguments is damaged")
    if kind == "dict":
        if not all(type(p) is list and len(p) == 2 for p in parts):
            raise ProgramError("the structure of the program's arguments is damaged")
        for p in parts:
            hash(p[0])  # a key that cannot be one is found here, not at the first call
        return sum(_count(p[1], depth + 1) for p in parts)
    return sum(_count(p, depth + 1) for p in parts)


def _tagged(x):
    """Return whether x is a tuple whose first item is text (a dtype, too, would be equal to its name)."""
    return type(x) is tuple and len(x) > 0 and type(x[0]) is str


def _is_shape(x):
    return type(x) is tuple and all(type(d) is int and d >= 0 for d in x)


def _sound(machine, arguments, results, structures, origin):
    """Return whether what surrounds a machine's program fits it."""
    if type(structures) is not tuple or len(structures) != 2 or type(origin) is not str:
        raise ProgramError("the structure of the program's arguments is damaged")
    if type(arguments) is not list or type(results) is not list:
        raise ProgramError("the program's arguments are damaged")
    if _count(structures[0]) != len(arguments) or _count(structures[1]) != len(results):
        raise ProgramError("the program's arguments do not fit their structure")
    if not all(_tagged(a) for a in arguments):
        raise ProgramError("the program's arguments are damaged")
    moving = [a for a in arguments if a[0] != "static" or len(a) != 2]
    specs, places = machine.interface()
    if len(moving) != len(specs) or len(results) != len(places):
        raise ProgramError("the program has another number of arguments or results than its machine")
    for a, spec in zip(moving, specs, strict=True):
        if a[0] == "array" and not (len(a) == 3 and _is_shape(a[1]) and isinstance(a[2], np.dtype)):
            raise ProgramError("an argument of the program has no sound shape or dtype")
        number = len(a) == 2 and a[0] == "number" and (spec is None or spec[0] == "slot")
        array = a[0] == "array" and (spec is None or spec[0] == "buffer")
        if not number and not (array and (spec is None or (a[1], a[2]) == (spec[2], spec[3]))):
            raise ProgramError("an argument of the program does not fit its machine")
    for r, place in zip(results, places, strict=True):
        if not _tagged(r) or not (
            (len(r) == 1 and r[0] == "array")
            or (len(r) == 2 and r[0] == "constant")
            or (len(r) == 2 and r[0] == "number" and type(r[1]) is str and r[1] in GIVERS)
        ):
            raise ProgramError("a result of the program does not fit its machine")
        if (r[0] == "constant") != (place is None) or (
            place is not None and (place[0] == "slot") != (r[0] == "number" and r[1] != "array")
        ):
            raise ProgramError("a result of the program does not fit its machine")
