"""What plans, comparisons, patterns, tapes and programs look like: short `repr`, well-formed, escaped HTML."""

import html.parser
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from planner_problems import arrowhead, at, broyden, rosenbrock

import mmad
from mmad.planner.decision.compare import LOOKS
from mmad.planner.sparsity.picture import MOST, shares, svg


class Reader(html.parser.HTMLParser):
    """Collects the text, and checks that every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        self.words.append(data)


def read(shown):
    """The text of an object's HTML, checked: well formed, small, without fixed colours of text or ground."""
    source = shown._repr_html_()
    ElementTree.fromstring(source)
    reader = Reader()
    reader.feed(source)
    reader.close()
    assert reader.open == []
    assert len(source) < 100_000
    assert not re.search(r"(?<!-)color:|#[0-9a-f]{3}|fill=\"(?!none|currentColor)", source)
    return " ".join(reader.words)


def short(shown):
    text = repr(shown)
    assert "\n" not in text
    assert len(text) < 200
    return text


ODD = lambda x: (x[1:] * x[:-1]).sum() + (x**2).sum()  # its name has to be escaped


def loop(x):
    total = 0.0
    for _ in range(50_000):
        total = total + x[0] * x[1]
    return total


def test_plan():
    plan = mmad.hessian(ODD).plan(at(90))
    text = read(plan)
    assert "Plan of hessian of <lambda>" in text
    assert "because" in text
    for candidate in plan.candidates:
        assert candidate.strategy in text
        assert candidate.verdict in text
    assert short(plan) == f"<Plan of {plan.origin}: 90 x 90, {plan.strategy}, {plan.mode}>"
    assert "chosen" in str(plan)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mmad.jacobian(arrowhead, evaluations=10**6).plan(at(90)),
        lambda: mmad.jacobian(broyden).plan(at(4)),
        lambda: mmad.grad(rosenbrock).plan(at(9)),
        lambda: mmad.hvp(rosenbrock).plan(at(9), at(9)),
        lambda: mmad.jacobian(lambda x: x, sparse=True).plan(at(0)),
    ],
)
def test_other_plans(make):
    plan = make()
    assert plan.strategy in read(plan)
    short(plan)
    held = json.loads(json.dumps(plan.as_dict(), allow_nan=False))
    assert held["strategy"] == plan.strategy
    assert held["shape"] == list(plan.shape)
    assert held["predicted"] == plan.predicted
    assert len(held["candidates"]) == len(plan.candidates)


def test_comparison():
    comparison = mmad.hessian(ODD).compare(at(70), rounds=3)
    text = read(comparison)
    for m in comparison.measurements:
        assert m.strategy in text
        assert m.low <= m.time <= m.high
    assert "of best" not in text
    assert "the fastest" in short(comparison)
    assert comparison.as_dict()["measurements"] == comparison.rows
    json.dumps(comparison.as_dict())


def test_pattern():
    pattern = mmad.sparsity(ODD, at(30), order=2)
    assert short(pattern) in read(pattern)
    assert repr(mmad.Pattern.of(np.ones((2, 3)))) == "Pattern(2 x 3, 6 nonzeros, 100 %)"
    assert repr(mmad.Pattern.of(np.zeros((0, 3)))) == "Pattern(0 x 3, 0 nonzeros, 0 %)"


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (3, 5), (64, 64), (65, 64), (1000, 3), (7, 1000)])
def test_pictures_of_patterns(shape):
    dense = np.random.default_rng(0).random(shape) < 0.2
    pattern = mmad.Pattern.of(dense)
    read(pattern)
    picture = ElementTree.fromstring(svg(pattern, standalone=True))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    got = shares(pattern)
    assert got.shape == tuple(min(d, MOST) for d in shape)
    if max(shape) <= MOST:  # exact
        np.testing.assert_array_equal(got > 0, dense)
        squares = sum(int(n) for n in re.findall(r"h(\d+)v1", svg(pattern)))
        assert squares == dense.sum()
    elif dense.size:
        cells = np.outer(*[np.bincount(np.arange(d) * min(d, MOST) // d) for d in shape])
        np.testing.assert_allclose((got * cells).sum(), dense.sum())


def test_a_large_pattern_is_drawn_coarsely():
    n = 200_000
    pattern = mmad.Pattern.from_coordinates(np.arange(n), np.arange(n)[::-1], (n, n))
    read(pattern)
    grid = shares(pattern)
    np.testing.assert_array_equal(grid > 0, np.eye(MOST)[::-1] > 0)


def test_tape():
    tape = mmad.record(ODD, at(5))
    text = read(tape)
    assert "<lambda>" in text
    assert str(tape[0]).strip() in text
    assert str(len(tape)) in text
    short(tape)


def test_a_long_tape_and_its_program():
    tape = mmad.record(loop, at(2))
    assert len(tape) > 100_000
    assert "more" in read(tape)
    assert "instructions" not in tape.__dict__  # nothing was decoded but what is shown
    short(tape)
    program = tape.compile()
    assert "workspace" in read(program)
    short(program)


def test_program():
    program = mmad.record(ODD, at(5)).compile()
    text = read(program)
    assert "<lambda>" in text
    assert "predicted time" in text
    short(program)


def test_compiled():
    g = mmad.compile(mmad.grad(ODD))
    g(at(4))
    g(at(4))
    assert "2 calls, 1 programs" in short(g)


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_a_comparison_is_drawn(plt):
    comparison = mmad.jacobian(broyden, sparse=True).compare(at(70), rounds=3)
    axes = comparison.plot()
    axes.figure.canvas.draw()
    memory = axes.figure.axes[1]
    assert (axes.get_xscale(), memory.get_xscale()) == ("log", "log")
    run = [m for m in comparison.measurements if not m.skipped]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"{m.strategy}, {m.mode}" for m in run[::-1]]
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert sorted(legend) == sorted(
        f"{call} call, {mode}" for call in ("first", "later") for mode in ("eager", "compiled")
    )
    for m in run:
        color, mark = LOOKS[m.mode]
        first = [line for line in axes.lines if line.get_xdata()[0] == m.first and len(line.get_xdata()) == 1]
        assert [(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in first] == [
            (color, mark, "none")
        ]
    assert sorted(line.get_xdata()[0] for line in memory.lines) == sorted(m.peak for m in run)


def test_drawn_on_given_axes(plt):
    axes = plt.subplots()[1]
    assert mmad.grad(rosenbrock).compare(at(9), rounds=1).plot(axes) is axes
    axes.figure.canvas.draw()


def test_drawing_without_matplotlib(monkeypatch):
    import sys

    comparison = mmad.grad(rosenbrock).compare(at(9), rounds=1)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        comparison.plot()
