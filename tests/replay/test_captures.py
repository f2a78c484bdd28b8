"""What a compiled function reads besides its arguments: replays are never of what it was."""

import dataclasses
import functools
import gc
import math
import tracemalloc
import types
import warnings
import weakref

import numpy as np
import pytest

import mmad
from mmad.replay import compiled

X = np.array([1.0, 2.0])
WEIGHTS = np.array([2.0, 3.0])
TABLE = {"scale": 2.0, "nested": [3.0, {"deep": 1.0}]}
RATE = 1.0


def both(f):
    """A function compiled, and one that compares it with itself at every call."""
    g = mmad.compile(f)

    def call(*args):
        np.testing.assert_array_equal(g(*args), f(*args))
        return g

    return call


def test_a_global_array_that_is_bound_anew():
    global WEIGHTS
    call = both(mmad.grad(lambda x: (x * WEIGHTS).sum()))
    before = WEIGHTS
    try:
        call(X)
        WEIGHTS = np.array([10.0, 20.0])
        call(X)
        WEIGHTS = before
        g = call(X)
    finally:
        WEIGHTS = before
    assert g.stats()["records"] == 2


def test_a_cell_that_is_bound_anew():
    weights = np.array([1.0, 2.0])
    call = both(mmad.grad(lambda x: (x * weights).sum()))
    call(X)
    weights = np.array([5.0, 6.0, 7.0])[:2]
    call(X)
    weights[0] = 9.0  # the contents are read at every run
    assert call(X).stats()["records"] == 2


def test_contents_of_lists_and_dicts():
    call = both(lambda x: x * TABLE["scale"] * TABLE["nested"][0] * TABLE["nested"][1]["deep"])
    call(X)
    try:
        TABLE["scale"] = 4.0
        call(X)
        TABLE["nested"][0] = 5.0
        call(X)
        TABLE["nested"][1]["deep"] = 7.0
        call(X)
        TABLE["more"] = 0.0
        g = call(X)
    finally:
        TABLE.update(scale=2.0, nested=[3.0, {"deep": 1.0}])
        del TABLE["more"]
    assert g.stats()["records"] == 5


def test_arrays_in_a_list():
    layers = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    call = both(lambda x: sum([w * x for w in layers]))
    call(X)
    layers[1] = np.array([-1.0, 1.0])
    call(X)
    layers.append(np.ones(2))
    call(X)
    layers[0][:] = 8.0
    assert call(X).stats()["records"] == 3


def test_a_list_that_holds_itself():
    loop = [2.0]
    loop.append(loop)
    call = both(lambda x: x * loop[1][1][0])
    call(X)
    loop[0] = 3.0
    call(X)


class Base:
    order = 1

    def scale(self):
        return self.k * RATE


class Model(Base):
    power = 2.0

    def __init__(self):
        self.k, self.w, self.options = 2.0, np.array([1.0, 2.0]), {"shift": 1.0}

    @property
    def double(self):
        return 2 * self.hidden

    hidden = 1.0

    def loss(self, x):
        return (x**self.power * self.w * self.scale() + self.options["shift"]) * self.order * self.double


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "k", 3.0),
        lambda m: setattr(m, "w", np.array([7.0, 8.0])),
        lambda m: m.options.update(shift=2.0),
        lambda m: setattr(m, "options", {"shift": 4.0}),
        lambda m: setattr(m, "power", 3.0),  # hides the class's
        lambda m: setattr(Model, "hidden", 5.0),
        lambda m: setattr(Base, "order", 3),
        lambda m: setattr(m, "scale", lambda: 11.0),
    ],
)
@pytest.mark.parametrize("way", ["method", "closure", "partial"])
def test_attributes_of_objects(change, way):
    m = Model()
    f = {"method": m.loss, "closure": lambda x: m.loss(x), "partial": functools.partial(Model.loss, m)}[way]
    call = both(f)
    call(X)
    assert call(X).stats()["records"] == 1
    try:
        change(m)
        assert call(X).stats()["records"] == 2
    finally:
        Model.hidden, Base.order = 1.0, 1


def test_objects_that_are_called_have_slots_or_are_namespaces():
    class Slotted:
        __slots__ = ("k",)

        def __call__(self, x):
            return x * self.k

    s = Slotted()
    s.k = 2.0
    call = both(s)
    call(X)
    s.k = 3.0
    call(X)
    space = types.SimpleNamespace(k=1.0)
    call = both(lambda x: x * space.k)
    call(X)
    space.k = 4.0
    call(X)


def test_dataclasses_and_modules():
    @dataclasses.dataclass
    class Config:
        rate: float = 0.5

    config, module = Config(), types.ModuleType("settings")
    module.SHIFT = 1.0
    call = both(lambda x: x * config.rate + module.SHIFT)
    call(X)
    config.rate = 2.0
    call(X)
    module.SHIFT = 3.0
    call(X)


