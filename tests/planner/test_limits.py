"""Searches end within what they can gain, and plans are kept in bounds."""

import signal
import time
import tracemalloc

import numpy as np
import pytest
from processes import PEAK, python_in

import mmad
from mmad.derivatives.recorded import Recorded
from mmad.planner import entries, planned
from mmad.planner.coloring.coloring import bicoloring, star_coloring
from mmad.planner.decision.cost import EAGER_AND_COMPILED, Work
from mmad.planner.decision.decide import decide
from mmad.planner.decision.task import DENSE, LEAST_LOOKING, STEP, Options, Task
from mmad.planner.sparsity._dependence import dependence
from mmad.planner.sparsity._sets import Exhausted
from mmad.planner.sparsity.detect import detect, graph_of
from mmad.planner.sparsity.pattern import Pattern

BOX = """
import numpy as np, mmad
def energy(x):
    x = x.reshape(-1, 3)
    d = x[i] - x[j]
    d = d - L * np.round(d / L)
    r2 = (d * d).sum(1)
    r2 = r2[r2 < 4.0]
    return 4 * (r2**-6 - r2**-3).sum()
n, sparse = 108, SPARSE
L = 1.2 * n ** (1 / 3)
i, j = np.triu_indices(n, 1)
grid = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)[:n] * (L / 5)
x = (grid + np.random.default_rng(0).normal(scale=0.05, size=grid.shape)).ravel()
want = mmad.hessian(energy, strategy="forward-over-reverse")(x)
before = peak()
H = mmad.hessian(energy, sparse=sparse)
found = H(x)
after = peak()
found = found.toarray() if sparse else found
np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9 * np.abs(want).max())
assert H.plan(x).pattern.nnz == np.count_nonzero(want)
assert after - before < 50e6, (before, after)
"""


@pytest.mark.parametrize("sparse", [False, True])
def test_a_box_of_atoms_takes_no_more_memory_than_the_plain_strategy(tmp_path, sparse):
    done = python_in(tmp_path, PEAK + BOX.replace("SPARSE", str(sparse)))
    assert done.returncode == 0, done.stderr


def mixed(x):
    y = x * x[::-1]
    for _ in range(4):
        y = np.sin(y) * np.roll(y, 7)
    return y


def test_a_search_ends_where_it_has_taken_its_steps():
    r = Recorded(mixed, (np.linspace(0.1, 1, 300),), "test", (0,))
    with pytest.raises(Exhausted):
        detect(r, most=1000)
    assert detect(r)[0].nnz > 300
    with pytest.raises(Exhausted):
        dependence(graph_of(r), r.columns.offsets, 300, room=100)


def test_what_is_not_found_is_no_error():
    """A pattern that takes longer than a share of all evaluations is left alone, and the plan is dense."""

    def find(steps):
        looked.append(steps)
        raise Exhausted

    looked = []
    for work in (Work(0, 20, 10**5, 0), Work(0, 20, 10**7, 0)):
        plan = decide(Task("hessian", (300, 300), find, work, 8, Options(), "f"), EAGER_AND_COMPILED)
        assert plan.strategy in DENSE["hessian"]
        assert "not found within" in plan.reason
    assert LEAST_LOOKING / STEP <= looked[0] < looked[1]


@pytest.mark.parametrize("options", [{}, {"evaluations": 100, "mode": "compiled"}])
def test_plans_of_many_shapes_are_forgotten(monkeypatch, options):
    monkeypatch.setattr(entries, "KEPT", 3)
    p = planned.PlannedJacobian(lambda x: x[1:] * x[:-1], 0, Options(sparse=True, **options), "csr")
    for n in (*range(70, 76), 70, 75, 74, 70):
        assert p(np.arange(float(n))).nnz == 2 * (n - 1)
        kept = p.entries
        assert max(len(found) for found in (kept, kept.by_shape, kept.by_structure)) <= 3
    assert (69, 70) in {entry.plan.shape for entry in p.entries}
    count = p.entries.count
    p(np.arange(70.0))
    assert p.entries.count == count


def test_plans_of_many_branches_are_forgotten(monkeypatch):
    monkeypatch.setattr(entries, "KEPT", 3)
    shifts = list(range(1, 8))
    p = planned.PlannedJacobian(lambda x: x * np.roll(x, k), 0, Options(sparse=True, mode="compiled"), "csr")
    for k in (*shifts, *shifts):
        x = np.linspace(0.5, 1, 70)
        want = np.diag(np.roll(x, k)) + np.roll(np.eye(70), k, axis=0) * x[:, None]
        np.testing.assert_allclose(p(x).toarray(), want)
        assert len(p.entries) <= 3


