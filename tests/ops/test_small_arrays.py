"""Small arrays, which go past NumPy's dispatch: values, warnings; cotangents of elements, views and products."""

import itertools

import numpy as np
import pytest
from operation_cases import DIFFERENTIABLE

import mmad
from mmad.tape._instructions import OPERATIONS

RNG = np.random.default_rng(20)
START = RNG.bit_generator.state
STEP = 1e-30  # of complex differentiation, which has no cancellation

SHAPES = [
    ((7,), (7,)),
    ((3, 5), (3, 5)),
    ((3, 1), (3, 5)),
    ((5,), (3, 5)),
    ((1, 1), (4,)),
    ((3, 1), (1, 5)),
    ((2, 1, 4), (3, 1)),
    ((2, 1, 2, 1, 2), (2,)),
    ((5, 1), (5, 1)),
    ((3, 4, 1), (4, 1)),
    ((3, 1), (1,)),
    ((0, 3), (1, 3)),
    ((90, 2), (2,)),
    ((70, 70), (70, 70)),
]
# How an array lies in memory: what is stored in C order, and the view of it that operations meet.
LAYOUTS = {
    "C": (lambda a: a, lambda a: a),
    "rows": (lambda a: np.repeat(a, 2, axis=0), lambda a: a[::2]),
    "columns": (lambda a: np.repeat(a, 3, axis=-1), lambda a: a[..., ::3]),
    "backward": (lambda a: a[::-1], lambda a: a[::-1]),
    "backward columns": (lambda a: a[..., ::-1], lambda a: a[..., ::-1]),
    "transposed": (lambda a: a.T, lambda a: a.T),
}
UFUNCS = [name for name in DIFFERENTIABLE if OPERATIONS[name].elementwise and OPERATIONS[name].ufunc is not None]


def traced(op, *args):
    """The value an operation has while it is recorded."""
    seen = []

    def function(args):
        seen.append(mmad.concrete(op(*args)))
        return np.abs(args[0]).sum()

    mmad.grad(function)(args)
    return seen[0]


def same_bits(got, want):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert got.tobytes() == np.ascontiguousarray(want).tobytes()


@pytest.fixture(autouse=True)
def same_numbers():
    """Whatever ran before, each test draws the same numbers."""
    RNG.bit_generator.state = START


def points(shape, dtype):
    return RNG.uniform(0.2, 0.9, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", UFUNCS)
def test_values_are_numpys_to_the_last_bit(name, dtype):
    # For equal strides: on a processor with AVX-512, NumPy's own values of an array and of its copy may differ.
    op = OPERATIONS[name]
    lift = 1.0 if name == "arccosh" else 0.0
    for (first, second), (stored, view) in itertools.product(SHAPES, LAYOUTS.values()):
        bases = [
            np.ascontiguousarray(stored(points(shape, dtype) + dtype(lift))) for shape in (first, second)[: op.nin]
        ]
        want = op.ufunc(*map(view, bases))
        same_bits(traced(lambda *bases, op=op, view=view: op(*map(view, bases)), *bases), want)
        if op.nin == 2:
            x = view(bases[0])
            same_bits(traced(lambda x, op=op, view=view: op(view(x), 0.75), bases[0]), op.ufunc(x, 0.75))
            same_bits(traced(lambda x, op=op, view=view: op(2, view(x)), bases[0]), op.ufunc(2, x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["exp", "add", "power"])
def test_arguments_are_taken_in_c_order(name, dtype):
    op = OPERATIONS[name]
    for shapes, layout in itertools.product(SHAPES, [np.asfortranarray, *(view for _, view in LAYOUTS.values())]):
        args = [layout(points(shape, dtype)) for shape in shapes[: op.nin]]
        if len({a.shape for a in args}) == 1 or layout is np.asfortranarray:  # what is transposed may not broadcast
            same_bits(traced(op, *args), op.ufunc(*map(np.ascontiguousarray, args)))


@pytest.mark.parametrize("scalar", [np.float64(0.3), np.float32(0.3), 3, True, np.int64(3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.complex128])
def test_dtypes_are_numpys(dtype, scalar):
    x = points((4,), dtype)
    for f in (np.add, np.multiply, np.power):
        same_bits(traced(lambda x, f=f: f(x, scalar), x), f(x, scalar))
        same_bits(traced(lambda x, f=f: f(scalar, x), x), f(scalar, x))


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.log, [1.0, -1.0]),
        (np.exp, [1.0, 1000.0]),
        (lambda x: 1.0 / x, [1.0, 0.0]),
        (lambda x: x * 1e200 * 1e200, [1.0, 1.0]),
        (lambda x: x[:, None] @ (x[None] * np.inf), [0.0, 1.0]),
    ],
)
def test_warnings_are_numpys(function, x):
    x = np.array(x)
    with pytest.warns(RuntimeWarning) as wanted:
        want = function(x)
    with pytest.warns(RuntimeWarning) as raised:
        got = traced(function, x)
    np.testing.assert_array_equal(got, want)
    assert [str(w.message) for w in raised] == [str(w.message) for w in wanted]
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        traced(function, x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(traced(function, x), want)


@pytest.mark.parametrize("value", [2**70, 10**400, -(10**400)])
def test_large_integers(value):
    x = np.ones(3)
    try:
        want = x + value
    except OverflowError:
        with pytest.raises(OverflowError):
            traced(lambda x: x + value, x)
    else:
        same_bits(traced(lambda x: x + value, x), want)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="broadcast"):
        traced(lambda x: x + np.ones(4), np.ones(3))
    with pytest.raises(ValueError, match=r"mismatch|matmul"):
        traced(lambda x: x @ np.ones(4), np.ones((2, 3)))


