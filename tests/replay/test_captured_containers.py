"""What a compiled function reads from containers and arrays, and what it consumes.

Every case is a function and changes of what it reads; after each the compiled function gives what the function gives.
"""

import collections
import itertools
import operator
import queue
import types
from array import array

import numpy as np
import pytest

import mmad

X = np.array([1.0, 2.0])


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


def ordered():
    return collections.OrderedDict(a=2.0, b=3.0)


CONTAINERS = {
    "list": (lambda: [2.0, 3.0], lambda c: c[0], lambda c: c.__setitem__(0, 5.0)),
    "a class of lists": (lambda: MyList([2.0, 3.0]), lambda c: c[0], lambda c: c.__setitem__(0, 5.0)),
    "its attributes": (lambda: MyList([2.0]), lambda c: getattr(c, "k", 1.0), lambda c: setattr(c, "k", 7.0)),
    "a class of dicts": (lambda: MyDict(a=2.0), lambda c: c["a"], lambda c: c.update(a=5.0)),
    "a class of sets": (lambda: MySet([2.0]), sum, lambda c: c.add(5.0)),
    "frozenset": (lambda: [frozenset([2.0])], lambda c: sum(c[0]), lambda c: c.__setitem__(0, frozenset([3.0]))),
    "defaultdict": (lambda: collections.defaultdict(float, a=2.0), lambda c: c["a"], lambda c: c.update(a=5.0)),
    "default factory": (
        lambda: collections.defaultdict(lambda: 2.0),
        lambda c: c.get("a", c.default_factory()),
        lambda c: setattr(c, "default_factory", lambda: 7.0),
    ),
    "OrderedDict": (ordered, lambda c: c["a"], lambda c: c.update(a=5.0)),
    "order of an OrderedDict": (ordered, lambda c: next(iter(c.values())), lambda c: c.move_to_end("a")),
    "Counter": (lambda: collections.Counter("aab"), lambda c: c["a"], lambda c: c.update("aa")),
    "deque": (lambda: collections.deque([2.0, 3.0]), lambda c: c[0], lambda c: c.rotate(1)),
    "array": (lambda: array("d", [2.0, 3.0]), lambda c: c[0], lambda c: c.__setitem__(0, 5.0)),
    "bytearray": (lambda: bytearray(b"abc"), lambda c: c[0], lambda c: c.__setitem__(0, 100)),
    "mapping proxy": (
        lambda: [{"a": 2.0}, None],
        lambda c: types.MappingProxyType(c[0])["a"],
        lambda c: c[0].update(a=5.0),
    ),
    "array of objects": (lambda: np.array([2.0, None], dtype=object), lambda c: c[0], lambda c: c.__setitem__(0, 5.0)),
    "list in an array of objects": (
        lambda: np.array([[2.0], None], dtype=object),
        lambda c: c[0][0],
        lambda c: c[0].__setitem__(0, 5.0),
    ),
    "mask": (lambda: np.array([True, False]), lambda c: c[0] + 1.0, lambda c: c.__setitem__(0, False)),
    "masked array": (
        lambda: np.ma.array([2.0, 3.0], mask=[False, True]),
        lambda c: float(c.sum()),
        lambda c: setattr(c, "mask", [False, False]),
    ),
    "integers": (lambda: np.array([1, 0]), lambda c: X[c] @ X, lambda c: c.__setitem__(0, 0)),
    "records": (
        lambda: np.array([(1.0, 2)], dtype=[("a", float), ("b", int)]),
        lambda c: c["a"][0],
        lambda c: c["a"].__setitem__(0, 4.0),
    ),
    "namespace": (lambda: types.SimpleNamespace(k=2.0), lambda c: c.k, lambda c: setattr(c, "k", 5.0)),
    "many numbers": (lambda: [float(k) for k in range(5000)], lambda c: c[4321], lambda c: c.__setitem__(4321, 1.5)),
    "many entries": (lambda: {k: float(k) for k in range(5000)}, lambda c: c[4321], lambda c: c.__setitem__(4321, 1.5)),
    "very many numbers": (
        lambda: [float(k) for k in range(50_000)],
        lambda c: c[43_210],
        lambda c: c.__setitem__(43_210, 1.5),
    ),
    "nested": (
        lambda: ([{"a": (MyList([2.0]),)}],),
        lambda c: c[0][0]["a"][0][0],
        lambda c: c[0][0]["a"][0].__setitem__(0, 9.0),
    ),
}


