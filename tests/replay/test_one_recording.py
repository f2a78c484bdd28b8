"""Every operator, planned and compiled, at a hundred points: one recording, no Python afterwards, right at each point.

Functions are polynomials whose derivatives are written down, so nothing here is compared with mmad itself.
"""

import functools
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array as sparse_array

import mmad

POINTS = 100
N = 7


class Cubic:
    """sum a x^3 + sum x_k x_(k+1) + x_0."""

    a = np.linspace(-1.0, 2.0, N)

    @staticmethod
    def f(x):
        return (Cubic.a * x**3).sum() + (x[1:] * x[:-1]).sum() + x[0]

    @staticmethod
    def gradient(x):
        g = 3.0 * Cubic.a * x**2
        g[1:] += x[:-1]
        g[:-1] += x[1:]
        g[0] += 1.0
        return g

    @staticmethod
    def hessian(x):
        return np.diag(6.0 * Cubic.a * x) + np.eye(N, k=1) + np.eye(N, k=-1)

    @staticmethod
    def third(x):
        out = np.zeros((N, N, N))
        out[range(N), range(N), range(N)] = 6.0 * Cubic.a
        return out


class Quadratic:
    """x' x + x_0 x_1: the second derivative is constant."""

    @staticmethod
    def f(x):
        return x @ x + x[0] * x[1]

    @staticmethod
    def gradient(x):
        g = 2.0 * x
        g[:2] += x[1::-1]
        return g

    @staticmethod
    def hessian(x):
        out = 2.0 * np.eye(N)
        out[0, 1] = out[1, 0] = 1.0
        return out

    @staticmethod
    def third(x):
        return np.zeros((N, N, N))


class Linear:
    """3 sum x: the first derivative is constant."""

    @staticmethod
    def f(x):
        return (3.0 * x).sum()

    @staticmethod
    def gradient(x):
        return np.full(N, 3.0)

    @staticmethod
    def hessian(x):
        return np.zeros((N, N))

    @staticmethod
    def third(x):
        return np.zeros((N, N, N))


class Squares:
    """A vector: x^2 + x_0 times the neighbours."""

    @staticmethod
    def f(x):
        return x**2 + x[0] * np.concatenate([x[1:], x[:1]])

    @staticmethod
    def jacobian(x):
        out = np.diag(2.0 * x) + x[0] * (np.eye(N, k=1) + np.eye(N, k=1 - N))
        out[:, 0] += np.roll(x, -1)
        return out

    @staticmethod
    def second(x):
        """d^2 f_i / dx_j dx_k."""
        out = np.zeros((N, N, N))
        out[range(N), range(N), range(N)] = 2.0
        for i in range(N):
            out[i, 0, (i + 1) % N] += 1.0
            out[i, (i + 1) % N, 0] += 1.0
        return out


class Multiple:
    """2 x: the Jacobian is constant."""

    @staticmethod
    def f(x):
        return 2.0 * x

    @staticmethod
    def jacobian(x):
        return 2.0 * np.eye(N)

    @staticmethod
    def second(x):
        return np.zeros((N, N, N))


SCALAR, VECTOR = [Cubic, Quadratic, Linear], [Squares, Multiple]
OPTIONS = [{"evaluations": 100_000}, {"mode": "compiled"}, {"mode": "compiled", "memory": "1GB"}]


# ------------------------------------------------------------------------------------------------ what is looked at
def programs(call):
    """The compiled functions behind an operator."""
    return [call] if hasattr(call, "stats") else [entry.replay for entry in call.entries if entry.replay is not None]


def numbers(x):
    """All numbers of a result, one after the other."""
    leaves = [x.toarray()] if hasattr(x, "toarray") else mmad.tracing.tree.flatten(x)[0]
    return np.concatenate([np.zeros(0), *[np.ravel(v) for v in leaves if v is not None and not isinstance(v, str)]])


