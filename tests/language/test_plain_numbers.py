"""What happens where something asks a traced value for plain numbers or for the memory of an array: no crash, ever."""

import fractions
import subprocess
import sys

import numpy as np
import pytest
import scipy
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.spatial.distance

import mmad
from mmad import _core
from mmad.numpy import as_strided
from mmad.wrappers import _dual, _series

X = np.arange(1.0, 7.0)
TYPES = [
    mmad.ArrayVar,
    mmad.ScalarVar,
    mmad.Var,
    mmad.Dual,
    _core.Traced,
    _dual.ScalarDual,
    _dual.ArrayDual,
    _series.Series,
    _series.ScalarSeries,
    _series.ArraySeries,
]
OPERATORS = {
    "grad": mmad.grad,
    "forward": mmad.jacfwd,
    "vmap": lambda f: lambda x: mmad.vmap(f)(np.stack([x, x])),
    "compile": lambda f: mmad.compile(mmad.grad(f)),
    "second": lambda f: lambda x: mmad.hvp(f)(x, np.ones_like(x)),
}


@pytest.mark.parametrize("cls", TYPES)
def test_no_traced_value_is_made_by_hand(cls):
    for make in (cls, lambda: cls(1.0), lambda: cls.__new__(cls), lambda: object.__new__(cls)):
        with pytest.raises(TypeError):
            make()


def test_no_subclass_of_a_traced_value_is_made_by_hand():
    class Mine(mmad.Var):
        pass

    with pytest.raises(TypeError, match="by hand"):
        Mine()


DTYPES = [np.float16, np.float32, np.float64, np.longdouble]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convert", [int, np.trunc, round], ids=["int", "trunc", "round"])
@pytest.mark.parametrize("operator", ["grad", "forward", "compile", "second"])
def test_integer_part_of_an_element(operator, dtype, convert):
    x = np.array([2.75, 3.5, -1.5], dtype)

    def f(x):
        return (x * x).sum() * int(convert(x[0])) + int(x.reshape(3, 1)[2])

    k = int(convert(x[0]))
    expected = {"second": 2.0 * k * np.ones(3)}.get(operator, 2.0 * k * x)
    result = OPERATORS[operator](f)(x)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == dtype


def test_integer_part_leaves_a_guard():
    g = mmad.compile(mmad.grad(lambda x: x[1] * int(x[0])))
    for first in (1.5, 1.25, 2.5, 7.0):
        assert g(np.array([first, 1.0], np.float32))[1] == int(first)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128])
