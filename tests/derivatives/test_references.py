"""References against closed forms; and every comparison of derivatives with them notices what is wrong."""

import itertools

import mpmath
import numpy as np
import pytest
from derivatives import ASPECTS, Case, check, spaced
from exact_derivatives import derivative

import mmad
from mmad.derivatives.references import REFERENCES, central_difference, extrapolated_difference, mixed_difference

X = spaced(2, 3)
ALL = pytest.mark.parametrize("reference", REFERENCES)


# ------------------------------------------------------------------------------------------------ references
def test_differences_of_eighth_order():
    at = mmad.concrete(np.longdouble(0.7))
    got = central_difference(lambda t: np.sin(at + t), np.longdouble(1e-2))
    assert abs(got - np.cos(at)) < 1e-17
    assert central_difference(lambda t: (3 + t) ** 8, 0.5) == pytest.approx(8 * 3.0**7, rel=1e-14)  # exact
    assert central_difference(lambda t: t**9, 1.0) != pytest.approx(0.0, abs=1.0)


def test_mixed_differences():
    """Of x**3 y**2 along (1, 0), (1, 0) and (0, 1): 12 x y."""
    xs, a, b = (np.longdouble(1.3), np.longdouble(-0.4)), (1.0, 0.0), (0.0, 1.0)
    got = mixed_difference(lambda x, y: x**3 * y**2, xs, [a, a, b], 0.1)
    assert float(got) == pytest.approx(12 * 1.3 * -0.4, rel=1e-13)


def test_extrapolated_differences_say_how_far_they_are_right():
    got, error = extrapolated_difference(lambda t: np.exp(0.5 + t))
    assert abs(got - np.exp(0.5)) < 10 * error + 1e-12 < 1e-9
    _, error = extrapolated_difference(np.cbrt)
    assert error > 1


FUNCTIONS = {
    "vector": (lambda x: np.sin(x) * x * x[0, 0], (X,)),
    "several": (lambda a, b: {"u": (a * b).sum() * (a**2).sum(), "v": a[0] * b}, (X, X * 2)),
    "number": (lambda x: np.exp(x) / x, (1.3,)),
    "linear": (lambda x: 3 * x, (X,)),
}


@ALL
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_reference_of_every_nesting(name, reference):
    f, args = FUNCTIONS[name]
    report = mmad.check_derivatives(f, args, order=3, reference=reference)
    assert report.worst < 0.5
    assert {c.reference for c in report.comparisons} == {reference, "reverse"}
    assert len(report.comparisons) == 3 * (1 + 2 + 4)


def test_complex_arguments():
    f, z = lambda z: z * np.exp(z), np.array([0.3 + 1j, -0.2 + 0.1j])
    assert mmad.check_derivatives(f, (z,), reference="extended").worst < 0.2
    with pytest.raises(TypeError, match="real arguments"):
        mmad.check_derivatives(f, (z,), reference="complex step")


def test_exact_derivatives_as_a_reference():
    """In 60 digits, of operations applied to each element."""

    def exact(name):
        def sixty_digits(f, xs, directions, weights):
            by = (0,) * len(directions)
            with mpmath.workdps(60):
                total = mpmath.mpf(0)
                for x, w, *ds in zip(xs[0].flat, weights[0].flat, *[d[0].flat for d in directions], strict=True):
                    total += mpmath.mpf(float(w)) * derivative(name, by, float(x)) * mpmath.fprod(map(float, ds))
            return float(total)

        return sixty_digits

    for name in ("sin", "tanh", "exp", "arctan", "cbrt"):
        report = mmad.check_derivatives(getattr(np, name), (X,), reference=exact(name), rtol=1e-14, atol=1e-15)
        assert {c.reference for c in report.comparisons} == {"sixty_digits", "reverse"}
    with pytest.raises(AssertionError, match="sixty_digits"):
        mmad.check_derivatives(np.sinh, (X,), reference=exact("sin"))


