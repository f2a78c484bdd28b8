"""The ordered decision list of `mmad.planner.decision.decide`: a case for each row, with prices of no real machine.

`ROWS` names the case of every row of the table in the module's docstring; a row without one fails.
"""

import dataclasses
import re

import numpy as np
import pytest
from planner_problems import arrowhead, at, broyden, rosenbrock

import mmad
from mmad import Pattern
from mmad.derivatives.recorded import LANES
from mmad.errors import StructureError
from mmad.planner.decision import decide as module
from mmad.planner.decision.cost import EAGER_AND_COMPILED, Work
from mmad.planner.decision.decide import CLOSE, FORWARD_OVER_FORWARD, decide
from mmad.planner.decision.task import COLORED, DENSE, Options, Task

BAND = Pattern.of(np.abs(np.subtract.outer(np.arange(400), np.arange(400))) <= 1)
WORK = Work(0, 40, 40_000, 0)


def problem(matrix=BAND, product="jacobian", work=WORK, **options):
    found = Pattern.of(matrix)
    return Task(product, found.shape, lambda steps: (found, None), work, 8, Options(**options), "f")


def planned(race=None, coefficients=EAGER_AND_COMPILED, **options):
    return decide(problem(**options), coefficients, race)


def scaled(**factors):
    """Coefficients of a machine on which some things take longer."""
    return {
        mode: dataclasses.replace(c, **{k: getattr(c, k) * v for k, v in factors.items()})
        for mode, c in EAGER_AND_COMPILED.items()
    }


# ------------------------------------------------------------------------------------------------ the rows
def asked_for():
    for product in ("jacobian", "hessian"):
        for strategy in (*DENSE[product], *COLORED[product]):
            plan = planned(product=product, strategy=strategy)
            assert plan.strategy == strategy
            assert "asked for" in plan.reason
            assert {c.strategy for c in plan.candidates} == {strategy}


def one_batch():
    for shape in ((LANES, LANES), (1000, 3), (3, 1000), (1, 1), (0, 5), (5, 0)):
        p = Task("jacobian", shape, lambda steps: pytest.fail("looked for"), WORK, 8, Options(), "f")
        plan = decide(p, EAGER_AND_COMPILED)
        assert plan.strategy in DENSE["jacobian"]
        assert plan.pattern is None
        assert "no pattern was looked for" in plan.reason
    assert decide(problem(np.ones((1000, 3))), EAGER_AND_COMPILED).strategy == "forward"
    assert decide(problem(np.ones((3, 1000))), EAGER_AND_COMPILED).strategy == "reverse"
    p = Task(
        "jacobian",
        (100, 100),
        lambda steps: pytest.fail("looked for"),
        Work(0, 1, 100, 0),
        8,
        Options(evaluations=1),
        "f",
    )
    assert "sooner than a pattern would be found" in decide(p, EAGER_AND_COMPILED).reason
    # asked for a sparse result, or given a pattern, the rule does not hold
    small = np.eye(LANES)
    assert decide(problem(small, sparse=True), EAGER_AND_COMPILED).coloring is not None
    assert decide(problem(small, pattern=Pattern.of(small)), EAGER_AND_COMPILED).coloring is not None


def gathered():
    looked = []

    def search(steps):
        looked.append(1)
        raise StructureError("no lanes are alike")

    plan = decide(
        Task("jacobian", BAND.shape, lambda steps: (BAND, None), WORK, 8, Options(), "f", {"blocks": search}, True),
        EAGER_AND_COMPILED,
    )
    assert looked == [1]
    assert dict(plan.refused)["blocks"] == "no lanes are alike"
    assert plan.coloring is not None
    short, never = Work(0, 1, 400, 0), {"blocks": lambda steps: pytest.fail("looked for")}
    decide(
        Task("jacobian", BAND.shape, lambda steps: (BAND, None), short, 8, Options(), "f", never, False),
        EAGER_AND_COMPILED,
    )
    i, j = np.random.default_rng(0).integers(0, 100, (2, 1000))

    def gathers(x):
        return np.stack([x[i] * x[j], x[i] ** 2 * x[j]])

    plan = mmad.jacobian(gathers, sparse=True, evaluations=1000).plan(at(100))
    assert "blocks" in {c.strategy for c in plan.candidates}
    plan = mmad.jacobian(gathers, sparse=True, evaluations=1).plan(at(100))
    assert "blocks" not in {*dict(plan.refused), *(c.strategy for c in plan.candidates)}


