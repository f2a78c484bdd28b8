"""A user's program that names everything public, for a type checker: ``mypy --strict`` finds nothing wrong in it.

`assert_type` says what a checker must know.  A result whose type depends on what it cannot know, a sparse matrix say,
is Any.
"""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import mmad

Array = NDArray[np.float64]


def energy(x: Array) -> float:
    return float((x * x).sum())


def residuals(x: Array) -> Array:
    return x * x


def first_derivatives(x: Array) -> None:
    assert_type(mmad.grad(energy)(x), Array)
    assert_type(mmad.grad(lambda x: (x * x).sum())(x), Array)
    assert_type(mmad.grad(lambda x: x * x)(3.0), float)
    assert_type(mmad.grad(lambda p: p["a"])({"a": 1.0}), dict[str, float])
    assert_type(mmad.grad(energy, argnums=(0, 1))(x, x), tuple[Any, ...])
    assert_type(mmad.value_and_grad(energy)(x), tuple[float, Array])
    assert_type(mmad.derivative(energy)(1.0), float)
    assert_type(mmad.jvp(energy, (x,), (x,)), tuple[float, float])
    assert_type(mmad.vjp(residuals, x), tuple[Array, Callable[[Array], tuple[Any, ...]]])
    assert_type(mmad.linearize(residuals, x), tuple[Array, Callable[..., Array]])
    assert_type(mmad.jacobian(residuals)(x), NDArray[Any])
    assert_type(mmad.jacfwd(residuals)(x), NDArray[Any])
    assert_type(mmad.jacrev(residuals)(x), NDArray[Any])
    mmad.jacobian_operator(residuals, x)


def second_derivatives(x: Array) -> None:
    assert_type(mmad.hvp(energy)(x, x), Array)
    assert_type(mmad.hvp(energy, evaluations=100)(x, x), Array)
    assert_type(mmad.value_grad_hvp(energy)(x, x), tuple[float, Array, Array])
    assert_type(mmad.hessian(energy)(x), NDArray[Any])
    mmad.hessian(energy, sparse=True)(x)
    mmad.hessian_operator(energy, x)
    assert_type(mmad.taylor(energy, x, x, 3), NDArray[Any])
    assert_type(mmad.derivative_tensor(energy, 3)(x), NDArray[Any])


def compiled(x: Array) -> None:
    f = mmad.compile(energy)
    assert_type(f(x), float)
    assert_type(f.stats(), dict[str, Any])
    assert_type(f.programs(), list[mmad.Program])
    assert_type(mmad.compile(mmad.grad(energy))(x), Array)
    assert_type(mmad.compile(mmad.value_and_grad(energy))(x), tuple[float, Array])
    assert_type(mmad.vmap(energy)(x), NDArray[Any])
    tape = mmad.record(energy, x)
    assert_type(mmad.validate(tape), mmad.Tape)
    assert_type(tape.pullback(), mmad.Tape)
    program = tape.compile()
    assert_type(program, mmad.Program)
    assert_type(program.explain(), str)
    mmad.set_num_threads(mmad.get_num_threads())
    mmad.clear_pool()


def planner(x: Array) -> None:
    pattern = mmad.sparsity(residuals, x)
    assert_type(pattern, mmad.Pattern)
    assert_type(pattern.nnz, int)
    plan = mmad.jacobian(residuals, sparse=True).plan(x)
    assert_type(plan, mmad.Plan)
    assert_type(plan.explain(), str)
    coloring: mmad.Coloring | None = plan.coloring
    if coloring is not None:
        assert_type(coloring.count, int)


@mmad.custom_jvp
def sine(x: float) -> float:
    return float(np.sin(x))


@sine.defjvp
def sine_rule(primals: tuple[float], tangents: tuple[float]) -> tuple[Any, Any]:
    return sine(*primals), tangents[0]


@mmad.custom_vjp
def cosine(x: float) -> float:
    return float(np.cos(x))


cosine.defvjp(lambda x: (x, x), lambda kept, bar: (bar,))


@mmad.primitive(jvp=lambda tangents, y, x: tangents[0])
def identity(x: Array) -> Array:
    return x


@mmad.checkpoint
def step(x: Array) -> Array:
    return mmad.stop_gradient(x) + mmad.hook(lambda bar: bar, identity(x))


@mmad.register
class Model:
    weights = np.ones(3)


def rules(x: Array) -> None:
    assert_type(step(x), Array)
    assert_type(mmad.checkpointed_loop(step, x, 10), Array)
    assert_type(Model(), Model)
    report = mmad.check_derivatives(energy, (x,))
    assert_type(report.worst, float)


def inside(x: Any) -> Any:
    if isinstance(x, (mmad.Var, mmad.ScalarVar, mmad.ArrayVar, mmad.Dual)):
        x = mmad.concrete(x)
    return mmad.numpy.zeros(3) + x


ERRORS: tuple[type[Exception], ...] = (
    mmad.GuardError,
    mmad.PatternError,
    mmad.ProgramError,
    mmad.StructureError,
    mmad.TraceError,
    mmad.UnsupportedError,
    mmad.ValidationError,
)
VERSION: str = mmad.__version__