def test_names():
    with pytest.raises(ValueError, match="reference is one of differences, extended, complex step, or a function"):
        mmad.check_derivatives(np.sin, (X,), reference="symbols")


# ------------------------------------------------------------------------------------------------ what is wrong
def sine(jvp=1.0, vjp=1.0, second=True):
    """The sine, with slopes off by factors, and second derivatives that are lost."""
    slope = (lambda x: np.cos(x)) if second else (lambda x: mmad.stop_gradient(np.cos(x)))
    return mmad.primitive(
        np.sin, jvp=lambda t, y, x: jvp * slope(x) * t[0], vjp=lambda g, y, x: (vjp * slope(x) * g,)
    )  # fmt: skip


def is_traced(x):
    return type(x) is not np.ndarray


def in_single_precision(x):
    """Double precision out of traced single precision."""
    return np.sin(x).astype(np.float64) if is_traced(x) and x.dtype == np.float32 else np.sin(x)


def right_once():
    """Right for the first array; others that it is given later are the same numbers in other layouts."""
    calls = itertools.count()
    return lambda x: x * x * (1 + 1e-10 * (next(calls) > 0))


#: What is wrong: (the aspect that notices, the right function, the wrong one).
WRONG = {
    "the value": ("value", np.sin, lambda x: np.sin(x) * (1 + 1e-13 * is_traced(x))),
    "a slope's sign in reverse mode": ("rev", sine(), sine(vjp=-1.0)),
    "a slope's sign in forward mode": ("fwd", sine(), sine(jvp=-1.0)),
    "a slope by 1e-10 in reverse mode": ("rev", sine(), sine(vjp=1 + 1e-10)),
    "a slope by 1e-10 in forward mode": ("fwd", sine(), sine(jvp=1 + 1e-10)),
    "a term of the second derivative": ("second", sine(), sine(second=False)),
    "a Jacobian by 1e-10": ("many", sine(), sine(jvp=1 + 1e-10)),
    "lanes": ("lanes", np.sin, lambda x: np.sin(x) * (1 + 1e-8 * (type(x).__name__ == "Batch"))),
    "a value that a recording keeps": ("replay", np.sin, lambda x: np.sin(x) * mmad.concrete(x)),
    "an array in another order": ("layout", lambda x: x * x, right_once()),
    "single precision": ("float32", np.sin, in_single_precision),
}


@pytest.mark.parametrize("what", WRONG)
def test_every_aspect_of_a_case_notices_what_is_wrong(what):
    aspect, right, wrong = WRONG[what]
    Case(what, right, X).check(aspect)
    with pytest.raises(AssertionError):
        Case(what, wrong, X).check(aspect)


def test_no_aspect_is_left_out():
    assert {aspect for aspect, *_ in WRONG.values()} == set(ASPECTS)


@pytest.mark.parametrize(
    "wrong",
    [
        sine(vjp=-1.0),
        sine(jvp=-1.0),
        sine(vjp=1 + 1e-6),
        sine(jvp=1 + 1e-6),
        sine(second=False),
        *[WRONG[name][2] for name in ("the value", "lanes")],
    ],
    ids=["vjp", "jvp", "vjp by 1e-6", "jvp by 1e-6", "second", "value", "lanes"],
)
def test_the_check_in_double_precision_notices_what_is_wrong(wrong):
    check(sine(), X)
    with pytest.raises(AssertionError):
        check(wrong, X)


@ALL
@pytest.mark.parametrize("wrong", [sine(vjp=-1.0), sine(jvp=-1.0), sine(second=False)], ids=["vjp", "jvp", "second"])
def test_the_public_check_notices_what_is_wrong(wrong, reference):
    f = (
        (lambda x: wrong(x))
        if reference != "complex step"
        else (lambda x: np.sin(x) if np.iscomplexobj(x) else wrong(x))
    )
    with pytest.raises(AssertionError, match="disagree"):
        mmad.check_derivatives(f, (X,), reference=reference)
    mmad.check_derivatives(sine(), (X,), reference=reference)