@pytest.mark.parametrize("operator", ["grad", "forward", "compile", "second"])
def test_as_strided_of_numpy_refuses(operator, dtype):
    x = X.astype(dtype)
    with pytest.raises(TypeError, match=r"numpy\.lib\.stride_tricks\.as_strided reads .* mmad\.numpy\.as_strided"):
        OPERATORS[operator](lambda x: abs(np.lib.stride_tricks.as_strided(x[::2], (3,), (16,)).sum()))(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("step", [1, 2, -1])
@pytest.mark.parametrize("operator", ["grad", "forward", "compile", "second", "vmap"])
def test_as_strided_of_mmad(operator, dtype, step):
    x = X.astype(dtype)
    size = x.itemsize

    def f(x):
        return (as_strided(x[::step], (2, 2), (step * size, step * size)) ** 2 * np.array([[1, 2], [3, 4]])).sum()

    def g(x):
        y = x[::step]
        return y[0] ** 2 + 5 * y[1] ** 2 + 4 * y[2] ** 2

    np.testing.assert_array_equal(OPERATORS[operator](f)(x), OPERATORS[operator](g)(x))


@pytest.mark.parametrize("operator", ["grad", "forward", "compile", "second"])
@pytest.mark.parametrize(("shape", "strides"), [((7,), (8,)), ((2,), (-8,)), ((2, 4), (24, 8))])
def test_as_strided_stays_inside_the_array(operator, shape, strides):
    with pytest.raises(ValueError, match="beyond the memory"):
        OPERATORS[operator](lambda x: as_strided(x, shape, strides).sum())(X)


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("scipy.linalg.circulant", scipy.linalg.circulant),
        ("scipy.spatial.distance.squareform", scipy.spatial.distance.squareform),
        ("scipy.spatial.distance.squareform", lambda x: scipy.spatial.distance.squareform([x[0], x[1], x[2]])),
        ("scipy.spatial.distance.squareform", lambda x: scipy.spatial.distance.squareform(x[0] * (1 - np.eye(3)))),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operator", ["grad", "forward", "compile", "second"])
def test_functions_that_read_memory_refuse(operator, dtype, name, f):
    if name == "scipy.linalg.circulant" and np.lib.NumpyVersion(scipy.__version__) < "1.15.0":
        pytest.skip("that of older SciPys takes object arrays: see below")
    with pytest.raises(TypeError, match=f"{name} reads the memory"):
        OPERATORS[operator](lambda x: f(x).sum())(X.astype(dtype))


@pytest.mark.skipif(
    np.lib.NumpyVersion(scipy.__version__) >= "1.15.0", reason="that of newer SciPys reads the memory of its argument"
)
@pytest.mark.parametrize("operator", ["grad", "forward", "compile"])
def test_circulant_of_an_object_array(operator):
    f = lambda x: (scipy.linalg.circulant(x) * np.arange(36.0).reshape(6, 6)).sum()
    want = [f(e) for e in np.eye(6)]
    np.testing.assert_allclose(OPERATORS[operator](f)(X), want, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Calling _toeplitz with arguments of dtype=object:DeprecationWarning")  # SciPy 1.18
def test_functions_that_compute_with_objects_work():
    grid = np.linspace(0.0, 1.0, 6)
    for f, expected in [
        (lambda x: scipy.integrate.simpson(x, x=grid), scipy.integrate.simpson(np.eye(6), x=grid)),
        (lambda x: scipy.linalg.toeplitz(x).sum(), [6.0, 10.0, 8.0, 6.0, 4.0, 2.0]),
        (lambda x: np.sum(np.vectorize(lambda t: t * t)(x)), 2 * X),
        (lambda x: np.sum(np.r_[x, 1.0]), np.ones(6)),
        (lambda x: np.polynomial.Polynomial(x)(2.0), 2.0 ** np.arange(6)),
        (lambda x: np.asarray(x).sum() + np.array([x[0], x[1]]).sum(), [2.0, 2.0, 1.0, 1.0, 1.0, 1.0]),
    ]:
        np.testing.assert_allclose(mmad.grad(f)(X), expected, rtol=1e-12)
        np.testing.assert_allclose(mmad.jacfwd(f)(X), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("scipy.integrate.quad", lambda x: scipy.integrate.quad(np.sin, 0.0, x[0])[0]),
        ("scipy.optimize.brentq", lambda x: scipy.optimize.brentq(lambda t: t - x[0], 0.0, 9.0)),
        ("scipy.optimize.bisect", lambda x: scipy.optimize.bisect(lambda t: t - x[0], 0.0, 9.0)),
        ("numpy.mean", lambda x: np.mean([x[0], x[1]])),
    ],
)
@pytest.mark.parametrize("operator", ["grad", "forward"])
def test_the_message_names_the_function_that_asked(operator, name, f):
    with pytest.raises((TypeError, SystemError, ValueError)) as caught:
        OPERATORS[operator](f)(X)
    # SciPy's C code may go on, and raise another exception than the one of the refusal.
    error, said = caught.value, []
    while error is not None:
        said += [str(error), *getattr(error, "__notes__", ())]
        error = error.__cause__ or error.__context__
    said = [text.removeprefix("mmad: refused before it: ") for text in said]
    assert any(text.startswith(f"{name} asks for plain numbers") for text in said)
    assert not any("math.sin" in text for text in said)


def test_the_message_of_float_in_the_users_own_code():
    import math

    for f in (lambda x: float(x[0]), lambda x: math.sin(x[0])):
        with pytest.raises(TypeError, match=r"np\.sin, not math\.sin"):
            mmad.grad(f)(X)


CRASHES = """
import numpy as np, mmad, gc
import scipy.linalg, scipy.spatial.distance
x = np.arange(1.0, 7.0)
for make in (mmad.ArrayVar, mmad.ScalarVar, mmad.Var, mmad.Dual):
    try:
        repr(make()), make() + 1
    except TypeError:
        pass
for f in (scipy.linalg.circulant, scipy.spatial.distance.squareform, np.lib.stride_tricks.as_strided):
    for dtype in (np.float32, np.float64):
        for _ in range(20):
            try:
                mmad.grad(lambda x: f(x).sum())(x.astype(dtype))
            except TypeError:
                pass
            gc.collect()
print("alive")
"""


def test_nothing_crashes_the_interpreter():
    done = subprocess.run([sys.executable, "-c", CRASHES], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "alive", done.stderr


class GivesAnArray:
    """An object that NumPy asks for an array."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


THIRD = fractions.Fraction(1, 3)
HELD = GivesAnArray([1.0, 2.0])
FOREIGN = {
    "number times fraction": lambda x: x[0] * THIRD * x[1],
    "fraction times number": lambda x: THIRD * x[0] * x[1],
    "sums": lambda x: (x[0] + THIRD) ** 2 * (THIRD - x[1]),
    "quotients": lambda x: (x[0] / THIRD) ** 2 + THIRD / x[1],
    "powers": lambda x: x[0] ** THIRD + THIRD ** x[1],
    "comparison": lambda x: x[0] ** 2 if x[0] > THIRD else x[1] ** 2,
    "array times object": lambda x: ((x**2) * HELD).sum(),
    "array plus object": lambda x: ((x + HELD) ** 2).sum(),
    "number times object": lambda x: (x[0] * HELD * x).sum(),
    "product with object": lambda x: (x @ HELD) ** 2,
    "comparison with object": lambda x: (x[x < HELD] ** 2).sum(),
}


def in_place(x):
    y = x * 1
    v = y[:1]
    y *= HELD
    y += HELD
    y /= GivesAnArray(4.0)
    return (y * y).sum() + v[0]


FOREIGN["in place"] = in_place


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FOREIGN)
def test_operands_of_other_classes(name, dtype):
    f, points = FOREIGN[name], [np.array(p, dtype) for p in ([0.5, 0.25], [0.125, 3.0], [2.0, 1.5])]
    compiled, rtol = mmad.compile(mmad.grad(f)), 1e-12 if dtype == np.float64 else 1e-4
    for x in points:
        exact = [(f(x.astype(float) + 1e-5 * e) - f(x.astype(float) - 1e-5 * e)) / 2e-5 for e in np.eye(2)]
        for got in (mmad.grad(f)(x), mmad.jacfwd(f)(x), compiled(x), mmad.vmap(mmad.grad(f))(np.stack([x, x]))[1]):
            np.testing.assert_allclose(got, exact, rtol=max(rtol, 1e-7), atol=1e-7)
        np.testing.assert_allclose(mmad.compile(f)(x), f(x), rtol=rtol)


def test_what_such_an_object_holds_may_change():
    held = GivesAnArray([1.0, 2.0])
    g = mmad.compile(mmad.grad(lambda x: (x * held).sum()))
    np.testing.assert_array_equal(g(np.ones(2)), [1.0, 2.0])
    held.values = [3.0, 4.0]
    np.testing.assert_array_equal(g(np.ones(2)), [3.0, 4.0])
    held.values[0] = 7.0
    np.testing.assert_array_equal(g(np.ones(2)), [7.0, 4.0])