MADE = """
import numpy as np, mmad
from mmad.planner.decision.cost import EAGER_AND_COMPILED
n = 300
A = np.random.default_rng(0).normal(size=(n, 13))
def f(z):
    r = np.zeros(n, like=z)
    for i in range(n):
        low, high = max(0, i - 6), min(n, i + 7)
        r[i] = A[i, : high - low] @ z[low:high] - z[n] * z[i]
    return (r**2).sum() + (z[:n] @ z[:n] - 1) ** 2
z = np.random.default_rng(1).normal(size=n + 1)
H = mmad.hessian(f, strategy="forward-over-reverse", mode="compiled")
task = H.task(H.record((z,), {}))
predicted = task.making(task.candidate("forward-over-reverse", "compiled", EAGER_AND_COMPILED))
before = peak()
H(z)
took = peak() - before
assert 0.6 * took < predicted < 2 * took, (predicted, took)
"""


def test_what_making_a_program_of_many_small_arrays_takes_is_predicted(tmp_path):
    done = python_in(tmp_path, PEAK + MADE)
    assert done.returncode == 0, done.stderr


ROWS = """
import numpy as np, mmad
n = 400
A = np.random.default_rng(0).normal(size=(n, 13))
def f(z):
    x, lam = z[:n], z[n]
    r = np.zeros(n, like=z)
    for i in range(n):
        low, high = max(0, i - 6), min(n, i + 7)
        ROW
    return (r**2).sum() + (x @ x - 1) ** 2
z = np.random.default_rng(1).normal(size=n + 1)
before = peak()
H = mmad.hessian(f, sparse=True, evaluations=1000)
v = np.random.default_rng(2).normal(size=n + 1)
np.testing.assert_allclose(H(z) @ v, mmad.hvp(f)(z, v), rtol=1e-9, atol=1e-9)
np.testing.assert_allclose(H(z) @ v, mmad.hvp(f)(z, v), rtol=1e-9, atol=1e-9)
after = peak()
assert after - before < 600e6, (before, after)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [
        "r[i] = A[i, : high - low] @ x[low:high] - lam * x[i]",
        "r[i : i + 1] = (A[i, : high - low] * x[low:high]).sum() - lam * x[i : i + 1]",
        "r[i] = sum(A[i, k - low] * x[k] for k in range(low, high)) - lam * x[i]",
    ],
)
def test_a_loop_over_rows_takes_no_array_for_each(tmp_path, row):
    done = python_in(tmp_path, PEAK + ROWS.replace("ROW", row), timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("write", "mode"),
    [("element", mmad.grad), ("element", lambda f: lambda x: mmad.hvp(f)(x, x)), ("slice", mmad.grad)],
)
def test_recordings_of_writes_hold_what_is_written(write, mode):
    """A large array that is written to 200 times: not 200 arrays, in the recording for a program."""

    def f(x):
        y = np.zeros_like(x)
        for i in range(1, 200):
            if write == "element":
                y[i] = x[i] * x[i - 1] + y[i - 1]
            else:
                y[i : i + 2] = x[i : i + 2] * x[i - 1] + y[i - 1 : i + 1]
        return (y * y).sum()

    x = np.linspace(0.5, 1, 20_000)
    g = mmad.compile(mode(f))
    tracemalloc.start()
    try:
        got = g(x)
        assert tracemalloc.get_traced_memory()[1] < 100 * x.nbytes
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(got, mode(f)(x), rtol=1e-12, atol=1e-12)


def scattered_pattern(n):
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, n, (2, 6 * n))
    both = np.concatenate([rows, columns, np.arange(n)]), np.concatenate([columns, rows, np.arange(n)])
    return Pattern.from_coordinates(*both, (n, n))


def all_pairs(x):
    d = x[:, None] - x[None, :]
    return (np.exp(-d * d) * x).sum(1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers of processor time")
@pytest.mark.parametrize("name", ["star", "bicoloring", "sparsity"])
def test_searches_are_interrupted_within_a_tenth_of_a_second(name):
    """Of processor time, which others on the machine do not lengthen; the same call works afterwards."""
    pattern = None if name == "sparsity" else scattered_pattern(8000)
    run = {
        "star": lambda: star_coloring(pattern).count,
        "bicoloring": lambda: bicoloring(pattern).count,
        "sparsity": lambda: mmad.sparsity(all_pairs, np.linspace(0.1, 1, 600)).nnz,
    }[name]

    searching = False

    def ring(*_):
        if searching:  # not behind it: there the interrupt would end the tests
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        start = time.process_time()
        want = run()
        whole, late = time.process_time() - start, []
        for share in (0.15, 0.4, 0.65, 0.9):
            start = time.process_time()
            try:
                searching = True
                signal.setitimer(signal.ITIMER_VIRTUAL, share * whole)
                run()
                searching = False
            except KeyboardInterrupt:
                late.append(time.process_time() - start - share * whole)
            finally:
                searching = False
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        assert max(late, default=0.0) < 0.1
        assert run() == want
    finally:
        signal.signal(signal.SIGVTALRM, before)
