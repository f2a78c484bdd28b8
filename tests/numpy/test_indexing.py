"""Choosing, taking, putting; conversions; the flat iterator."""

import numpy as np
import pytest
from derivatives import ASPECTS, Case, complex_, spaced

import mmad

A, V, B = spaced(2, 3, 4), spaced(7), spaced(3, 4)
MASK = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, False]])
ROWS = np.array([[0, 2, 2, 1], [1, 1, 0, 2]])


def written(write):
    """The array after an in-place function, as a function of the array and what is written."""

    def f(x, *values):
        y = x * x
        assert write(y, *values) is None
        return y

    return f


CASES = [
    Case("where", lambda x, y: np.where(x > y, x * y, y * y), A, spaced(3, 1, seed=3)),
    Case("where-scalar", lambda x: np.where(MASK, x, 0.0) * x, B),
    Case("where-indices", lambda x: x[np.where(x > 0)] ** 2, B),
    Case("where-list", lambda x: np.where([True, False], [x[0], x[1]], x[2:4]) ** 2, V),
    Case("clip", lambda x: np.clip(x, -0.7, 0.9) * x, A),
    Case("clip-array", lambda x, low: np.clip(x, low, None) ** 2, B, spaced(4, seed=2)),
    Case("clip-method", lambda x: x.clip(max=0.4) * x.clip(-1) * x.clip(-1, 0.5), A),
    Case("select", lambda x: np.select([x > 1, x > 0, x < -1], [x**2, np.sin(x), 3 * x], default=x**3), A),
    Case("select-default", lambda x: np.select([MASK], [x * x]), B),
    Case("choose", lambda x: np.choose([[0, 1, 2, 1]], [x, x**2, 5.0]), B),
    Case("piecewise", lambda x: np.piecewise(x, [x < -0.5, x > 1], [np.exp, lambda v: v**2, 0.25]), A),
    Case("piecewise-args", lambda x: np.piecewise(x, [x < 0], [lambda v, k: k * v**2, lambda v, k: v**3], 3.0), V),
    Case("piecewise-number", lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v * v]), 1.3),
    Case("number-new-axis", lambda x: (x * x).sum()[None] * x[3][..., None, None] * x, V),
    Case("number-nothing", lambda x: x[2][()] * x.sum()[...] * x, V),
    Case("take", lambda x: np.take(x, [0, 3, 3, -1]) ** 2, A),
    Case("take-axis", lambda x: np.take(x, ROWS, axis=1) ** 2, A),
    Case("take-one", lambda x: x.take(1, axis=-1) ** 2, A),
    Case("take-wrap", lambda x: np.take(x, [5, -9], axis=0, mode="wrap") ** 2, A),
    Case("take-clip", lambda x: np.take(x, [5, -9], mode="clip") ** 2, V),
    Case("take-complex", lambda z: np.take(z, [1, 1, 0], axis=0) ** 2, complex_(3, 2)),
    Case("take_along_axis", lambda x: np.take_along_axis(x, ROWS[:1], axis=0) ** 2, B),
    Case("take_along_axis-flat", lambda x: np.take_along_axis(x, np.array([0, 5, 5]), axis=None) ** 2, B),
    Case("take_along_axis-3d", lambda x: np.take_along_axis(x, np.array([[[1, 0, 0, 1, 1]]]), axis=-1) ** 2, A),
    Case("compress", lambda x: np.compress([True, False, True], x, axis=1) ** 2, A),
    Case("compress-method", lambda x: x.compress([0, 1, 1]) ** 2, V),
    Case("extract", lambda x: np.extract(x > 0, x) ** 2, B),
    Case("put", written(lambda y, v: np.put(y, [0, 5, -1], v)), B, spaced(3, seed=4)),
    Case("put-cycled", written(lambda y, v: y.put([1, 2, 4, 7, 8], v)), B, spaced(2, seed=4)),
    Case("put_along_axis", written(lambda y, v: np.put_along_axis(y, ROWS[:1], v, axis=0)), B, spaced(1, 4, seed=4)),
    Case(
        "put_along_axis-flat",
        written(lambda y, v: np.put_along_axis(y, np.array([3, 1]), v, axis=None)),
        B,
        spaced(2, seed=4),
    ),
    Case("copyto", written(lambda y, v: np.copyto(y, v)), B, spaced(4, seed=4)),
    Case("copyto-where", written(lambda y, v: np.copyto(y, v, where=MASK)), B, spaced(3, 1, seed=4)),
    Case("copyto-view", written(lambda y, v: np.copyto(y[1:, ::2], v)), B, spaced(2, 2, seed=4)),
    Case("putmask", written(lambda y, v: np.putmask(y, MASK, v)), B, spaced(5, seed=4)),
    Case("place", written(lambda y, v: np.place(y, MASK, v)), B, spaced(5, seed=4)),
    Case("fill_diagonal", written(lambda y, v: np.fill_diagonal(y, v)), B, spaced(3, seed=4)),
    Case(
        "fill_diagonal-wrap", written(lambda y, v: np.fill_diagonal(y, v, wrap=True)), spaced(7, 2), spaced(2, seed=4)
    ),
    Case("fill", written(lambda y, v: y[0].fill(v[0])), B, spaced(1, seed=4)),
    Case("astype", lambda x: x.astype(np.float64) ** 2, B, float32=False),
    Case("astype-complex", lambda x: (x.astype(complex) * (1 + 2j)) ** 2, V, extended=False, float32=False),
    Case("flat", lambda x: x.flat[3] * x.flat[2:9:3] + x.flat[[0, 1, 1]], B),
    Case("flat-write", written(lambda y, v: y.flat.__setitem__(slice(1, 6, 2), v)), B, spaced(3, seed=4)),
    Case("flat-iterate", lambda x: sum(v**3 for v in x.flat) * np.ones(1, x.dtype), B, ulps=40, float32=False),
    Case("tolist", lambda x: np.stack([row[0] * row[-1] for row in x.tolist()]), B, float32=False, extended=False),
]
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    CASES.append(Case("clip-keywords", lambda x: np.clip(x, min=-0.7, max=None) ** 2, A))


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, aspect):
    case.check(aspect)


