"""Every strategy of `mmad.bench`: what it computes is right, or it says why it does not."""

import itertools

import numpy as np
import pytest

import mmad
from mmad.bench import all_strategies, find_problem, strategy
from mmad.bench.strategies._registry import STRATEGIES
from mmad.bench.trees import flatten
from mmad.compiler.pipeline import PASSES
from mmad.planner.decision.task import COLORED, DENSE, STRUCTURED

ALL = all_strategies()
PROBLEMS = (
    "rosenbrock", "arwhead", "helmholtz", "lotka-volterra", "digits", "black-scholes", "saddle", "molecular-dynamics",
    "broyden", "arrowhead", "waist", "bundle-adjustment", "robertson",
)  # fmt: skip


def small(name):
    problem = find_problem(name)
    return problem.at(problem.sizes[0] if problem.smallest is None else problem.smallest)


def as_numbers(result):
    return flatten(result.toarray() if hasattr(result, "toarray") else result)


def right_answer(instance, product, args):
    return flatten(getattr(instance, product)(*args))


def outcome(name, problem, product):
    """Run a strategy at two points; return whether it does the problem."""
    instance, contestant = small(problem), ALL[name]
    along = (instance.direction,) if product == "hvp" else ()
    found, refused = [], None
    try:
        runner = contestant.prepare(instance, product)
        found = [(x, runner.run(x, *along)) for x in itertools.islice(instance.points(), 2)]
    except NotImplementedError as error:
        refused = str(error)
    assert refused is None or len(refused) > 10
    for x, result in found:
        right = right_answer(instance, product, (x, *along))
        np.testing.assert_allclose(as_numbers(result), right, rtol=0, atol=contestant.rtol * np.abs(right).max())
    return refused is None


@pytest.mark.parametrize("name", ALL)
def test_a_strategy_is_right_or_says_why_it_cannot(name):
    done = [outcome(name, problem, product) for problem in PROBLEMS for product in find_problem(problem).products]
    assert any(done)


@pytest.mark.parametrize("product", ["gradient", "hvp", "hessian", "jacobian"])
def test_every_plan_of_the_planner_is_a_strategy(product):
    kind = {"gradient": "grad"}.get(product, product)
    for plan in (*DENSE[kind], *COLORED[kind], *STRUCTURED[kind]):
        for mode in ("eager", "compiled"):
            assert f"{plan}-{mode}" in ALL


def test_every_pass_can_be_left_out():
    assert {f"without-{name.replace('_', '-')}" for name in PASSES} <= set(ALL)


def test_the_plans_do_the_matrices_they_are_for():
    for problem, product, name in (
        ("rosenbrock", "hessian", "star-compiled"),
        ("broyden", "jacobian", "columns-eager"),
        ("arrowhead", "jacobian", "bicoloring-compiled"),
        ("bundle-adjustment", "jacobian", "blocks-eager"),
        ("waist", "jacobian", "waist-eager"),
        ("helmholtz", "hessian", "forward-over-forward-eager"),
        ("rosenbrock", "hvp", "reverse-over-forward-compiled"),
    ):
        assert outcome(name, problem, product), (problem, name)


def test_titles_are_told():
    for contestant in ALL.values():
        assert contestant.title
        assert not contestant.title.endswith(".")
    assert ALL["star-compiled"].title == "star, compiled"
    assert ALL["finite-differences"].title == "Central differences"


def test_a_function_of_the_user_takes_part():
    @strategy("of-a-user", rtol=0.5)
    def of_a_user(instance, product):
        """Reverse mode, by hand."""
        if product != "gradient":
            raise NotImplementedError("gradients only")
        return mmad.grad(instance.make(np))

    try:
        contestant = all_strategies()["of-a-user"]
        assert (contestant.title, contestant.rtol) == ("Reverse mode, by hand", 0.5)
        instance = small("rosenbrock")
        got = contestant.prepare(instance, "gradient").run(instance.point)
        np.testing.assert_allclose(got, instance.gradient(instance.point))
        with pytest.raises(NotImplementedError, match="gradients only"):
            contestant.prepare(instance, "hvp")
    finally:
        del STRATEGIES["of-a-user"]


def test_pairs_of_many_unknowns_are_refused():
    """Forward over forward makes a sweep for each pair: at thousands of unknowns it fills the memory."""
    contestant = all_strategies()["forward-over-forward-eager"]
    instance = find_problem("rosenbrock").at(1000)
    with pytest.raises(NotImplementedError, match="pairs of 1000 unknowns"):
        contestant.prepare(instance, "hessian")
