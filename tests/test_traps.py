"""What goes wrong in automatic differentiation: one test a trap, in both modes where it has a meaning.

The numbers are those of `docs/traps.md`, which names the files where the others are tested.
"""

import gc
import itertools
import math
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import derivative, interpreter, python

import mmad

#: The trap is a singular point, where NumPy warns.
singular = pytest.mark.filterwarnings("ignore::RuntimeWarning")
PAIRS = list(itertools.product(["fwd", "rev"], repeat=2))


def gradient(mode, f):
    """The gradient of a function of one array: one reverse sweep, or one forward sweep an element."""
    if mode == "rev":
        return mmad.grad(f)

    def forward(x):
        basis = np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
        return np.array([mmad.jvp(f, (x,), (e,))[1] for e in basis]).reshape(x.shape)

    return forward


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_01_perturbation_confusion(outer, inner):
    assert derivative(outer, lambda x: x * derivative(inner, lambda y: x + y)(1.0))(1.0) == 1.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_02_closure_that_rebinds_outer_traced_state(outer, inner):
    def rebinding(x):
        def step(y):
            nonlocal x
            x = x * y
            return x

        def twice(y):
            step(y)
            return step(y)

        return derivative(inner, twice)(3.0)

    def written_without_rebinding(x):
        return derivative(inner, lambda y: (x * y) * y)(3.0)

    assert rebinding(2.0) == written_without_rebinding(2.0) == 12.0
    assert derivative(outer, rebinding)(2.0) == derivative(outer, written_without_rebinding)(2.0) == 6.0


def test_02_rebinding_at_one_level(first):
    def f(x):
        def step(y):
            nonlocal x
            x = x * y
            return x

        return step(2.0) * step(x)

    assert derivative(first, f)(3.0) == 216.0  # f = 2x * (2x * 2x)


def test_03_mixed_modes():
    assert mmad.jvp(lambda x: x * mmad.grad(lambda y: x * y)(1.0), (4.0,), (1.0,))[1] == 8.0
    assert mmad.grad(lambda x: x * mmad.jvp(lambda y: x * y, (1.0,), (1.0,))[1])(4.0) == 8.0


@singular
def test_04_zero_times_infinity_is_nan(first):
    assert np.isnan(derivative(first, lambda x: x * 0.0 * x)(np.inf))


@singular
def test_05_where_log(first):
    assert derivative(first, lambda x: np.where(x > 0, np.log(x), 0.0))(0.0) == 0.0


@singular
def test_06_where_sqrt(first):
    assert derivative(first, lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0) == 0.0


@singular
def test_07_sqrt_at_0(first):
    assert derivative(first, np.sqrt)(0.0) == np.inf


@singular
def test_08_sqrt_of_square_at_0():
    # Reverse only: forward, the tangent of x**2 is exactly zero at 0, and a zero tangent contributes zero.
    assert np.isnan(mmad.grad(lambda x: np.sqrt(x**2))(0.0))


@singular
def test_09_norm_at_0(first):
    np.testing.assert_array_equal(gradient(first, np.linalg.norm)(np.zeros(2)), [0.0, 0.0])


@singular
def test_10_norm_squared_at_0(first):
    np.testing.assert_array_equal(gradient(first, lambda x: np.linalg.norm(x) ** 2)(np.zeros(2)), [0.0, 0.0])


@pytest.mark.parametrize("function", [abs, np.abs, np.fabs, np.absolute])
def test_11_abs_at_0(first, function):
    assert derivative(first, function)(0.0) == 0.0
    np.testing.assert_array_equal(gradient(first, lambda x: function(x).sum())(np.array([0.0, -2.0])), [0.0, -1.0])


def test_12_max_ties(first):
    np.testing.assert_array_equal(gradient(first, np.max)(np.array([1.0, 1.0])), [0.5, 0.5])
    np.testing.assert_array_equal(gradient(first, np.min)(np.array([1.0, 3.0, 1.0])), [0.5, 0.0, 0.5])