def in_user_code(call, args):
    """The result of a call, and how many functions of this file it ran."""
    count = 0

    def look(frame, event, _):
        nonlocal count
        count += event == "call" and frame.f_code.co_filename == __file__

    sys.setprofile(look)
    try:
        result = call(*args)
    finally:
        sys.setprofile(None)
    return result, count


def holds(call, want, arguments, rtol=1e-10, points=POINTS):
    """One recording serves all points; the first call may run the function as often as it likes."""
    rng = np.random.default_rng(5)
    found = []
    for k in range(points):
        args = arguments(rng)
        got, ran = in_user_code(call, args) if k in (1, points - 1) else (call(*args), 0)
        assert ran == 0, f"call {k} ran the function"
        found.append((numbers(got), numbers(want(*args))))
    np.testing.assert_allclose(*map(np.array, zip(*found, strict=True)), rtol=rtol, atol=100 * rtol)
    (compiled,) = [c for c in programs(call) if c.stats()["calls"]]
    stats = compiled.stats()
    assert (stats["records"], stats["eager"], stats["guard_failures"]) == (1, 0, 0)
    assert stats["replays"] >= points - 1
    (trace,) = compiled.traces()
    calls = {step[1] for step in trace.program.step_list() if step[0] == "call"}
    assert calls <= {"matmul"}  # of stacks of matrices, by NumPy


def point(rng):
    return (rng.normal(size=N),)


def point_and_direction(rng):
    return rng.normal(size=N), rng.normal(size=N)


def several(rng):
    return (rng.normal(size=(3, N)),)


def rows(f):
    """A function of one sample, sample by sample, by NumPy."""
    return lambda *args: np.stack([f(*row) for row in zip(*args, strict=True)])


# ------------------------------------------------------------------------------------------------ planned
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("p", SCALAR)
class TestPlannedOfNumbers:
    @pytest.mark.parametrize("strategy", ["auto", "reverse", "forward"])
    def test_gradients(self, p, options, strategy):
        holds(mmad.grad(p.f, strategy=strategy, **options), p.gradient, point)
        both = mmad.value_and_grad(p.f, strategy=strategy, **options)
        holds(both, lambda x: (p.f(x), p.gradient(x)), point)

    @pytest.mark.parametrize(
        "strategy", ["auto", "forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"]
    )
    def test_products(self, p, options, strategy):
        holds(mmad.hvp(p.f, strategy=strategy, **options), lambda x, v: p.hessian(x) @ v, point_and_direction)
        all_three = mmad.value_grad_hvp(p.f, strategy=strategy, **options)
        holds(all_three, lambda x, v: (p.f(x), p.gradient(x), p.hessian(x) @ v), point_and_direction)

    @pytest.mark.parametrize("sparse", [False, True])
    @pytest.mark.parametrize(
        "strategy",
        [
            "auto",
            "forward-over-reverse",
            "reverse-over-reverse",
            "reverse-over-forward",
            "forward-over-forward",
            "star",
        ],
    )
    def test_hessians(self, p, options, strategy, sparse):
        holds(mmad.hessian(p.f, strategy=strategy, sparse=sparse, **options), p.hessian, point)

    def test_auxiliary_data(self, p, options):
        def f(x):
            return p.f(x), {"twice": 2.0 * x, "name": "f"}

        def want(x):
            return p.gradient(x), {"twice": 2.0 * x}

        holds(mmad.grad(f, has_aux=True, **options), want, point)
        value_too = mmad.value_and_grad(f, has_aux=True, **options)
        holds(value_too, lambda x: ((p.f(x), want(x)[1]), p.gradient(x)), point)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("p", VECTOR)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("strategy", ["auto", "forward", "reverse", "columns", "rows", "bicoloring"])
def test_planned_jacobians(p, options, strategy, sparse):
    holds(mmad.jacobian(p.f, strategy=strategy, sparse=sparse, **options), p.jacobian, point)


def gathered(x):
    i = np.arange(60)
    return x[i] ** 2 * x[(i + 1) % 60]


