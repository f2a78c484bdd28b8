"""All strategies run and measured: the table has every one of them, they agree, and it prints."""

import numpy as np
import pytest
from planner_problems import arrowhead, at, broyden, rosenbrock, rosenbrock_by_hand

import mmad
from mmad.derivatives import jacobians
from mmad.planner import by_plan
from mmad.planner.decision import agreement, compare, decide, task
from mmad.planner.decision.task import COLORED, DENSE


@pytest.fixture(scope="module")
def compared():
    return mmad.jacobian(arrowhead).compare(at(70), rounds=1)


def test_every_strategy_is_there(compared):
    assert {m.strategy for m in compared.measurements} >= {*COLORED["jacobian"], *DENSE["jacobian"]}
    assert {m.mode for m in compared.measurements} == {"eager", "compiled"}
    assert compared.shape == (70, 70)
    assert compared.chosen in {m.strategy for m in compared.measurements}


def test_they_agree(compared):
    assert max(m.error for m in compared.measurements) < 1e-10


def test_they_are_measured(compared):
    for m in compared.measurements:
        assert m.time > 0
        assert m.first > 0
        assert m.predicted > 0
        assert m.peak >= 0
    times = [m.time for m in compared.measurements if not m.skipped]
    assert times == sorted(times)


def test_plain_data(compared):
    assert [row["strategy"] for row in compared.rows] == [m.strategy for m in compared.measurements]
    assert all(type(v) in (str, int, float) for row in compared.rows for v in row.values())


def test_printed(compared):
    lines = str(compared).splitlines()
    assert len(lines) >= 2 + len(compared.measurements)
    assert max(map(len, lines)) <= 80
    for m, line in zip(compared.measurements, lines[2:], strict=False):
        assert line.startswith(m.strategy)


def test_hessians():
    found = mmad.hessian(rosenbrock).compare(at(66), rounds=1)
    ran = {m.strategy: m for m in found.measurements if not m.skipped}
    assert {"star", "forward-over-reverse", "reverse-over-reverse"} <= set(ran)
    assert max(m.error for m in ran.values()) < 1e-10
    left_out = {m.strategy: m.skipped for m in found.measurements if m.skipped}
    assert "unknowns" in left_out["forward-over-forward"]
    assert "unknowns" in str(found)


@pytest.mark.parametrize("options", [{"sparse": True}, {"strategy": "rows"}, {"pattern": np.ones((9, 9))}])
def test_options_stay(options):
    found = mmad.jacobian(broyden, **options).compare(at(9), rounds=1)
    assert max(m.error for m in found.measurements) < 1e-10
    if "strategy" in options:
        assert found.chosen == "rows"


def test_a_colouring_given():
    c = mmad.jacobian(broyden, sparse=True).plan(at(9)).coloring
    found = mmad.jacobian(broyden, pattern=c).compare(at(9), rounds=1)
    assert max(m.error for m in found.measurements) < 1e-10


def test_degenerate():
    for f, x in ((lambda x: np.ones(3), at(4)), (lambda x: x, at(0)), (lambda x: x[0] * 2.0, at(1))):
        assert mmad.jacobian(f).compare(x, rounds=1).measurements


def test_progress():
    seen = []

    def progress(steps):
        for step in steps:
            seen.append(step)
            yield step

    found = mmad.jacobian(broyden).compare(at(9), rounds=1, progress=progress)
    assert len(seen) == len(found.measurements)


def test_drawn_as_points_with_bars(compared):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axes = compared.plot()
    assert len(axes.patches) == len([m for m in compared.measurements if not m.skipped])
    axes.figure.canvas.draw()
    plt.close(axes.figure)


