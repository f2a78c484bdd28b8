"""What a compiled function reads by other ways than names: special methods, operators, containers, iterators.

Every case is a function and changes of what it reads; after each the compiled function gives what the function gives.
"""

import collections
import contextvars
import dataclasses
import enum
import functools
import itertools
import operator
import queue
import sys
import threading
import types
import warnings
import weakref
from array import array

import numpy as np
import pytest

import mmad
from mmad._ran import Ran

X = np.array([1.0, 2.0])


class Holder:
    """Everything that Python asks of an object, answered from its state."""

    def __init__(self, k=2.0):
        self.k, self.items, self.table = k, [2.0, 3.0], {"a": 2.0}

    def __getitem__(self, i):
        return self.k * self.items[i]

    def __iter__(self):
        return iter([self.k, 1.0])

    def __len__(self):
        return int(self.k)

    def __mul__(self, other):
        return other * self.k

    def __rmul__(self, other):
        return other * self.k

    def __radd__(self, other):
        return other + self.k

    def __rsub__(self, other):
        return other - self.k

    def __rtruediv__(self, other):
        return other / self.k

    def __neg__(self):
        return -self.k

    def __abs__(self):
        return abs(self.k)

    def __invert__(self):
        return self.k + 1

    def __float__(self):
        return float(self.k)

    def __int__(self):
        return int(self.k)

    def __index__(self):
        return int(self.k)

    def __bool__(self):
        return self.k > 2.5

    def __eq__(self, other):
        return self.k == other

    def __lt__(self, other):
        return self.k < other

    def __contains__(self, x):
        return x < self.k

    def __call__(self, x):
        return x * self.k

    def __hash__(self):
        return int(self.k)

    def __array__(self, dtype=None, copy=None):
        return np.array([self.k, 1.0])

    def __enter__(self):
        return self.k

    def __exit__(self, *_):
        return None

    def __round__(self, n=None):
        return round(self.k)

    def __format__(self, spec):
        return f"{self.k:.1f}"

    def __str__(self):
        return f"{self.k}"

    def __getattr__(self, name):
        if name.startswith("deep"):
            return self.k + len(name)
        raise AttributeError(name)

    @property
    def double(self):
        return 2 * self.k

    @functools.cached_property
    def cached(self):
        return 3 * self.k

    @classmethod
    def of_class(cls):
        return cls.level

    @staticmethod
    def static():
        return Holder.level

    level = 1.0

    def method(self, x, by=1.0):
        return x * self.k * by


def attrgetter(h):
    get = operator.attrgetter("k")
    return lambda x: x * get(h)


def methodcaller(h):
    call = operator.methodcaller("method", X)
    return lambda x: x * call(h)


def methodcaller_by(h):
    call = operator.methodcaller("method", X, by=2.0)
    return lambda x: x * call(h)


def itemgetter(h):
    get = operator.itemgetter(1)
    return lambda x: x * get(h)


def pattern(h):
    @dataclasses.dataclass
    class Point:
        k: float
        m: float

    p = Point(2.0, 1.0)

    def f(x):
        p.k = h.k
        match p:
            case Point(k=2.0):
                return x
            case Point(k=3.0):
                return 3.0 * x
        return x * x

    return f


def keyword_pattern(h):
    def f(x):
        match h:
            case Holder(k=2.0):
                return x
            case Holder(k=k):
                return k * x

    return f


class Positional:
    __match_args__ = ("inner",)

    def __init__(self, h):
        self.inner = h.k


def positional_pattern(h):
    p = Positional(h)
    h.partner = p

    def f(x):
        match p:
            case Positional(2.0):
                return x
            case Positional(k):
                return k * x

    return f


class Descriptor:
    def __get__(self, instance, owner=None):
        return instance.k if instance is not None else self


class Described:
    value = Descriptor()

    def __init__(self, h):
        self.k = h.k


def described(h):
    h.partner = Described(h)
    return lambda x: x * h.partner.value


def in_a_registry(h):
    registry = {"h": h}
    return lambda x: x * registry["h"].method(1.0)


def computed(h):
    return lambda x: x * getattr(h, "".join(["k"]))


def of_vars(h):
    return lambda x: x * vars(h)["k"]


def of_dict(h):
    return lambda x: x * h.__dict__["k"]


def by_map(h):
    return lambda x: x * sum(map(operator.mul, [1.0, 2.0], [h, h]), 0.0)


def by_reduce(h):
    return lambda x: functools.reduce(operator.mul, [h, 2.0, x])


def partial(h):
    p = functools.partial(Holder.method, h)
    return lambda x: p(x)


def partial_of_partial(h):
    p = functools.partial(functools.partial(operator.mul), h)
    return lambda x: p(x)