def gathered_by_hand(x):
    return np.diag(2.0 * x * np.roll(x, -1)) + np.diag(x**2) @ np.roll(np.eye(60), 1, axis=1)


def through_one(x):
    return np.sin(np.arange(40.0)) * (x @ x)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("wrap", [lambda J: J, mmad.compile], ids=["planned", "compiled"])
def test_blocks_and_waists(sparse, wrap):
    J = mmad.jacobian(gathered, strategy="blocks", sparse=sparse, mode="compiled")
    holds(wrap(J), gathered_by_hand, lambda rng: (rng.normal(size=60),))
    J = mmad.jacobian(through_one, strategy="waist", sparse=sparse, mode="compiled")
    holds(wrap(J), lambda x: np.outer(np.sin(np.arange(40.0)), 2.0 * x), lambda rng: (rng.normal(size=30),))


def test_factored_results_of_programs():
    J = mmad.compile(mmad.jacobian(through_one, factored=True))
    for x in np.random.default_rng(2).normal(size=(POINTS, 30)):
        np.testing.assert_allclose(J(x).todense(), np.outer(np.sin(np.arange(40.0)), 2.0 * x), atol=1e-13)
    assert J.stats()["records"] == 1


# ------------------------------------------------------------------------------------------------ compiled
OPERATORS = {
    "value": (lambda f: f, lambda p: p.f),
    "grad": (mmad.grad, lambda p: p.gradient),
    "grad forward": (functools.partial(mmad.grad, strategy="forward"), lambda p: p.gradient),
    "grad evaluations": (functools.partial(mmad.grad, evaluations=1000), lambda p: p.gradient),
    "value_and_grad": (mmad.value_and_grad, lambda p: lambda x: (p.f(x), p.gradient(x))),
    "jacobian": (mmad.jacobian, lambda p: p.gradient),
    "jacfwd": (mmad.jacfwd, lambda p: p.gradient),
    "jacrev": (mmad.jacrev, lambda p: p.gradient),
    "jacfwd of jacrev": (lambda f: mmad.jacfwd(mmad.jacrev(f)), lambda p: p.hessian),
    "jacrev of jacfwd": (lambda f: mmad.jacrev(mmad.jacfwd(f)), lambda p: p.hessian),
    "hessian evaluations": (functools.partial(mmad.hessian, evaluations=1000), lambda p: p.hessian),
    "vjp": (lambda f: lambda x: mmad.vjp(f, x)[1](1.0), lambda p: p.gradient),
    "linearize": (lambda f: lambda x: mmad.linearize(f, x)[1](np.ones(N)), lambda p: lambda x: p.gradient(x).sum()),
    "tensor 2": (lambda f: mmad.derivative_tensor(f, 2), lambda p: p.hessian),
    "tensor 3": (lambda f: mmad.derivative_tensor(f, 3), lambda p: p.third),
    "tensor 3 nested": (lambda f: mmad.derivative_tensor(f, 3, strategy="nested"), lambda p: p.third),
    **{
        f"hessian {s} {'sparse' * sparse}": (
            functools.partial(mmad.hessian, strategy=s, sparse=sparse),
            lambda p: p.hessian,
        )
        for s in (
            "auto",
            "forward-over-reverse",
            "reverse-over-reverse",
            "reverse-over-forward",
            "forward-over-forward",
            "star",
        )
        for sparse in (False, True)
    },
}


@pytest.mark.parametrize("p", SCALAR)
@pytest.mark.parametrize(("operator", "want"), OPERATORS.values(), ids=OPERATORS)
def test_compiled_of_points(p, operator, want):
    holds(mmad.compile(operator(p.f)), want(p), point)


def directional(p):
    def coefficients(x, v):
        return np.array([p.f(x), p.gradient(x) @ v, v @ p.hessian(x) @ v / 2, (p.third(x) @ v @ v @ v) / 6])

    return coefficients


