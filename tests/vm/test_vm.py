"""The virtual machine against NumPy: operations, shapes and layouts, reductions, products, guards, special values."""

import math

import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES
from mmad.tape._instructions import OPERATIONS, scalar_opcodes

BLOCK = 1024  # elements done at a time where few registers are needed
SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7)
EXACT = [p for p in PASSES if p != "multiply_add"]  # which rounds once less
DTYPES = [np.float64, np.float32]
NAMES = list(scalar_opcodes())
ROUNDS_ZERO = {"maximum", "minimum", "fmax", "fmin", "sign"}  # whose sign of a zero NumPy leaves to the processor


def compiled(f, *args, passes=None):
    """The program of a function, recorded with NumPy's warnings off, as every replay is."""
    with np.errstate(all="ignore"):
        return mmad.record(f, *args).compile(passes)


def operands(name, dtype, size, seed=0):
    rng = np.random.default_rng(seed)
    out = [rng.uniform(-3.0, 3.0, size).astype(dtype) for _ in range(scalar_opcodes()[name][1])]
    if name == "select":
        out[0] = (out[0] > 0).astype(dtype)
    return out


def agree(got, want, ulps=8):
    """Equal to a few units in the last place (glibc's vector math library is accurate to four)."""
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype == bool:
        np.testing.assert_array_equal(got, want)
    else:
        eps = np.finfo(want.dtype).eps
        np.testing.assert_allclose(got, want, rtol=ulps * eps, atol=ulps * eps)


# ------------------------------------------------------------------------------------------------ operations
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_operation_around_block_boundaries(name, dtype):
    op = OPERATIONS[name]
    for size in SIZES:
        x = operands(name, dtype, size)
        with np.errstate(all="ignore"):
            want = op.impl(*x)
        program = compiled(op, *x)
        agree(program(*x), want)
        assert not any(s[0] == "call" for s in program.machine.step_list())


@pytest.mark.parametrize("name", [n for n in NAMES if scalar_opcodes()[n][1] == 2 and n != "tied"])
def test_operation_with_one_number(name):
    """Kernels that take one operand as a number: the first, the second; and both the same array.

    The operands of `tied` have one shape.
    """
    op, (x, y) = OPERATIONS[name], operands(name, np.float64, 2 * BLOCK + 3)
    with np.errstate(all="ignore"):
        agree(compiled(lambda x, c: op(c, x), x, 1.25)(x, 1.25), np.asarray(op.impl(np.full_like(x, 1.25), x)))
        agree(compiled(lambda x, c: op(x, c), x, 1.25)(x, 1.25), np.asarray(op.impl(x, np.full_like(x, 1.25))))
        agree(compiled(lambda x: op(x, x), y)(y), np.asarray(op.impl(y, y)))


TINY = {np.float64: (5e-324, -2e-310, 1e-308), np.float32: (1e-45, -1e-40, 1.2e-38)}
HUGE = {np.float64: (1.7e308, -1e300, 745.2, -745.0), np.float32: (3e38, -1e30, 88.7, -103.0)}
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name, dtype):
    """NaN, infinities, zeros of both signs, subnormal and huge numbers, each with each."""
    op, arity = OPERATIONS[name], scalar_opcodes()[name][1]
    values = np.array((*SPECIAL, *TINY[dtype], *HUGE[dtype]), dtype)
    x = [v.ravel().copy() for v in np.meshgrid(*[values] * arity)]
    if name == "select":
        x[0] = (x[0] > 0).astype(dtype)
    with np.errstate(all="ignore"):
        want = op.impl(*x)
        got = compiled(op, *[np.ones_like(v) for v in x])(*x)
    agree(got, want, 64 if name in ("sinh", "cosh", "exp", "exp2", "expm1", "power") else 8)
    if want.dtype != bool and name not in ROUNDS_ZERO:
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