def cached(h):
    @functools.lru_cache
    def scale():
        return h.k

    def f(x):
        return x * scale()

    h.clear = scale.cache_clear
    return f


def generator(h):
    def values():
        yield h.k
        yield from (v * h.k for v in h.items)

    return lambda x: x * sum(values())


def comprehension(h):
    return lambda x: x * sum([a * b for a in h for b in h.items])


def nested_class(h):
    def f(x):
        class Local:
            k = h.k

            def value(self):
                return self.k * h.k

        return x * Local().value()

    return f


def from_weakref(h):
    r = weakref.ref(h)
    return lambda x: x * r().k


def from_proxy(h):
    r = weakref.proxy(h)
    return lambda x: x * r.k


VAR = contextvars.ContextVar("VAR", default=2.0)


def context(h):
    VAR.set(h.k)
    h.then = lambda: VAR.set(h.k)
    return lambda x: x * VAR.get()


def user_dict(h):
    d = collections.UserDict(k=h.k)
    h.then = lambda: d.update(k=h.k)
    return lambda x: x * d["k"]


def chain_map(h):
    d = collections.ChainMap({}, {"k": h.k})
    h.then = lambda: d.maps[1].update(k=h.k)
    return lambda x: x * d["k"]


def user_list(h):
    d = collections.UserList([h.k])
    h.then = lambda: d.__setitem__(0, h.k)
    return lambda x: x * d[0]


class Meta(type):
    def __getattr__(cls, name):
        return cls.inner[name]

    def __getitem__(cls, i):
        return cls.inner["k"] * i

    def __len__(cls):
        return int(cls.inner["k"])


def metaclass(h):
    class Thing(metaclass=Meta):
        inner = {"k": h.k}  # noqa: RUF012

    h.then = lambda: Thing.inner.update(k=h.k)
    return lambda x: x * Thing.k * Thing[2.0] + len(Thing)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2

    @property
    def weight(self):
        return WEIGHTS[self]


WEIGHTS = {Colour.RED: 2.0, Colour.BLUE: 5.0}


def enumeration(h):
    WEIGHTS[Colour.RED] = h.k
    h.then = lambda: WEIGHTS.update({Colour.RED: h.k})
    return lambda x: x * Colour.RED.weight


Pair = collections.namedtuple("Pair", "a b")


def named_tuple(h):
    p = Pair(h, [1.0])
    h.then = lambda: p.b.__setitem__(0, h.k)
    return lambda x: x * p.a.k * p.b[0]


def imported(h):
    module = types.ModuleType("settings_of_a_test")
    module.RATE = h.k
    sys.modules["settings_of_a_test"] = module
    h.then = lambda: setattr(module, "RATE", h.k)

    def f(x):
        import settings_of_a_test

        return x * settings_of_a_test.RATE

    return f


def imported_from(h):
    imported(h)

    def f(x):
        from settings_of_a_test import RATE

        return x * RATE

    return f


class Derived(Holder):
    pass


def inherited(h):
    d = Derived(h.k)
    h.then = lambda: setattr(Derived, "level", h.k)
    return lambda x: x * d.of_class()


def with_slots(h):
    class Slotted:
        __slots__ = ("k",)

        def __mul__(self, other):
            return self.k * other

    s = Slotted()
    s.k = h.k
    h.then = lambda: setattr(s, "k", h.k)
    return lambda x: s * x


def missing(h):
    def f(x):
        return x * (h.extra if hasattr(h, "extra") else 1.0)

    h.then = lambda: setattr(h, "extra", h.k)
    return f


def single_dispatch(h):
    @functools.singledispatch
    def scale(x):
        return 1.0

    @scale.register
    def _(x: Holder):
        return x.k

    return lambda x: x * scale(h)


def bound_method_of_a_dict(h):
    d = {"k": h.k}
    get = d.get
    h.then = lambda: d.update(k=h.k)
    return lambda x: x * get("k")


def callback_in_c(h):
    return lambda x: x * min([3.0, 1.0], key=h.by)


def sorting_key(h):
    h.by = lambda v: v * h.k
    return lambda x: x * sorted([1.0, -2.0], key=h.by)[0] * h.k


