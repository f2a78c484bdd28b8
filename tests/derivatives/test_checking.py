"""check_derivatives finds what is wrong, and only that."""

import numpy as np
import pytest

import mmad

X = np.array([0.3, -0.7, 1.1])


def twisted(factor=1.0, forward=True):
    """sin with a rule whose derivative is off by a factor."""
    if forward:
        f = mmad.custom_jvp(np.sin)
        f.defjvp(lambda p, t: (f(*p), factor * np.cos(p[0]) * t[0]))
    else:
        f = mmad.custom_vjp(np.sin)
        f.defvjp(lambda x: (f(x), x), lambda x, g: (factor * np.cos(x) * g,))
    return f


GOOD = {
    "vector": (lambda x: np.sin(x) * x, (X,)),
    "scalar": (lambda x: np.exp(x) / x, (1.3,)),
    "several": (lambda a, b: a @ b + (a**2).sum(), (X, X * 2)),
    "matrix": (lambda a: np.linalg.inv(a @ a.T + np.eye(2)), (np.array([[0.3, 1.2], [0.4, -0.1]]),)),
    "small and large": (lambda x: np.log(x).sum(), (np.array([1e-3, 1.0, 1e6]),)),
    "tree": (lambda p, n: {"y": p["a"] ** n, "k": 3, "s": None}, ({"a": 1.3, "b": [X, "text"]}, 3)),
    "complex": (lambda z: z * np.exp(z), (np.array([0.3 + 1j, -0.2 + 0.1j]),)),
    "real of complex": (lambda z: (abs(z) ** 2).sum(), (np.array([0.3 + 1j, -0.2 + 0.1j]),)),
    "constant": (lambda x: np.ones(2), (X,)),
    "linear": (lambda x: 3 * x, (X,)),
    "branch": (lambda x: x**2 if x > 1 else x**3, (1.5,)),
    "0-d": (lambda x: x**3, (np.array(2.0),)),
}


@pytest.mark.parametrize("name", GOOD)
def test_right_derivatives_pass(name):
    f, args = GOOD[name]
    report = mmad.check_derivatives(f, args, order=2)
    assert report.worst < 0.2
    assert {c.order for c in report.comparisons} == {1, 2}
    assert not report.failures


def test_third_order():
    report = mmad.check_derivatives(lambda x: np.sin(x).sum() ** 2, (X,), order=3)
    assert {c.derivative for c in report.comparisons if c.order == 3} == {
        f"{a} over {b} over {c}"
        for a in ("forward", "reverse")
        for b in ("forward", "reverse")
        for c in ("forward", "reverse")
    }


def test_float32():
    report = mmad.check_derivatives(lambda x: np.tanh(x).sum(), (X.astype(np.float32),))
    assert report.worst < 0.5


@pytest.mark.parametrize("forward", [True, False])
def test_a_wrong_rule_fails(forward):
    f = twisted(1 + 1e-4, forward)
    with pytest.raises(AssertionError, match=r"forward.*differences(.|\n)*reverse.*differences"):
        mmad.check_derivatives(f, (0.3,))
    mmad.check_derivatives(twisted(1.0, forward), (0.3,))


def test_modes_that_disagree_fail():
    f = mmad.primitive(
        np.sin,
        jvp=lambda t, y, x: (1 + 1e-8) * np.cos(x) * t[0],
        vjp=lambda g, y, x: (np.cos(x) * g,),
    )
    with pytest.raises(AssertionError, match=r"forward +reverse"):
        mmad.check_derivatives(f, (0.3,), order=1)
    mmad.check_derivatives(f, (0.3,), order=1, modes=("fwd",))


def test_a_wrong_second_derivative_fails():
    f = mmad.custom_jvp(np.sin)
    f.defjvp(lambda p, t: (f(*p), mmad.stop_gradient(np.cos(p[0])) * t[0]))
    mmad.check_derivatives(f, (0.3,), order=1)
    with pytest.raises(AssertionError) as e:
        mmad.check_derivatives(f, (0.3,), order=2)
    assert "over" in str(e.value)


def test_modes():
    for modes, names in [
        (("fwd",), {"forward"}),
        (("reverse",), {"reverse"}),
        (("fwd", "rev"), {"forward", "reverse"}),
    ]:
        report = mmad.check_derivatives(np.sin, (0.3,), order=1, modes=modes)
        assert {c.derivative for c in report.comparisons} == names
    with pytest.raises(ValueError, match="sideways"):
        mmad.check_derivatives(np.sin, (0.3,), modes=("sideways",))


def test_kinks_pass_by_the_symmetric_convention_jumps_and_poles_fail():
    mmad.check_derivatives(abs, (0.0,), order=1)
    mmad.check_derivatives(lambda x: np.maximum(x, 3 * x), (0.0,), order=1)
    for f in (np.floor, np.sqrt, np.cbrt):
        with pytest.raises(AssertionError):
            mmad.check_derivatives(f, (0.0,), order=1)


def test_nan_fails():
    with pytest.raises(AssertionError), np.errstate(all="ignore"):
        mmad.check_derivatives(np.log, (-1.0,), order=1)


def test_tolerances():
    f = twisted(1 + 1e-4)
    mmad.check_derivatives(f, (0.3,), order=1, rtol=1e-3)
    with pytest.raises(AssertionError):
        mmad.check_derivatives(f, (0.3,), order=1, rtol=1e-5)


def test_the_same_seed_gives_the_same_report():
    f, args = GOOD["vector"]
    assert mmad.check_derivatives(f, args) == mmad.check_derivatives(f, args)
    assert mmad.check_derivatives(f, args, seed=1) != mmad.check_derivatives(f, args)


def test_the_callers_arrays_are_not_changed():
    x = X.copy()
    mmad.check_derivatives(lambda x: np.add(x, 1.0, out=x) ** 2, (x,), order=1)
    assert np.array_equal(x, X)


def test_errors():
    with pytest.raises(TypeError, match="tuple"):
        mmad.check_derivatives(np.sin, 0.3)
    with pytest.raises(TypeError, match="none of the arguments is a floating-point"):
        mmad.check_derivatives(np.sin, (3,))
    with pytest.raises(ValueError, match="at least 1"):
        mmad.check_derivatives(np.sin, (0.3,), order=0)


def test_report_is_a_table():
    lines = str(mmad.check_derivatives(np.sin, (0.3,))).splitlines()
    assert lines[0].split() == ["order", "derivative", "against", "got", "expected", "error/tolerance"]
    assert len(lines) == 1 + 3 + 6
