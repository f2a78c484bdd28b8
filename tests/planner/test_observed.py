"""Plans whose evaluations take longer than was predicted are made again."""

from dataclasses import replace

import numpy as np
import pytest

import mmad
from mmad.planner import planned
from mmad.planner.decision.cost import EAGER_AND_COMPILED
from mmad.planner.decision.observed import CALLS, STRAY, Observed
from mmad.planner.decision.plan import Candidate, Plan

A = np.random.default_rng(0).normal(size=(3000, 20))


def tall(x):
    """3000 results of 20 unknowns: forward mode takes few of the sweeps of reverse mode."""
    return np.tanh(A @ np.sin(x) + A @ np.cos(x)) * np.exp(A @ x / 40)


def lying():
    """Coefficients by which reverse sweeps take next to nothing."""
    none = {"reverse": 1e-4, "reverse_single": 1e-9, "reverse_single_array": 1e-12}
    none |= {"reverse_batch": 1e-9, "reverse_batch_array": 1e-12}
    return {mode: replace(c, **none) for mode, c in EAGER_AND_COMPILED.items()}


def test_a_wrong_price_is_noticed(monkeypatch):
    monkeypatch.setattr(planned, "coefficients", lying)
    x = np.linspace(0.1, 1.0, 20)
    want = mmad.jacfwd(tall)(x)
    J = mmad.jacobian(tall, evaluations=100_000, mode="eager")
    monkeypatch.setattr(planned.PlannedJacobian, "_race", lambda *a: pytest.fail("prices are not close"))
    np.testing.assert_allclose(J(x), want, rtol=1e-12, atol=1e-14)
    assert J.plan(x).strategy == "reverse"
    monkeypatch.undo()
    monkeypatch.setattr(planned, "coefficients", lying)
    for _ in range(CALLS + 3):
        np.testing.assert_allclose(J(x), want, rtol=1e-12, atol=1e-14)
    plan = J.plan(x)
    assert plan.strategy == "forward"
    assert plan.reason.startswith("reverse took longer than predicted; ")
    assert next(c for c in plan.candidates if c.strategy == "reverse").measured > STRAY * 1e-6


def test_a_strategy_that_was_asked_for_stays(monkeypatch):
    monkeypatch.setattr(planned, "coefficients", lying)
    x = np.linspace(0.1, 1.0, 20)
    J = mmad.jacobian(tall, strategy="reverse", evaluations=100_000, mode="eager")
    for _ in range(CALLS + 3):
        J(x)
    assert J.plan(x).strategy == "reverse"


def plan_of(*candidates, evaluations=1000):
    return Plan("jacobian", "f", (2, 2), "a", "eager", 1, evaluations, "", candidates)


CHOSEN = Candidate("a", "eager", 1, 1, 0, 1.0, 0.0, 0, verdict="chosen")
OTHER = Candidate("b", "eager", 1, 1, 0, 2.0, 0.0, 0)


def strays(plan, *times, cost=1.0):
    o = Observed(cost)
    return [o.strays(plan, t) for t in times]


def test_the_fastest_of_some_calls_counts():
    assert strays(plan_of(CHOSEN, OTHER), 9.0, 9.0, 9.0) == [False, False, True]
    assert strays(plan_of(CHOSEN, OTHER), 9.0, 2.9, 9.0) == [False, False, False]
    assert strays(plan_of(CHOSEN, OTHER), 9.0, 4.9, 9.0) == [False, False, False]  # the other may take as much


@pytest.mark.parametrize(
    ("plan", "cost"),
    [
        (plan_of(CHOSEN), 1.0),  # there is nothing else
        (plan_of(CHOSEN, replace(OTHER, verdict="memory")), 1.0),
        (plan_of(CHOSEN, replace(OTHER, seconds=10.0)), 1.0),  # it is still the best
        (plan_of(CHOSEN, replace(OTHER, preparation=3000.0)), 1.0),  # that takes too long to prepare
        (plan_of(replace(CHOSEN, measured=8.0), OTHER), 1.0),  # it was measured before
        (plan_of(CHOSEN, OTHER, evaluations=4), 1.1),  # one more call is to come: too little is at stake
        (plan_of(), 1.0),  # nothing was priced
    ],
)
def test_reasons_to_leave_a_plan(plan, cost):
    assert strays(plan, 9.0, 9.0, 9.0, cost=cost) == [False] * 3


def test_short_calls_are_left_alone():
    plan = plan_of(replace(CHOSEN, seconds=1e-6), replace(OTHER, seconds=2e-6))
    assert strays(plan, 9e-4, 9e-4, 9e-4, cost=0.0) == [False] * 3


def test_no_more_than_a_few_calls_are_looked_at():
    o = Observed(0.0)
    for _ in range(CALLS):
        assert o.open
        o.strays(plan_of(CHOSEN), 1.0)
    assert not o.open
