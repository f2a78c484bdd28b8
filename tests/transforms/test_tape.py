"""`record`: evaluation elsewhere, guards, captured arrays, structures, printing."""

import pickle

import numpy as np
import pytest
import reference

import mmad

X = np.array([0.4, -1.2, 2.0])


def both(tape, *args):
    """The tape's value, which the reference interpreter has to give as well."""
    mmad.validate(tape)
    got = tape(*args)
    want = reference.run(tape, list(args))
    if not isinstance(got, tuple):
        got = (got,)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-14)
        assert np.shape(g) == np.shape(w)
    return got[0] if len(got) == 1 else got


def test_evaluates_elsewhere():
    tape = mmad.record(lambda x, y: (np.sin(x) * y).sum(), X, 2.0)
    assert both(tape, X, 2.0) == (np.sin(X) * 2.0).sum()
    assert both(tape, 2 * X, -1.0) == (-np.sin(2 * X)).sum()


def test_result_does_not_share_memory():
    tape = mmad.record(lambda x: (x, np.ones(3), x[:2]), X)
    x = X.copy()
    y, ones, part = tape(x)
    assert not any(np.may_share_memory(a, b) for a in (y, ones, part) for b in (x, X))
    y[:], ones[:], part[:] = 7.0, 7.0, 7.0
    np.testing.assert_array_equal(tape(x)[1], np.ones(3))
    np.testing.assert_array_equal(x, X)


def test_arguments_that_the_function_writes_into_are_left_alone():
    def f(x):
        x[1:] *= 2.0
        x[0] = x[1] * x[2]
        return x

    tape = mmad.record(f, X)
    x = 0.5 * X
    np.testing.assert_array_equal(both(tape, x), f(x.copy()))
    np.testing.assert_array_equal(x, 0.5 * X)


def test_structures_and_dtypes_are_kept():
    def f(p, unused, name):
        return {"a": p["w"] * 2, "b": (p["c"], 1.5, None), "name": name, "whole": p["w"].argmax()}

    arguments = {"w": X.astype(np.float32), "c": 1.5}, None, "label"
    out = mmad.record(f, *arguments)(*arguments)
    assert out["a"].dtype == np.float32
    assert out["b"] == (1.5, 1.5, None)
    assert out["name"] == "label"
    assert out["whole"] == 2
    assert isinstance(out["b"][0], float)


def test_weak_and_strong_scalars_promote_as_in_numpy():
    x = np.ones(2, np.float32)

    def f(s, x):
        return s * x

    assert mmad.record(f, 2.0, x)(3.0, x).dtype == f(3.0, x).dtype == np.float32
    s = np.float64(2.0)
    assert mmad.record(f, s, x)(s, x).dtype == f(s, x).dtype == np.float64


@pytest.mark.parametrize(
    "arguments", [(X[:2],), (X.astype(np.float32),), (X, 1.0), (), ([X],), (1.0,), (X.astype(complex),)]
)
def test_other_shapes_dtypes_and_structures_are_refused(arguments):
    tape = mmad.record(np.sin, X)
    with pytest.raises((TypeError, ValueError), match="sin"):
        tape(*arguments)


def test_static_arguments_are_part_of_the_recording():
    tape = mmad.record(lambda x, name: x * len(name), 2.0, "abc")
    assert tape(3.0, "abc") == 9.0
    with pytest.raises(ValueError, match="'abc'"):
        tape(3.0, "abcd")


def test_integer_arguments_are_an_error():
    with pytest.raises(TypeError, match="argument 0 is the int 3"):
        mmad.record(lambda x: x * x, 3)


# ------------------------------------------------------------------------------------------------ guards
def branch(x):
    return x * x if x > 0 else -x


def chained(x):
    return np.sin(x) if 0 < x < 3 and x != 1.0 else x * 5.0


def convergence(x):
    n = 0
    while abs(x) > 0.1:
        x, n = 0.5 * x, n + 1
    return x * n


def whole_part(x):
    return x * int(x) + round(x) + x**2


def any_of(x):
    y = np.array([1.0, -1.0]) * x
    return y.sum() + y[0] if np.any(y > 2.0) else y[1]


def all_of(x):
    y = np.array([1.0, 2.0]) * x
    return y[1] if (y > 0).all() else y[0]


def largest(x):
    y = np.array([1.0, -1.0, 0.5]) * x
    return y[np.argmax(y)] * 2.0


