"""Fields of the C structures in the file of a program, set to what would reach outside memory or never end."""

import itertools

import fuzz_files
import numpy as np
import pytest
from program_bytes import Parts, refused

FILES = fuzz_files.bases()


def of(name):
    return Parts(FILES[name])


# ------------------------------------------------------------------------------------------------ structures of C
HUGE = (2**62, -(2**62), 2**63 - 1, -(2**63), 2**31, -1)
FIELDS = [  # program, structure, its number, field, values that have to be refused
    ("fused", "buffers", 0, "bytes", HUGE + (0, 8, 2**40)),  # an input that is taken for larger than it is
    ("fused", "buffers", 5, "bytes", HUGE + (0, 8, 2**40)),  # a result
    ("calls", "buffers", 2, "bytes", HUGE + (0, 8, 2**40)),
    ("fused", "buffers", 0, "home", (1 + 1, 3, 4, 5, -1)),
    ("fused", "buffers", 0, "index", (1, -1, 2**31 - 1)),
    ("calls", "buffers", 2, "index", (1, 2, 3, -1, 2**31 - 1)),  # two calls with one place, or one that there is not
    ("gathers", "code", 0, "a", (-1, 99, 2**31 - 1)),
    ("gathers", "code", 0, "b", (-1, 5, 99, 2**31 - 1)),
    ("gathers", "code", 0, "c", (1, -1, 2**31 - 1)),
    ("scalars", "code", 0, "op", (5, 6, 7, 200, 65535)),
    ("scalars", "code", 0, "r", (-1, 999, 2**31 - 1)),
    ("scalars", "code", -1, "op", (8, 4, 0)),
    ("scalars", "steps", 0, "kind", (1, 2, 3, 4, -1)),
    ("scalars", "steps", 0, "index", (1, -1, 2**31 - 1)),
    ("scalars", "steps", 0, "work", (-1, -(2**63))),
    ("fused", "groups", 0, "size", HUGE + (31, 2**40)),
    ("fused", "groups", 0, "block", (0, -1, 4097, 2**31 - 1)),
    ("fused", "groups", 0, "registers", (0, 1, -1, 60001, 2**31 - 1)),
    ("fused", "groups", 0, "scratch", (-1, 0, 1025, 2**31 - 1)),
    ("fused", "groups", 0, "loads", (-1, 0, 99, 2**31 - 1)),
    ("fused", "groups", 0, "ops", (-1, 0, 99, 2**31 - 1)),
    ("fused", "groups", 0, "stores", (-1, 0, 99, 2**31 - 1)),
    ("fused", "groups", 0, "type", (1, 2, 3, -1)),
    ("fused", "ops", 0, "op", (0, 7, 999, 65535)),
    ("fused", "ops", 0, "r", (999, 65535)),
    ("fused", "ops", 0, "a", (999, 65535)),
    ("fused", "ops", 0, "variant", (1, 3, 65535)),
    ("matrices", "products", 0, "a", (-1, 99)),
    ("matrices", "products", 0, "c", (-1, 0, 1, 99)),  # an operand may not be the result
    ("matrices", "products", 0, "m", HUGE + (7,)),
    ("matrices", "products", 0, "k", HUGE + (5,)),
    ("matrices", "products", 0, "count", HUGE + (2,)),
    ("matrices", "products", 0, "a_offset", HUGE + (1,)),
    ("matrices", "products", 0, "a_row", HUGE + (0, 3)),
    ("matrices", "products", 0, "a_column", HUGE + (2,)),  # 0: the same all along what is summed over
    ("matrices", "products", 0, "b_column", HUGE + (0, 2)),
    ("systems", "routines", 0, "what", (2, 3, 4, 5, 6, 10, -1)),  # what reads factors is given a matrix
    ("systems", "routines", 0, "a", (-1, 99)),
    ("systems", "routines", 0, "b", (-1, 99)),
    ("systems", "routines", 0, "c", (-1, 0, 1, 99)),
    ("systems", "routines", 0, "n", HUGE + (0, 4)),
    ("systems", "routines", 0, "k", HUGE + (0,)),
    ("systems", "routines", 0, "count", HUGE + (2,)),
    ("systems", "routines", 0, "a_offset", HUGE + (1,)),
    ("systems", "routines", 0, "a_step", (-1, -(2**62))),
    ("systems", "routines", 0, "b_offset", HUGE + (1,)),
    ("systems", "routines", 0, "b_step", HUGE + (1,)),
]


def test_one_element_is_no_factor():
    parts = of("matrices")
    for field in ("a_row", "a_column"):
        parts.records("products")[field][0] = 0
    refused(parts, "single element")


