"""Tapes as graphs, and their times by line."""

import re

import numpy as np
import pytest

import mmad


def function(x):
    y = np.sin(x)  # first
    if y[0] > 0:
        y = np.exp(y)  # second
    return np.sum(y * x)  # third


X = np.linspace(0.1, 1.0, 50)


def line_of(text):
    with open(__file__, encoding="utf-8") as file:
        return next(k for k, line in enumerate(file, 1) if f"# {text}" in line)


# ------------------------------------------------------------------------------------------------ graphs
def parsed(text):
    """The labels by node and the edges of a graph in Graphviz's language."""
    assert text.startswith('digraph "')
    assert text.endswith("}\n")
    labels = {m[1]: m[2].replace("\\n", "\n") for m in re.finditer(r'^  (\w+) \[label="((?:[^"\\]|\\.)*)"', text, re.M)}
    edges = re.findall(r"^  (\w+) -> (\w+)", text, re.M)
    return labels, edges


def test_nodes_and_edges_are_those_of_the_tape():
    tape = mmad.record(function, X, lines=True)
    labels, edges = parsed(tape.to_dot())
    assert len(labels) == len(tape)
    expected = [(f"v{j}", f"v{k}") for k, i in enumerate(tape) for j in i.operands if j >= 0]
    assert sorted(edges) == sorted(expected)
    by_name = {i.name: labels[f"v{k}"] for k, i in enumerate(tape)}
    assert by_name["sin"].split("\n")[1:] == [
        "float64[50]",
        f"test_profile.py:{line_of('first')}: y = np.sin(x)  # first",
    ]
    assert "guard" in by_name


def test_a_limit():
    tape = mmad.record(function, X)
    labels, edges = parsed(tape.to_dot(limit=3))
    assert labels["rest"] == f"{len(tape) - 3} more instructions"
    assert {node for edge in edges for node in edge} <= set(labels)


def test_text_is_escaped():
    def f(x):
        return x + np.array(['a "quoted" \\ text'])[0].count("a") * x  # "quotes"

    text = mmad.record(f, 1.0, lines=True).to_dot()
    assert '\\"' in text
    assert parsed(text)[0]


def test_sweeps_are_named():
    labels, _ = parsed(mmad.record(mmad.hvp(function), X, X, lines=True).to_dot(limit=1000))
    assert any("forward over reverse sweep" in label for label in labels.values())


# ------------------------------------------------------------------------------------------------ times
def test_rows_are_lines():
    profile = mmad.record(function, X, lines=True).profile(repeats=3)
    rows = {row.line: row for row in profile if row.file == __file__}
    for name in ("first", "second", "third"):
        row = rows[line_of(name)]
        assert row.text.endswith(f"# {name}")
        assert row.function > 0
        assert row.reverse > 0
        assert row.forward == 0
    assert profile.total == pytest.approx(sum(row.total for row in profile.rows))
    totals = [row.total for row in profile]
    assert totals == sorted(totals, reverse=True)
    assert f"test_profile.py:{line_of('first')}: y = np.sin(x)" in str(profile)
    assert len(str(profile).splitlines()) == len(profile) + 2


def test_a_recorded_derivative_has_its_own_sweeps():
    rows = {row.line: row for row in mmad.record(mmad.hvp(function), X, X, lines=True).profile(1)}
    row = rows[line_of("first")]
    assert min(row.function, row.forward, row.reverse) > 0


def test_every_instruction_is_counted():
    tape = mmad.record(mmad.grad(function), X, lines=True)
    counted = sum(row.instructions for row in tape.profile(1))
    assert counted == sum(i.name != "guard" for i in tape)


def test_lines_outlast_transforms():
    tape = mmad.record(function, X, lines=True)
    for made in (tape.pullback(), tape.pushforward(), tape.batch(2)):
        origins = [made.origin_of(k) for k in range(len(made))]
        assert {line_of("first"), line_of("third")} <= {o.line for o in origins}
    assert ("reverse",) in {tape.pullback().origin_of(k).sweeps for k in range(len(tape.pullback()))}
    assert ("forward",) in {tape.pushforward().origin_of(k).sweeps for k in range(len(tape.pushforward()))}


def test_what_profile_refuses():
    with pytest.raises(ValueError, match="record it with lines=True"):
        mmad.record(function, X).profile()
    with pytest.raises(ValueError, match="at least one repeat"):
        mmad.record(function, X, lines=True).profile(0)