DIRECTIONS = {
    "hvp": (mmad.hvp, lambda p: lambda x, v: p.hessian(x) @ v),
    **{
        f"hvp {s}": (functools.partial(mmad.hvp, strategy=s), lambda p: lambda x, v: p.hessian(x) @ v)
        for s in ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward")
    },
    "hvp evaluations": (functools.partial(mmad.hvp, evaluations=1000), lambda p: lambda x, v: p.hessian(x) @ v),
    "value_grad_hvp": (
        mmad.value_grad_hvp,
        lambda p: lambda x, v: (p.f(x), p.gradient(x), p.hessian(x) @ v),
    ),
    "jvp": (lambda f: lambda x, v: mmad.jvp(f, (x,), (v,)), lambda p: lambda x, v: (p.f(x), p.gradient(x) @ v)),
    "jvp of grad": (
        lambda f: lambda x, v: mmad.jvp(mmad.grad(f), (x,), (v,))[1],
        lambda p: lambda x, v: p.hessian(x) @ v,
    ),
    "linearize": (lambda f: lambda x, v: mmad.linearize(f, x)[1](v), lambda p: lambda x, v: p.gradient(x) @ v),
    "linearize of grad": (
        lambda f: lambda x, v: mmad.linearize(mmad.grad(f), x)[1](v),
        lambda p: lambda x, v: p.hessian(x) @ v,
    ),
    "vjp of grad": (
        lambda f: lambda x, v: mmad.vjp(mmad.grad(f), x)[1](v),
        lambda p: lambda x, v: p.hessian(x) @ v,
    ),
    "taylor": (lambda f: lambda x, v: mmad.taylor(f, x, v, 3), directional),
    "derivative along a line": (
        lambda f: lambda x, v: mmad.derivative(lambda t: f(x + t * v), 2)(0.0),
        lambda p: lambda x, v: v @ p.hessian(x) @ v,
    ),
}


@pytest.mark.parametrize("p", SCALAR)
@pytest.mark.parametrize(("operator", "want"), DIRECTIONS.values(), ids=DIRECTIONS)
def test_compiled_of_directions(p, operator, want):
    holds(mmad.compile(operator(p.f)), want(p), point_and_direction)


@pytest.mark.parametrize("p", SCALAR)
def test_compiled_of_samples(p):
    holds(mmad.compile(mmad.vmap(p.f)), rows(p.f), several)
    holds(mmad.compile(mmad.vmap(mmad.grad(p.f))), rows(p.gradient), several)
    holds(mmad.compile(mmad.vmap(mmad.hessian(p.f))), rows(p.hessian), several)

    def two(rng):
        return *several(rng), *several(rng)

    holds(mmad.compile(mmad.vmap(mmad.hvp(p.f))), rows(lambda x, v: p.hessian(x) @ v), two)
    shared = mmad.compile(mmad.vmap(mmad.hvp(p.f), in_axes=(None, 0)))
    holds(shared, lambda x, v: v @ p.hessian(x), lambda rng: (rng.normal(size=N), rng.normal(size=(3, N))))


VECTOR_OPERATORS = {
    "value": (lambda f: f, lambda p: p.f),
    "jacfwd": (mmad.jacfwd, lambda p: p.jacobian),
    "jacrev": (mmad.jacrev, lambda p: p.jacobian),
    "tensor": (lambda f: mmad.derivative_tensor(f, 2), lambda p: p.second),
    "tensor nested": (lambda f: mmad.derivative_tensor(f, 2, strategy="nested"), lambda p: p.second),
    "vmap": (lambda f: lambda x: mmad.vmap(lambda v: mmad.jvp(f, (x,), (v,))[1])(np.eye(N)).T, lambda p: p.jacobian),
    "linearize": (lambda f: lambda x: mmad.linearize(f, x)[1](np.ones(N)), lambda p: lambda x: p.jacobian(x).sum(1)),
    **{
        f"jacobian {s} {'sparse' * sparse}": (
            functools.partial(mmad.jacobian, strategy=s, sparse=sparse),
            lambda p: p.jacobian,
        )
        for s in ("auto", "forward", "reverse", "columns", "rows", "bicoloring")
        for sparse in (False, True)
    },
}


