"""An exception that leaves the function because of an object array says what refused it, where, and what to write."""

import contextlib

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.special

import mmad

V = np.array([1.0, 2.0, 3.0])


def matrix(v):
    return np.array([[v[0], v[1]], [1.0, v[2]]])


CASES = {
    "numpy.linalg.det": lambda v: np.linalg.det(matrix(v)),
    "numpy.linalg.inv": lambda v: np.linalg.inv(matrix(v)).sum(),
    "numpy.exp": lambda v: np.exp(matrix(v)).sum(),
    "numpy.mean": lambda v: np.mean(np.array([v[0], 2.0])),
    "numpy.std": lambda v: np.std(matrix(v)),
    "scipy.special.erf": lambda v: scipy.special.erf(matrix(v)).sum(),
    "scipy.linalg.solve": lambda v: scipy.linalg.solve(matrix(v), V[:2]).sum(),
}
if np.lib.NumpyVersion(scipy.__version__) < "1.18.0":  # which warns that it will refuse arrays of objects
    CASES["scipy.linalg.expm"] = lambda v: scipy.linalg.expm(matrix(v)).sum()


def astype(v):
    a = matrix(v)
    return a.astype(float).sum()


CASES["numpy.ndarray.astype"] = astype
CHAINED = {
    "an array": lambda v: np.array([[v[0], v[1]], [1.0, v[2]]]).astype(float).sum(),
    "a call": lambda v: matrix(v).astype(np.float32).sum(),
    "an element": lambda v: [matrix(v)][0].astype(float).sum(),
}
OPERATORS = {
    "grad": mmad.grad,
    "forward": mmad.jacfwd,
    "jvp": lambda f: lambda v: mmad.jvp(f, (v,), (v,)),
    "hessian": mmad.hessian,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_note(operator, name):
    with pytest.raises(Exception) as caught:  # noqa: PT011  (NumPy's own, of several types)
        OPERATORS[operator](CASES[name])(V)
    notes = getattr(caught.value, "__notes__", [])
    assert len(notes) == 1
    assert f"refused by {name} in test_notes.py, line " in notes[0]
    assert "np.array(..., like=x)" in notes[0]


@pytest.mark.parametrize("operator", OPERATORS)
def test_another_exception_after_a_refusal_says_what_was_refused(operator):
    """As SciPy's compiled root finders raise, which go on where `float` of a traced value has failed."""

    def f(v):
        with contextlib.suppress(TypeError):
            float(v[0])
        raise ValueError("f(a) and f(b) must have different signs")

    with pytest.raises(ValueError, match="different signs") as caught:
        OPERATORS[operator](f)(V)
    assert "refused before it: float() of a traced value" in caught.value.__notes__[0]


@pytest.mark.parametrize("name", CHAINED)
@pytest.mark.parametrize("operator", OPERATORS)
def test_note_on_a_method_of_what_a_call_gives(operator, name):
    with pytest.raises(TypeError, match=r"numpy\.ndarray\.astype asks for plain numbers") as caught:
        OPERATORS[operator](CHAINED[name])(V)
    assert "math.sin" not in str(caught.value)
    assert "refused by numpy.ndarray.astype" in caught.value.__notes__[0]


def test_no_note_where_there_is_no_object_array():
    def f(v):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        mmad.grad(f)(V)
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(ValueError, match="broadcast") as caught:
        mmad.grad(lambda v: (v + np.ones(7)).sum())(V)
    assert not hasattr(caught.value, "__notes__")