def test_13_repeated_argument_to_maximum(first):
    assert derivative(first, lambda x: np.maximum(x, x))(1.0) == 1.0
    assert derivative(first, lambda x: np.minimum(x, x))(1.0) == 1.0


def test_14_relu_at_0(first):
    assert derivative(first, lambda x: np.maximum(x, 0.0))(0.0) == 0.5
    np.testing.assert_array_equal(gradient(first, lambda x: np.maximum(x, 0.0).sum())(np.array([0.0, 1.0])), [0.5, 1])


def test_15_sort_and_median_ties_are_stable(first):
    ones = np.ones(3)
    np.testing.assert_array_equal(gradient(first, lambda x: (np.sort(x) * [1, 2, 3]).sum())(ones), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gradient(first, np.median)(ones), [0.0, 1.0, 0.0])


@singular
def test_16_power_0_0(first):
    assert derivative(first, lambda x: x**0.0)(0.0) == 0.0
    assert derivative(first, lambda x: x**0)(0.0) == 0.0
    np.testing.assert_array_equal(gradient(first, lambda x: (x ** np.array([0.0, 0.0])).sum())(np.zeros(2)), [0.0, 0.0])


@singular
def test_17_power_of_negative_base_and_of_base_0(first):
    assert derivative(first, lambda x: x**2.0)(-1.0) == -2.0
    assert derivative(first, lambda y: 0.0**y)(2.0) == 0.0
    np.testing.assert_array_equal(gradient(first, lambda x: np.power(x, 2.0).sum())(np.array([-1.0, 0.0])), [-2.0, 0.0])


@singular
def test_18_overflow_in_softplus(first):
    assert np.isnan(derivative(first, lambda x: np.log1p(np.exp(x)))(1000.0))
    assert derivative(first, lambda x: np.logaddexp(0, x))(1000.0) == 1.0


@singular
def test_19_logaddexp_of_minus_infinities(first):
    assert np.isnan(derivative(first, lambda x: np.logaddexp(x, x))(-np.inf))