# ------------------------------------------------------------------------------------------------ layouts
INDEX = np.array([5, 0, 0, 3, -1, 2])
LAYOUTS = {
    "whole": lambda x: x,
    "strided": lambda x: x[::2],
    "inner strided": lambda x: x[:, ::3],
    "backwards": lambda x: x[::-1],
    "backwards within": lambda x: x[:, ::-2],
    "transposed": lambda x: x.T,
    "a corner": lambda x: x[1:4, 2:7],
    "one column": lambda x: x[:, 3],
    "broadcast": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one row again and again": lambda x: np.broadcast_to(x[0], (7, *x[0].shape)),
    "three axes": lambda x: x.reshape(2, 3, -1),
    "three axes transposed": lambda x: x.reshape(2, 3, -1).transpose(2, 0, 1),
    "new axes": lambda x: x[:, None, :, None],
    "gathered": lambda x: x[INDEX],
    "gathered within": lambda x: x[:, INDEX],
    "elements gathered": lambda x: x[INDEX, INDEX],
    "diagonal": lambda x: x.diagonal(),
    "view of views": lambda x: x.T[::-1, 1:].reshape(-1)[::2],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [7, BLOCK + 1])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout, columns, dtype):
    """Bit by bit: the operations are exact ones, only where the operands are found differs."""
    x = np.random.default_rng(1).normal(size=(6, columns)).astype(dtype)

    def f(x):
        y = layout(x)
        return y * 3, y - 1 / y, -y, y > 0

    for got, want in zip(compiled(f, x, passes=EXACT)(x), f(x), strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_of_results_that_are_written(layout):
    x = np.random.default_rng(1).normal(size=(6, 40))

    def f(x):
        y = x * 1.0
        y[::2, ::-3] = y[::2, ::-3] * 2
        y.T[3:5] += 1.0
        y[INDEX[:4], 1] = 9.0
        return y + layout(y).sum()

    np.testing.assert_allclose(compiled(f, x)(x), f(x), rtol=1e-13, atol=1e-13)


PAIRS = [
    ((3, 1), (1, 4)),
    ((5,), (3, 5)),
    ((1,), (2, 3, 4)),
    ((2, 1, 4), (3, 1)),
    ((0, 3), (1, 3)),
    ((BLOCK + 3, 1), (1, 3)),
]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_broadcasting(a, b):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=a), rng.normal(size=b)

    def f(x, y):
        z = x * y
        return z, z - y, z.sum(axis=0), (z + x).sum()

    for got, want in zip(compiled(f, x, y)(x, y), f(x, y), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


def test_float32_among_float64_is_rounded():
    """Also where one group of float64 holds it in a register, and where it is one number spread over an array."""

    def f(x, c):
        y = x.astype(np.float32)
        spread = np.broadcast_to(c, x.shape).astype(np.float32)
        return y.astype(np.float64) - x, y * x, y.sum(), y.max(), spread * x, x.astype(np.float32) > x

    x = np.random.default_rng(9).normal(size=50)
    for passes in (PASSES, ()):
        for got, want in zip(compiled(f, x, 0.1, passes=passes)(x, 0.1), f(x, 0.1), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("count", [2, 9, 40])
def test_many_registers_make_blocks_shorter(count):
    rng = np.random.default_rng(3)

    def f(*arrays):
        parts = [np.sqrt(x) for x in arrays]
        total = parts[0]
        for k, part in enumerate(parts):
            total = total * 0.5 + part * parts[k - 1]
        return total

    block = {s[2] for s in compiled(f, *np.ones((count, 5000))).machine.step_list()}
    assert max(block) <= BLOCK
    assert count == 2 or min(block) < BLOCK
    for size in {n + d for n in block for d in (-1, 0, 1)}:
        x = rng.uniform(0.1, 1.0, (count, size))
        np.testing.assert_allclose(compiled(f, *x)(*x), f(*x), rtol=1e-13)


# ------------------------------------------------------------------------------------------------ reductions
AXES = [None, 0, 1, 2, -1, (0, 1), (1, 2), (0, 2), (0, 1, 2)]


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 1), (2, 3, 1100), (1100, 2, 3), (2, 1100, 3), (4, 1, 7)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions(shape, dtype):
    x = np.random.default_rng(4).normal(size=shape).astype(dtype)

    def f(x):
        y = x * 2
        return [(y.sum(a), y.max(a), y.min(a), y.mean(a), y.sum(a, keepdims=True)) for a in AXES]

    eps = np.finfo(dtype).eps
    for got, want in zip(compiled(f, x)(x), f(x), strict=True):
        for g, w in zip(got, want, strict=True):
            assert np.asarray(g).dtype == np.asarray(w).dtype
            np.testing.assert_allclose(g, w, rtol=100 * eps, atol=500 * eps)
        np.testing.assert_array_equal(got[1], want[1])
        np.testing.assert_array_equal(got[2], want[2])


@pytest.mark.parametrize("where", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
def test_extremes_give_a_nan_wherever_it_is(where):
    x = np.random.default_rng(5).normal(size=(3, 3 * BLOCK + 6))
    program = compiled(lambda x: (x.max(), x.min(), x.max(axis=1), x.min(axis=0), np.fmax(x, 0.0).max()), x)
    x[1, where] = np.nan
    largest, smallest, rows, columns, ignored = program(x)
    assert math.isnan(largest)
    assert math.isnan(smallest)
    np.testing.assert_array_equal(np.isnan(rows), [False, True, False])
    assert np.isnan(columns[where])
    assert np.isnan(columns).sum() == 1
    assert ignored == np.nanmax(x)


def errors(dtype, shape, axis):
    """Largest errors of a program and of NumPy over a few random arrays, relative to the sum of absolute values."""
    program, worst = None, np.zeros(2)
    for seed in range(4):
        x = np.random.default_rng(seed).uniform(0.0 if seed % 2 else -1.0, 1.0, shape).astype(dtype)
        program = program or compiled(lambda x: x.sum(axis), x)
        rows = [x.ravel()] if axis is None else np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
        exact, scale = np.array([(math.fsum(r.tolist()), math.fsum(np.abs(r).tolist())) for r in rows]).T
        found = [np.max(np.abs(np.ravel(v).astype(float) - exact) / scale) for v in (program(x), x.sum(axis))]
        worst = np.maximum(worst, found)
    return worst


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((10**6,), None),
        ((2, 6 * 10**5), 1),
        ((3, 10**5), 1),
        ((10**5, 3), 0),
        ((300, 1000), None),
        ((50, 40, 300), 1),
        ((129,), None),
        ((8, 127), 1),
    ],
)
def test_sums_are_as_accurate_as_those_of_numpy(dtype, shape, axis):
    ours, numpys = errors(dtype, shape, axis)
    assert ours <= 4 * numpys + np.finfo(dtype).eps / 2