def truth_of_a_number(x):
    return 1.0 / x if x else x + 1.0


def truth_of_an_array(x):
    y = np.array([1.0]) * x
    return 1.0 / x if y else x + 1.0


def masked(x):
    y = np.array([1.0, -1.0, 0.5]) * x
    return y[y > 0].sum()


def masked_write(x):
    y = np.array([1.0, -1.0, 0.5]) * x
    y[y < 0] = 0.25
    return y.sum()


def looked_at(x):
    return x * mmad.concrete(x)


def counted(x):
    y = np.array([1.0, -1.0, 0.5]) * x
    return x * range(10)[np.count_nonzero(y > 0.4)]


def string(x):
    return {True: x, False: -x}[bool(x > 1)]


def through_comparisons(x):
    return sorted([x, 0.5 * x * x, np.cos(x)])[1]


GUARDED = [
    branch,
    chained,
    convergence,
    whole_part,
    any_of,
    all_of,
    largest,
    truth_of_a_number,
    truth_of_an_array,
    masked,
    masked_write,
    looked_at,
    counted,
    string,
    through_comparisons,
]


@pytest.mark.parametrize("f", GUARDED)
@pytest.mark.parametrize("transform", ["evaluate", "pullback"])
def test_a_replay_is_right_or_refused(f, transform):
    points = (-2.6, -1.0, -0.3, 0.0, 0.05, 0.7, 1.0, 1.5, 2.6, 5.1)
    served = refused = 0
    for at in points:
        tape = mmad.record(f, at)
        mmad.validate(tape)
        if transform == "pullback":
            tape = tape.pullback()
            mmad.validate(tape)
        for x in points:
            try:
                if transform == "evaluate":
                    got, want = tape(x), f(x)
                else:
                    (got,), want = tape(x, 1.0), mmad.grad(f)(x)
            except mmad.GuardError:
                refused += 1
                assert x != at
                continue
            served += 1
            np.testing.assert_allclose(got, want, rtol=1e-14, err_msg=f"recorded at {at}, evaluated at {x}")
    assert served >= len(points)
    assert refused > 0


def test_a_guard_says_what_was_assumed():
    tape = mmad.record(branch, 2.0)
    with pytest.raises(mmad.GuardError, match=r"greater\(input 0, 0.0\) is True.*it is False.*record"):
        tape(-2.0)
    assert issubclass(mmad.GuardError, mmad.TraceError)


def test_selections_need_no_guard():
    def f(x):
        y = np.where(x > 0, x, -x) + np.maximum(x, 1.0) + (x > 1) * x
        z = np.where(~(x > 0) | (x > 1), 1.0, x)
        return (y * z * np.sign(x)).sum() + (x > 0).sum() * x[0] + np.clip(x, 0, 1).mean() + np.abs(x).max()

    tape = mmad.record(f, X)
    assert not any(i.name == "guard" for i in tape)
    for x in (X, -X, X[::-1].copy(), 3 * X):
        np.testing.assert_allclose(both(tape, x), f(x), rtol=1e-14)


def test_truth_values_are_arrays_of_truth_values():
    def f(x):
        m = x > 0
        m[0] = True
        m &= x < 3
        return np.where(m, x, 0.0).sum() + m.sum()

    tape = mmad.record(f, X)
    for x in (X, -X, 3 * X):
        np.testing.assert_allclose(both(tape, x), f(x))


def test_a_ufunc_where_a_traced_mask_says():
    def f(x):
        return np.log(x, where=x > 0, out=np.zeros_like(x)).sum()

    tape = mmad.record(f, X)
    np.testing.assert_allclose(both(tape, 2 * X), f(2 * X), rtol=1e-14)


def test_comparing_whole_arrays_guards_the_answer_only():
    def f(x):
        return x.sum() if np.allclose(x, X) else x.prod()

    tape = mmad.record(f, -X)
    np.testing.assert_allclose(both(tape, 3 * X), f(3 * X), rtol=1e-14)
    with pytest.raises(mmad.GuardError):
        tape(X)


# ------------------------------------------------------------------------------------------------ captures
def test_small_captured_arrays_are_copied():
    c = np.array([1.0, 2.0, 3.0])
    tape = mmad.record(lambda x: x * c, X)
    c[:] = 0.0
    np.testing.assert_array_equal(tape(X), X * [1.0, 2.0, 3.0])