def nothing_to_share():
    for pattern in (np.ones((100, 100)), np.tri(100), np.ones((100, 300))):
        plan = decide(problem(pattern), EAGER_AND_COMPILED)
        assert plan.strategy in DENSE["jacobian"]
        assert "every bound on colours" in plan.reason
        assert plan.coloring is None
    plan = decide(problem(np.ones((100, 100)), product="hessian"), EAGER_AND_COMPILED)
    assert plan.strategy in DENSE["hessian"]


def prices_differ():
    plan = planned()
    assert plan.coloring is not None
    assert plan.coloring.count == 3
    ranked = sorted(c.total(plan.evaluations) for c in plan.candidates)
    assert plan.chosen.total(plan.evaluations) == ranked[0]
    wide = decide(problem(BAND.todense()[:, :100]), scaled(reverse=50.0))
    assert wide.strategy == "columns"
    assert "times as long" in wide.reason
    assert not any(c.measured for c in wide.candidates)


FULL = np.ones((100, 100))  # forward and reverse take as many sweeps


def close_and_much_at_stake():
    raced = []

    def race(candidate):
        raced.append(candidate)
        return 1.0 if candidate.strategy == "forward" else 0.5

    plan = decide(problem(FULL, evaluations=1_000_000), EAGER_AND_COMPILED, race)
    assert len(raced) >= 2
    assert "won a race" in plan.reason
    assert plan.chosen.measured == min(c.measured for c in plan.candidates if c.measured is not None)
    assert plan.strategy == "reverse"
    losers = [c for c in plan.candidates if c.measured and c is not plan.chosen]
    assert losers
    assert all(c.verdict.startswith("lost") for c in losers)


def close_and_little_at_stake():
    def race(candidate):
        raise AssertionError("no race")

    same = scaled(reverse=1 / 1.1)
    for options in ({"evaluations": 1}, {}):
        plan = decide(problem(FULL, **options), same, race)
        assert "too little is at stake" in plan.reason
        ranked = sorted(plan.candidates, key=lambda c: c.total(plan.evaluations))
        assert ranked[1].total(plan.evaluations) <= CLOSE * ranked[0].total(plan.evaluations)
        assert plan.candidates[0] == ranked[0]
    assert "too little" in decide(problem(FULL, evaluations=1_000_000), same, None).reason  # nobody to race


#: Words of the "where" of a row: its case.
ROWS = {
    "a strategy was asked for": asked_for,
    "the matrix has no more columns (rows) than lanes": one_batch,
    "all evaluations take longer than to look for": gathered,
    "every bound on colours is half of min(m, n) or more": nothing_to_share,
    "prices differ by more than `CLOSE`": prices_differ,
    "prices are close, and what is at stake is more": close_and_much_at_stake,
    "prices are close, little is at stake": close_and_little_at_stake,
}


def rows_of_the_table():
    """The first lines of the rows, in order."""
    body = module.__doc__.split("=====  ")[2:]
    return [m[2].strip() for m in re.finditer(r"^(\d+) +(.+?)(?:  |$)", "".join(body), flags=re.M)]


@pytest.mark.parametrize("where", ROWS)
def test_rows(where):
    ROWS[where]()


def test_every_row_has_a_case():
    found = rows_of_the_table()
    assert len(found) >= 6
    assert [w for w in found if w not in ROWS] == []