# Functions that complex numbers go through as well; the arrays they take have shapes that broadcast.
SMOOTH = {
    "tanh": lambda x, y: np.tanh(x) * y,
    "logistic": lambda x, y: 1.0 / (1.0 + np.exp(-x * y)),
    "log, sqrt": lambda x, y: np.log(x + 2.0) - np.sqrt(y + 1.5) / x,
    "power": lambda x, y: x**y + y**2 - x**3.0 + 2.0**x,
    "used often": lambda x, y: x * x + x * y - y / x + x,
    "sines": lambda x, y: np.sin(x) * np.cos(y) + np.arctan(x * y) + np.square(y),
    "one cotangent for all": lambda x, y: -x - 3.0 * y,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 5), (3, 5)),
        ((3, 1), (3, 5)),
        ((5,), (3, 5)),
        ((3, 1), (1, 5)),
        ((1,), (2, 3)),
        ((257,), (257,)),
        ((2, 300), (300,)),
    ],
)
def test_gradients(name, shapes, weighted):
    x, y = (points(shape, float) for shape in shapes)
    weights = RNG.normal(size=np.broadcast_shapes(*shapes)) if weighted else 1.0

    def total(x, y):
        return (weights * SMOOTH[name](x, y)).sum()

    for argnum, got in enumerate(mmad.grad(total, (0, 1))(x, y)):
        for where in itertools.islice(np.ndindex(got.shape), 0, None, max(1, got.size // 9)):
            moved = [x.astype(complex), y.astype(complex)]
            moved[argnum][where] += 1j * STEP
            # Terms of order one may cancel to 1e-4: what is left of them is as exact as they are.
            np.testing.assert_allclose(got[where], total(*moved).imag / STEP, rtol=2e-13, atol=1e-15)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513, 5000])
def test_blocks_have_no_seams(size):
    x = points((size,), float)
    got = mmad.grad(lambda x: (np.tanh(x) * x + x).sum())(x)
    np.testing.assert_allclose(got, np.tanh(x) + x * (1 - np.tanh(x) ** 2) + 1, rtol=1e-14)


def test_numbers_among_arrays():
    x, s = points((6,), float), 0.7
    got_x, got_s = mmad.grad(lambda x, s: (s * x / (s + x)).sum(), (0, 1))(x, s)
    np.testing.assert_allclose(got_x, s * s / (s + x) ** 2, rtol=1e-14)
    np.testing.assert_allclose(got_s, (x * x / (s + x) ** 2).sum(), rtol=1e-14)