# ------------------------------------------------------------------------------------------------ matrix products
MATRICES = {
    "plain": lambda x, m, n: x[:m, :n],
    "transposed": lambda x, m, n: x[:n, :m].T,
    "strided rows": lambda x, m, n: x[: 2 * m : 2, :n],
    "strided columns": lambda x, m, n: x[:m, : 2 * n : 2],
    "backwards": lambda x, m, n: x[:m, :n][::-1],
    "contiguous": lambda x, m, n: x[:m, :n] * 1.0,
    "one row for all": lambda x, m, n: np.broadcast_to(x[0, :n], (m, n)),
    "one column for all": lambda x, m, n: np.broadcast_to(x[:m, :1], (m, n)),
    "one number for all": lambda x, m, n: np.broadcast_to(x[:1, :1], (m, n)),
}
SHAPES = [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 60), (60, 1, 1), (1, 60, 1), (60, 1, 40), (30, 40, 50)]
SHAPES += [(1, 50, 40), (40, 50, 1), (0, 3, 4), (3, 0, 4), (3, 4, 0), (8, 8, 8), (9, 8, 8)]


@pytest.mark.parametrize("second", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("first", MATRICES.values(), ids=MATRICES)
def test_matrix_products(first, second):
    x, y = np.random.default_rng(6).normal(size=(2, 130, 130))
    for m, k, n in SHAPES:

        def f(x, y, m=m, k=k, n=n):
            a, b = first(x, m, k), second(y, k, n)
            return a @ b, a @ b[:, :1].reshape(-1) if n else 0.0, a[:1].reshape(-1) @ b if m else 0.0

        for got, want in zip(compiled(f, x, y)(x, y), f(x, y), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 3, 4), (5, 4, 2)), ((5, 3, 4), (4, 2)), ((3, 4), (5, 4, 2)), ((1, 3, 4), (5, 4, 2)), ((5, 3, 4), (1, 4, 2))]
    + [
        ((5, 3, 4), (4,)),
        ((4,), (5, 4, 2)),
        ((2, 5, 3, 4), (5, 4, 2)),
        ((60, 1, 9), (9, 9)),
        ((9, 9), (60, 9, 1)),
        ((0, 3, 4), (4, 2)),
    ],
)
def test_stacks_of_matrices(a, b):
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_allclose(compiled(lambda x, y: x @ y, x, y)(x, y), x @ y, rtol=1e-13, atol=1e-13)
    if x.ndim > 1 and y.ndim > 1:
        s, t = (np.ascontiguousarray(np.swapaxes(v, -1, -2)) for v in (x, y))
        got = compiled(lambda s, t: np.swapaxes(s, -1, -2) @ np.swapaxes(t, -1, -2), s, t)(s, t)
        np.testing.assert_allclose(got, x @ y, rtol=1e-13, atol=1e-13)