def test_rows_are_in_order():
    """The first that holds decides: asked for, though the matrix is small; small, though it is dense."""
    assert "asked for" in decide(problem(np.ones((5, 5)), strategy="columns"), EAGER_AND_COMPILED).reason
    assert "no pattern" in decide(problem(np.ones((5, 5))), EAGER_AND_COMPILED).reason
    assert "every bound" in decide(problem(np.ones((100, 100)), evaluations=10**6), EAGER_AND_COMPILED, None).reason


# ------------------------------------------------------------------------------------------------ guided
def test_evaluations_bring_compiled_candidates():
    assert {c.mode for c in planned().candidates} == {"eager"}
    assert {c.mode for c in planned(evaluations=1).candidates} == {"eager"}
    assert {c.mode for c in planned(evaluations=100).candidates} == {"eager", "compiled"}
    assert planned(evaluations=1_000_000).mode == "compiled"
    assert planned(coefficients=scaled(compile=900.0, compile_array=900.0), evaluations=2).mode == "eager"


def test_the_mode_may_be_forced():
    assert {c.mode for c in planned(mode="compiled").candidates} == {"compiled"}
    assert {c.mode for c in planned(mode="eager", evaluations=10**6).candidates} == {"eager"}


def test_memory_takes_candidates_out():
    """The dense result has 400 x 400 elements."""
    plan = planned(sparse=True, memory=400_000)
    assert plan.chosen.bytes <= 400_000
    assert all(c.bytes > 400_000 for c in plan.candidates if c.verdict == "memory")
    with pytest.raises(MemoryError, match="no strategy fits into 1000 bytes"):
        planned(memory=1000)


def test_short_memory_makes_batches_narrow():
    wide, narrow = planned(strategy="forward"), planned(strategy="forward", sparse=True, memory=400_000)
    assert 1 <= narrow.width < wide.width


@pytest.mark.parametrize("n", [FORWARD_OVER_FORWARD, FORWARD_OVER_FORWARD + 1])
def test_nested_forward_mode_is_for_few_unknowns(n):
    plan = decide(problem(np.ones((n, n)), product="hessian"), EAGER_AND_COMPILED)
    assert ("forward-over-forward" in {c.strategy for c in plan.candidates}) == (n <= FORWARD_OVER_FORWARD)


def test_hessian_patterns_are_made_symmetric():
    plan = decide(problem(np.triu(BAND.todense()), product="hessian"), EAGER_AND_COMPILED)
    assert plan.pattern == BAND


def test_every_candidate_has_a_verdict():
    for options in ({}, {"evaluations": 1000}, {"sparse": True, "memory": 500_000}, {"strategy": "rows"}):
        plan = planned(**options)
        assert plan.candidates[0].verdict == "chosen"
        assert [c.verdict for c in plan.candidates].count("chosen") == 1
        assert all(c.verdict for c in plan.candidates)


# ------------------------------------------------------------------------------------------------ of functions
def test_known_winners():
    """Few colours for bands, both sides for an arrowhead, a star for Hessians."""
    plan = mmad.jacobian(broyden, sparse=True).plan(at(500))
    assert plan.coloring.count == 3
    plan = mmad.jacobian(arrowhead, sparse=True).plan(at(500))
    assert (plan.strategy, plan.coloring.count) == ("bicoloring", 3)
    plan = mmad.hessian(rosenbrock, sparse=True).plan(at(500))
    assert (plan.strategy, plan.coloring.count) == ("star", 3)
    plan = mmad.hessian(lambda x: (x * x).sum() ** 2).plan(at(200))
    assert plan.strategy in DENSE["hessian"]
    assert mmad.jacobian(lambda x: np.outer(x, at(500)).ravel()).plan(at(5)).strategy == "forward"
    assert mmad.jacobian(lambda x: np.array([x.sum(), x @ x])).plan(at(500)).strategy == "reverse"