def test_default_values():
    def f(x, k=[2.0], *, more={"a": 1.0}):  # noqa: B006
        return x * k[0] * more["a"]

    call = both(f)
    call(X)
    f.__defaults__[0][0] = 3.0
    call(X)
    f.__kwdefaults__["more"]["a"] = 5.0
    call(X)


def test_sets_as_arguments_and_captured():
    chosen = {1.0}
    call = both(lambda x, s: x * sum(s) + len(chosen))
    for s in ({1, 2}, {3, 4}, {5}):
        call(X, s)
        s.add(10)
        call(X, s)
    chosen.add(2.0)
    call(X, {5})


def test_the_sign_of_zero_and_nan_are_values():
    k = 0.0
    g = mmad.compile(lambda x: x / k)
    with np.errstate(divide="ignore"):
        assert g(np.float64(1.0)) == math.inf
        k = -0.0
        assert g(np.float64(1.0)) == -math.inf
    k = math.nan
    g(np.float64(1.0))
    k = float("nan")
    g(np.float64(1.0))
    assert g.stats()["records"] == 3


def test_equal_contents_elsewhere_are_replayed():
    numbers = [1.0, 2.0]
    g = mmad.compile(lambda x: x * numbers[1])
    g(X)
    numbers = [1.0, 2.0]
    for _ in range(3):
        g(X)
    assert g.stats()["records"] == 1
    assert g.stats()["replays"] == 3


def test_a_function_that_counts_its_calls_runs_eagerly():
    seen = []

    def f(x):
        seen.append(len(seen))
        return x * len(seen)

    g = mmad.compile(f)
    results = []
    with pytest.warns(RuntimeWarning, match="changes what it captures"):
        results.extend(g(X) for _ in range(9))
    np.testing.assert_array_equal(results, [X * k for k in range(1, 10)])
    assert len(seen) == 9