@pytest.mark.parametrize(("name", "part", "number", "field", "values"), FIELDS)
def test_fields(name, part, number, field, values):
    for value in values:
        parts = of(name)
        column = parts.records(part)[field]
        column[number] = (
            np.array(value % 2 ** (8 * column.dtype.itemsize), "u8")
            .astype(f"u{column.dtype.itemsize}")
            .view(column.dtype)
        )
        refused(parts)


LINEAR, AFFINE, INDEX = 0, 2, 3
MINIMUM, TOTAL = 3, 4


@pytest.mark.parametrize(
    ("choice", "changes"),
    [
        ({"mode": LINEAR}, {"offset": -1}),
        ({"mode": LINEAR}, {"offset": 2**62}),
        ({"mode": LINEAR}, {"mode": 4}),
        ({"mode": LINEAR}, {"type": 3}),
        ({"mode": LINEAR}, {"reg": 999}),
        ({"mode": LINEAR}, {"action": 9}),  # of an operand: it would be printed by a name that there is not
        ({"mode": LINEAR}, {"clear": 1}),
        ({"mode": AFFINE}, {"rank": 0}),
        ({"mode": AFFINE}, {"rank": 9}),
        ({"mode": AFFINE}, {"rank": -1}),
        ({"mode": AFFINE}, {"offset": 1000}),
        ({"mode": AFFINE}, {"strides": 2**40}),
        ({"mode": AFFINE}, {"strides": -(2**40)}),
        ({"mode": AFFINE}, {"shape": 0}),
        ({"mode": AFFINE}, {"shape": -1}),
        ({"mode": AFFINE}, {"shape": 2**62}),
        ({"action": TOTAL}, {"clear": 1}),  # memory would be cleared at a buffer's number that is a slot's
        ({"action": TOTAL}, {"mode": INDEX, "table": 2**40}),
        ({"action": TOTAL}, {"buffer": -1}),
        ({"action": TOTAL}, {"buffer": 10**6}),
        ({"action": MINIMUM}, {"mode": LINEAR, "rank": 0}),  # which goes by shape and strides all the same
        ({"action": MINIMUM}, {"mode": LINEAR, "shape": 0}),
        ({"action": MINIMUM}, {"mode": INDEX}),
        ({"action": MINIMUM}, {"extent": 2**40}),
        ({"action": MINIMUM}, {"clear": 2}),
        ({"action": MINIMUM}, {"clear": 3}),
    ],
    ids=str,
)
def test_accesses(choice, changes):
    parts = of("fused")
    record = parts.records("accesses")
    ((field, wanted),) = choice.items()
    k = int(np.flatnonzero(record[field] == wanted)[0])
    for field, value in changes.items():
        record[field][k] = value
    refused(parts)


def own_registers(parts):
    """Pairs of operands of one group that are loaded into registers of its own: their numbers among the accesses."""
    accesses, at = parts.records("accesses"), 0
    for group in parts.records("groups"):
        loads = [k for k in range(at, at + group["loads"]) if accesses["reg"][k] < group["scratch"]]
        yield from itertools.pairwise(loads)
        at += group["loads"] + group["stores"]


@pytest.mark.parametrize("name", [name for name in FILES if [*own_registers(of(name))]])
def test_two_operands_in_one_register(name):
    """The first may be a number that is read where it is, in a slot, and the second an array that is copied there."""
    for one, other in own_registers(of(name)):
        for k, into in ((one, other), (other, one)):
            parts = of(name)
            registers = parts.records("accesses")["reg"]
            registers[k] = registers[into]
            refused(parts)


def test_tables_of_positions():
    parts = of("gathers")
    k = int(np.flatnonzero(parts.records("accesses")["mode"] == INDEX)[0])
    record = parts.records("accesses")
    number = int(record["table"][k]) - 1
    for field, value in {"table": 0, "offset": 1000}.items():
        changed = of("gathers")
        changed.records("accesses")[field][k] = value
        refused(changed)
    entry = parts.header["arrays"][parts.entry("tables")[1][number]["a"]]
    table = np.frombuffer(memoryview(parts.arrays)[entry[2] : entry[2] + 8 * entry[1][0]], np.int64)
    for position, offset in (
        (5, 0),
        (-1, 0),
        (2**62 - 300, -(2**62)),
        (2**62 + 200, -(2**62)),
    ):  # doubles round the latter two
        table[:] = position
        record["offset"][k] = offset
        refused(parts)


def test_groups_and_instructions_that_no_step_runs():
    for name, part in (("fused", "steps"), ("scalars", "steps")):
        parts = of(name)
        entry = parts.header["arrays"][parts.entry(part)[1]["b"]]
        entry[1][0] = 0
        refused(parts)