@singular
def test_20_prod_with_zeros(first):
    one_zero = np.array([0.0, 3.0, 2.0])
    np.testing.assert_array_equal(gradient(first, np.prod)(one_zero), [6.0, 0.0, 0.0])
    np.testing.assert_array_equal(gradient(first, np.prod)(np.array([0.0, 0.0, 2.0])), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(mmad.hvp(np.prod)(one_zero, np.array([0.0, 1.0, 0.0])), [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(mmad.hessian(np.prod)(one_zero), [[0, 2, 3], [2, 0, 0], [3, 0, 0]])


@singular
def test_21_std_of_a_constant(first):
    np.testing.assert_array_equal(gradient(first, np.std)(np.ones(3)), [0.0, 0.0, 0.0])


@singular
def test_22_arctan2_at_the_origin(first):
    assert derivative(first, lambda x: np.arctan2(x, 0.0))(0.0) == 0.0


def test_23_clip_at_the_edge(first):
    for edge in (0.0, 1.0):
        assert derivative(first, lambda x: np.clip(x, 0, 1))(edge) == 0.5
    np.testing.assert_array_equal(
        gradient(first, lambda x: np.clip(x, 0.0, 1.0).sum())(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])),
        [0.0, 0.5, 1.0, 0.5, 0.0],
    )


def test_24_repeated_eigenvalue():
    np.testing.assert_allclose(mmad.grad(lambda a: np.linalg.eigh(a)[0].sum())(np.eye(2)), np.eye(2), atol=1e-15)
    np.testing.assert_allclose(mmad.grad(lambda a: np.linalg.eigvalsh(a).sum())(np.eye(2)), np.eye(2), atol=1e-15)
    y, y_dot = mmad.jvp(lambda a: np.linalg.eigh(a)[0].sum(), (np.eye(2),), (np.diag([3.0, 4.0]),))
    assert (y, y_dot) == (2.0, pytest.approx(7.0))
    with pytest.raises(TypeError, match="repeated eigenvalue"):
        mmad.grad(lambda a: np.linalg.eigh(a)[1].sum())(np.eye(2))
    with pytest.raises(TypeError, match="repeated eigenvalue"):
        mmad.jvp(lambda a: np.linalg.eigh(a)[1].sum(), (np.eye(2),), (np.eye(2),))


def test_25_view_aliasing(first):
    def f(x):
        y = x * 1.0
        v = y[:2]
        y[0] *= 2
        return (v**2).sum()

    np.testing.assert_array_equal(gradient(first, f)(np.array([1.0, 2.0, 3.0])), [8.0, 4.0, 0.0])


def test_26_overwriting_a_saved_value(first):
    def f(x):
        y = np.exp(x)
        y += 1
        return y.sum()

    x = np.array([0.3, -1.0, 2.0])
    np.testing.assert_allclose(gradient(first, f)(x), np.exp(x), rtol=1e-15)


def test_27_out_and_the_callers_array(first):
    def with_out(x):
        y = np.empty_like(x)
        np.sin(x, out=y)
        return (y * y).sum()

    def adding_in_place(x):
        x += 1
        return (x * x).sum()

    x = np.array([0.3, -1.0, 2.0])
    np.testing.assert_allclose(gradient(first, with_out)(x), np.sin(2 * x), rtol=1e-15)
    np.testing.assert_allclose(gradient(first, adding_in_place)(x), 2 * (x + 1), rtol=1e-15)
    np.testing.assert_allclose(mmad.hvp(adding_in_place)(x, np.ones(3)), [2.0, 2.0, 2.0], rtol=1e-15)
    mmad.value_and_grad(adding_in_place)(x)
    mmad.vjp(adding_in_place, x)
    np.testing.assert_array_equal(x, [0.3, -1.0, 2.0])


BROADCASTS = {
    "column by row": (lambda x: (x * np.ones(4)).sum(), np.ones((3, 1)), 4.0),
    "scalar by array": (lambda x: (x * np.ones((2, 4))).sum(), 2.0, 8.0),
    "0-d by array": (lambda x: (np.ones(5) - x).sum(), np.array(2.0), -5.0),
    "new leading axes": (lambda x: (np.ones((2, 3, 1)) * x).sum(), np.ones((1, 4)), 6.0),
    "keepdims": (lambda x: (x.sum(axis=1, keepdims=True) * np.ones((3, 5))).sum(), np.ones((3, 2)), 5.0),
    "tuple of axes": (
        lambda x: (x.sum(axis=(0, 2)) * np.arange(2.0)).sum(),
        np.ones((3, 2, 4)),
        [[[0.0], [1.0]]],
    ),
    "negative axes": (lambda x: (x.mean(axis=(-1, -3), keepdims=True) * 12.0).sum(), np.ones((3, 2, 4)), 1.0),
    "both sides": (lambda x: (x * x.reshape(1, 3)).sum(), np.ones((3, 1)), 6.0),
    "inner of three": (lambda x: np.where(np.ones((2, 3, 4)) > 0, x, 0.0).sum(), np.ones((3, 1)), 8.0),
}


@pytest.mark.parametrize("kind", BROADCASTS)
def test_28_broadcast_reduction(first, kind):
    f, x, want = BROADCASTS[kind]
    g = derivative(first, f)(x) if isinstance(x, float) else gradient(first, f)(x)
    assert np.shape(g) == np.shape(x)
    np.testing.assert_allclose(g, np.broadcast_to(want, np.shape(x)), rtol=1e-15)


def test_29_repeated_fancy_index(first):
    np.testing.assert_array_equal(gradient(first, lambda x: x[[0, 0, 1]].sum())(np.ones(3)), [2.0, 1.0, 0.0])

    def add_at(x):
        y = np.zeros_like(x)
        np.add.at(y, [0, 0, 1], x)
        return (y * [1.0, 10.0, 100.0]).sum()

    np.testing.assert_array_equal(gradient(first, add_at)(np.ones(3)), [1.0, 1.0, 10.0])


def test_30_duplicate_index_on_write(first):
    def f(x):
        y = np.zeros_like(x)
        y[[0, 0]] = x
        return y.sum()

    np.testing.assert_array_equal(gradient(first, f)(np.array([5.0, 7.0])), [0.0, 1.0])


@pytest.mark.parametrize("x", [3, np.int64(3), np.array([1, 2]), True, np.array([True])])
def test_31_integer_input(x):
    def f(weight):
        return np.sum(weight * weight)

    with pytest.raises(TypeError, match=r"argument 0|weight"):
        mmad.grad(f)(x)
    with pytest.raises(TypeError, match=r"argument 1|weight"):
        mmad.grad(lambda a, weight: f(weight) * a, argnums=1)(2.0, x)
    with pytest.raises(TypeError, match="key"):
        mmad.grad(lambda tree: f(tree["key"]) * tree["other"])({"other": 2.0, "key": x})


def test_32_boolean_and_integer_intermediates(first):
    assert derivative(first, lambda x: (x > 0) * x)(2.0) == 1.0
    x = np.array([1.7, -2.6, 0.0])
    np.testing.assert_array_equal(gradient(first, lambda x: x.astype(int).sum() * 1.0)(x), np.zeros(3))
    np.testing.assert_array_equal(gradient(first, lambda x: (x.astype(int) * x).sum())(x), [1.0, -2.0, 0.0])
    np.testing.assert_array_equal(gradient(first, lambda x: ((x > 0) * x).sum())(x), [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(
        gradient(first, lambda x: (np.rint(x) + np.floor(x) + np.sign(x)).sum())(x), [0, 0, 0]
    )


INTEGER_OPERANDS = {
    "x / k": (lambda x, k: x / k, lambda x, k: 1 / k),
    "k / x": (lambda x, k: k / x, lambda x, k: -k / x**2),
    "x * k": (lambda x, k: x * k, lambda x, k: 0 * x + k),
    "k - x": (lambda x, k: k - x, lambda x, k: 0 * (x + k) - 1.0),
    "x ** k": (lambda x, k: x**k, lambda x, k: k * x ** (k - 1.0)),
    "k ** x": (lambda x, k: k**x, lambda x, k: k**x * np.log(k)),
    "x % k": (lambda x, k: x % k, lambda x, k: 0 * (x + k) + 1.0),
    "arctan2": (np.arctan2, lambda x, k: k / (x * x + k * k)),
    "hypot": (np.hypot, lambda x, k: x / np.hypot(x, k)),
}


@pytest.mark.parametrize("k", [2, np.int64(2), np.array([2, 3, 5])], ids=["int", "int64", "array"])
@pytest.mark.parametrize("name", INTEGER_OPERANDS)
def test_32_integer_operands(first, name, k):
    """The partial derivatives are floating-point whatever the other operand is: 1 / k is not 1 // k."""
    f, partial = INTEGER_OPERANDS[name]
    x = np.array([1.3, 0.7, 2.2])
    np.testing.assert_allclose(gradient(first, lambda x: f(x, k).sum())(x), partial(x, k), rtol=1e-14)
    want = np.sum(partial(1.3, k))
    np.testing.assert_allclose(derivative(first, lambda x: np.sum(f(x, k)))(1.3), want, rtol=1e-14)
    h = 1e-5
    second = np.sum(partial(1.3 + h, k) - partial(1.3 - h, k)) / (2 * h)
    for outer in ("fwd", "rev"):
        got = derivative(outer, derivative(first, lambda x: np.sum(f(x, k))))(1.3)
        np.testing.assert_allclose(got, second, rtol=1e-7, atol=1e-9)


def test_33_complex():
    def f(z):
        return abs(z) ** 2

    z = 1 + 2j
    assert mmad.grad(f)(z) == 2 + 4j
    assert mmad.jvp(f, (z,), (1 + 0j,))[1] == 2.0
    assert mmad.jvp(f, (z,), (0 + 1j,))[1] == 4.0
    np.testing.assert_allclose(mmad.grad(lambda z: (np.abs(z) ** 2).sum())(np.array([z, -z])), [2 + 4j, -2 - 4j])


def test_39_the_same_array_twice():
    x = np.array(3.0)
    a, b = mmad.grad(lambda a, b: a * b, (0, 1))(x, x)
    assert (float(a), float(b)) == (3.0, 3.0)
    y = np.array([1.0, 2.0])
    for got in mmad.grad(lambda a, b: (a * b).sum(), (0, 1))(y, y):
        np.testing.assert_array_equal(got, y)
    assert mmad.jvp(lambda a, b: a * b, (x, x), (1.0, 0.0))[1] == 3.0


@pytest.mark.parametrize("name", ["jacfwd", "jacrev", "jacobian"])
def test_40_degenerate_outputs(name):
    jacobian = getattr(mmad, name)
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(jacobian(lambda x: x)(x), np.eye(3))
    np.testing.assert_array_equal(jacobian(lambda x: np.ones(2))(x), np.zeros((2, 3)))
    np.testing.assert_array_equal(jacobian(lambda x: 3.0)(x), np.zeros(3))

    def doubled(x):
        y = x * x
        return np.concatenate([y, y])

    np.testing.assert_array_equal(jacobian(doubled)(x), np.concatenate([np.diag(2 * x)] * 2))


def test_40_degenerate_outputs_of_vjp_and_grad():
    assert mmad.grad(lambda x: x)(2.0) == 1.0
    assert mmad.grad(lambda x: 3.0)(2.0) == 0.0
    assert mmad.jvp(lambda x: 3.0, (2.0,), (1.0,)) == (3.0, 0.0)
    (y, same), pullback = mmad.vjp(lambda x: (x * x, x * x), 3.0)
    assert (y, same) == (9.0, 9.0)
    assert pullback((1.0, 10.0)) == (66.0,)

    def twice(x):
        y = x * x
        return y, y, x

    assert mmad.vjp(twice, 3.0)[1]((1.0, 10.0, 100.0)) == (166.0,)


def test_41_zero_size_and_0_d(first):
    def f(x):
        return (x**2).sum()

    assert gradient(first, f)(np.zeros((0, 3))).shape == (0, 3)
    assert mmad.hvp(f)(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    for x in (3.0, np.float64(3.0), np.array(3.0)):
        g = derivative(first, lambda x: x * x)(x)
        assert np.shape(g) == ()
        assert g == 6.0
        if not isinstance(x, np.ndarray):
            assert isinstance(g, float)


def unaligned(x):
    """The same numbers one byte off the alignment."""
    room = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    room[...] = x
    assert not room.flags.aligned
    return room


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "reversed": lambda x: x[::-1, ::-1],
    "Fortran": np.asfortranarray,
    "transposed": lambda x: x.T.copy().T,
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
    "broadcast": lambda x: np.broadcast_to(x[0], x.shape),
    "unaligned": unaligned,
    "read-only": read_only,
    "big-endian": lambda x: x.astype(">f8"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_42_odd_strides(first, layout):
    def f(x):
        y = x @ x.T
        z = np.sin(x) * x[0] + x.reshape(-1)[3]
        z[1] *= x[0]
        return y.trace() + (z * z).sum() + x.ravel()[-1] ** 3

    x = LAYOUTS[layout](np.random.default_rng(0).normal(size=(3, 4)))
    plain = np.array(x, dtype=float, order="C")
    before = plain.copy()
    np.testing.assert_allclose(f(x), f(plain), rtol=1e-14)
    np.testing.assert_allclose(gradient(first, f)(x), gradient(first, f)(plain), rtol=1e-13)
    v = np.ones((3, 4))
    np.testing.assert_allclose(mmad.hvp(f)(x, v), mmad.hvp(f)(plain, v), rtol=1e-12)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("x", [np.float32(3.0), np.array([3.0, 4.0], np.float32)], ids=["scalar", "array"])
@pytest.mark.parametrize("factor", [2.0, 2, np.float32(2.0), np.float64(2.0)], ids=["float", "int", "f32", "f64"])
def test_43_float32_and_nep_50(x, factor):
    def f(x):
        return np.sum(x * factor)

    value, g = mmad.value_and_grad(f)(x)
    assert np.asarray(g).dtype == np.float32
    assert (
        np.asarray(value).dtype
        == np.asarray(f(x)).dtype
        == (np.float64 if isinstance(factor, np.float64) else np.float32)
    )
    np.testing.assert_array_equal(g, np.full(np.shape(x), 2.0))
    y, y_dot = mmad.jvp(f, (x,), (x,))
    assert np.asarray(y).dtype == np.asarray(y_dot).dtype == np.asarray(f(x)).dtype
    assert np.asarray(mmad.hvp(lambda x: f(x) ** 2)(x, x)).dtype == np.float32


@singular
def test_44_nan_isolation(first):
    mask = np.array([True, False, False, True])
    x = np.array([1.0, 7.0, 2.0, 3.0])  # log(2 - 5) is the NaN lane
    g = gradient(first, lambda x: np.where(mask, x, np.log(x - 5)).sum())(x)
    np.testing.assert_array_equal(np.delete(g, 2), [1.0, 0.5, 1.0])
    quiet = gradient(first, lambda x: np.where(x < 5, x, np.log(x - 5)).sum())(x)
    np.testing.assert_array_equal(quiet, [1.0, 0.5, 1.0, 1.0])
    nan_input = gradient(first, lambda x: np.where(np.isnan(x), 0.0, x * x).sum())(np.array([1.0, np.nan]))
    np.testing.assert_array_equal(nan_input, [2.0, 0.0])


@singular
def test_45_signed_zero_and_subnormal(first):
    assert derivative(first, lambda x: 1 / x)(-0.0) == -np.inf
    slope = derivative(first, np.sqrt)(5e-324)
    assert np.isfinite(slope)
    assert slope == 0.5 / np.sqrt(5e-324)


def chain(n, factor):
    def f(x):
        for _ in range(n):
            x = x * factor
        return x

    return f


def test_46_long_chain(first):
    n, factor = 10**6, 1.0 + 1e-7
    np.testing.assert_allclose(derivative(first, chain(n, factor))(1.0), np.exp(n * np.log1p(1e-7)), rtol=1e-9)


def test_46_long_chain_to_second_order():
    def f(x):
        y = x
        for _ in range(2 * 10**5):
            y = y * x
        return y

    n, x = 2 * 10**5 + 1, 1.0 + 1e-6
    np.testing.assert_allclose(mmad.hvp(f)(x, 1.0), n * (n - 1.0) * x ** (n - 2), rtol=1e-9)


def test_46_long_chain_on_a_small_stack():
    code = """
import gc, threading, numpy as np, mmad
def f(x):
    for _ in range(10**7):
        x = x * 1.0000001
    return x
def run():
    y, pullback = mmad.vjp(f, 1.0)
    (g,) = pullback(1.0)
    del pullback
    gc.collect()
    print(repr(float(g)), repr(float(y)))
threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    process = python(code)
    assert process.returncode == 0, process.stderr
    g, y = map(float, process.stdout.split())
    np.testing.assert_allclose([g, y], np.exp(1e7 * np.log1p(1e-7)), rtol=1e-8)


def test_47_deep_recursion_and_nesting(first):
    def f(x, depth):
        return x if depth == 0 else f(x * 1.001, depth - 1)

    with ThreadPoolExecutor(1) as fresh_stack:  # pytest's own frames do not count there
        got = fresh_stack.submit(lambda: derivative(first, lambda x: f(x, 900))(1.0)).result()
    np.testing.assert_allclose(got, 1.001**900, rtol=1e-12)
    g = np.exp
    for _ in range(6):
        g = derivative(first, g)
    assert g(1.0) == np.exp(1.0)


def test_48_exception_in_the_middle_of_a_trace(first):
    def raises(x):
        y = x * x
        raise RuntimeError("unlucky")
        return y

    def raises_inside(x):
        return derivative(first, lambda y: raises(x * y))(2.0)

    for f in (raises, raises_inside):
        with pytest.raises(RuntimeError, match="unlucky"):
            derivative(first, f)(3.0)
        assert derivative(first, lambda x: x * x)(3.0) == 6.0
        assert derivative("rev", derivative(first, lambda x: x * x * x))(3.0) == 18.0


def test_49_exhausted_generator(first):
    def make():
        source = iter([2.0])
        return lambda x: x * x * next(source)

    plain, traced = make(), make()
    assert plain(3.0) == 18.0
    assert derivative(first, traced)(3.0) == 12.0
    with pytest.raises(StopIteration):
        plain(3.0)
    with pytest.raises(StopIteration):
        derivative(first, traced)(3.0)
    assert derivative(first, lambda x: x * x)(3.0) == 6.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_51_nested_derivatives_in_threads(outer, inner):
    def f(x):
        return x * derivative(inner, lambda y: np.sin(x * y) * y)(2.0)

    g = derivative(outer, f)
    points = np.linspace(0.1, 2.0, 8)
    want = [g(x) for x in points]
    barrier, interval = threading.Barrier(8), sys.getswitchinterval()

    def work(x):
        barrier.wait()
        return {float(g(x)) for _ in range(100)}

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(work, points))
    finally:
        sys.setswitchinterval(interval)
    assert got == [{float(value)} for value in want]


SWEEP = """
import signal, sys, time, numpy as np, mmad
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may have it ignored
a = np.eye(1000) * 0.999
def f(x):
    for _ in range(4000):
        x = a @ x
    return x.sum()
y, pullback = mmad.vjp(f, np.ones(1000))
start = time.monotonic()
(g,) = pullback(1.0)
try:
    print(time.monotonic() - start, flush=True)
    while True:
        (g,) = pullback(1.0)
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
(g,) = mmad.vjp(lambda x: x * x, 3.0)[1](1.0)
print(float(g), flush=True)
"""


def test_52_ctrl_c_in_a_sweep():
    """A long eager sweep ends soon after SIGINT, not when it is through, and the next derivative is right."""
    command, environment = interpreter(SWEEP)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            whole = float(child.stdout.readline())  # seconds for one sweep
            time.sleep(0.1 * whole)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert float(child.stdout.readline()) - sent < 0.5 * whole
            assert child.stdout.readline() == "6.0\n"
        finally:
            child.kill()


MEMORY = """
import gc, resource, sys, numpy as np, mmad
mmad.grad(lambda x: x * x)(3.0)
limit = 512 << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
steps = 0
def scalar(x):
    global steps
    for steps in range(10**8):
        x = x * 1.0000001
    return x
def array(x):
    global steps
    for steps in range(10**5):
        x = np.sin(x)
    return x.sum()
reached = []
for _ in range(3):
    try:
        mmad.grad(scalar)(1.0) if sys.argv[1] == "scalar" else mmad.grad(array)(np.ones(10**5))
    except MemoryError:
        reached.append(steps)
    gc.collect()
print(len(reached), min(reached) / max(reached))
print(mmad.grad(lambda x: x * x)(3.0), mmad.grad(np.sum)(np.ones(3)).sum())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is honoured on Linux only")
@pytest.mark.parametrize("kind", ["scalar", "array"])
def test_53_memory_exhaustion(kind):
    """Three MemoryErrors in a row, each after as many steps as the first: nothing was kept."""
    process = python(MEMORY, kind, timeout=200)
    assert process.returncode == 0, process.stderr
    count, ratio, six, three = map(float, process.stdout.split())
    assert (count, six, three) == (3.0, 6.0, 3.0)
    assert ratio > 0.9


def test_55_derivative_inside_a_custom_rule():
    @mmad.custom_vjp
    def f(x):
        return np.sin(x)

    def forward(x):
        return np.sin(x), (x, mmad.grad(np.sin)(x))

    def backward(residual, y_bar):
        x, slope = residual
        assert mmad.grad(lambda t: t * t)(3.0) == 6.0
        return (y_bar * mmad.grad(np.sin)(x) * 0.5 + y_bar * slope * 0.5,)

    f.defvjp(forward, backward)
    np.testing.assert_allclose(mmad.grad(lambda x: f(x) * x)(0.7), np.cos(0.7) * 0.7 + np.sin(0.7), rtol=1e-14)


def test_55_derivative_inside_a_custom_jvp_rule(first):
    @mmad.custom_jvp
    def f(x):
        return np.sin(x)

    @f.defjvp
    def rule(primals, tangents):
        (x,), (x_dot,) = primals, tangents
        return f(x), mmad.grad(np.sin)(x) * x_dot

    np.testing.assert_allclose(derivative(first, lambda x: f(x) * x)(0.7), np.cos(0.7) * 0.7 + np.sin(0.7), rtol=1e-14)


def test_55_derivative_inside_a_finaliser(first):
    seen = []

    class Noisy:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            seen.append(derivative(first, lambda x: x * x * x)(2.0))

    def f(x):
        for _ in range(5):
            Noisy()
            x = x * 1.5
            gc.collect()
        return x * x

    np.testing.assert_allclose(derivative(first, f)(1.0), 2 * 1.5**10, rtol=1e-14)
    assert seen == [12.0] * 5


@pytest.mark.parametrize("use", [lambda t: t * 2, lambda t: np.sin(t), lambda t: mmad.grad(lambda x: x * t)(1.0)])
@pytest.mark.parametrize("kind", ["scalar", "array"])
def test_56_leaked_traced_value(kind, use):
    kept = []

    def leaky_model(x):
        y = x * x
        kept.append(y)
        return np.sum(y)

    mmad.grad(leaky_model)(3.0 if kind == "scalar" else np.ones(3))
    with pytest.raises(Exception, match="leaky_model") as caught:
        use(kept[0])
    assert not isinstance(caught.value, AssertionError)
    assert mmad.grad(lambda x: x * x)(3.0) == 6.0


def stored(x):
    buffer = np.zeros(2)
    buffer[0] = x
    return buffer.sum()


DETACHMENTS = {
    "float": (lambda x: float(x) * x, r"float"),
    "math": (lambda x: math.sin(x), r"np\.|numpy"),
    "float array": (stored, r"zeros_like|like=|mmad\.numpy"),
    "unsupported function": (lambda x: np.packbits(np.diag([1.0, 2.0]) * x)[0].sum(), r"packbits"),
    "unsupported ufunc": (lambda x: np.bitwise_count(x), r"bitwise_count"),
    "asarray of floats": (lambda x: np.asarray(x, dtype=float).sum(), r"(?i)mmad|traced"),
}


@pytest.mark.parametrize("kind", DETACHMENTS)
def test_57_silent_detachment(first, kind):
    f, hint = DETACHMENTS[kind]
    with pytest.raises(TypeError, match=hint):
        derivative(first, f)(0.5)
