"""Functions as values: closures, higher-order functions, generators, decorators, dispatch."""

import contextlib
import functools
import itertools
import operator
import types

import numpy as np
import pytest
from helpers import check, derivative

import mmad

X = np.array([0.7, 1.3, 2.1])


def test_closure_over_an_outer_traced_value(mode):
    def f(x):
        def scaled(t):
            return t * x

        return scaled(scaled(3.0)) + np.sin(x)

    check(mode, f, 1.1, lambda m, x: 3 * x[0] ** 2 + m.sin(x[0]))


def test_closure_factory_and_cell_state(mode):
    def f(x):
        def accumulator(start):
            state = start

            def add(t):
                nonlocal state
                state = state + t * state
                return state

            return add

        a = accumulator(x)
        b = accumulator(x * x)
        a(2.0)
        return a(x) * b(x)

    # a: x -> 3 x -> 3 x (1 + x);  b: x^2 (1 + x)
    check(mode, f, 0.9, lambda m, x: 3 * x[0] * (1 + x[0]) * x[0] ** 2 * (1 + x[0]))


def test_late_binding_of_loop_variables(mode):
    def f(x):
        late = [lambda t: t * k for k in range(1, 4)]  # noqa: B023
        early = [lambda t, k=k: t * k for k in range(1, 4)]
        return sum(g(x) for g in late) * sum(g(x) for g in early)

    check(mode, f, 1.1, lambda m, x: 9 * x[0] * 6 * x[0])


def test_composition_and_function_arguments(mode):
    def compose(*functions):
        return functools.reduce(lambda f, g: lambda t: f(g(t)), functions)

    f = compose(np.sin, lambda t: t * t, np.exp)
    check(mode, f, 0.3, lambda m, x: m.sin(m.exp(x[0]) ** 2))


def test_map_filter_reduce(mode):
    def f(x):
        squares = map(lambda t: t * t, x)  # noqa: C417
        large = filter(lambda t: t > 1.0, squares)
        return functools.reduce(operator.mul, large, 1.0)

    check(mode, f, X, lambda m, x: x[1] ** 2 * x[2] ** 2)


def test_map_over_two_sequences_and_starmap(mode):
    def f(x):
        pairs = map(operator.mul, x, reversed([x[0], x[1], x[2]]))
        return sum(pairs) + sum(itertools.starmap(pow, [(x[0], 2), (x[1], 3)]))

    check(mode, f, X, lambda m, x: 2 * x[0] * x[2] + x[1] ** 2 + x[0] ** 2 + x[1] ** 3)


def test_itertools_accumulate_chain_product(mode):
    def f(x):
        running = list(itertools.accumulate(x, operator.mul))
        return sum(itertools.chain(running, [x[0]])) * sum(a * b for a, b in itertools.product(x, repeat=2))

    def program(m, x):
        a, b, c = x
        return (a + a * b + a * b * c + a) * (a + b + c) ** 2

    check(mode, f, X, program)


def test_comprehensions(mode):
    def f(x):
        numbers = [t * i for i, t in enumerate(x)]
        table = {i: t for i, t in enumerate(numbers) if t > 1.0}
        return sum(table.values()) * len({k for k in table}) + table[2] ** 2  # noqa: C416

    check(mode, f, X, lambda m, x: 2 * (x[1] + 2 * x[2]) + 4 * x[2] ** 2)


def test_generator_with_send_and_state(mode):
    def smoother(state):
        while True:
            received = yield state
            state = state * 0.5 + received * received

    def f(x):
        g = smoother(x[0])
        next(g)
        for t in (x[1], x[2]):
            last = g.send(t)
        g.close()
        return last * x[0]

    check(mode, f, X, lambda m, x: (x[0] / 4 + x[1] ** 2 / 2 + x[2] ** 2) * x[0])


def test_generator_delegation_and_islice(mode):
    def powers(x):
        p = 1.0
        while True:
            yield p
            p = p * x

    def both(x):
        yield from itertools.islice(powers(x), 3)
        yield from (np.cos(p) for p in itertools.islice(powers(x), 1, 3))

    check(mode, lambda x: sum(both(x)), 0.6, lambda m, x: 1 + x[0] + x[0] ** 2 + m.cos(x[0]) + m.cos(x[0] ** 2))


def test_args_and_kwargs(mode):
    def affine(*args, scale=1.0, **kwargs):
        return sum(args) * scale + kwargs["bias"] * kwargs.get("absent", 2.0)

    def f(x):
        return affine(*x, scale=x[0], bias=x[2]) + affine(x[1], bias=x[1], scale=x[1])

    check(mode, f, X, lambda m, x: (x[0] + x[1] + x[2]) * x[0] + 2 * x[2] + x[1] ** 2 + 2 * x[1])


def test_keyword_arguments_of_the_differentiated_function():
    def f(x, *rest, power, shift=0.0):
        return (x**power + shift) * sum(rest)

    g, value = mmad.grad(f), mmad.value_and_grad(f)
    assert g(2.0, 3.0, 4.0, power=3) == pytest.approx(7 * 12.0, rel=1e-15)
    assert value(2.0, 1.0, power=2, shift=1.5) == (pytest.approx(5.5), pytest.approx(4.0))