# ------------------------------------------------------------------------------------------------ guards
def test_guards_of_numbers():
    program = compiled(lambda x, y: x * 2.0 if x > 0 else x * 3.0 + y, 1.0, 2.0)
    assert program(5.0, 0.0) == 10.0
    for x in (-1.0, 0.0, -0.0, math.nan, -math.inf):
        with pytest.raises(mmad.GuardError, match="another way"):
            program(x, 0.0)
    assert program(math.inf, 0.0) == math.inf


def test_guards_of_arrays():
    program = compiled(lambda x: x[np.isnan(x)].sum() + x[x > 1.0].sum(), np.array([1.5, math.nan, -2.0]))
    assert math.isnan(program(np.array([7.0, math.nan, 1.0])))
    for x in ([1.5, 2.0, -2.0], [1.5, math.nan, 3.0], [0.0, math.nan, -2.0]):
        with pytest.raises(mmad.GuardError):
            program(np.array(x))


def test_guard_of_a_nan_holds_for_a_nan_only():
    f = compiled(lambda x: x * (2.0 if x != x else 3.0), math.nan)
    assert math.isnan(f(math.nan))
    with pytest.raises(mmad.GuardError):
        f(1.0)


def test_sum_of_truth_values_is_a_truth_value():
    def f(x):
        return x[0] * ((x[0] > 0) + (x[1] > 0))

    x = np.array([1.5, 2.0])
    assert compiled(f, x)(x) == f(x) == 1.5


# ------------------------------------------------------------------------------------------------ one run after another
def everything(x, a):
    """Scalars, groups, accumulators, products, calls, tables: all that a workspace holds."""
    y = np.sin(x) * x[::-1] + 1.0
    y[3] = x[0] * x[1]
    y[INDEX[:3]] += x[:3]
    z = np.cumsum(y) + (a @ a.T)[0] @ y[:6]
    return z, np.max(z), (z.reshape(6, -1) * 2.0).sum(axis=0), mmad.grad(lambda t: (t[1:] * t[:-1] ** 2).sum())(y)


def leaves(x):
    return [np.asarray(v) for v in x]


def test_results_do_not_depend_on_earlier_runs():
    rng = np.random.default_rng(8)
    x, a = rng.normal(size=60), rng.normal(size=(6, 9))
    fresh = [v.tobytes() for v in leaves(compiled(everything, x, a)(x, a))]
    program = compiled(everything, x, a)
    for bad in (math.nan, math.inf, 1e308, -0.0):
        program(np.full_like(x, bad), np.full_like(a, bad))
        assert [v.tobytes() for v in leaves(program(x, a))] == fresh
