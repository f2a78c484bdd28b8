"""Data structures: inside the program, and as the argument that is differentiated."""

import collections
import copy
import dataclasses
import heapq
import typing

import numpy as np
import optree
import pytest
from helpers import check, flatten

import mmad


class Pair(typing.NamedTuple):
    left: float
    right: float


Layer = collections.namedtuple("Layer", "weight bias")


@dataclasses.dataclass
class Spring:
    stiffness: float
    rest: np.ndarray

    def energy(self, x):
        return 0.5 * self.stiffness * ((x - self.rest) ** 2).sum()


@dataclasses.dataclass(frozen=True)
class Model:
    spring: Spring
    masses: list


class Quadratic:
    """A plain user class with state, a property, a class attribute and operators."""

    scale = 2.0

    def __init__(self, a, b):
        self.a, self.b = a, b

    @property
    def vertex(self):
        return -self.b / (2.0 * self.a)

    def __call__(self, x):
        return self.scale * (self.a * x * x + self.b * x)

    def __add__(self, other):
        return Quadratic(self.a + other.a, self.b + other.b)

    def __getitem__(self, k):
        return (self.a, self.b)[k]


class Vector2:
    """Registered as a tree below, so that it may be differentiated."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __matmul__(self, other):
        return self.x * other.x + self.y * other.y


optree.register_pytree_node(
    Vector2,
    lambda node: ((node.x, node.y), None),
    lambda _, children: Vector2(*children),
    namespace=optree.registry.__GLOBAL_NAMESPACE,
)

X = np.array([0.7, 1.3, 2.1])


def test_lists_grow_shrink_and_sort(mode):
    def f(x):
        stack = [x[0]]
        stack.append(x[1] * stack[-1])
        stack.extend([x[2], 1.0])
        stack.insert(1, stack.pop() * x[2])
        stack[0], stack[-1] = stack[-1], stack[0]
        stack.sort(reverse=True)
        del stack[0]
        return stack[0] * stack[1] + len(stack)

    # {x0, x1 x0, x2, x2}: the two x2 are the largest, one of them is deleted, then x2 * x1 x0 (0.91 > 0.7)
    check(mode, f, X, lambda m, x: x[2] * x[0] * x[1] + 3)


def test_dicts(mode):
    def f(x):
        state = {"a": x[0], "b": {"c": x[1]}}
        state["b"]["c"] *= x[2]
        state.update(a=state["a"] * state["b"]["c"])
        state.setdefault("d", x[2])
        counter = collections.defaultdict(float)
        for k, t in enumerate(x):
            counter[k % 2] += t * t
        return sum(v for k, v in state.items() if k != "b") + counter[0] * counter[1]

    check(mode, f, X, lambda m, x: x[0] * x[1] * x[2] + x[2] + (x[0] ** 2 + x[2] ** 2) * x[1] ** 2)


def test_tuples_and_unpacking(mode):
    def f(x):
        first, *rest = (x[0], x[1], x[2])
        (a, b), c = rest, first
        return divmod(7, 2)[0] * a * b + c * c

    check(mode, f, X, lambda m, x: 3 * x[1] * x[2] + x[0] ** 2)


def test_named_tuples_inside(mode):
    def f(x):
        p = Pair(x[0], right=x[1])
        q = p._replace(left=p.left * x[2])
        return q.left * q.right + p[0] + sum(q._asdict().values())

    check(mode, f, X, lambda m, x: x[0] * x[2] * x[1] + x[0] + x[0] * x[2] + x[1])


def test_dataclasses_inside(mode):
    def f(x):
        s = Spring(stiffness=x[0], rest=x * 0.5)
        s.stiffness = s.stiffness * x[1]
        t = dataclasses.replace(s, rest=s.rest * 2.0)
        return s.energy(x) + t.energy(2.0 * x)

    def program(m, x):
        squares = sum(t * t for t in x)
        return 0.5 * x[0] * x[1] * (0.25 * squares + squares)

    check(mode, f, X, program)


def test_user_classes_inside(mode):
    def f(x):
        p = Quadratic(x[0], x[1])
        q = p + Quadratic(1.0, x[2])
        q.a = q.a * 2.0
        return q(x[0]) + p.vertex * q[1] + isinstance(q, Quadratic)

    def program(m, x):
        a, b = 2 * (x[0] + 1), x[1] + x[2]
        return 2 * (a * x[0] ** 2 + b * x[0]) - x[1] / (2 * x[0]) * b + 1

    check(mode, f, X, program)


def test_inheritance_slots_and_attribute_hooks(mode):
    class Cubic(Quadratic):
        __slots__ = ("c",)

        def __init__(self, a, b, c):
            super().__init__(a, b)
            self.c = c

        def __getattr__(self, name):
            if name == "total":
                return self.a + self.b + self.c
            raise AttributeError(name)

        def __call__(self, x):
            return super().__call__(x) + self.c * x**3

    check(
        mode,
        lambda x: Cubic(*x)(x[1]) * Cubic(*x).total,
        X,
        lambda m, x: (2 * (x[0] * x[1] ** 2 + x[1] ** 2) + x[2] * x[1] ** 3) * sum(x),
    )


def test_linked_list_heap_deque(mode):
    def f(x):
        node = None
        for t in x:
            node = (t, node)
        product = 1.0
        while node is not None:
            value, node = node
            product = product * value
        heap = [(float(k), t) for k, t in enumerate(x)]
        heapq.heapify(heap)
        queue = collections.deque([t for _, t in heap], maxlen=2)
        queue.rotate(1)
        return product + heapq.heappop(heap)[1] * queue[0]

    check(mode, f, X, lambda m, x: x[0] * x[1] * x[2] + x[0] * x[2])


def test_deepcopy_and_copy(mode):
    def f(x):
        original = {"array": x * 2.0, "list": [x[0], Pair(x[1], 3.0)]}
        deep = copy.deepcopy(original)
        shallow = copy.copy(original)
        deep["array"][0] = 5.0
        shallow["array"][1] *= x[2]
        y = copy.copy(original["array"])
        y[2] = 0.0
        return (original["array"] ** 2).sum() + (deep["array"] * x).sum() + y.sum() + deep["list"][1].left

    def program(m, x):
        array = [2 * x[0], 2 * x[1] * x[2], 2 * x[2]]
        deep = 5 * x[0] + 2 * x[1] ** 2 + 2 * x[2] ** 2
        return sum(t * t for t in array) + deep + array[0] + array[1] + x[1]

    check(mode, f, X, program)


def test_deepcopy_of_a_user_object(mode):
    def f(x):
        p = Quadratic(x[0], x[1])
        q = copy.deepcopy(p)
        q.a = q.a * x[2]
        return p(2.0) * q(1.0)

    check(mode, f, X, lambda m, x: 2 * (4 * x[0] + 2 * x[1]) * 2 * (x[0] * x[2] + x[1]))


def test_printing_and_f_strings(mode, capsys):
    def f(x):
        y = x * 2.0
        print(y, f"{y} {y:.3f} {y!r:>30} {y:8.2e}", sep="|")
        return y * len(f"{y:.1f}")

    check(mode, f, 1.25, lambda m, x: 6 * x[0])
    out = capsys.readouterr().out
    assert "2.5" in out
    assert "2.500" in out
    assert "2.50e+00" in out


def test_printing_arrays(mode, capsys):
    def f(x):
        print(x, x[0], [x[1]], f"{x}")
        return (x * x).sum() * (len(str(x)) > 0) * (len(repr(x)) > 0)

    check(mode, f, X, lambda m, x: sum(t * t for t in x))
    out = capsys.readouterr().out
    assert "0.7" in out
    assert "1.3" in out


ARGUMENTS = {
    "list": ([0.5, 1.5, 2.0], lambda t: t[0] * t[1] + np.sin(t[2])),
    "tuple": ((0.5, 1.5, 2.0), lambda t: t[0] * t[1] + np.sin(t[2])),
    "dict": ({"z": 0.5, "a": 1.5, "m": 2.0}, lambda t: t["z"] * t["a"] + np.sin(t["m"])),
    "named tuple": ((Pair(0.5, 1.5), 2.0), lambda t: t[0].left * t[0].right + np.sin(t[1])),
    "array and scalar": (Layer(np.array([0.5, 1.5]), 2.0), lambda t: t.weight.prod() + np.sin(t.bias)),
    "nested": (
        {"layers": [Layer(np.array([[0.5]]), (1.5,)), ()], "end": np.array(2.0)},
        lambda t: (t["layers"][0].weight * t["layers"][0].bias[0]).sum() + np.sin(t["end"]),
    ),
    "dataclass": (Spring(0.5, np.array([1.5, 2.0])), lambda t: t.stiffness * t.rest[0] + np.sin(t.rest[1])),
    "nested dataclass": (
        Model(Spring(0.5, np.array([1.5])), [2.0]),
        lambda t: (t.spring.stiffness * t.spring.rest).sum() + np.sin(t.masses[0]),
    ),
    "ordered dict": (
        collections.OrderedDict(z=0.5, a=np.array([1.5, 2.0])),
        lambda t: t["z"] * t["a"][0] + np.sin(t["a"][1]),
    ),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_trees_as_arguments(mode, kind):
    x, f = ARGUMENTS[kind]
    check(mode, f, x, lambda m, x: x[0] * x[1] + m.sin(x[2]))


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_the_gradient_has_the_structure_of_the_argument(kind):
    x, f = ARGUMENTS[kind]

    def same(a, b):
        assert type(a) is type(b) or np.ndim(a) == np.ndim(b) == 0
        if isinstance(a, dict):
            assert list(a) == list(b)
            children = [(a[key], b[key]) for key in a]
        elif dataclasses.is_dataclass(a):
            children = [(getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(a)]
        elif isinstance(a, (list, tuple)):
            assert len(a) == len(b)
            children = zip(a, b, strict=True)
        else:
            assert np.shape(a) == np.shape(b)
            children = []
        for p, q in children:
            same(p, q)

    gradient = mmad.grad(f)(x)
    same(gradient, x)
    np.testing.assert_allclose(flatten(gradient), [1.5, 0.5, np.cos(2.0)], rtol=1e-15)


def test_a_registered_class_as_argument():
    x, v = Vector2(1.5, 2.5), Vector2(0.3, 0.7)

    def f(u):
        return (u @ u) * u.x

    y, y_dot = mmad.jvp(f, (x,), (v,))
    g = mmad.grad(f)(x)
    h = mmad.hvp(f)(x, v)
    assert isinstance(g, Vector2)
    assert isinstance(h, Vector2)
    # f = x^3 + x y^2
    np.testing.assert_allclose([y, g.x, g.y], [12.75, 13.0, 7.5], rtol=1e-15)
    np.testing.assert_allclose(y_dot, 13.0 * 0.3 + 7.5 * 0.7, rtol=1e-15)
    np.testing.assert_allclose([h.x, h.y], [9.0 * 0.3 + 5.0 * 0.7, 5.0 * 0.3 + 3.0 * 0.7], rtol=1e-15)


def test_an_object_as_an_argument_that_is_not_differentiated(first):
    def f(x, model, name):
        return model(x) * len(name)

    model = Quadratic(3.0, 1.0)
    if first == "rev":
        result = mmad.grad(f)(2.0, model, "ab")
    else:
        result = mmad.jvp(lambda x: f(x, model, "ab"), (2.0,), (1.0,))[1]
    assert result == pytest.approx(2 * 2.0 * (6.0 * 2.0 + 1.0))


def test_has_aux_returns_structures():
    def f(x):
        y = (x["w"] * 2.0).sum()
        return y * y, {"half": y, "name": "aux", "count": 3}

    gradient, aux = mmad.grad(f, has_aux=True)({"w": X})
    np.testing.assert_allclose(gradient["w"], np.full(3, 8 * X.sum()), rtol=1e-14)
    assert aux["name"] == "aux"
    assert aux["count"] == 3
    assert float(aux["half"]) == pytest.approx(2 * X.sum())  # a plain number again: nothing traced leaks