@pytest.mark.parametrize("p", VECTOR)
@pytest.mark.parametrize(("operator", "want"), VECTOR_OPERATORS.values(), ids=VECTOR_OPERATORS)
def test_compiled_of_vectors(p, operator, want):
    holds(mmad.compile(operator(p.f)), want(p), point)


@pytest.mark.parametrize("p", VECTOR)
def test_compiled_products_of_vectors(p):
    holds(mmad.compile(lambda x, v: mmad.jvp(p.f, (x,), (v,))[1]), lambda x, v: p.jacobian(x) @ v, point_and_direction)
    holds(mmad.compile(lambda x, v: mmad.vjp(p.f, x)[1](v)), lambda x, v: v @ p.jacobian(x), point_and_direction)
    holds(mmad.compile(lambda x, v: mmad.linearize(p.f, x)[1](v)), lambda x, v: p.jacobian(x) @ v, point_and_direction)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_numbers(order):
    want = [lambda t: 4 * t**3 + 2.0, lambda t: 12 * t**2, lambda t: 24 * t][order - 1]
    holds(mmad.compile(mmad.derivative(lambda t: t * t * t * t + 2.0 * t, order)), want, lambda rng: (rng.normal(),))
    holds(
        mmad.compile(mmad.derivative(lambda t: np.array([1.0, 2.0]) * t * t, order)),
        lambda t: np.array([1.0, 2.0]) * [2 * t, 2.0, 0.0][order - 1],
        lambda rng: (rng.normal(),),
    )


# ------------------------------------------------------------------------------------------------ operators at a point
def test_recorded_operators_multiply_without_the_function():
    rng = np.random.default_rng(1)
    x = rng.normal(size=N)
    H, J = mmad.hessian_operator(Cubic.f, x), mmad.jacobian_operator(Squares.f, x)
    _, push = mmad.linearize(Squares.f, x)
    _, pull = mmad.vjp(Squares.f, x)
    for _ in range(POINTS):
        v = rng.normal(size=N)
        for call, want in (
            (H.matvec, Cubic.hessian(x) @ v),
            (J.matvec, Squares.jacobian(x) @ v),
            (J.rmatvec, v @ Squares.jacobian(x)),
            (push, Squares.jacobian(x) @ v),
            (lambda v: pull(v)[0], v @ Squares.jacobian(x)),
        ):
            got, _ = in_user_code(call, (v,))
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------------ other arguments
KINDS = {
    "single precision": (np.float32, np.float32, 1e-4),
    "single precision, double direction": (np.float32, np.float64, 1e-4),
    "double precision, single direction": (np.float64, np.float32, 1e-6),
    "other byte order": (">f8", np.float64, 1e-10),
}


