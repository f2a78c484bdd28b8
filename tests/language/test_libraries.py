"""What a library raises of traced values names the library's function, and says what to write, in its message."""

import decimal
import math
import statistics
import struct
from types import FunctionType

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.sparse
import scipy.stats
from scipy.stats import norm

import mmad

V = np.array([0.3, 0.5, 0.2, 0.7])
RIDGE = np.eye(4)

# The function -> a call with a traced array.
CALLS = {
    "scipy.linalg.solve": lambda v: scipy.linalg.solve(RIDGE, v),
    "scipy.linalg.rsf2csf": lambda v: scipy.linalg.rsf2csf(np.outer(v, v), RIDGE),
    "scipy.optimize.fsolve": lambda v: scipy.optimize.fsolve(lambda t: t - v[0], 0.3),
    "scipy.optimize.brentq": lambda v: scipy.optimize.brentq(lambda t: t - v[0], 0.0, 1.0),
    "scipy.interpolate.CubicSpline": lambda v: scipy.interpolate.CubicSpline(np.arange(4.0), v)(0.3),
    "scipy.sparse.linalg.lobpcg": lambda v: scipy.sparse.linalg.lobpcg(np.outer(v, v), RIDGE[:, :1]),
    "scipy.stats.norm.logpdf": lambda v: norm.logpdf(v),
    "scipy.stats.kappa4": lambda v: scipy.stats.kappa4(v, 3).pdf(v),
    "scipy.stats.mode": lambda v: scipy.stats.mode(v),
    "scipy.ndimage.median_filter": lambda v: scipy.ndimage.median_filter(v, 3),
    "statistics.mean": lambda v: statistics.mean(list(v)),
    "decimal.Decimal": lambda v: decimal.Decimal(v[0]),
    "math.sin": lambda v: math.sin(v[0]),
    "struct.pack": lambda v: struct.pack("d", v[0]),
}
WRITE = ("mmad.scipy.", "mmad.primitive", "NumPy functions")
OPERATORS = {
    "vjp": lambda f: mmad.vjp(f, V),
    "jvp": lambda f: mmad.jvp(f, (V,), (V,)),
    "compile": lambda f: mmad.compile(mmad.grad(lambda v: np.sum(f(v))))(V),
    "hessian": lambda f: mmad.hessian(f)(V),
}


def caught(operator, f):
    with pytest.raises(Exception) as error:  # noqa: PT011  (of the library's types)
        OPERATORS[operator](f)
    return error.value


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", CALLS)
def test_the_message_names_the_function(name, operator):
    error = caught(operator, CALLS[name])
    text = str(error) if name != "struct.pack" else "".join(error.__notes__)  # compiled code has raised its own
    assert name in text
    assert any(words in text for words in WRITE)
    assert any("in test_libraries.py, line" in note for note in error.__notes__) or name == "struct.pack"


@pytest.mark.parametrize(("name", "f"), [("scipy.stats.mode", scipy.stats.mode), ("statistics.mean", statistics.mean)])
def test_of_a_function_that_is_differentiated_itself(name, f):
    assert name in str(caught("vjp", f))


def test_the_exception_keeps_its_type_and_what_it_said():
    error = caught("vjp", lambda v: scipy.linalg.solve(RIDGE, v))
    assert type(error) is ValueError
    assert str(error).endswith("it says: object arrays are not supported")


class FailedError(ValueError):
    """An exception that words its message itself."""

    def __str__(self):
        return "failed: " + super().__str__()


def test_an_exception_that_words_its_message_is_the_cause(monkeypatch):
    def solve(a, b):
        raise FailedError("object arrays")

    library = FunctionType(solve.__code__, {**globals(), "__name__": "scipy.linalg"})
    library.__qualname__ = "solve"
    monkeypatch.setattr(scipy.linalg, "solve", library)
    error = caught("vjp", lambda v: scipy.linalg.solve(RIDGE, np.array([v[0], v[1]])))
    assert type(error) is ValueError
    assert str(error).startswith("scipy.linalg.solve does not take traced values: write mmad.scipy.linalg.solve(...)")
    assert isinstance(error.__cause__, FailedError)


UNTOUCHED = {
    "the user's": (lambda v: list(v)[9], "list index out of range"),
    "of shapes": (lambda v: np.add(v, np.ones(7)), "operands could not be broadcast"),
    "of plain values": (lambda v: (scipy.linalg.solve(np.zeros((4, 4)), V), v)[1], "singular"),
    "of our own transform": (lambda v: scipy.sparse.eye_array(4).dot(v[:3]), "dimension mismatch"),
    "of a plain call in a line with traced values": (lambda v: v * int("a"), "invalid literal"),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_other_exceptions_are_left_as_they_are(case):
    f, words = UNTOUCHED[case]
    error = caught("vjp", f)
    assert words in str(error)
    assert "does not take traced values" not in str(error)
    assert not hasattr(error, "__notes__")
