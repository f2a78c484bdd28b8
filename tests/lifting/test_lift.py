"""`mmad.lift`: lifted code computes what the original computes, and has its derivatives."""

import cmath
import contextlib
import functools
import math
import sys
import threading
import types

import numpy as np
import pytest

import mmad
from mmad.lifting.copies import Lifter

PI = math.pi
TABLE = {"square": lambda t: float(t) ** 2, "sine": lambda t: math.sin(t)}
CALLS = []


def helper(x):
    return float(x) * math.sin(x)


class Sphere:
    unit = "m"

    def __init__(self, r):
        self.r = float(r)

    @property
    def area(self):
        return PI * self.r**2

    @classmethod
    def twice(cls, r):
        return cls(2 * r)

    @staticmethod
    def root(r):
        return math.sqrt(r)

    def __add__(self, other):
        if not isinstance(other, Sphere):
            return NotImplemented
        return type(self)(math.hypot(self.r, other.r))

    def __float__(self):
        return self.r


class Ball(Sphere):
    def __init__(self, r, density=2.0):
        super().__init__(r)
        self.density = density

    @functools.cached_property
    def mass(self):
        return self.density * 4 / 3 * math.pi * math.pow(self.r, 3)


GLOBAL = Ball(1.5)


@functools.cache
def cached(x, n=2):
    CALLS.append(x)
    return math.exp(x) ** n


@functools.singledispatch
def dispatched(x):
    return 0.0


@dispatched.register(float)
def _(x):
    return math.cos(x)


def doubled(f):
    @functools.wraps(f)
    def wrapper(*args):
        return 2 * f(*args)

    return wrapper


@doubled
def decorated(x, *, power=math.pow):
    return power(x, 3)


@contextlib.contextmanager
def scaled(x):
    yield math.log(x)


def generated(x):
    def terms(n):
        for k in range(n):
            yield math.cos(k * x) / float(k + 1)

    return math.fsum(terms(4))


@np.vectorize
def elementwise(t):
    return math.atan(t) if t > 0 else 0.0


def make_closure(scale):
    def inner(t):
        return math.tanh(t * scale) if t > 0.1 else inner(t + 1.0)

    return inner


closure = make_closure(0.5)


def numbers(x):
    return float(x) + complex(x, 2 * x).imag + np.float64(x) ** 2 + float(np.array([x])[0])


def kinds(x):
    if isinstance(x, float) and type(x) is float and type(x) in (float, int) and not isinstance(x, int):
        return type(x)(3 * x) + x.__class__(x)
    return 0.0 * x


def arrays(x):
    a = np.zeros(3)
    a[0] = x
    a[1] = a[0] ** 2
    b = np.array([x, 2.0, 3.0], dtype=float)
    c = np.ones((2, 2), dtype=np.float64).copy()
    c[1] = b[:2] * x
    d = np.arange(3.0) * 2.0
    d[0] = x**3
    e = np.asarray([1.0, 2.0], float)
    e[1] = math.sin(x)
    return float(np.sum(a)) + np.dot(b, a) + c.sum() + d[0] + e.sum() + np.mean([x, 1.0]) + np.linalg.norm([x, 2.0])


def mapped(x):
    return sum(map(float, [x, 2.0, x * x])) + max(x, 0.0)


def objects(x):
    total = Ball(x) + GLOBAL
    assert isinstance(total, Sphere)
    assert isinstance(GLOBAL, Ball)
    assert issubclass(type(total), Sphere)
    return total.area + Ball(x).mass + Sphere.twice(x).r + GLOBAL.root(x) + float(Sphere(x)) + GLOBAL.mass


def tabled(x):
    return sum(f(x) for f in TABLE.values())


def managed(x):
    with scaled(x) as y:
        return float(y)


def imported(x):
    import math as m
    from math import exp

    import numpy

    return m.sin(x) + exp(x) + numpy.array([x, x], dtype=float).sum()


def formatted(x):
    return f"{x:.3f}", math.isclose(x, x), math.floor(x), math.isfinite(x), x


FUNCTIONS = [
    *(helper, numbers, kinds, arrays, mapped, objects, tabled, managed, imported, generated, decorated, closure),
    *(
        lambda x: cached(x) + cached(1.25),
        lambda x: dispatched(x),
        lambda x: elementwise(np.array([x, 2.0, -1.0])).sum(),
    ),
    *(lambda x: (lambda t, f=math.exp: f(t))(x), lambda x: functools.partial(math.pow, x)(2)),
]