@pytest.mark.parametrize(("at", "along", "rtol"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", [functools.partial(mmad.hvp, evaluations=1000), lambda f: mmad.compile(mmad.hvp(f))])
def test_other_dtypes(make, at, along, rtol):
    holds(
        make(Cubic.f),
        lambda x, v: Cubic.hessian(x.astype(float)) @ v,
        lambda rng: (rng.normal(size=N).astype(at), rng.normal(size=N).astype(along)),
        rtol,
    )


@pytest.mark.parametrize("make", [lambda f: f(Cubic.f, evaluations=1000), lambda f: mmad.compile(f(Cubic.f))])
def test_integer_directions(make):
    def want(x, v):
        return Cubic.hessian(np.asarray(x)) @ np.asarray(v, float)

    def arguments(rng, dtype):
        return rng.normal(size=N), rng.integers(0, 5, size=N).astype(dtype)

    for dtype in (int, np.int8, bool):
        holds(make(mmad.hvp), want, functools.partial(arguments, dtype=dtype))
        three = make(mmad.value_grad_hvp)
        holds(
            three, lambda x, v: (Cubic.f(x), Cubic.gradient(x), want(x, v)), functools.partial(arguments, dtype=dtype)
        )


def of_list(x):
    return x[0] * x[1] * x[1] + 3.0 * x[2]


def test_lists():
    def arguments(rng):
        return rng.normal(size=3).tolist(), rng.integers(-9, 9, size=3).tolist()

    def want(x, v):
        return [2.0 * x[1] * v[1], 2.0 * x[1] * v[0] + 2.0 * x[0] * v[1], 0.0]

    for call in (mmad.hvp(of_list, evaluations=1000), mmad.compile(mmad.hvp(of_list))):
        holds(call, want, arguments)
    for call in (mmad.grad(of_list, evaluations=1000), mmad.compile(mmad.grad(of_list))):
        holds(call, lambda x: [x[1] ** 2, 2.0 * x[0] * x[1], 3.0], lambda rng: arguments(rng)[:1])
    for call in (mmad.hvp(lambda t: t * t * t, evaluations=1000), mmad.compile(mmad.hvp(lambda t: t * t * t))):
        holds(call, lambda t, v: 6.0 * t * v, lambda rng: (rng.normal(), int(rng.integers(-9, 9))))


def matrix(x):
    return (x @ x.T).sum() + (x * x * x).sum()


def matrix_product(x, v):
    return np.tile(2.0 * v.sum(0), (len(x), 1)) + 6.0 * x * v


LAYOUTS = {
    "Fortran": lambda rng: (np.asfortranarray(rng.normal(size=(3, 4))), np.asfortranarray(rng.normal(size=(3, 4)))),
    "transposed direction": lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(4, 3)).T),
    "every other": lambda rng: (rng.normal(size=(3, 8))[:, ::2], rng.normal(size=(6, 4))[::-2]),
}


@pytest.mark.parametrize("arguments", LAYOUTS.values(), ids=LAYOUTS)
def test_other_layouts(arguments):
    for make in (functools.partial(mmad.hvp, evaluations=1000), lambda f: mmad.compile(mmad.hvp(f))):
        holds(make(matrix), matrix_product, arguments)


def of_tree(p, scale):
    return (p["a"] ** 2).sum() * p["b"][0] * scale


def tree_gradient(p, scale):
    return {"a": 2.0 * p["a"] * p["b"][0] * scale, "b": [(p["a"] ** 2).sum() * scale], "name": None}


def tree_product(p, scale, v):
    return {
        "a": 2.0 * scale * (v["a"] * p["b"][0] + p["a"] * v["b"][0]),
        "b": [2.0 * scale * p["a"] @ v["a"]],
        "name": None,
    }


def a_tree(rng):
    return {"a": rng.normal(size=3), "b": [rng.normal()], "name": "tree"}


def test_trees_and_data_that_changes():
    def at(rng):
        return a_tree(rng), rng.normal()

    def both(rng):
        return a_tree(rng), rng.normal(), a_tree(rng)

    for make in (lambda f, **kw: f(of_tree, evaluations=1000, **kw), lambda f, **kw: mmad.compile(f(of_tree, **kw))):
        holds(make(mmad.grad), tree_gradient, at)
        holds(make(mmad.hvp), tree_product, both)
        holds(
            make(mmad.grad, argnums=(0, 1)),
            lambda p, s: (tree_gradient(p, s), (p["a"] ** 2).sum() * p["b"][0]),
            at,
        )
        holds(
            make(mmad.hvp, argnums=(1,)),
            lambda p, s, v: (0.0,),
            lambda rng: (a_tree(rng), rng.normal(), (rng.normal(),)),
        )


def with_data(x, data, k):
    return (x * x * data).sum() * k


def test_arrays_of_data_that_change():
    def arguments(rng):
        return rng.normal(size=N), rng.normal(size=N), rng.normal(), rng.normal(size=N)

    for call in (mmad.hvp(with_data, evaluations=1000), mmad.compile(mmad.hvp(with_data))):
        holds(call, lambda x, data, k, v: 2.0 * data * k * v, arguments)
    H = mmad.hessian(with_data, sparse=True, evaluations=1000)
    holds(H, lambda x, data, k: np.diag(2.0 * data * k), lambda rng: arguments(rng)[:3])