@pytest.mark.filterwarnings("ignore:.*eagerly:RuntimeWarning")
@pytest.mark.parametrize("way", ["captured", "default", "argument"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_contents_of_containers(name, way):
    make, read, change = CONTAINERS[name]
    c = make()
    if way == "captured":
        f = lambda x: x * read(c)
        g, args = mmad.compile(f), (X,)
    elif way == "default":
        f = lambda x, c=c: x * read(c)
        g, args = mmad.compile(f), (X,)
    else:
        if name in ("masked array", "records"):
            return  # refused as arguments
        f = lambda x, c: x * read(c)
        g, args = mmad.compile(f), (X, c)
    for _ in range(2):
        np.testing.assert_array_equal(g(*args), f(*args))
    change(c)
    for _ in range(2):
        np.testing.assert_array_equal(g(*args), f(*args))


def test_default_values_that_are_replaced():
    def f(x, k=2.0, *, m=3.0):
        return x * k + m

    def outer(x):
        return f(x)

    for h in (f, outer):
        g = mmad.compile(h)
        f.__defaults__, f.__kwdefaults__ = (2.0,), {"m": 3.0}
        np.testing.assert_array_equal(g(X), h(X))
        f.__defaults__ = (5.0,)
        np.testing.assert_array_equal(g(X), h(X))
        f.__kwdefaults__ = {"m": 1.0}
        np.testing.assert_array_equal(g(X), h(X))
        f.__kwdefaults__["m"] = 8.0
        np.testing.assert_array_equal(g(X), h(X))


def test_code_that_is_replaced():
    def f(x):
        return x * 2.0

    def other(x):
        return x * 3.0

    g = mmad.compile(lambda x: f(x))
    np.testing.assert_array_equal(g(X), 2.0 * X)
    f.__code__ = other.__code__
    np.testing.assert_array_equal(g(X), 3.0 * X)


# ------------------------------------------------------------------------------------------------ what is consumed
def test_iterators_are_read_on():
    makers = {
        "list iterator": lambda: iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        "generator": lambda: (float(k) for k in range(10)),
        "count": lambda: itertools.count(1.0),
        "cycle": lambda: itertools.cycle([1.0, 2.0]),
        "map": lambda: map(float, range(10)),
        "zip": lambda: zip(map(float, range(10))),
        "enumerate": lambda: enumerate(range(10)),
    }
    for name, make in makers.items():
        ours, plain = make(), make()
        read = (lambda i: next(i)) if name not in ("zip", "enumerate") else (lambda i: next(i)[0])
        g = mmad.compile(lambda x, i=ours, read=read: x * read(i))
        h = mmad.compile(lambda x, i, read=read: x * read(i))
        other = make()

        def compare(g, h, plain, other, read):
            for _ in range(5):
                want = X * read(plain)
                np.testing.assert_array_equal(g(X), want)
                np.testing.assert_array_equal(h(X, other), want)

        with pytest.warns(RuntimeWarning, match="eagerly") as found:
            compare(g, h, plain, other, read)
        assert len(found) == 2


@pytest.mark.filterwarnings("ignore:.*eagerly:RuntimeWarning")
@pytest.mark.parametrize("way", ["captured", "argument"])
def test_queues_are_read_on(way):
    for make in (collections.deque, queue.Queue, queue.SimpleQueue, queue.LifoQueue, list):

        def read(q):
            return q.popleft() if hasattr(q, "popleft") else q.pop() if isinstance(q, list) else q.get_nowait()

        ours, plain = make(), make()
        for q in (ours, plain):
            for k in range(1, 12):
                (q.put if hasattr(q, "put") else q.append)(k)
        g = mmad.compile((lambda x, ours=ours: x * read(ours)) if way == "captured" else lambda x, q: x * read(q))
        for _ in range(8):
            got = g(X) if way == "captured" else g(X, ours)
            np.testing.assert_array_equal(got, X * read(plain))


@pytest.mark.filterwarnings("ignore:.*eagerly:RuntimeWarning")
def test_objects_that_count():
    class Counter:
        def __init__(self):
            self.n = 0

        def __getitem__(self, _):
            self.n += 1
            return self.n

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 2
            return self.n

    for use in (lambda c: c[0], next, lambda c: operator.getitem(c, 0)):
        ours, plain = Counter(), Counter()
        g = mmad.compile(lambda x: x * use(ours))  # noqa: B023
        for _ in range(8):
            np.testing.assert_array_equal(g(X), X * use(plain))


def test_a_captured_array_that_is_written():
    def made():
        out = np.zeros(2)

        def f(x):
            out[0] += 1.0
            return x * out[0]

        return f

    def twice():
        out = np.zeros(2)

        def f(x):
            nonlocal out
            out += 1.0
            y = x * out
            out += x.shape[0]
            return y + out

        return f

    def large():
        out = np.zeros(6000)

        def f(x):
            out[3] += 1.0
            return (x * out).sum() * np.ones(2)

        return f

    for make in (made, twice, large):
        x = X if make is not large else np.ones(6000)
        for derivative in (lambda f: f, mmad.jacobian):
            f, plain = make(), make()
            g, h = mmad.compile(derivative(f)), derivative(plain)
            with pytest.warns(RuntimeWarning, match="eagerly"):
                found = [g(x) for _ in range(7)]
            np.testing.assert_array_equal(found, [h(x) for _ in range(7)])


def test_an_array_that_is_filled_at_the_first_call():
    w, ready = np.zeros(2), []

    def f(x):
        if not ready:
            w[:] = 3.0
            ready.append(1)
        return x * w

    g = mmad.compile(f)
    with pytest.warns(RuntimeWarning, match="eagerly"):
        found = [g(X) for _ in range(6)]
    np.testing.assert_array_equal(found, [3.0 * X] * 6)
    assert g.stats()["replays"] > 2


# ------------------------------------------------------------------------------------------------ contents of arrays
W = np.array([0.5, 3.0, 1.0])
AT = np.array([0.3, 0.8, 1.2])
OF_BOTH = {
    "sum": lambda x: x * W / W.sum(),
    "max": lambda x: x * (W / W.max()),
    "norm": lambda x: x * W / np.linalg.norm(W),
    "sorted": lambda x: x * W + np.sort(W) * x,
    "ranks": lambda x: x[np.argsort(W)] * W,
    "mask": lambda x: (x * W)[W > 0.8].sum(),
    "where": lambda x: np.where(W > 0.8, x, W),
    "branch": lambda x: x * W if W[1] > 2.0 else 2 * x * W,
    "elements": lambda x: x * W + W[0],
    "list": lambda x: x * W + W.tolist()[0],
    "count": lambda x: sum([x * W for _ in range(int(W.max()))]),
    "index": lambda x: x[int(W[2])] * W,
    "view": lambda x: x * W[::-1] + W.mean(),
    "copy": lambda x: x * W.copy() * W,
    "cumulated": lambda x: x * W + np.cumsum(W) * x,
    "outer": lambda x: np.outer(x, W) @ W**2,
    "function of a function": lambda x: x * W / np.exp(W).sum(),
}


@pytest.mark.parametrize("order", ["value", "gradient", "hessian"])
@pytest.mark.parametrize("name", OF_BOTH)
def test_arrays_that_are_read_and_computed_with(name, order):
    value = OF_BOTH[name]
    f = {
        "value": value,
        "gradient": mmad.grad(lambda x: np.sum(value(x) * value(x))),
        "hessian": mmad.hessian(lambda x: np.sum(value(x) * value(x))),
    }[order]
    before = W.copy()
    g = mmad.compile(f)
    try:
        for change in ([0.5, 3.0, 1.0], [0.5, 1.0, 1.0], [2.5, 1.0, 0.1], [2.5, 1.0, 0.1], [0.5, 3.0, 1.0]):
            W[:] = change
            for _ in range(2):
                np.testing.assert_allclose(g(AT), f(AT), rtol=1e-13)
    finally:
        W[:] = before
    assert g.stats()["eager"] == 0