CASES = {
    "getitem": lambda h: lambda x: x * h[1],
    "iter": lambda h: lambda x: x * sum(v for v in h),
    "unpacking": lambda h: lambda x: x * sum([*h]),
    "len": lambda h: lambda x: x * len(h),
    "mul": lambda h: lambda x: h * 2.0 * x,
    "rmul": lambda h: lambda x: x * (2.0 * h),
    "radd": lambda h: lambda x: x * (2.0 + h),
    "rsub": lambda h: lambda x: x * (2.0 - h),
    "rtruediv": lambda h: lambda x: x * (2.0 / h),
    "neg": lambda h: lambda x: x * -h,
    "abs": lambda h: lambda x: x * abs(h),
    "invert": lambda h: lambda x: x * ~h,
    "float": lambda h: lambda x: x * float(h),
    "int": lambda h: lambda x: x * int(h),
    "index": lambda h: lambda x: x * [0.0, 1.0, 2.0, 3.0, 4.0][h],
    "range": lambda h: lambda x: sum([x for _ in range(h)]),
    "bool": lambda h: lambda x: x if h else 2 * x,
    "not": lambda h: lambda x: x if not h else 2 * x,
    "eq": lambda h: lambda x: x if h == 2.0 else 3 * x,
    "lt": lambda h: lambda x: x if h < 2.5 else 3 * x,
    "in": lambda h: lambda x: x if 2.5 in h else 3 * x,
    "call": lambda h: lambda x: h(x),
    "call of the class": lambda h: lambda x: type(h)(h.k)(x),
    "array": lambda h: lambda x: x * np.asarray(h),
    "with": lambda h: lambda x: _entered(h, x),
    "round": lambda h: lambda x: x * round(h),
    "format": lambda h: lambda x: x * float(f"{h}"),
    "str": lambda h: lambda x: x * float(str(h)),
    "getattr": lambda h: lambda x: x * h.deeper,
    "property": lambda h: lambda x: x * h.double,
    "hash": lambda h: lambda x: x * hash(h),
    "divmod": lambda h: lambda x: x * divmod(7.0, float(h))[0],
    "attrgetter": attrgetter,
    "methodcaller": methodcaller,
    "methodcaller, keywords": methodcaller_by,
    "itemgetter": itemgetter,
    "class pattern of a dataclass": pattern,
    "class pattern, keyword": keyword_pattern,
    "descriptor": described,
    "registry": in_a_registry,
    "computed name": computed,
    "vars": of_vars,
    "dict of an object": of_dict,
    "map": by_map,
    "reduce": by_reduce,
    "partial": partial,
    "partial of a partial": partial_of_partial,
    "generator": generator,
    "comprehension": comprehension,
    "class made inside": nested_class,
    "weak reference": from_weakref,
    "weak proxy": from_proxy,
    "context variable": context,
    "UserDict": user_dict,
    "ChainMap": chain_map,
    "UserList": user_list,
    "metaclass": metaclass,
    "enumeration": enumeration,
    "named tuple": named_tuple,
    "import inside": imported,
    "import from": imported_from,
    "inherited class attribute": inherited,
    "slots": with_slots,
    "attribute that appears": missing,
    "singledispatch": single_dispatch,
    "bound method of a dict": bound_method_of_a_dict,
    "key function": sorting_key,
}


def _entered(h, x):
    with h as k:
        return x * k


@pytest.mark.filterwarnings("ignore:.*eagerly:RuntimeWarning")
@pytest.mark.parametrize("derivative", ["value", "gradient"])
@pytest.mark.parametrize("name", CASES)
def test_state_of_objects(name, derivative):
    h = Holder()
    Derived.level = Holder.level = 1.0
    f = CASES[name](h)
    if derivative == "gradient":
        inner = f
        f = mmad.grad(lambda x: (inner(x) * x).sum())
    g = mmad.compile(f)
    for k in (2.0, 2.0, 3.0, 3.0, 4.0, 2.0):
        h.k = k
        if "then" in vars(h):
            h.then()
        for _ in range(2):
            np.testing.assert_array_equal(g(X), f(X))
    if "then" in vars(h) or name == "class pattern of a dataclass":
        return
    before = g.stats()["replays"]
    g(X)
    assert g.stats()["replays"] == before + 1, "it runs eagerly"


def test_positional_class_pattern():
    h = Holder()
    f = positional_pattern(h)
    g = mmad.compile(f)
    for k in (2.0, 3.0, 2.0):
        h.partner.inner = k
        np.testing.assert_array_equal(g(X), f(X))


def test_a_cache_that_is_cleared():
    h = Holder()
    f = cached(h)
    g = mmad.compile(f)
    np.testing.assert_array_equal(g(X), X * 2.0)
    h.k = 3.0
    np.testing.assert_array_equal(g(X), X * 2.0)  # as the function does
    h.clear()
    np.testing.assert_array_equal(g(X), X * 3.0)
    np.testing.assert_array_equal(g(X), X * 3.0)


def test_objects_among_the_arguments():
    class Options:
        scale = 1.0

        def __init__(self, n):
            self.n, self.sizes = n, [1, 2]

        def __getitem__(self, i):
            return self.sizes[i] * self.n * self.scale

    g = mmad.compile(lambda x, o: x * o[1])
    o = Options(2)
    try:
        for change in (
            lambda: None,
            lambda: setattr(o, "n", 3),
            lambda: o.sizes.append(5),
            lambda: o.sizes.__setitem__(1, 7),
        ):
            change()
            for _ in range(2):
                np.testing.assert_array_equal(g(X, o), X * o[1])
        Options.scale = 4.0
        np.testing.assert_array_equal(g(X, o), X * o[1])
        np.testing.assert_array_equal(g(X, Options(2)), X * Options(2)[1])
    finally:
        Options.scale = 1.0