def test_a_zero_that_arithmetic_made_times_infinity_is_nan():
    x = np.array([0.0, 1.0, 4.0])
    got = mmad.grad(lambda x: (np.sqrt(x) * np.array([0.0, 1.0, 1.0])).sum())(x)
    np.testing.assert_array_equal(got, [np.nan, 0.5, 0.25])


def test_a_cotangent_given_by_the_user_is_left_alone():
    x, ct = points((5,), float), points((5,), float)
    before = ct.copy()
    _, pullback = mmad.vjp(lambda x: x + x * x, x)
    np.testing.assert_allclose(pullback(ct)[0], before * (1 + 2 * x), rtol=1e-15)
    np.testing.assert_array_equal(ct, before)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 4), (16, 4, 1), (8, 8, 8), (8, 8, 9), (1, 600, 1), (30, 2, 40)])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_products_of_matrices(sizes, turned):
    m, k, n = sizes
    x, y, w = RNG.normal(size=(m, k)), RNG.normal(size=(k, n)), RNG.normal(size=(m, n))
    given = [np.ascontiguousarray(v.T) if t else v for v, t in zip((x, y), turned, strict=True)]

    def product(x, y):
        return (x.T if turned[0] else x) @ (y.T if turned[1] else y)

    np.testing.assert_allclose(traced(product, *given), x @ y, rtol=1e-13, atol=1e-13)
    got = mmad.grad(lambda x, y: (w * product(x, y)).sum(), (0, 1))(*given)
    want = [w @ y.T, x.T @ w]
    for g, e, t in zip(got, want, turned, strict=True):
        np.testing.assert_allclose(g.T if t else g, e, rtol=1e-13, atol=1e-13)


def test_products_with_vectors():
    a, v, w = RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=4)
    got = mmad.grad(lambda a, v, w: w @ (a @ v), (0, 1, 2))(a, v, w)
    for g, e in zip(got, (np.outer(w, v), a.T @ w, a @ v), strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-13)


VIEWS = {
    "slice": lambda a: a[1:3],
    "rows and columns": lambda a: a[1:, ::2],
    "backward": lambda a: a[::-1, ::-2],
    "one row": lambda a: a[2],
    "one column": lambda a: a[:, 1],
    "last row": lambda a: a[-1, :],
    "negative": lambda a: a[-3:-1],
    "empty": lambda a: a[2:2],
    "transposed": lambda a: a.T[1:],
    "view of a view": lambda a: a[1:][:, 1:][::2],
    "broadcast": lambda a: np.broadcast_to(a[None, :2], (3, 2, 5)),
    "overlapping": lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 2)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_give_their_cotangent_to_their_base(name):
    a = RNG.normal(size=(4, 5))
    view = VIEWS[name]
    weights = RNG.normal(size=view(a).shape)
    want = np.zeros(a.size)
    np.add.at(want, view(np.arange(a.size).reshape(a.shape)), weights)
    want = want.reshape(a.shape)
    got = mmad.grad(lambda a: (weights * view(a)).sum() + a.sum())(a)
    np.testing.assert_allclose(got, want + 1.0, rtol=1e-14)
    hvp = mmad.hvp(lambda a: (weights * view(a) ** 2).sum())(a, np.ones(a.shape))
    np.testing.assert_allclose(hvp, 2.0 * want, rtol=1e-14)


def test_views_are_views_after_a_write():
    def function(x):
        y = x * 2.0
        rows, part = y[1:3], y[1:3, ::2]
        y[1] = 0.0
        rows += 1.0
        return (part * part).sum()

    x = RNG.normal(size=(4, 5))
    got = mmad.grad(function)(x)
    want = np.zeros((4, 5))
    want[2, ::2] = 4.0 * (2.0 * x[2, ::2] + 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_second_derivatives_of_arrays_without_axes_compiled():
    x, one = np.array(2.0), np.array(1.0)
    want = -np.sin(2.0)
    for h in (mmad.hvp(np.sin), lambda x, v: mmad.grad(lambda y: mmad.grad(np.sin)(y))(x) * v):
        np.testing.assert_allclose([h(x, one), mmad.compile(h)(x, one)], [want, want], rtol=1e-15)