def test_clip_at_a_bound_shares():
    np.testing.assert_array_equal(
        mmad.grad(lambda x: np.clip(x, 0.0, 1.0).sum())(np.array([0.0, 0.5, 1.0, 2.0])), [0.5, 1.0, 0.5, 0.0]
    )
    assert mmad.grad(lambda low: np.clip(1.0, low, None))(1.0) == 0.5


def test_no_derivative_reaches_what_was_not_chosen():
    x = np.array([-1.0, 0.0, 4.0])

    def f(x):
        with np.errstate(all="ignore"):
            return np.where(x > 0, np.sqrt(x), 0.0).sum() + np.select([x > 0], [np.log(x)]).sum()

    np.testing.assert_array_equal(mmad.grad(f)(x), [0.0, 0.0, 0.5])


def test_piecewise_calls_functions_on_their_elements_only():
    def log(v):
        assert (v > 0).all()
        return np.log(v)

    x = np.array([-1.0, 2.0, 0.5])
    np.testing.assert_array_equal(mmad.grad(lambda x: np.piecewise(x, [x > 0], [log, 0.0]).sum())(x), [0, 0.5, 2])
    np.testing.assert_array_equal(mmad.grad(lambda x: np.piecewise(x, x > 0, [log, 0.0]).sum())(x), [0, 0.5, 2])
    np.testing.assert_array_equal(
        mmad.grad(lambda x: np.piecewise(x, [False, True, True], [log, 0.0]).sum())(x), [0, 0.5, 2]
    )


def test_repeated_positions_on_write_keep_the_last():
    def f(v):
        y = np.zeros_like(v)
        np.put(y, [1, 1], v[:2])
        return (y * np.arange(3.0)).sum()

    np.testing.assert_array_equal(mmad.grad(f)(np.ones(3)), [0, 1, 0])


@pytest.mark.parametrize(
    "write",
    [
        lambda y, v: np.put(y, [0], v),
        lambda y, v: np.copyto(y, v[0]),
        lambda y, v: np.putmask(y, y == 0, v),
        lambda y, v: np.place(y, y == 0, v),
        lambda y, v: np.fill_diagonal(y, v[0]),
        lambda y, v: np.put_along_axis(y, np.array([[0, 0]]), v[0], axis=0),
    ],
)
def test_writing_into_a_plain_array_is_an_error(write):
    def f(v):
        y = np.array([[0.0, 0.0], [0.0, 0.0]])
        write(y, v)
        return v.sum()

    with pytest.raises(TypeError, match="lose"):
        mmad.grad(f)(np.ones(2))


def test_item_reads_an_element():
    np.testing.assert_array_equal(mmad.grad(lambda x: 3 * x[:1].item())(np.ones(2)), [3, 0])
    np.testing.assert_array_equal(mmad.jacfwd(lambda x: x.item(1) ** 2)(np.array([2.0, 5.0])), [0, 10])
    with pytest.raises(ValueError, match="size 1"):
        mmad.grad(lambda x: x.item())(np.ones(2))


def test_conversion_to_integers_has_derivative_zero():
    np.testing.assert_array_equal(mmad.grad(lambda x: (x * x.astype(int)).sum())(np.array([2.7, -1.2])), [2, -1])


def test_flat_length_and_iteration():
    def f(x):
        assert len(x.flat) == 6
        first = next(iter(x.flat))
        return first * x.flat[-1]

    np.testing.assert_array_equal(mmad.grad(f)(np.arange(6.0).reshape(2, 3) + 1), [[6, 0, 0], [0, 0, 1]])


def test_empty():
    x = np.zeros((0, 3))
    for f in (
        lambda x: np.where(x > 0, x, 1.0),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.take(x, [], axis=0),
        lambda x: np.compress([], x, axis=0),
        lambda x: np.extract(x > 0, x),
        lambda x: np.select([x > 0], [x]),
    ):
        assert mmad.grad(lambda x, f=f: f(x).sum())(x).shape == (0, 3)
        y, dot = mmad.jvp(f, (x,), (x,))
        assert np.shape(y) == np.shape(dot) == f(x).shape


TRACINGS = {
    "reverse": lambda f, x: mmad.grad(f)(x),
    "forward": lambda f, x: mmad.jvp(f, (x,), (x,)),
    "taylor": lambda f, x: mmad.taylor(f, x, x, 3),
    "compiled": lambda f, x: mmad.compile(mmad.grad(f))(x),
}


@pytest.mark.parametrize("way", TRACINGS)
def test_what_is_no_subscript_of_a_number(way):
    def f(x):
        s = x.sum()
        with pytest.raises(IndexError, match="new axes"):
            s[0]
        with pytest.raises(IndexError, match="new axes"):
            s[..., ...]
        with pytest.raises(TypeError, match="not iterable"):
            list(s)
        return s * s

    TRACINGS[way](f, V)
