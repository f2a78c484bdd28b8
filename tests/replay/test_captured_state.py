"""What a compiled function reads by other ways than names: special methods, operators, objects.

Every case is a function and changes of what it reads; after each the compiled function gives what the function gives.
"""

import collections
import contextvars
import dataclasses
import enum
import functools
import operator
import os
import sys
import types
import weakref

import numpy as np
import pytest

import mmad

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


def function_attribute(h):
    def helper(x):
        return x * helper.k

    helper.k = h.k
    h.then = lambda: setattr(helper, "k", h.k)
    return lambda x: helper(x)


def memory_view(h):
    d = memoryview(bytearray([int(h.k), 7]))
    h.then = lambda: d.__setitem__(0, int(h.k))
    return lambda x: x * d[0]


def environment(h):
    os.environ["MMAD_TEST_STATE"] = str(h.k)
    h.then = lambda: os.environ.update(MMAD_TEST_STATE=str(h.k))
    return lambda x: x * float(os.environ["MMAD_TEST_STATE"])


def environment_by_getenv(h):
    os.environ["MMAD_TEST_STATE"] = str(h.k)
    h.then = lambda: os.environ.update(MMAD_TEST_STATE=str(h.k))
    return lambda x: x * float(os.getenv("MMAD_TEST_STATE"))


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
    "attribute of a function": function_attribute,
    "memoryview": memory_view,
    "environment": environment,
    "getenv": environment_by_getenv,
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


@pytest.mark.parametrize("derivative", [lambda f: f, mmad.grad], ids=["value", "grad"])
def test_a_global_that_hides_a_builtin(derivative):
    """Also one that comes after the recording, and goes again."""
    names = {"np": np}
    exec("def scaled(x):\n    return np.sum(x * len(x))", names)
    f, compiled = derivative(names["scaled"]), mmad.compile(derivative(names["scaled"]))
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), f(X))
        names["len"] = lambda x: 5
        np.testing.assert_array_equal(compiled(X), f(X))
        del names["len"]
        np.testing.assert_array_equal(compiled(X), f(X))
    assert compiled.stats()["eager"] == 0