def test_every_position_by_argnums():
    def f(a, b, *, c):
        return a * a * b * c

    assert mmad.grad(f, argnums=1)(3.0, 5.0, c=2.0) == pytest.approx(18.0)
    assert mmad.grad(f, argnums=(0, 1))(3.0, 5.0, c=2.0) == (pytest.approx(60.0), pytest.approx(18.0))
    assert mmad.grad(f, argnums=(1, 0))(3.0, 5.0, c=2.0) == (pytest.approx(18.0), pytest.approx(60.0))
    assert mmad.grad(f, argnums=-1)(3.0, 5.0, c=2.0) == pytest.approx(18.0)


def test_partial_and_operator_functions(mode):
    def f(x):
        twice = functools.partial(operator.mul, 2.0)
        cube = functools.partial(pow, exp=3)
        return operator.truediv(cube(x[0]), twice(x[1])) + operator.neg(operator.itemgetter(2)(x))

    check(mode, f, X, lambda m, x: x[0] ** 3 / (2 * x[1]) - x[2])


def test_decorators(mode):
    calls = []

    def logged(prefix):
        def decorate(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                result = function(*args, **kwargs)
                calls.append(f"{prefix}{function.__name__}")
                return result * 2.0

            return wrapper

        return decorate

    @logged("a:")
    @logged("b:")
    def kernel(x):
        return np.exp(x) * x

    check(mode, kernel, 0.4, lambda m, x: 4 * m.exp(x[0]) * x[0])
    assert calls[:2] == ["b:kernel", "a:kernel"]


def test_memoising_decorator(mode):
    def f(x):
        @functools.cache
        def fibonacci(n):
            return x if n < 2 else fibonacci(n - 1) * fibonacci(n - 2)

        return fibonacci(6)

    check(mode, f, 1.1, lambda m, x: x[0] ** 13)


def test_singledispatch(mode):
    @functools.singledispatch
    def total(node):
        return node * node

    @total.register(list)
    @total.register(tuple)
    def _(node):
        return sum(total(child) for child in node)

    @total.register(dict)
    def _(node):
        return total(list(node.values()))

    check(mode, lambda x: total([x[0], (x[1], {"k": x[2]})]), X, lambda m, x: x[0] ** 2 + x[1] ** 2 + x[2] ** 2)


def test_dispatch_through_a_dict_of_functions(mode):
    table = {"sin": np.sin, "square": lambda t: t * t, "both": lambda t: table["sin"](table["square"](t))}

    def f(x):
        result = x
        for name in ("square", "both", "sin"):
            result = table[name](result)
        return result

    check(mode, f, 0.8, lambda m, x: m.sin(m.sin(x[0] ** 4)))


def test_dispatch_on_a_traced_value(mode):
    def f(x):
        kernels = {True: np.exp, False: np.sin}
        return kernels[bool(x[0] > 1)](x[0]) * kernels[bool(x[1] > 1)](x[1])

    check(mode, f, X, lambda m, x: m.sin(x[0]) * m.exp(x[1]))


def test_context_managers(mode):
    class Scaled:
        def __init__(self, factor):
            self.factor, self.log = factor, []

        def __enter__(self):
            return lambda t: t * self.factor

        def __exit__(self, kind, error, traceback):
            self.log.append(kind)
            return False

    @contextlib.contextmanager
    def shifted(t):
        yield t + 1.0

    def f(x):
        manager = Scaled(x)
        with manager as scale, shifted(x) as s, np.errstate(all="ignore"), contextlib.ExitStack() as stack:
            stack.callback(manager.log.append, "closed")
            result = scale(s) * scale(2.0)
        assert manager.log == ["closed", None]
        return result

    check(mode, f, 1.2, lambda m, x: x[0] * (x[0] + 1) * 2 * x[0])


def test_bound_methods_lambdas_and_namespaces(mode):
    def f(x):
        box = types.SimpleNamespace(value=x, weight=2.0)
        box.apply = lambda: box.value * box.weight
        box.value = box.apply() * x
        return box.apply() + box.value

    check(mode, f, 1.2, lambda m, x: 6 * x[0] ** 2)


def test_global_state_is_only_the_users(first, request):
    if request.config.getoption("--compiled"):
        pytest.skip("a replay does not run the function")
    log = []

    def f(x):
        log.append(x > 1.0)
        return x * x if len(log) < 3 else x * x * x

    g = derivative(first, f)
    assert [g(2.0), g(0.5), g(2.0)] == [4.0, 1.0, 12.0]
    assert [bool(entry) for entry in log] == [True, False, True]


def test_async_function_driven_by_hand(mode):
    async def square(x):
        return x * x

    async def f(x):
        return await square(x) + np.sin(await square(2.0 * x))

    def run(x):
        coroutine = f(x)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError

    check(mode, run, 0.4, lambda m, x: x[0] ** 2 + m.sin(4 * x[0] ** 2))
