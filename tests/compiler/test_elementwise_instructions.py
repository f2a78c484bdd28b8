"""Every elementwise operation on real values is an instruction: no program calls Python for one."""

import numpy as np
import pytest

import mmad

POINT = np.array([1.3, -0.7, 2.6])
WHOLE = np.array([3, 2, 4])

FUNCTIONS = {
    "power of a number to a NumPy integer": lambda x: np.power(x[0], np.int64(5)) * x[1],
    "power to integers": lambda x: np.power(x, WHOLE).sum(),
    "power to small integers": lambda x: np.power(x, WHOLE.astype(np.int8)).sum(),
    "power to a 0-d integer": lambda x: np.power(x[0], np.asarray(3)) * x[1],
    "logarithm of a number": lambda x: np.log1p(x[0]) * x[1],
    "product with integers": lambda x: (x * WHOLE * x).sum(),
    "product with unsigned integers": lambda x: (x * WHOLE.astype(np.uint16) * x * WHOLE.astype(np.uint64)).sum(),
    "product with a column of integers": lambda x: (x * np.arange(6).reshape(2, 3)[:, ::-1] * x).sum(),
    "product with a NumPy integer": lambda x: (x * np.int32(2) * x).sum() + np.int16(3) * x[0] ** 2,
    "product with a 0-d array": lambda x: x[0] * np.asarray(2.0) * x[1] + np.asarray(2) * x[2] ** 2,
    "truth as integers": lambda x: ((x > 1).astype(int) * x**2).sum(),
    "whole numbers": lambda x: (x.astype(int) * x**2).sum() + (x.astype(np.int32) * x).sum(),
    "truth of numbers": lambda x: (x.astype(bool) * x**2).sum(),
    "choice by integers": lambda x: np.where(np.array([1, 0, 2]), x**2, x).sum(),
    "choice of integers": lambda x: np.where(x > 1, x**2, WHOLE).sum(),
    "choice by one truth value": lambda x: np.where(np.True_, x[0] ** 2, x[1]) + np.where(0, x[0], x[1] ** 3),
    "clip at integers": lambda x: (np.clip(x, np.array([0, 1, 2]), 2) ** 2).sum() + np.clip(x[0], 0, 1) ** 2,
    "and": lambda x: (((x > 1) & (x < 2)) * x**2).sum(),
    "or, xor, not": lambda x: ((((x > 1) | (x < 2)) ^ ~(x > 2)) * x**2).sum(),
    "rounding": lambda x: (np.round(x) * np.round(x, 2) * np.round(x, -1) * x**2).sum() + np.round(x[0], 1) * x[1],
    "conjugate": lambda x: (np.conj(x) ** 2).sum(),
    "NaN": lambda x: np.where(np.isnan(x[0]), 0.0, x[0] ** 2 * x[1]) + np.fmax(x[0], x[1]) * x[1],
}


def calls(program):
    return [step[1] for step in program.machine.step_list() if step[0] == "call"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_program_calls_python_for_an_elementwise_operation(name, dtype):
    f, x = FUNCTIONS[name], POINT.astype(dtype)
    v = np.array([0.3, -1.1, 0.4], dtype)
    bound = 1e-12 if dtype is np.float64 else 1e-5
    with np.errstate(invalid="ignore"):
        for operator, args in (
            (f, (x,)),
            (mmad.grad(f), (x,)),
            (mmad.hvp(f), (x, v)),
            (lambda x, v: mmad.jvp(f, (x,), (v,))[1], (x, v)),
        ):
            compiled = mmad.compile(operator)
            found, wanted = compiled(*args), operator(*args)
            np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound)
            assert np.result_type(found) == np.result_type(wanted)
            assert [c for p in compiled.programs() for c in calls(p)] == []


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_a_program_reads_integer_arrays_anew_at_every_run(kind):
    table = np.array([[3, 1], [2, 5]], kind)
    f = mmad.compile(mmad.grad(lambda x: (x * table.T * x).sum() + (x * table[::-1, 0]).sum()))
    x = np.array([1.5, -0.25])
    for _ in range(3):
        np.testing.assert_allclose(f(x), 2 * x * table.sum(1) + table[::-1, 0])
        table += 1
    assert f.stats()["records"] == 1


def test_integers_that_a_program_makes_are_rounded_as_numpy_rounds_them():
    x = np.array([1.9, -1.9, -0.5, 2.0**40 + 0.5])
    for kind in (np.int64, np.int32):
        for dtype in (np.float64, np.float32):
            y = x[: 3 if kind is np.int32 else 4].astype(dtype)
            f = mmad.compile(lambda x, kind=kind: (x.astype(kind), 1 / x.astype(kind).astype(x.dtype)))
            with np.errstate(divide="ignore"):
                f(y)
                whole, inverse = f(y)
                assert whole.dtype == kind
                np.testing.assert_array_equal(whole, y.astype(kind))
                np.testing.assert_array_equal(inverse, 1 / y.astype(kind).astype(dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        f = mmad.compile(lambda x: x.astype(int) * x)
        for y in (np.array([1.0, 2.0]), np.array([1e300, -1e300])):
            np.testing.assert_array_equal(f(y), y.astype(int) * y)


def test_traced_integers_stay_traced():
    """A traced integer is no constant of the program: another position is not another recording."""
    knots, values = np.arange(4.0), np.array([0.0, 1.0, 4.0, 9.0])
    f = mmad.compile(mmad.grad(lambda x: np.interp(x, knots, values) ** 2))
    for x in (0.5, 1.25, 2.75, 1.5):
        k = int(x)
        slope = values[k + 1] - values[k]
        np.testing.assert_allclose(f(x), 2 * (values[k] + slope * (x - k)) * slope)
    assert f.stats()["records"] == 1


def test_saved_programs_read_integers(tmp_path):
    program = mmad.record(lambda x: (x.astype(int) * x * WHOLE).sum(), POINT).compile()
    program.save(tmp_path / "program")
    np.testing.assert_allclose(mmad.Program.load(tmp_path / "program")(2 * POINT), program(2 * POINT))