def slope(f, x, h=1e-4):
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("x", [0.7, 1.3])
def test_values_and_derivatives(f, x):
    lifted = mmad.lift(f)
    assert lifted(x) == f(x)
    assert Lifter().of(f)(x) == f(x)  # the copy itself, with plain numbers
    value, gradient = mmad.value_and_grad(lifted)(x)
    want = slope(f, x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    np.testing.assert_allclose(gradient, want, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(mmad.jvp(lifted, (x,), (1.0,))[1], want, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("f", [helper, arrays, objects, decorated])
def test_second_order_batches_and_programs(f):
    lifted, x = mmad.lift(f), 1.3
    second = slope(lambda t: mmad.grad(lifted)(t), x)
    np.testing.assert_allclose(mmad.hvp(lifted)(x, 1.0), second, rtol=1e-7)
    compiled = mmad.compile(mmad.grad(lifted))
    for t in (1.3, 0.9, 2.1):
        np.testing.assert_allclose(compiled(t), slope(f, t), rtol=1e-8)


MATH = {
    "sin cos tan atan sinh cosh tanh asinh exp expm1 fabs degrees radians erf erfc": 0.4,
    "asin acos atanh log log2 log10 log1p sqrt cbrt exp2": 0.4,
    "acosh": 1.7,
}


@pytest.mark.parametrize(("name", "x"), [(name, x) for names, x in MATH.items() for name in names.split()])
def test_math(name, x):
    f = getattr(math, name)
    lifted = mmad.lift(lambda t: getattr(math, name)(t) + f(2 * t) * (0.1 if abs(2 * t) < 1 or x > 1 else 0.0))
    assert lifted(x) == f(x) + f(2 * x) * 0.1
    np.testing.assert_allclose(mmad.grad(lifted)(x), slope(f, x) + 0.2 * slope(f, 2 * x), rtol=1e-8)
    np.testing.assert_allclose(mmad.jvp(lifted, (x,), (1.0,))[1], slope(f, x) + 0.2 * slope(f, 2 * x), rtol=1e-8)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: math.atan2(x, 0.3) + 2 * math.atan2(0.3, x),
        lambda x: math.hypot(x, 2.0, x * x),
        lambda x: math.log(x, 3.0) + math.log(5.0, x),
        lambda x: math.pow(x, 2) + math.pow(2, x) + math.pow(x, x),
        lambda x: math.fmod(x * 7, 2.0) + math.remainder(7 * x, 2.0),
        lambda x: sum(math.modf(7.3 * x)) + math.frexp(x)[0] * 3 + math.ldexp(x, 4),
        lambda x: math.copysign(x, -2.0) + math.dist([x, 1.0], [0.0, x]) + math.prod([x, x, 2.0]),
        lambda x: abs(cmath.exp(1j * x) * cmath.sqrt(x - 5.0)) + cmath.phase(complex(x, 2.0)),
        lambda x: cmath.polar(complex(x, 2.0))[0] + cmath.rect(x, 0.3).real + cmath.log(x).real,
    ],
)
def test_math_of_more_arguments(f):
    for x in (0.8, 1.9):
        assert mmad.lift(f)(x) == f(x)
        np.testing.assert_allclose(mmad.grad(mmad.lift(f))(x), slope(f, x), rtol=1e-7)
        np.testing.assert_allclose(mmad.jvp(mmad.lift(f), (x,), (1.0,))[1], slope(f, x), rtol=1e-7)


@pytest.mark.parametrize(
    ("f", "x", "error"),
    [
        (lambda x: math.sqrt(x), -1.0, ValueError),
        (lambda x: math.log(x), 0.0, ValueError),
        (lambda x: math.acos(x), 2.0, ValueError),
        (lambda x: math.exp(x), 1000.0, OverflowError),
        (lambda x: math.pow(x, 1e3), 1e3, OverflowError),
        (lambda x: math.pow(x, 0.5), -1.0, ValueError),
        (lambda x: math.fmod(x, 0.0), 1.0, ValueError),
    ],
)
def test_errors_of_math_stay(f, x, error):
    with pytest.raises(error):
        f(x)
    for operator in (mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (1.0,))):
        with pytest.raises(error):
            operator(mmad.lift(f))(x)

    def caught(x):
        try:
            return f(x)
        except error:
            return 3 * x

    assert mmad.grad(mmad.lift(caught))(x) == 3.0


