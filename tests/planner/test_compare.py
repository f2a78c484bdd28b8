"""All strategies run and measured: the table has every one of them, they agree, and it prints."""

import numpy as np
import pytest
from planner_problems import arrowhead, at, broyden, rosenbrock

import mmad
from mmad.planner.problem import COLORED, DENSE


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
    assert {"star", "acyclic", "forward-over-reverse", "reverse-over-reverse"} <= set(ran)
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


def test_a_bar_chart(compared):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axes = compared.plot()
    assert len(axes.patches) == len([m for m in compared.measurements if not m.skipped])
    axes.figure.canvas.draw()
    plt.close(axes.figure)
