"""`validate` finds every kind of malformed tape."""

import dataclasses

import numpy as np
import pytest

import mmad

X = np.array([0.4, -1.2, 2.0])


def program(x, s):
    y = np.zeros_like(x)
    y[0] = s * 2.0
    y[1:] = np.sin(x[1:])
    if s > 0:
        y[2] = x[0]
    y[[0, 1]] = s
    return (y * x).sum()


@pytest.fixture
def tape():
    """A good tape with every kind of instruction; its records may be replaced."""
    return mmad.validate(mmad.record(program, X, 1.5))


def corrupt(tape, which, **changes):
    """The tape with the first instruction called `which` changed."""
    k = next(i.id for i in tape if i.name == which)
    program = list(tape.instructions)
    program[k] = dataclasses.replace(program[k], **changes)
    tape.instructions = tuple(program)
    return tape


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("multiply", {"operands": (1, 30)}, "%30, which is not defined before it"),
        ("multiply", {"id": 2}, "is at place"),
        ("multiply", {"operands": (1,), "constants": (None,)}, "1 operands instead of 2"),
        ("sin", {"operands": (-1,)}, "neither a value nor a constant"),
        ("sin", {"operands": (1,)}, "gives a number|an array of type|shape"),
        ("sin", {"shape": (5,)}, r"gives shape \(2,\)"),
        ("sin", {"dtype": np.dtype(np.float32)}, "gives dtype float64"),
        ("sum", {"params": {"axis": (0,), "keepdims": True}}, r"gives shape \(1,\)|gives"),
        ("put", {"shape": (4,)}, "is a version of"),
        ("load", {"operands": (1,)}, "not a float64 array"),
        ("store", {"operands": (2, 0)}, "an array, as an element"),
        ("put_index", {"operands": (2, -1), "constants": (None, 1.0)}, "2 operands instead of 3"),
        ("input", {"name": "const", "params": {"value": X}}, "input instructions"),
    ],
)
def test_finds(tape, name, changes, message):
    with pytest.raises(mmad.ValidationError, match=message):
        mmad.validate(corrupt(tape, name, **changes))


def test_finds_a_reader_of_an_overwritten_version(tape):
    write = next(i for i in tape if i.writes and i.in_place)
    reader = next(i for i in tape if i.id > write.id and i.name == "multiply" and i.array)
    program = list(tape.instructions)
    program[reader.id] = dataclasses.replace(reader, operands=(write.operands[0], reader.operands[1]))
    tape.instructions = tuple(program)
    with pytest.raises(mmad.ValidationError, match="has written over"):
        mmad.validate(tape)


def test_finds_a_guard_that_does_not_hold(tape):
    with pytest.raises(mmad.ValidationError, match="a guard does not hold"):
        mmad.validate(corrupt(tape, "guard", params={"value": False}))


def test_finds_wrong_outputs(tape):
    tape.outputs = [99]
    with pytest.raises(mmad.ValidationError, match="output %99"):
        mmad.validate(tape)


def test_errors_are_assertion_errors_that_name_the_instruction(tape):
    assert issubclass(mmad.ValidationError, AssertionError)
    with pytest.raises(mmad.ValidationError, match=r"record of program .*sin %"):
        mmad.validate(corrupt(tape, "sin", shape=(5,)))