def test_what_is_made_at_the_first_call_and_kept():
    cache = {}

    def f(x):
        if "w" not in cache:
            cache["w"] = np.array([3.0, 4.0])
        return x * cache["w"]

    g = mmad.compile(mmad.grad(lambda x: f(x).sum()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            np.testing.assert_array_equal(g(X), [3.0, 4.0])
    assert g.stats()["records"] == 2
    cache["w"] = np.array([5.0, 6.0])
    np.testing.assert_array_equal(g(X), [5.0, 6.0])


def test_signatures_are_bounded(monkeypatch):
    """The one that was not used for longest is forgotten."""
    monkeypatch.setattr(compiled, "SIGNATURES", 3)
    g = mmad.compile(lambda x, k: x * k)
    for k in (0, 1, 2, 0, 1, 2, 0, 7):
        np.testing.assert_array_equal(g(X, k), k * X)
    assert g.stats()["records"] == 4
    assert g.stats()["variants"] == 3
    for k in (0, 2, 7, 1):  # 1 was used last before 2 and 0
        np.testing.assert_array_equal(g(X, k), k * X)
    assert g.stats()["records"] == 5


def test_ever_new_signatures_are_recorded_when_they_come_again(monkeypatch):
    monkeypatch.setattr(compiled, "SIGNATURES", 3)
    g = mmad.compile(lambda x, k: x * k)
    for k in range(5):
        np.testing.assert_array_equal(g(X, k), k * X)
    with pytest.warns(RuntimeWarning, match="ever new combinations"):
        g(X, 5)
    for k in range(6, 20):
        np.testing.assert_array_equal(g(X, k), k * X)
    assert g.stats()["records"] == 5
    assert len(g.signatures) == 3
    for _ in range(3):
        np.testing.assert_array_equal(g(X, 30), 30 * X)
    assert g.stats()["records"] == 6


def test_a_loop_over_sizes_keeps_what_was_used_last():
    def peak(sizes):
        tracemalloc.start()
        for n in sizes:
            g(np.ones(n))
        return tracemalloc.get_traced_memory()[0]

    g = mmad.compile(mmad.grad(lambda x: (np.sin(x) * x).sum()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that recordings do not pay
        try:
            first = peak(range(1, 700))
            assert peak(range(700, 2000)) < 1.5 * first
        finally:
            tracemalloc.stop()
    assert len(g.signatures) <= compiled.SIGNATURES


def test_what_a_recording_makes_and_drops_is_finalised():
    gone = []

    class Noisy:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            gone.append(1)

    def f(x):
        for _ in range(3):
            Noisy()
            gc.collect()
            x = x * 2.0
        return x

    g = mmad.compile(mmad.grad(f))
    assert g(1.0) == 8.0
    assert len(gone) == 3


def test_what_was_captured_is_not_taken_for_what_came_in_its_place():
    """Keys by identity keep what they name alive."""
    held = []

    def bind():
        return np.full(2, float(len(held)))

    weights = bind()
    g = mmad.compile(lambda x: x * weights)
    for _ in range(20):
        np.testing.assert_array_equal(g(X), X * weights)
        weights = None
        gc.collect()
        held.append(0)
        weights = bind()


def test_compiled_functions_do_not_keep_what_they_are_dropped_with():
    class Thing:
        k = 2.0

    thing = Thing()
    g = mmad.compile(lambda x, thing=thing: x * thing.k)
    g(X)
    gone = weakref.ref(thing)
    del g, thing
    gc.collect()
    assert gone() is None


# ------------------------------------------------------------------------------------------------ contents of arrays
V, W, M = np.array([1.0, 1.5, 2.0]), np.array([0.5, 1.0, 3.0]), np.arange(9.0).reshape(3, 3) + np.eye(3)
AT = np.array([0.3, 0.8, 1.2])


def quadratic(x):
    return x @ M @ x


OF_CONTENTS = {
    "a linear gradient": mmad.grad(lambda x: (x * V * W).sum()),
    "a quadratic form, by rows": mmad.hessian(quadratic),
    "a quadratic form, by columns": mmad.hessian(quadratic, strategy="forward-over-reverse"),
    "gradients of products": mmad.hessian(quadratic, strategy="reverse-over-forward"),
    "a product with a vector": lambda x: mmad.hvp(lambda x: (V * W * x * x).sum())(x, W),
    "a linear map, forward": mmad.jacfwd(lambda x: M @ x),
    "a linear map, reverse": mmad.jacrev(lambda x: M @ x),
    "cotangents": lambda x: mmad.vjp(lambda x: V * (W * x), x)[1](np.ones(3))[0],
    "tangents": lambda x: mmad.jvp(lambda x: V * (W * x), (x,), (np.ones(3),))[1],
    "of a number": lambda x: mmad.derivative(lambda s: V * (W * s))(x.sum()),
    "linearized": lambda x: mmad.linearize(lambda x: V * (W * x), x)[1](np.ones(3)),
    "series": lambda x: mmad.taylor(lambda x: V * (W * x), x, (np.ones(3),), 2)[1][0],
    "lanes": lambda x: mmad.vmap(mmad.grad(lambda r: (r * V * W).sum()))(np.stack([x, 2 * x])),
    "powers": mmad.grad(lambda x: np.power(V, x).sum()),
    "second derivatives of powers": mmad.hessian(lambda x: np.power(V, x).sum()),
    "angles": mmad.grad(lambda x: np.arctan2(x, V).sum()),
    "solutions": mmad.jacobian(lambda x: np.linalg.solve(M, x)),
    "convolutions": mmad.jacobian(lambda x: np.convolve(V, x)),
    "running sums": mmad.jacobian(lambda x: np.cumsum(V * x)),
    "again": mmad.grad(lambda x: mmad.checkpoint(lambda y: V * (W * y))(x).sum()),
    "elements": mmad.grad(lambda x: x.sum() * V[1]),
    "what NumPy makes of them": mmad.grad(lambda x: (2 * V) @ x),
    "sums": lambda x: x * V.sum(),
    "branches": lambda x: x if V[0] < 5 else 2 * x,
}


@pytest.mark.parametrize("name", OF_CONTENTS)
def test_contents_are_never_those_of_another_run(name):
    """Nor is what rules, or NumPy, compute of captured arrays alone."""
    f = OF_CONTENTS[name]
    before = V.copy(), W.copy(), M.copy()
    g = mmad.compile(f)
    try:
        for change in (1.0, 1.5, 7.0, 1.0):
            for a, b, by in zip((V, W, M), before, (change, 1.0 / change, change), strict=True):
                a[...] = b * by
            for _ in range(2):
                np.testing.assert_allclose(g(AT), f(AT), rtol=1e-13)
    finally:
        for a, b in zip((V, W, M), before, strict=True):
            a[...] = b
    assert g.stats()["eager"] == 0


def test_large_matrices_too():
    a = np.random.default_rng(0).normal(size=(90, 90))
    x = np.linspace(0.0, 1.0, 90)
    g = mmad.compile(mmad.hessian(lambda x: x @ a @ x))
    for _ in range(3):
        np.testing.assert_allclose(g(x), a + a.T, rtol=1e-12)
        a *= 1.5


def test_contents_that_change_at_every_call():
    table = np.ones(3)
    g = mmad.compile(lambda x: x * table.sum())

    def run(k):
        table[0] = k
        return g(AT)

    with pytest.warns(RuntimeWarning, match="make it an argument"):
        found = [run(k) for k in range(100)]
    np.testing.assert_array_equal(found, [AT * (k + 2.0) for k in range(100)])


def test_an_array_that_nobody_can_write_to_is_not_watched():
    table = np.ones(3)
    table.flags.writeable = False
    g = mmad.compile(lambda x: x * table.sum())
    np.testing.assert_array_equal(g(AT), AT * 3.0)
    np.testing.assert_array_equal(g(AT), AT * 3.0)
    assert g.stats()["replays"] == 1
