"""Checks that a tape is what every transform takes for granted.

1. Every value is defined once, by the instruction of its number, before it is used.
2. Every instruction has as many operands as its operation takes, values of the kinds it works on.
3. Shapes and dtypes are those that evaluating the operation gives.
4. Written storages: a write in place leaves no later reader of the version written over.
5. Guards hold at the recorded values.
6. Inputs and outputs exist.
"""

import numpy as np

from mmad.errors import GuardError, ValidationError
from mmad.python.kinds import isplain
from mmad.tape._instructions import scalar_opcodes
from mmad.transforms.evaluate import evaluate, recorded_arguments

__all__ = ["validate"]

_ARITY = {name: arity for name, (_, arity) in scalar_opcodes().items()}
_PLACES = {"load": 1, "store": 2, "guard": 1, "input": 0, "const": 0, "window": 1, "put": 2, "put_index": 3}


def validate(tape):
    """Check a tape; return it if nothing is wrong.

    Parameters
    ----------
    tape : Tape

    Raises
    ------
    ValidationError
        An instruction is malformed.

    Notes
    -----
    With the environment variable ``MMAD_DEBUG=1``, `mmad.record` and every transform validate what they make.

    Examples
    --------
    >>> import mmad
    >>> mmad.validate(mmad.record(lambda x: x * x, 3.0))
    <Tape: record of <lambda> ..., 2 instructions>
    """
    program = tape.instructions
    readers = {}
    for k, i in enumerate(program):
        if i.id != k:
            _fail(tape, i, f"is at place {k}")
        _operands(tape, i, k)
        for j in i.operands:
            if j >= 0:
                readers.setdefault(j, []).append(i)
    _ends(tape)
    _storages(tape, readers)
    _types(tape)
    return tape


def _fail(tape, i, what):
    raise ValidationError(f"{tape.origin}: instruction {str(i).strip()!r} {what}")


def _operands(tape, i, k):
    """Check rules 1 and 2."""
    if len(i.operands) != len(i.constants):
        _fail(tape, i, f"has {len(i.operands)} operands, {len(i.constants)} constants")
    for p, (j, c) in enumerate(zip(i.operands, i.constants, strict=True)):
        if not -1 <= j < k:
            _fail(tape, i, f"uses %{j}, which is not defined before it")
        if j >= 0 and tape.instructions[j].name == "guard":
            _fail(tape, i, f"uses %{j}, a guard, which has no value")
        if j < 0 and c is None:
            _fail(tape, i, f"has neither a value nor a constant as operand {p}")
    places = _PLACES.get(i.name)
    if places is None:
        places = _ARITY[i.name] if i.op is None else i.op.nin if i.op.elementwise else None
    if places is not None and len(i.operands) != places:
        _fail(tape, i, f"has {len(i.operands)} operands instead of {places}")
    if i.name in ("load", "store"):
        base = tape.instructions[i.operands[0]]
        if not base.array or base.dtype != np.float64:
            _fail(tape, i, f"works on %{base.id}, which is not a float64 array")
        if i.name == "store" and tape.instructions[i.operands[1]].array:
            _fail(tape, i, f"stores %{i.operands[1]}, an array, as an element")
    if i.writes and i.operands[0] >= 0:
        base = tape.instructions[i.operands[0]]
        if base.shape != i.shape or base.dtype != i.dtype:
            _fail(tape, i, f"is a version of %{base.id}, which has shape {base.shape} and dtype {base.dtype}")


def _ends(tape):
    """Check rule 6."""
    n = len(tape.instructions)
    if len(tape.inputs) != len(tape.statics) or len(tape.inputs) != sum(count for _, count in tape.in_tree):
        raise ValidationError(f"{tape.origin}: {len(tape.inputs)} inputs do not fill the arguments' structure")
    if len(tape.outputs) != len(tape.constants):
        raise ValidationError(f"{tape.origin}: {len(tape.outputs)} outputs, {len(tape.constants)} constants")
    declared = [i.id for i in tape.instructions if i.name == "input"]
    if sorted(k for k in tape.inputs if k >= 0) != declared:
        raise ValidationError(f"{tape.origin}: the inputs are {tape.inputs}, its input instructions {declared}")
    for k in tape.outputs:
        if not -1 <= k < n or (k >= 0 and tape.instructions[k].name == "guard"):
            raise ValidationError(f"{tape.origin}: the output %{k} is not a value")


def _storages(tape, readers):
    """Check rule 4."""
    for i in tape.instructions:
        if not i.in_place:
            continue
        for r in readers[i.operands[0]]:
            if r.id > i.id:
                _fail(tape, r, f"reads %{i.operands[0]}, which {str(i).strip()!r} has written over")
        if i.operands[0] in tape.outputs:
            _fail(tape, i, f"writes over %{i.operands[0]}, which is an output")


def _types(tape):
    """Check rules 3 and 5: run on the recorded arguments, compare what instructions give with what they declare."""

    def check(i, v):
        if i.array != isplain(v, np.ndarray):
            _fail(tape, i, f"gives {'a number' if i.array else 'an array'} of type {type(v).__name__}")
        if np.shape(v) != i.shape:
            _fail(tape, i, f"gives shape {np.shape(v)}")
        if np.result_type(v) != i.dtype:
            _fail(tape, i, f"gives dtype {np.result_type(v)}")

    try:
        evaluate(tape, recorded_arguments(tape), watch=check)
    except GuardError as error:
        raise ValidationError(f"{tape.origin}: a guard does not hold where it was recorded: {error}") from error