def test_numbers():
    for make in (lambda f: f(lambda t: t * t * t, evaluations=1000), lambda f: mmad.compile(f(lambda t: t * t * t))):
        for kind in (float, np.float64):
            holds(make(mmad.grad), lambda t: 3.0 * t * t, lambda rng, kind=kind: (kind(rng.normal()),))
            holds(
                make(mmad.hvp),
                lambda t, v: 6.0 * t * v,
                lambda rng, kind=kind: (kind(rng.normal()), kind(rng.normal())),
            )


# ------------------------------------------------------------------------------------------------ sparse results
@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("how", ["eager", "planned", "compiled"])
def test_sparse_results_are_the_callers_own(kind, how):
    make = functools.partial(mmad.hessian, Cubic.f, sparse=True, format=kind)
    H = {"eager": make, "planned": lambda: make(evaluations=1000), "compiled": lambda: mmad.compile(make())}[how]()
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = rng.normal(size=N)
        A = H(x)
        assert A.format == kind
        np.testing.assert_allclose(A.toarray(), Cubic.hessian(x), rtol=1e-12, atol=1e-12)
        for name in ("indices", "indptr", "row", "col", "data", "offsets"):
            part = getattr(A, name, None)
            if isinstance(part, np.ndarray) and part.dtype != object:
                assert part.flags.writeable
                part += 1
        B = H(x)
        if hasattr(B, "eliminate_zeros"):
            B.data.flat[0] = 0.0
            B.eliminate_zeros()
            B.sum_duplicates()
        if hasattr(B, "sort_indices"):
            B.indices[:] = B.indices[::-1]
            B.has_sorted_indices = False
            B.sort_indices()
    np.testing.assert_allclose(H(x).toarray(), Cubic.hessian(x), rtol=1e-12, atol=1e-12)


def test_patterns_give_matrices_of_their_own():
    pattern = mmad.sparsity(Squares.f, np.ones(N))
    before = pattern.todense()
    A = pattern.tocsr()
    A.indices += 1
    A.indptr[1:] -= 1
    np.testing.assert_array_equal(pattern.todense(), before)
    np.testing.assert_array_equal(pattern.tocsr().toarray() != 0, before)


USES = {
    "A @ x": lambda A, x: A @ x,
    "x @ A": lambda A, x: x @ A,
    "toarray": lambda A, x: A.toarray(),
    "times": lambda A, x: (A * 2.0).toarray(),
    "minus": lambda A, x: (-A).toarray(),
}


@pytest.mark.parametrize("use", USES)
def test_compiled_functions_that_compute_with_sparse_results_run_eagerly(use):
    H, use, x = mmad.hessian(Cubic.f, sparse=True), USES[use], np.linspace(-1.0, 1.0, N)
    f = mmad.compile(lambda x: use(H(x), x))
    with pytest.warns(
        RuntimeWarning, match="a compiled function can return a sparse or factored matrix, but not compute"
    ):
        got = f(x)
    np.testing.assert_allclose(got, use(sparse_array(Cubic.hessian(x)), x), rtol=1e-12, atol=1e-12)


def test_sparse_results_in_programs():
    H = mmad.hessian(Cubic.f, sparse=True)
    inside = mmad.compile(lambda x: {"H": H(x), "f": Cubic.f(x)})
    for x in np.random.default_rng(4).normal(size=(3, N)):
        np.testing.assert_allclose(inside(x)["H"].toarray(), Cubic.hessian(x), rtol=1e-12, atol=1e-12)
        assert inside(x)["f"] == pytest.approx(Cubic.f(x))
    assert inside.stats()["records"] == 1
    checked = mmad.compile(H, check=True)
    assert checked(x).nnz == H(x).nnz
