"""Programs that have to fit into a memory compute arrays again; values stay what they are."""

import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES

LAYERS, N = 60, 4096


def chain(x):
    """Layers that need their neighbours, so that each is an array in memory."""
    y = x
    for _ in range(LAYERS):
        y = np.tanh(y + 0.1 * np.roll(y, 1))
    return np.sum(y * y)


def network(w):
    y = np.sin(np.arange(2048.0)).reshape(64, 32)
    for k in range(LAYERS):
        y = np.tanh(y @ w)
        if k % 7 == 0:
            y = y - np.mean(y)
    return np.sum(y * y)


def mutating(x):
    y = x * 1.0
    for k in range(LAYERS // 4):
        y[1:] = np.sin(y[:-1]) + y[1:]
        y[k] = y[k] * y[k + 1]
        y = np.exp(-y * y)
    return np.sum(y)


def branching(x):
    y = x
    for _ in range(LAYERS // 2):
        y = np.cos(y + np.roll(y, 3))
        if np.sum(y) < 0:
            y = y * 1.1
    return np.sum(y)


W = np.random.default_rng(2).normal(size=(32, 32)) / 6
X = np.random.default_rng(1).normal(size=N)
CASES = {"chain": (chain, X), "network": (network, W), "mutating": (mutating, X), "branching": (branching, X)}


def workspace(compiled):
    (program,) = compiled.programs()
    return arena(program)


def arena(program):
    """Bytes of the arrays of a program, besides its arguments and results."""
    return max(offset + size for size, home, offset in program.machine.buffer_list() if home == "arena")


def passes_of(compiled):
    (program,) = compiled.programs()
    return [name for name, _, _ in program.machine.report()]


def replayed(derivative, args, memory=None, passes=None):
    f = mmad.compile(derivative, memory=memory, passes=passes or PASSES)
    f(*args)
    return f(*args), workspace(f)


@pytest.mark.parametrize("part", [2, 4])
@pytest.mark.parametrize("name", CASES)
def test_gradients_in_part_of_the_memory(name, part):
    f, x = CASES[name]
    want, all_of_it = replayed(mmad.grad(f), (x,))
    got, some = replayed(mmad.grad(f), (x,), all_of_it // part)
    assert some <= all_of_it // part
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got, mmad.grad(f)(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_products_in_part_of_the_memory(name):
    f, x = CASES[name]
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    want, all_of_it = replayed(mmad.hvp(f), (x, v))
    got, some = replayed(mmad.hvp(f), (x, v), all_of_it // 3)
    assert some <= all_of_it // 3
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12 * np.abs(want).max())


def test_memory_grows_as_the_logarithm_with_levels_and_work_with_each():
    """60 equal arrays: with one level of checkpoints 2 sqrt(60) = 16 of them, with more as few as 10."""
    _, all_of_it = replayed(mmad.grad(chain), (X,))
    assert all_of_it >= LAYERS * X.nbytes
    steps = []
    for arrays in (70, 18, 10):
        f = mmad.compile(mmad.grad(chain), memory=arrays * X.nbytes)
        f(X)
        assert workspace(f) <= arrays * X.nbytes
        steps.append(len(f.programs()[0].machine))
    assert steps[0] < steps[1] < steps[2] < 6 * steps[0]


def test_what_does_not_fit_is_an_error():
    with pytest.raises(MemoryError, match=r"program of .*chain.* needs \d+ bytes of workspace, with 50000 allowed"):
        mmad.compile(mmad.grad(chain), memory="50kB")(X)
    with pytest.raises(MemoryError, match="allow more"):  # the pass is switched off
        mmad.compile(mmad.grad(chain), memory=20 * X.nbytes, passes=set(PASSES) - {"recompute"})(X)


@pytest.mark.parametrize("memory", [0, -1, 1.5, "much", "3 XB", True])
def test_memory_has_to_be_an_amount(memory):
    with pytest.raises(ValueError, match="memory must be a number of bytes"):
        mmad.compile(chain, memory=memory)


def test_enough_memory_changes_nothing():
    want, all_of_it = replayed(mmad.grad(chain), (X,))
    f = mmad.compile(mmad.grad(chain), memory=all_of_it)
    assert np.array_equal(f(X), want)
    assert "recompute" not in passes_of(f)


def test_it_is_told():
    f = mmad.compile(mmad.grad(chain), memory=20 * X.nbytes)
    f(X)
    assert "recompute" in passes_of(f)
    assert "\n  recompute " in f.programs()[0].explain()


def test_guards_are_checked_once_and_in_order():
    f = mmad.compile(mmad.grad(branching), memory=12 * X.nbytes)
    for x in (X, -X, 0.1 * X, X):
        want = mmad.grad(branching)(x)
        np.testing.assert_allclose(f(x), want, rtol=1e-9, atol=1e-12 * np.abs(want).max())


def test_a_program_that_was_saved_is_as_small(tmp_path):
    f = mmad.compile(mmad.grad(chain), memory=20 * X.nbytes)
    want = f(X)
    f.programs()[0].save(tmp_path / "chain.mmad")
    program = mmad.Program.load(tmp_path / "chain.mmad")
    assert np.array_equal(program(X), want)
    assert arena(program) <= 20 * X.nbytes
