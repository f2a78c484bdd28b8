"""What a function may return, and what of its arguments stays untouched."""

import collections
import functools
import types

import numpy as np
import pytest

import mmad

X = np.array([1.0, 2.0, 3.0])


class Labels(dict):
    note = None


class Row(list):
    pass


class Pair(tuple):
    pass


class Slots:
    __slots__ = ("a", "label")

    def __init__(self, a, label="slot"):
        self.a, self.label = a, label


class MoreSlots(Slots):
    __slots__ = ("b",)

    def __init__(self, a, b):
        super().__init__(a, "more")
        self.b = b


CONTAINERS = {
    "dict subclass": (lambda y: Labels(a=y), lambda r: r["a"]),
    "list subclass": (lambda y: Row([y]), lambda r: r[0]),
    "tuple subclass": (lambda y: Pair([y, 1.0]), lambda r: r[0]),
    "Counter": (lambda y: collections.Counter(a=y), lambda r: r["a"]),
    "defaultdict": (lambda y: collections.defaultdict(float, a=y), lambda r: r["a"]),
    "deque": (lambda y: collections.deque([y]), lambda r: r[0]),
    "UserDict": (lambda y: collections.UserDict(a=y), lambda r: r["a"]),
    "ChainMap": (lambda y: collections.ChainMap({"a": y}), lambda r: r["a"]),
    "SimpleNamespace": (lambda y: types.SimpleNamespace(a=y), lambda r: r.a),
    "slots": (Slots, lambda r: r.a),
    "inherited slots": (lambda y: MoreSlots(1.0, y), lambda r: r.b),
    "nested": (lambda y: Labels(a=Row([Slots(y)])), lambda r: r["a"][0].a),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers_are_results_and_arguments(kind):
    build, get = CONTAINERS[kind]

    def f(x):
        return build(x**2)

    jacobian = np.diag(2 * X)
    np.testing.assert_array_equal(get(mmad.jacobian(f)(X)), jacobian)
    np.testing.assert_array_equal(get(mmad.jacrev(f)(X)), jacobian)
    np.testing.assert_array_equal(get(mmad.jvp(f, (X,), (X,))[1]), 2 * X * X)
    y, pullback = mmad.vjp(f, X)
    assert type(y) is type(build(X))
    np.testing.assert_array_equal(get(y), X**2)
    np.testing.assert_array_equal(pullback(y)[0], 2 * X**3)
    np.testing.assert_array_equal(get(mmad.vmap(f)(np.stack([X, X]))), np.stack([X**2, X**2]))
    np.testing.assert_array_equal(get(mmad.compile(f)(X)), X**2)
    gradient = mmad.grad(lambda tree: (get(tree) ** 2).sum())(build(X))
    assert type(gradient) is type(build(X))
    np.testing.assert_array_equal(get(gradient), 2 * X)


def test_containers_keep_what_their_class_knows():
    y = Labels(a=X)
    y.note = "kept"
    assert mmad.grad(lambda t: t["a"].sum())(y).note == "kept"
    counts = mmad.grad(lambda t: t["a"].sum())(collections.defaultdict(list, a=X))
    assert counts.default_factory is list
    assert mmad.grad(lambda t: t.a.sum())(Slots(X, "name")).label == "name"


HIDDEN = {
    "map": lambda x: map(np.sin, x),
    "zip": lambda x: zip(x, x, strict=True),
    "generator": lambda x: (t * 2 for t in x),
    "enumerate": enumerate,
    "iterator": lambda x: iter([x[0]]),
    "set": lambda x: {x[0], x[1]},
    "frozenset": lambda x: frozenset([x[0]]),
    "dict values": lambda x: {"a": x[0]}.values(),
    "closure": lambda x: lambda: x[0],
    "default": lambda x: lambda y=x[0]: y,
    "partial": lambda x: functools.partial(max, x[0]),
    "method": lambda x: x[:1].sum,
    "inside a list": lambda x: [x[0], map(np.sin, x)],
}
OPERATORS = {
    "vjp": lambda f: mmad.vjp(f, X),
    "jvp": lambda f: mmad.jvp(f, (X,), (X,)),
    "linearize": lambda f: mmad.linearize(f, X),
    "jacobian": lambda f: mmad.jacobian(f)(X),
    "jacfwd": lambda f: mmad.jacfwd(f)(X),
    "jacrev": lambda f: mmad.jacrev(f)(X),
    "taylor": lambda f: mmad.taylor(f, X, X, 2),
    "record": lambda f: mmad.record(f, X),
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("kind", HIDDEN)
def test_traced_values_are_not_lost_in_results(kind, operator):
    with pytest.raises(TypeError, match="holds traced values, and derivatives do not look into it"):
        OPERATORS[operator](HIDDEN[kind])


@pytest.mark.parametrize("kind", [k for k in HIDDEN if k != "inside a list"])
def test_gradients_are_of_numbers(kind):
    with pytest.raises(TypeError, match="must return one real number, it returned a"):
        mmad.grad(HIDDEN[kind])(X)


def writes(x):
    x *= 2
    x[0] += 1
    return (x**3).sum()


@pytest.mark.parametrize(
    "call",
    [
        *(lambda x, k=k, s=s: mmad.derivative_tensor(writes, k, s)(x) for k in (1, 2) for s in ("taylor", "nested")),
        lambda x: mmad.derivative_tensor(writes, 2).plan(x),
        lambda x: mmad.taylor(writes, x, np.ones(3), 2),
        lambda x: mmad.hessian(writes, strategy="forward-over-forward")(x),
        lambda x: mmad.hessian(writes).plan(x),
        lambda x: mmad.hessian(writes, sparse=True)(x),
        lambda x: mmad.hvp(writes)(x, x),
        lambda x: mmad.hessian_operator(writes, x) @ x,
        lambda x: mmad.sparsity(writes, x, order=2),
        lambda x: mmad.compile(writes)(x),
        lambda x: mmad.check_derivatives(writes, (x,)),
    ],
)
def test_arguments_are_not_written_to(call):
    x = X.copy()
    call(x)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("result", [lambda x: x.sum(), lambda x: (x.sum(), 1, 2), lambda x: None, lambda x: "text"])
@pytest.mark.parametrize("call", [lambda f: mmad.vjp(f, X, has_aux=True), lambda f: mmad.grad(f, has_aux=True)(X)])
def test_auxiliary_data_comes_in_a_pair(result, call):
    with pytest.raises(TypeError, match="has_aux=True the function must return"):
        call(result)
