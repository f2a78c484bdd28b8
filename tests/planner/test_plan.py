"""Plans as records: frozen, explained in 80 columns, drawn."""

import dataclasses
import pickle

import numpy as np
import pytest
from planner_problems import arrowhead, at, broyden, quartic, rosenbrock

import mmad
from mmad import Plan

PLANS = {
    "columns": lambda: mmad.jacobian(broyden, sparse=True).plan(at(90)),
    "rows": lambda: mmad.jacobian(broyden, strategy="rows").plan(at(90)),
    "both": lambda: mmad.jacobian(arrowhead).plan(at(90)),
    "compiled": lambda: mmad.jacobian(arrowhead, evaluations=10**6).plan(at(90)),
    "small": lambda: mmad.jacobian(broyden).plan(at(4)),
    "star": lambda: mmad.hessian(rosenbrock).plan(at(90)),
    "dense": lambda: mmad.hessian(quartic).plan(at(90)),
    "memory": lambda: mmad.jacobian(broyden, sparse=True, memory="1MB").plan(at(1000)),
    "empty": lambda: mmad.jacobian(lambda x: np.ones(3), sparse=True).plan(at(90)),
    "nothing": lambda: mmad.jacobian(lambda x: x, sparse=True).plan(at(0)),
    "a long name": lambda: mmad.jacobian(named("f" * 200)).plan(at(90)),
}


def named(name):
    def f(x):
        return broyden(x)

    f.__name__ = f.__qualname__ = name
    return f


@pytest.mark.parametrize("name", PLANS)
def test_explained(name):
    plan = PLANS[name]()
    text = plan.explain()
    assert str(plan) == text
    assert max(map(len, text.splitlines())) <= 80
    assert plan.strategy in text
    assert " ".join(plan.reason.split()) in " ".join(text.split())
    for c in plan.candidates:
        assert c.strategy in text
        assert c.verdict in text
    if plan.pattern is not None:
        assert f"{plan.pattern.nnz} nonzeros" in text
    if plan.coloring is not None:
        assert f"{plan.coloring.column_count} forward, {plan.coloring.row_count} reverse" in text


@pytest.mark.parametrize("name", PLANS)
def test_frozen(name):
    plan = PLANS[name]()
    assert isinstance(plan, Plan)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.strategy = "forward"
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.candidates[0].seconds = 0.0
    assert plan.chosen is plan.candidates[0]
    assert plan.predicted == plan.chosen.seconds > 0
    again = pickle.loads(pickle.dumps(plan))
    assert again.explain() == plan.explain()


def test_a_plan_is_made_once():
    J = mmad.jacobian(broyden, sparse=True)
    assert J.plan(at(90)) is J.plan(2 * at(90))
    assert J.plan(at(91)) is not J.plan(at(90))


@pytest.fixture
def axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.mark.parametrize("name", ["columns", "rows", "both", "star", "empty", "nothing"])
def test_drawn(name, axes):
    plan = PLANS[name]()
    assert plan.plot(axes) is axes
    assert len(axes.collections[0].get_offsets()) == plan.pattern.nnz
    axes.figure.canvas.draw()


def test_drawn_on_axes_of_its_own(axes):
    import matplotlib.pyplot as plt

    drawn = PLANS["columns"]().plot()
    assert drawn is not axes
    plt.close(drawn.figure)


def test_without_a_pattern_nothing_is_drawn(axes):
    with pytest.raises(ValueError, match="no pattern was looked for"):
        PLANS["small"]().plot(axes)
