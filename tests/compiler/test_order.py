"""The pass `order`: less memory where parts of a result can be finished one by one, and nothing else changes."""

import fuzz_programs
import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES, pipeline

RNG = np.random.default_rng(5)
BATCHES = [RNG.normal(size=(500, 60)) for _ in range(10)]
WEIGHTS = RNG.normal(size=(60, 60)) / 8


def in_batches(w):
    """All layers first, and then what is summed up: as a person may write it."""
    layers = [np.tanh(b @ w) for b in BATCHES]
    return sum((y**2).sum() for y in layers)


def deep(weights):
    h = BATCHES[0]
    for w in weights:
        h = np.tanh(h @ w)
    return (h**2).sum()


def programs(f, x):
    """With the pass and without it."""
    kept = mmad.record(f, x)
    return kept.compile(PASSES), kept.compile([p for p in PASSES if p != "order"])


def copies(program):
    """Stores of groups that are copies of whole arrays."""
    return sum(len(s[7]) for s in program.machine.step_list() if s[0] == "group" and not s[6])


def test_terms_of_a_sum_take_the_memory_of_one():
    f = mmad.grad(in_batches)
    ordered, recorded = programs(f, WEIGHTS)
    layer = BATCHES[0].shape[0] * 60 * 8
    assert recorded.machine.workspace > 9 * layer
    assert ordered.machine.workspace < 3 * layer
    np.testing.assert_allclose(ordered(WEIGHTS), f(WEIGHTS), rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(ordered(-WEIGHTS), f(-WEIGHTS), rtol=1e-13, atol=1e-11)


def test_a_deep_chain_stays_as_it_was_recorded():
    """There is no better order: depth first from the gradient of the first layer, all cotangents would wait."""
    weights = [WEIGHTS] * 8
    ordered, recorded = programs(mmad.grad(deep), weights)
    assert ordered.machine.workspace == recorded.machine.workspace
    assert ordered.machine.step_list() == recorded.machine.step_list()
    assert "order" in {name for name, _, _ in ordered.machine.report()}


def test_little_workspace_is_not_looked_at():
    program, _ = programs(lambda x: (np.sin(x) ** 2).sum(), np.ones(5))
    assert "order" not in {name for name, _, _ in program.machine.report()}


def test_no_call_comes_before_its_guard():
    """An inverse that does not exist is not taken: the guard before it fails first."""

    def f(a, b):
        late = np.linalg.inv(b)
        return (late if np.linalg.det(a) > 0.5 else b).sum() + np.linalg.inv(a).sum()

    a, b = np.array([[2.0, 1.0], [0.0, 1.0]]), np.eye(2)
    with fuzz_programs.ordered():
        program = mmad.record(f, a, b).compile(PASSES)
    assert program(a, b) == f(a, b)
    with pytest.raises(mmad.GuardError):
        program(np.zeros((2, 2)), b)


def test_what_is_read_before_a_write_stays_before_it():
    """In place, without copies, in whatever order the results ask for them."""

    def f(x):
        y = x * 1.0
        before = []
        for k in range(6):
            before.append(y[k] * 2.0)
            y[k] = np.sin(y[k]) + before[-1]
        return y, sum(before[::-1])

    x = RNG.normal(size=6)
    with fuzz_programs.ordered():
        tape = mmad.record(f, x)
        program = tape.compile(PASSES)
    for at in (x, 2 * x):
        (y, s), (want, total) = program(at), f(at)
        np.testing.assert_allclose(y, want, rtol=1e-15)
        assert s == pytest.approx(total, rel=1e-15)
    assert copies(program) == copies(tape.compile(PASSES))


def test_results_and_inputs_that_are_not_used():
    with fuzz_programs.ordered():
        program = mmad.record(lambda x, y: (x * 2.0, 3.0, x), np.ones(3), np.ones(2)).compile(PASSES)
    got = program(np.full(3, 5.0), np.ones(2))
    np.testing.assert_array_equal(got[0], 10.0)
    assert got[1] == 3.0
    np.testing.assert_array_equal(got[2], 5.0)


@pytest.mark.parametrize("kind", fuzz_programs.KINDS)
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed, kind, monkeypatch):
    monkeypatch.setattr(pipeline, "DEBUG", True)
    report = fuzz_programs.check(seed, {"ordered": PASSES}, kind)
    assert not report.failures


def test_random_programs_are_ordered():
    f, points, _ = fuzz_programs.scalar_case(0)
    with fuzz_programs.ordered():
        program = mmad.record(f, *points[0]).compile(PASSES)
    assert "order" in {name for name, _, _ in program.machine.report()}
