"""Zero times infinity in the chain rule: the rules of docs/conventions.md, in every mode, order and sweep."""

import numpy as np
import pytest

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def basis(x):
    return np.eye(x.size).reshape(x.size, *x.shape)


def by_forward(f):
    """The gradient of a function of one array or number, a direction at a time."""

    def gradient(x):
        if np.ndim(x) == 0:
            return mmad.jvp(f, (x,), (1.0,))[1]
        return np.reshape([mmad.jvp(f, (x,), (v,))[1] for v in basis(x)], np.shape(x))

    return gradient


GRADIENTS = {
    "reverse": mmad.grad,
    "forward": by_forward,
    "jacobian": lambda f: lambda x: mmad.jacobian(f)(x),
    "jacfwd": lambda f: lambda x: mmad.jacfwd(f)(x),
    "jacrev": lambda f: lambda x: mmad.jacrev(f)(x),
    "compiled": lambda f: mmad.compile(mmad.grad(f)),
    "compiled jacobian": lambda f: mmad.compile(mmad.jacobian(f)),
    "compiled jacfwd": lambda f: mmad.compile(mmad.jacfwd(f)),
    "recorded": lambda f: lambda x: mmad.jvp(mmad.grad(f), (x,), (x,))[0],
}


def columns(product):
    """A Hessian out of Hessian-vector products."""

    def hessian(x):
        if np.ndim(x) == 0:
            return product(x, 1.0)
        return np.stack([product(x, v) for v in basis(x)], axis=-1)

    return hessian


HESSIANS = {
    "hessian": mmad.hessian,
    "hvp": lambda f: columns(mmad.hvp(f)),
    "reverse over reverse": lambda f: columns(lambda x, v: mmad.grad(lambda t: np.sum(mmad.grad(f)(t) * v))(x)),
    "forward over reverse": lambda f: columns(lambda x, v: mmad.jvp(mmad.grad(f), (x,), (v,))[1]),
    "reverse over forward": lambda f: columns(lambda x, v: mmad.grad(lambda t: mmad.jvp(f, (t,), (v,))[1])(x)),
    "jacrev of grad": lambda f: mmad.jacrev(mmad.grad(f)),
    "jacfwd of grad": lambda f: mmad.jacfwd(mmad.grad(f)),
    "compiled hessian": lambda f: mmad.compile(mmad.hessian(f)),
    "compiled hvp": lambda f: columns(mmad.compile(mmad.hvp(f))),
}

#: function, point, its derivative there, its second derivative there: of each element
STRUCTURAL = {
    "where log": (lambda x: np.where(x > 0, np.log(x), 0.0), 0.0, 0.0, 0.0),
    "where sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0, 0.0),
    "where other way": (lambda x: np.where(x <= 0, x * x, x**0.5), 0.0, 0.0, 2.0),
    "where reciprocal": (lambda x: np.where(x == 0, 1.0, 1.0 / x), 0.0, 0.0, 0.0),
    "where quotient": (lambda x: np.where(x == 0, 1.0, np.sin(x) / x), 0.0, 0.0, 0.0),
    "where cbrt of where": (lambda x: np.where(x > 0, np.cbrt(np.where(x > 0, x, 0.0)) * x, 3.0 * x), 0.0, 3.0, 0.0),
    "where squared": (lambda x: np.where(x > 0, np.sqrt(x), x) ** 2 + x, 0.0, 1.0, 2.0),
    "maximum sqrt": (lambda x: np.maximum(np.sqrt(x), 1e-3), 0.0, 0.0, 0.0),
    "fmax sqrt": (lambda x: np.fmax(1e-3, np.sqrt(x)), 0.0, 0.0, 0.0),
    "fmin": (lambda x: np.fmin(2.0, 1 / x) + x, 0.0, 1.0, 0.0),
    "clip log": (lambda x: np.clip(np.log(x), -5.0, 5.0), 0.0, 0.0, 0.0),
    "clip arccos": (lambda x: np.clip(np.arccos(x), 1.0, 3.0) + 2 * x, 1.0, 2.0, 0.0),
    "sqrt of maximum": (lambda x: np.sqrt(np.maximum(x, 0.0)), -1.0, 0.0, 0.0),
    "log of clip": (lambda x: np.sqrt(np.clip(x, 0.0, 1.0)), -1.0, 0.0, 0.0),
    "floor sqrt": (lambda x: np.floor(np.sqrt(x)) + x, 0.0, 1.0, 0.0),
    "sign cbrt": (lambda x: np.sign(np.cbrt(x)) * x, 1.0, 1.0, 0.0),
}
OVERFLOW = {
    "Fermi": (lambda x: 1 / (1 + np.exp(x)), 800.0, 0.0, 0.0),
    "Fermi by reciprocal": (lambda x: np.reciprocal(1 + np.exp(x)), 800.0, 0.0, 0.0),
    "Fermi by a power": (lambda x: (1 + np.exp(x)) ** -1.0, 800.0, 0.0, 0.0),
    "Fermi squared": (lambda x: (1 + np.exp(x)) ** -2.0, 800.0, 0.0, 0.0),
    "Planck": (lambda x: x**3 / (np.exp(x) - 1), 800.0, 0.0, 0.0),
    "Planck by expm1": (lambda x: x**3 / np.expm1(x), 800.0, 0.0, 0.0),
    "tanh": (lambda x: np.tanh(np.exp(x)), 800.0, 0.0, 0.0),
    "arctan": (lambda x: np.arctan(np.exp(x)), 800.0, 0.0, 0.0),
    "sech": (lambda x: 1 / np.cosh(x), 800.0, 0.0, 0.0),
    "cosech": (lambda x: 1 / np.sinh(x), 800.0, 0.0, 0.0),
    "square": (lambda x: 1 / (1 + x * x), 1e200, 0.0, 0.0),
}
CASES = {**STRUCTURAL, **OVERFLOW}


def total(f):
    return lambda x: f(x).sum() if np.ndim(x) else f(x)


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
