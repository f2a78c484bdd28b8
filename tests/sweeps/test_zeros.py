"""Zero times infinity in the chain rule: the rules of docs/conventions.md, in every mode, order and sweep."""

import numpy as np
import pytest
from zero_cases import CASES, GRADIENTS, HESSIANS, total

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("mode", GRADIENTS)
@pytest.mark.parametrize("name", CASES)
def test_first_derivative(name, mode, kind):
    f, at, want, _ = CASES[name]
    got = GRADIENTS[mode](total(f))(at if kind == "number" else np.full(3, at))
    np.testing.assert_array_equal(got, np.full(np.shape(got), want))


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", CASES)
def test_second_derivative(name, mode, kind):
    f, at, _, want = CASES[name]
    if kind == "number":
        np.testing.assert_array_equal(HESSIANS[mode](f)(at), want)
        return
    got = HESSIANS[mode](total(f))(np.full(2, at))
    np.testing.assert_array_equal(np.diagonal(got), np.full(2, want))
    if not np.isnan(want):
        np.testing.assert_array_equal(got, np.diag(np.full(2, want)))


def written(index):
    def f(x, v):
        y = x * 1.0
        y[index] = v
        return y

    return f


def element_by_element(x, v):
    y = x * 1.0
    y[0] = v[0]
    y[0] = v[1]
    return y


def put(x, v):
    y = x * 1.0
    np.put(y, [0, 0], v)
    return y


def copied_where(x, v):
    y = x * 1.0
    np.copyto(y[:2], v, where=np.array([False, True]))
    return y


def through_a_view(x, v):
    y = x * 1.0
    w = y[::2]
    w[...] = v
    return y


def rows(x, v):
    y = np.stack([x, x])
    y[[1, 1], [0, 0]] = v
    y[0] = 0.0
    return y[1]


#: writes of two numbers into an array of four: the place each element of the result has in x and v laid side by side
WRITES = {
    "list": (written([0, 0]), [5, 1, 2, 3]),
    "list of all": (written([2, 1]), [0, 5, 4, 3]),
    "array": (written(np.array([3, 3])), [0, 1, 2, 5]),
    "mask": (written(np.array([True, False, False, True])), [4, 1, 2, 5]),
    "slice": (written(slice(1, 3)), [0, 4, 5, 3]),
    "slice with a step": (written(slice(None, None, -2)), [0, 5, 2, 4]),
    "tuple": (written(([1, 1],)), [0, 5, 2, 3]),
    "ellipsis": (written((Ellipsis, [0, 0])), [5, 1, 2, 3]),
    "elements": (element_by_element, [5, 1, 2, 3]),
    "np.put": (put, [5, 1, 2, 3]),
    "np.copyto": (copied_where, [0, 5, 2, 3]),
    "view": (through_a_view, [4, 1, 5, 3]),
    "rows": (rows, [5, 1, 2, 3]),
}


def pullback(f):
    return lambda x, v, ct: mmad.vjp(f, x, v)[1](ct)


def recorded(f):
    """The pullback while something outside is differentiated, whose value is the same."""
    return lambda x, v, ct: mmad.jvp(lambda x, v: mmad.vjp(f, x, v)[1](ct), (x, v), (x, v))[0]


def of_a_tape(f):
    def apply(x, v, ct):
        gs = mmad.record(f, x, v).pullback()(x, v, ct)
        return gs[-2:]

    return apply


PULLBACKS = {
    "numeric": pullback,
    "recorded": recorded,
    "compiled": lambda f: mmad.compile(pullback(f)),
    "lanes": lambda f: lambda x, v, ct: [g[1] for g in mmad.vmap(mmad.vjp(f, x, v)[1])(np.stack([np.ones(4), ct]))],
    "vmap": lambda f: (
        lambda x, v, ct: [g[0] for g in mmad.vmap(pullback(f))(np.stack([x, x]), np.stack([v, v]), np.stack([ct, ct]))]
    ),
    "traced cotangent": lambda f: (
        lambda x, v, ct: mmad.jvp(lambda ct: mmad.vjp(f, x, v)[1](ct), (ct,), (np.ones(4),))[0]
    ),
}


@pytest.mark.parametrize("sweep", PULLBACKS)
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("at", range(4))
def test_write_at_an_infinite_cotangent(name, sweep, at):
    f, source = WRITES[name]
    ct = np.array([2.0, 3.0, 5.0, 7.0])
    ct[at] = np.inf
    want = np.zeros(6)
    want[source] = ct
    x_bar, v_bar = PULLBACKS[sweep](f)(np.arange(1.0, 5.0), np.array([10.0, 20.0]), ct)
    np.testing.assert_array_equal(np.concatenate([x_bar, v_bar]), want)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("compiled", [False, True])
def test_write_of_an_infinite_tangent(name, at, compiled):
    f, source = WRITES[name]
    dots = np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])
    dots[at] = np.inf

    def pushed(x, v, x_dot, v_dot):
        return mmad.jvp(f, (x, v), (x_dot, v_dot))[1]

    got = (mmad.compile(pushed) if compiled else pushed)(
        np.arange(1.0, 5.0), np.array([10.0, 20.0]), dots[:4], dots[4:]
    )
    np.testing.assert_array_equal(got, dots[source])
    got = mmad.linearize(f, np.arange(1.0, 5.0), np.array([10.0, 20.0]))[1](dots[:4], dots[4:])
    np.testing.assert_array_equal(got, dots[source])
