"""Narrow waists: the product of both factors against a complex step; what has none is refused."""

import numpy as np
import pytest

import mmad
from mmad import StructureError
from mmad.derivatives.recorded import Recorded
from mmad.planner.structure.waist import waist_of

N, M = 12, 15
RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(3, N)), RNG.normal(size=(M, 3))
x = RNG.uniform(0.5, 1.5, size=N)
t = np.linspace(0.1, 1.0, M)


def complex_step(f, at):
    columns = []
    for i in range(at.size):
        z = at.astype(complex)
        z[i] += 1e-30j
        out = f(z)
        leaves = out if isinstance(out, tuple) else (out,)
        columns.append(np.concatenate([np.ravel(np.imag(y)) for y in leaves]) / 1e-30)
    return np.stack(columns, axis=1)


def one_number(x):
    return np.sin(t * (x**2).sum())


def one_vector(x):
    return np.exp(B @ np.tanh(A @ x))


def two_instructions(x):
    """A number and a vector, the second of which depends on the first."""
    s = (x**2).sum()
    v = np.tanh(A[:2] @ x) * s
    return np.cos(B[:, :2] @ v) + t * s


def several_results(x):
    s = (x**3).sum()
    return np.sin(t * s), t * s * s


def written(x):
    y = np.zeros_like(x[:2])
    y[0] = (x * x).sum()
    y[1:] = (A[:1] @ x) * y[0]
    v = y[:]
    v *= 0.5
    return np.outer(t, y).ravel()


def chain(x):
    """Several waists, the narrowest between wider ones."""
    wide = np.tanh(B @ np.sin(A @ x))
    narrow = np.exp(0.1 * B[:, :2].T @ wide)
    return B @ np.sin(A[:, :2] @ narrow)


def through_a_view(x):
    s = np.sin(A @ x)
    return (s[::-1] @ s) * t


PROGRAMS = {
    f.__name__: (f, w)
    for f, w in (
        (one_number, 1), (one_vector, 3), (two_instructions, 3), (several_results, 1),
        (written, 2), (through_a_view, 1), (chain, 2),
    )
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_factors(name):
    f, width = PROGRAMS[name]
    want = complex_step(f, x)
    w = waist_of(Recorded(f, (x,), "test", (0,)))
    assert w.width == width
    for evaluations in (None, 5):
        J = mmad.jacobian(f, 0, "waist", evaluations=evaluations)
        F = mmad.jacobian(f, factored=True, evaluations=evaluations)
        for _ in range(2):
            found = J(x)
            found = np.concatenate(found) if isinstance(found, tuple) else found
            np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-12)
            operator = F(x)
            assert (operator.left.shape, operator.right.shape) == ((len(want), width), (width, N))
            np.testing.assert_allclose(operator.todense(), want, rtol=1e-11, atol=1e-12)
            np.testing.assert_allclose(operator @ np.ones(N), want.sum(axis=1), rtol=1e-11)
            np.testing.assert_allclose(operator.T @ np.eye(len(want)), want.T, rtol=1e-11, atol=1e-12)
    plan = J.plan(x)
    assert (plan.chosen.forward, plan.chosen.reverse) == (width, width)
    assert f"structure   waist: {width} numbers" in plan.explain()


def test_a_sparse_result():
    """A waist of some results only: the others are zero, or go past it; here all go through."""
    want = complex_step(one_vector, x)
    J = mmad.jacobian(one_vector, 0, "waist", sparse=True)(x)
    np.testing.assert_allclose(J.toarray(), want, rtol=1e-11)


def test_several_arguments_and_numbers():
    def f(x, k):
        return t * ((x**2).sum() * k)

    found = mmad.jacobian(f, (0, 1), "waist")(x, 0.5)
    np.testing.assert_allclose(found[0], np.outer(t, x))
    np.testing.assert_allclose(found[1], t * (x**2).sum())


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (np.sin, "no waist is narrower"),
        (lambda x: np.sin(A[:1] @ x), "too few rows"),
        (lambda x: np.tanh(A @ x) @ np.ones((3, N)) + x, "no waist is narrower"),
        (lambda x: np.ones(N), "does not depend"),
    ],
)
def test_refused(f, why):
    for options in ({"strategy": "waist"}, {"factored": True}):
        with pytest.raises(StructureError, match=why):
            mmad.jacobian(f, **options)(x)


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_branch_has_a_waist_of_its_own(mode):
    """In programs too, whose recordings have a guard that the one for the plan has not."""

    def f(x):
        return one_number(x) if x[0] > 0 else one_vector(x)

    J = mmad.jacobian(f, 0, "waist", mode=mode)
    for sign in (1, 1, -1, -1, 1):
        g = one_number if sign > 0 else one_vector
        at = x.copy()
        at[0] *= sign
        np.testing.assert_allclose(J(at), complex_step(g, at), rtol=1e-11, atol=1e-12)


def test_chosen_where_it_is_the_fastest():
    t = np.linspace(0.0, 1.0, 300)
    J = mmad.jacobian(lambda x: np.sin(t * (x @ x)))
    at = np.linspace(-1.0, 1.0, 200)
    plan = J.plan(at)
    assert plan.strategy == "waist"
    assert all(len(line) <= 80 for line in plan.explain().splitlines())
    rows = J.compare(at, rounds=1).rows
    assert "waist" in {r["strategy"] for r in rows}
    assert max(r["error"] for r in rows) < 1e-10


@pytest.mark.parametrize("options", [{"sparse": True}, {"pattern": np.eye(3)}, {"strategy": "forward"}])
def test_what_does_not_go_with_factors(options):
    with pytest.raises(ValueError, match="factored=True"):
        mmad.jacobian(np.sin, factored=True, **options)


def test_factors_are_not_traced():
    J = mmad.jacobian(one_number, factored=True)
    with pytest.raises(TypeError, match="cannot be traced"):
        mmad.grad(lambda x: J(x) @ x)(x)
