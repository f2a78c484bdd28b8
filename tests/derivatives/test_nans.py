"""`debug_nans`: the operation, the line, the sweep and the element that gave NaN first."""

import threading

import numpy as np
import pytest

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

X = np.array([2.0, 0.5, 3.0])
ZERO = np.array([1.0, 0.0, 2.0])


def invalid(x):
    y = x - 1
    z = np.sqrt(y)  # the line of the value
    return np.sum(z * x)


def lost(x):
    n = np.cbrt(x)  # the line of the infinite slope
    return np.sum(n**3)  # that of the zero


def kinked(x):
    return np.sum(np.abs(x))  # no second derivative


def line_of(text):
    with open(__file__, encoding="utf-8") as file:
        return next(k for k, line in enumerate(file, 1) if f"# {text}" in line)


VALUE, SLOPE, FLAT, KINK = map(
    line_of, ("the line of the value", "the line of the infinite slope", "that of the zero", "no second derivative")
)


def found_in(derive, *, decorate=False):
    """The error, and what it names."""

    def run():
        with mmad.debug_nans():
            derive()

    with pytest.raises(mmad.NanError) as raised:
        (mmad.debug_nans()(derive) if decorate else run)()
    e = raised.value
    assert isinstance(e, FloatingPointError)
    return e


@pytest.mark.parametrize(
    "derive",
    [
        lambda: mmad.grad(invalid)(X),
        lambda: mmad.value_and_grad(invalid)(X),
        lambda: mmad.jvp(invalid, (X,), (X,)),
        lambda: mmad.vjp(invalid, X)[1](1.0),
        lambda: mmad.linearize(invalid, X)[1](X),
        lambda: mmad.hvp(invalid)(X, X),
        lambda: mmad.hessian(invalid)(X),
        lambda: mmad.jacfwd(invalid)(X),
        lambda: mmad.jacrev(invalid)(X),
        lambda: mmad.grad(invalid, evaluations=1000)(X),
        lambda: mmad.hessian(invalid, sparse=True)(X),
        lambda: mmad.compile(invalid)(X),
        lambda: mmad.compile(mmad.grad(invalid))(X),
        lambda: mmad.vmap(mmad.grad(invalid))(np.stack([X + 1, X])),
        lambda: mmad.grad(lambda x: mmad.grad(invalid)(x).sum())(X),
        lambda: mmad.grad(mmad.checkpoint(lambda x: invalid(x)))(X),
    ],
)
def test_value_of_the_function(derive):
    e = found_in(derive)
    if "checkpoint" in str(e):  # whose body is not recorded
        assert e.operation.startswith("checkpoint")
        return
    assert (e.operation, e.file, e.line, e.sweep, e.index) == ("sqrt", __file__, VALUE, "function", (1,))
    assert "sqrt(-0.5), element 1 of float64[3]" in str(e)
    assert f"test_nans.py:{VALUE}: z = np.sqrt(y)" in str(e)


@pytest.mark.parametrize(
    ("derive", "operation", "line", "sweep"),
    [
        (lambda: mmad.grad(lost)(ZERO), "cbrt", SLOPE, "reverse"),
        (lambda: mmad.compile(mmad.grad(lost))(ZERO), "cbrt", SLOPE, "reverse"),
        (lambda: mmad.jvp(lost, (ZERO,), (ZERO + 1,)), "power", FLAT, "forward"),
        (lambda: mmad.hessian(kinked)(ZERO), "absolute", KINK, "forward over reverse"),
        (
            lambda: mmad.grad(lambda x: mmad.jvp(kinked, (x,), (x + 1,))[1])(ZERO),
            "absolute",
            KINK,
            "reverse over forward",
        ),
    ],
)
def test_sweeps(derive, operation, line, sweep):
    e = found_in(derive)
    assert (e.operation, e.file, e.line, e.sweep, e.index) == (operation, __file__, line, sweep, (1,))
    assert f"the derivative of {operation}" in str(e)


def test_numbers_and_loops():
    def f(x):
        total = 0.0
        for v in x:
            total = total + np.sqrt(v**2)
        return total

    e = found_in(lambda: mmad.grad(f)(ZERO))
    assert (e.operation, e.sweep, e.index) == ("square", "reverse", ())
    e = found_in(lambda: mmad.grad(np.log)(-1.0))
    assert (e.operation, e.sweep, e.index) == ("log", "function", ())


def test_arrays_that_are_written_to():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        y[1:] = np.log(x[1:] - 1)  # written
        return (y * y).sum()

    e = found_in(lambda: mmad.grad(f)(X))
    assert (e.operation, e.sweep, e.line) == ("log", "function", line_of("written"))


def test_rules_of_the_users_own():
    half = mmad.primitive(lambda x: x / 2, vjp=lambda bar, y, x: (bar * np.sqrt(x - 1),))  # the rule
    e = found_in(lambda: mmad.grad(lambda x: half(x))(0.5))
    assert (e.sweep, e.line) == ("reverse", line_of("the rule"))


def test_arguments_and_constants():
    e = found_in(lambda: mmad.grad(invalid)(np.array([2.0, 3.0, np.nan])))
    assert (e.operation, e.sweep, e.index) == ("input", "argument", (2,))
    table = np.array([1.0, np.nan])
    e = found_in(lambda: mmad.grad(lambda x: np.sum(x * table))(np.ones(2)))
    assert (e.operation, e.sweep, e.index) == ("multiply", "function", (1,))


def test_nan_that_does_not_reach_the_result():
    def f(x):
        return np.sum(np.where(x > 1, np.sqrt(x - 1), 0.0))

    with mmad.debug_nans():
        found = mmad.grad(f)(X), mmad.jvp(f, (X,), (X,))[1], mmad.compile(mmad.grad(f))(X)
    exact = np.array([0.5, 0.0, 0.5 / np.sqrt(2.0)])
    np.testing.assert_allclose(found[0], exact)
    np.testing.assert_allclose(found[1], exact @ X)
    np.testing.assert_allclose(found[2], exact)


def test_where_it_looks():
    """In the context only; not where it is switched off; in one thread; as a decorator."""
    nan = mmad.grad(invalid)(X)
    assert np.isnan(nan[1])
    compiled = mmad.compile(mmad.grad(invalid))
    compiled(X)
    with mmad.debug_nans():
        with mmad.debug_nans(False):
            mmad.grad(invalid)(X)
            compiled(X)
        others = []
        thread = threading.Thread(target=lambda: others.append(mmad.grad(invalid)(X)))
        thread.start()
        thread.join()
        assert len(others) == 1
        with pytest.raises(mmad.NanError):
            compiled(X)
    before = compiled.stats()["replays"]
    compiled(X)
    assert compiled.stats()["replays"] == before + 1
    assert found_in(lambda: mmad.grad(invalid)(X), decorate=True).operation == "sqrt"


def test_the_context_is_left_after_an_error():
    with pytest.raises(ZeroDivisionError), mmad.debug_nans():
        raise ZeroDivisionError
    mmad.grad(invalid)(X)


def test_origins_of_a_tape():
    tape = mmad.record(mmad.grad(invalid), X + 1, lines=True)
    by_name = {i.name: tape.origin_of(i.id) for i in tape}
    assert (by_name["sqrt"].line, by_name["sqrt"].sweeps) == (VALUE, ())
    assert (by_name["divide"].line, by_name["divide"].sweeps) == (VALUE, ("reverse",))
    assert mmad.record(invalid, X).origin_of(1).file is None
