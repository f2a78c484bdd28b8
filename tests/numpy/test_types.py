"""np.result_type, np.common_type, np.can_cast and np.fix of traced values."""

import numpy as np
import pytest

import mmad
from mmad.ops.declare import elementwise

DTYPES = (np.float16, np.float32, np.float64, np.complex64, np.complex128)
OTHERS = (
    1.0,
    2,
    1j,
    np.float32(1.0),
    np.float64(1.0),
    np.ones(2, np.float32),
    np.ones(2),
    "f4",
    np.int64,
    np.ones(2, int),
)
WAYS = {
    "grad": lambda f, x: mmad.vjp(f, x),
    "jvp": lambda f, x: mmad.jvp(f, (x,), (x,)),
    "second": lambda f, x: mmad.jvp(lambda x: mmad.vjp(f, x)[1](np.ones_like(x))[0], (x,), (x,)),
    "taylor": lambda f, x: mmad.taylor(f, x, x, 3),
    "compile": lambda f, x: mmad.compile(f)(x),
    "vmap": lambda f, x: mmad.vmap(f)(np.stack([x, x])),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_types_of_arrays(way, dtype):
    x = np.ones(2, dtype)
    seen = []

    def f(x):
        seen.extend((np.result_type(x, o), np.result_type(np.ones(2, dtype), o)) for o in OTHERS)
        seen.append((np.result_type(x), np.dtype(dtype)))
        seen.append(
            (np.common_type(x, np.ones(2, np.float32)), np.common_type(np.ones(2, dtype), np.ones(2, np.float32)))
        )
        seen.append((np.can_cast(x, np.float32), np.can_cast(np.dtype(dtype), np.float32)))
        return x * x

    WAYS[way](f, x)
    assert seen
    for got, want in seen:
        assert got == want


@pytest.mark.parametrize("way", ["grad", "jvp", "taylor"])
def test_types_of_numbers(way):
    """A Python float does not promote, a NumPy one does."""
    for x in (0.5, np.float32(0.5), *((np.float64(0.5),) if way == "grad" else ())):
        seen = []

        def f(t, x=x, seen=seen):
            seen.extend((np.result_type(t, o), np.result_type(x, o)) for o in OTHERS)
            return t * t

        WAYS[way](f, x)
        for got, want in seen:
            assert got == want, x


def test_a_head_that_asks_for_the_type():
    def f(x, dtype=None):
        dtype = np.result_type(x, np.float32) if dtype is None else dtype
        y = np.zeros(2, dtype, like=x)
        y[:] = x
        return (y * y).sum()

    np.testing.assert_array_equal(mmad.grad(f)(np.array([1.0, 2.0])), [2.0, 4.0])
    assert mmad.grad(f)(np.ones(2, np.float32)).dtype == np.float32


def test_fix():
    x = np.array([-1.7, 2.3, 0.4])
    whole = np.trunc(x)  # np.fix of plain arrays is deprecated since NumPy 2.5
    y, g = mmad.value_and_grad(lambda x: (x * np.fix(x)).sum())(x)
    assert y == (x * whole).sum()
    np.testing.assert_array_equal(g, whole)
    np.testing.assert_array_equal(mmad.jvp(np.fix, (x,), (x,))[0], whole)
    np.testing.assert_array_equal(mmad.compile(np.fix)(x), whole)
    assert mmad.grad(lambda t: np.fix(t) * t)(2.7) == 2.0

    def into(x):
        y = np.zeros_like(x)
        assert np.fix(x, out=y) is y
        return (y * x).sum()

    np.testing.assert_array_equal(mmad.grad(into)(x), whole)


def test_a_declaration_that_is_not_used_is_refused():
    """What is declared is used, or the declaration says why it cannot be."""
    for wrong in (
        {"also": (np.fix,)},
        {"transposes": {0: lambda ct, x: ct}},
        {"boolean": True},
    ):
        with pytest.raises(TypeError, match="test: "):
            elementwise("test: declared", np.sin, lambda x, out: np.cos(x), **wrong)
    with pytest.raises(TypeError, match="operands"):
        elementwise("test: declared", np.sin, lambda x, out: np.cos(x), lambda x, out: 0.0)
    with pytest.raises(TypeError, match="operands"):
        elementwise("test: declared", np.add, lambda x, y, out: 1.0)


@pytest.mark.parametrize("way", ["grad", "jvp", "taylor"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_isreal_and_iscomplex(way, dtype):
    seen = []

    def f(x):
        z = x * np.array([1, 1j]).astype(np.complex64) if np.dtype(dtype).kind == "c" else x
        seen.extend([(np.isreal(z), np.iscomplex(z)), (np.isreal(z[1]), np.iscomplex(z[1]))])
        return (x * np.conj(x)).real.sum()

    x = np.array([1.0, 2.0]).astype(dtype)
    f(x)
    expected = list(seen)
    seen.clear()
    WAYS[way](f, x)
    for got, want in zip(seen, expected, strict=False):
        np.testing.assert_array_equal([mmad.concrete(v) for v in got], want)