def test_large_captured_arrays_are_checked():
    c = np.ones(100_000)
    tape = mmad.record(lambda x: (x[0] * c).sum(), X)
    assert tape(X) == pytest.approx(X[0] * 1e5)
    c[0] = 2.0
    with pytest.raises(mmad.TraceError, match="changed in place"):
        tape(X)


# ------------------------------------------------------------------------------------------------ as a function
def test_a_tape_is_a_function_like_any_other():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = np.sin(x[i]) if x[i] > 0 else x[i] ** 2
        return (y * x).sum()

    tape = mmad.record(f, X)
    v = np.array([1.0, -0.5, 0.3])
    np.testing.assert_allclose(mmad.grad(tape)(X), mmad.grad(f)(X), rtol=1e-14)
    np.testing.assert_allclose(mmad.jvp(tape, (X,), (v,))[1], mmad.jvp(f, (X,), (v,))[1], rtol=1e-14)
    np.testing.assert_allclose(mmad.hvp(tape)(X, v), mmad.hvp(f)(X, v), rtol=1e-13)
    np.testing.assert_allclose(mmad.hessian(tape)(X), mmad.hessian(f)(X), rtol=1e-13, atol=1e-15)
    again = mmad.record(tape, X)
    np.testing.assert_allclose(again(1.1 * X), f(1.1 * X), rtol=1e-14)
    assert len(again) == len(tape)


def test_recording_again_keeps_the_guards():
    again = mmad.record(mmad.record(branch, 2.0), 2.0)
    with pytest.raises(mmad.GuardError):
        again(-2.0)


def test_record_inside_a_derivative():
    def f(x):
        return mmad.record(lambda y: y * y * y, 1.0)(x) * x

    assert mmad.grad(f)(2.0) == 32.0


def test_traced_values_of_a_derivative_outside_are_refused():
    with pytest.raises(mmad.TraceError):
        mmad.grad(lambda x: mmad.record(lambda y: y * x, 1.0)(x))(2.0)


def test_derivatives_inside_are_recorded():
    tape = mmad.record(lambda x: mmad.grad(lambda y: np.sin(y) * x)(x) + mmad.jvp(np.cos, (x,), (x,))[1], 0.3)
    x = 1.1
    assert both(tape, x) == pytest.approx(x * np.cos(x) - x * np.sin(x), rel=1e-14)


def test_an_exception_leaves_nothing_behind():
    def f(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mmad.record(f, 1.0)
    assert mmad.grad(lambda x: x * x)(3.0) == 6.0


# ------------------------------------------------------------------------------------------------ reading it
def test_printing():
    def f(x, s):
        y = np.zeros_like(x)
        y[0] = s * 2.0
        y[1:] = np.sin(x[1:])
        return y if s > 0 else x

    text = str(mmad.record(f, X, 1.5))
    lines = text.splitlines()
    assert lines[0].startswith("record of f (test_tape.py")
    assert ": 2 inputs, 13 instructions" in lines[0]
    assert lines[1].split() == ["%0", "=", "input", ":", "float64[3]"]
    assert lines[2].split() == ["%1", "=", "input", ":", "float"]
    for part in (
        "multiply %1, %3",
        "store %2[0] <- %4",
        "window %0 offset=1",
        "sin %6",
        "put %5, %7",
        "guard %11 is True",
    ):
        assert part in text, part
    assert lines[-1].split() == ["return", "%9"]
    assert len(lines) == 15


def test_instructions_are_records():
    tape = mmad.record(lambda x: np.sum(x * 2.0), X)
    assert len(tape) == 3
    assert [i.name for i in tape] == ["input", "multiply", "sum"]
    product = tape[1]
    assert (product.id, product.operands, product.shape, product.dtype) == (1, (0, -1), (3,), np.float64)
    assert product.constants[1] == 2.0
    assert tape[2].params == {"axis": (0,), "keepdims": False}


def test_tapes_are_not_pickled_by_accident():
    with pytest.raises(TypeError, match="record the function again"):
        pickle.dumps(mmad.record(np.sin, 1.0))


def test_debug_mode_validates(monkeypatch):
    calls = []
    monkeypatch.setenv("MMAD_DEBUG", "1")
    monkeypatch.setattr("mmad.transforms.closing.validate", calls.append)
    tape = mmad.record(np.sin, 1.0)
    tape.pullback()
    assert len(calls) == 2
    monkeypatch.setenv("MMAD_DEBUG", "0")
    mmad.record(np.sin, 1.0)
    assert len(calls) == 2