def test_nothing_is_changed():
    before = dict(globals())
    attributes = dict(vars(Ball)), dict(vars(Sphere)), dict(vars(GLOBAL)), dict(vars(math)), dict(vars(np))
    for f in FUNCTIONS:
        mmad.grad(mmad.lift(f))(1.3)
    assert {k: v for k, v in globals().items() if k[:1] != "@"} == {k: v for k, v in before.items() if k[:1] != "@"}
    now = dict(vars(Ball)), dict(vars(Sphere)), dict(vars(GLOBAL)), dict(vars(math)), dict(vars(np))
    for old, new in zip(attributes, now, strict=True):
        assert {k: v for k, v in old.items() if k != "mass"} == {k: v for k, v in new.items() if k != "mass"}


SETTING = 1.0
COUNT = 0


def setting(x):
    return SETTING * math.sin(x)


def counting(x):
    global COUNT
    COUNT += 1
    return COUNT * math.sin(x)


def test_copies_read_what_the_module_has_now(monkeypatch):
    g = mmad.grad(mmad.lift(setting))
    assert g(0.5) == math.cos(0.5)
    monkeypatch.setitem(globals(), "SETTING", 3.0)
    assert g(0.5) == 3.0 * math.cos(0.5)


def test_what_copies_write_stays_with_them():
    mmad.grad(mmad.lift(counting))(0.5)
    assert COUNT == 0


def test_a_class_and_its_objects():
    lifted = mmad.lift(Ball)
    assert lifted(1.5).area == Ball(1.5).area
    np.testing.assert_allclose(mmad.grad(lambda r: lifted(r).mass)(1.5), 4 * math.pi * 2.0 * 1.5**2)
    ball = Ball(2.0)

    def scale(self, factor):
        self.r = float(factor) * self.r
        return self.area

    step = mmad.lift(scale)
    g = mmad.grad(lambda f: step(ball, f) + 0.0 * ball.r)  # what the copy writes is seen by others
    np.testing.assert_allclose(g(1.5), 2 * math.pi * 4.0 * 1.5)
    bound = mmad.lift(Ball(3.0).__add__)
    np.testing.assert_allclose(mmad.grad(lambda r: bound(lifted(r)).r)(4.0), 4.0 / 5.0)


def test_a_module():
    here = mmad.lift(sys.modules[__name__])
    assert mmad.grad(here.helper)(0.5) == mmad.grad(mmad.lift(helper))(0.5)
    assert here.helper(0.5) == helper(0.5)
    np.testing.assert_allclose(mmad.grad(lambda r: here.Ball(r).area)(1.5), 2 * math.pi * 1.5)
    with pytest.raises(TypeError, match="lift the function that calls math"):
        mmad.lift(math)


def test_caches_serve_plain_numbers_alone():
    cached.cache_clear()
    CALLS.clear()
    f = mmad.lift(lambda x: cached(x) * cached(0.25))
    for x in (0.5, 0.75, 0.5):
        np.testing.assert_allclose(mmad.grad(f)(x), 2 * math.exp(2 * x) * math.exp(0.5))
    assert [v for v in CALLS if type(v) is float] == [0.25]  # the cache of the original


def test_tracebacks_name_the_users_line():
    def fails(x):
        y = float(x)
        raise KeyError(f"{y:.1f}")

    with pytest.raises(KeyError) as caught:
        mmad.grad(mmad.lift(fails))(1.5)
    last = caught.traceback[-1]
    assert str(last.path) == __file__
    assert last.lineno == fails.__code__.co_firstlineno + 1  # counted from zero


def test_leave_and_replace():
    outside = types.ModuleType("outside")
    exec("import math\ndef f(x): return math.sin(x)\n", vars(outside))
    lifted = lambda **options: mmad.grad(mmad.lift(lambda x: outside.f(x), **options))
    assert lifted()(0.5) == math.cos(0.5)
    with pytest.raises(TypeError, match="float"):
        lifted(leave="outside")(0.5)
    assert lifted(replace={outside.f: lambda x: 2 * x})(0.5) == 2.0


def test_threads():
    results, errors = {}, []

    def work(k):
        try:
            lifter = mmad.lift(objects)
            for x in np.linspace(0.5, 2.0, 5):
                results[k, x] = mmad.grad(lifter)(float(x))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    for (_, x), value in results.items():
        np.testing.assert_allclose(value, slope(objects, float(x)), rtol=1e-8)