# ------------------------------------------------------------------------------------------------ what differs
def wrong_by_directions(f, x):
    return 0.5 * jacobians.by_directions(f, x)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_strategy_that_differs_is_never_chosen(monkeypatch, sparse):
    monkeypatch.setattr(by_plan, "by_directions", wrong_by_directions)
    H, x = mmad.hessian(rosenbrock, sparse=sparse, evaluations=100_000), at(9)
    found = H.compare(x, rounds=2)
    wrong = [m for m in found.measurements if m.differs]
    assert {m.strategy for m in wrong} == {"reverse-over-forward"}
    assert all(0.1 < m.error < 10 for m in wrong)
    ran = [m for m in found.measurements if not m.skipped]
    assert ran[-len(wrong) :] == wrong  # after all others
    assert str(found).count("its result differs from the others") == len(wrong)
    assert max(map(len, str(found).splitlines())) <= 80
    plan = H.plan(x)
    assert found.chosen == plan.strategy != "reverse-over-forward"
    assert "the result of reverse-over-forward differs from the others" in plan.reason
    assert {c.verdict for c in plan.candidates if c.strategy == "reverse-over-forward"} <= {"differs"}
    got = H(x).toarray() if sparse else H(x)
    np.testing.assert_allclose(got, rosenbrock_by_hand(x), rtol=1e-10, atol=1e-10)


def test_a_plan_that_differs_is_made_again(monkeypatch):
    monkeypatch.setattr(by_plan, "by_directions", wrong_by_directions)
    monkeypatch.setattr(task, "NESTED", 1e-9)  # it is thought to cost nothing
    H, x = mmad.hessian(rosenbrock, evaluations=50, mode="eager"), at(9)
    assert H.plan(x).strategy == "reverse-over-forward"
    assert H.compare(x, rounds=1).chosen != "reverse-over-forward"
    np.testing.assert_allclose(H(x), rosenbrock_by_hand(x), rtol=1e-10, atol=1e-10)
    asked = mmad.hessian(rosenbrock, strategy="reverse-over-forward", mode="eager")
    asked.compare(x, rounds=1)
    assert "its result differs from others" in asked.plan(x).reason


def test_a_race_is_not_won_by_what_differs(monkeypatch):
    monkeypatch.setattr(by_plan, "by_directions", wrong_by_directions)
    monkeypatch.setattr(decide, "CLOSE", 1e9)
    monkeypatch.setattr(decide, "RACED", 4)
    H, x = mmad.hessian(rosenbrock, evaluations=10**7, mode="eager"), at(9)
    plan = H.plan(x)
    assert "race" in plan.reason
    assert "the result of reverse-over-forward differs from the others" in plan.reason
    assert plan.strategy != "reverse-over-forward"


def test_nan_and_infinity():
    rows = np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 2.0], [1.0, 3.0, np.inf]])
    np.testing.assert_array_equal(agreement.errors(rows), [0.0, 0.0, np.inf])
    np.testing.assert_array_equal(agreement.errors(np.zeros((3, 0))), np.zeros(3))
    assert agreement.differing({"a": 1.0, "b": 2.0}, 8) == set()  # nobody knows which
    assert agreement.differing({"a": 1.0, "b": 2.0, "c": 1.0}, 8) == {"b"}


def test_measured_at_other_points(monkeypatch):
    """What recorded at a point where a value is guarded would be fast at that point alone."""
    seen = []
    monkeypatch.setattr(compare, "nearby", lambda *args: seen.append(agreement.nearby(*args)) or seen[-1])
    mmad.hvp(lambda x, k: (x**3).sum() * k).compare(at(5), 2, np.ones(5), rounds=3)
    assert len(seen) == 3
    assert len({(x[0], v[0]) for x, k, v in seen}) == 3
    for x, k, v in seen:
        assert k == 2
        np.testing.assert_allclose(x, at(5), rtol=1e-5)
        np.testing.assert_allclose(v, np.ones(5), rtol=1e-5)
        assert (np.abs(x) < at(5)).all()


def test_functions_that_refuse_other_points():
    def f(x):
        if mmad.concrete(x)[0] != 0.3:
            raise ValueError("not here")
        return (x**3).sum()

    assert mmad.grad(f).compare(at(5), rounds=2).measurements