def test_configuration_of_differentiated_objects():
    @dataclasses.dataclass
    class Layer:
        w: np.ndarray
        order: list
        gain = 1.0

        def __call__(self, x):
            return self.w[self.order] * x * self.gain

    layer = Layer(np.array([2.0, 5.0]), [0, 1])
    f = mmad.grad(lambda layer, x: layer(x).sum())
    g = mmad.compile(f)
    for change in (lambda: None, lambda: layer.order.reverse(), lambda: layer.order.__setitem__(0, 0)):
        change()
        for _ in range(2):
            np.testing.assert_array_equal(g(layer, X).w, f(layer, X).w)
    Layer.gain = 3.0
    np.testing.assert_array_equal(g(layer, X).w, f(layer, X).w)
    layer.w = np.array([1.0, 7.0])
    records = g.stats()["records"]
    np.testing.assert_array_equal(g(layer, X).w, f(layer, X).w)
    assert g.stats()["records"] == records


def test_the_order_of_a_dict():
    def f(x, d):
        total = x
        for key, v in d.items():
            total = total * v if key == "a" else total + v
        return total

    g = mmad.compile(f)
    d = {"a": 2.0, "b": 3.0}
    for _ in range(2):
        for given in (d, dict(reversed(d.items())), {"n": d["a"], **d}):
            np.testing.assert_array_equal(g(X, given), f(X, given))
    captured = {"a": 2.0, "b": 3.0}
    h = mmad.compile(lambda x: f(x, captured))
    np.testing.assert_array_equal(h(X), f(X, captured))
    captured["a"] = captured.pop("a")
    np.testing.assert_array_equal(h(X), f(X, captured))


# ------------------------------------------------------------------------------------------------ containers
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


# ------------------------------------------------------------------------------------------------ settings, profilers
def test_errstate_of_the_caller():
    def f(x):
        return 1.0 / x

    g = mmad.compile(f)
    for _ in range(2):
        with np.errstate(divide="ignore"):
            assert g(np.float64(0.0)) == np.inf
        with np.errstate(divide="raise"):
            assert g(np.float64(2.0)) == 0.5
            with pytest.raises(FloatingPointError):
                g(np.float64(0.0))
        with np.errstate(divide="warn"), pytest.warns(RuntimeWarning):
            f(np.float64(0.0))
    met = []
    with np.errstate(divide="call", call=lambda *_: met.append(1)), pytest.warns(RuntimeWarning, match="errstate"):
        g(np.float64(0.0))
    assert met


def test_profile_functions_go_on():
    h, events = Holder(), []
    g = mmad.compile(lambda x: x * h[1])

    def profile(frame, event, _):
        if event == "call" and frame.f_code is Holder.__getitem__.__code__:
            events.append(sys.getprofile())

    sys.setprofile(profile)
    try:
        g(X)
        after = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert after is profile
    assert len(events) == 1
    g(X)
    assert sys.getprofile() is None
    h.k = 5.0
    np.testing.assert_array_equal(g(X), X * h[1])


def test_recordings_in_threads():
    h = Holder()
    found = {}

    def run(k):
        g = mmad.compile(lambda x: x * h[1] * k)
        found[k] = [g(X) for _ in range(4)]

    threads = [threading.Thread(target=run, args=(k,)) for k in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, results in found.items():
        np.testing.assert_array_equal(results, [X * h[1] * k] * 4)


def test_what_ran():
    def inner(h):
        return h.k

    h = Holder()
    with Ran(lambda names: names is globals()) as ran:
        inner(h)
        Holder(3.0)
    assert {code.co_name for code, _ in ran.codes} >= {"inner", "__init__"}
    assert h in ran.objects
    assert Holder in ran.objects
    assert not [x for x in ran.objects if isinstance(x, Holder) and x is not h]


def test_functions_of_functions_alone_are_not_looked_at():
    """Recordings take no longer where the code itself tells everything."""
    g = mmad.compile(mmad.grad(lambda x: np.sum(X * x)))
    assert g.captures.plain
    h = Holder()
    assert not mmad.compile(lambda x: h(x)).captures.plain


def test_simple_functions_are_recorded_once():
    h = Holder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (lambda x: x * h[1], lambda x: x * h.k * len(h), lambda x: h(x) + h.double):
            g = mmad.compile(f)
            for _ in range(4):
                g(X)
            assert g.stats()["records"] <= 2
            assert g.stats()["replays"] >= 2
