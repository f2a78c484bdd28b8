"""What has to be computed and moved: counts of programs compared with counts by hand; what a machine can do."""

import numpy as np
import pytest

import mmad
from mmad.bench import find_problem
from mmad.bench.work import peaks, work_of


def counts(f, *args):
    return mmad.record(f, *args).compile().counts()


def test_a_product_of_matrices():
    found = counts(lambda a, b: a @ b, np.ones((3, 4)), np.ones((4, 5)))
    assert found == {"operations": 2 * 3 * 4 * 5, "bytes": 8 * (12 + 20 + 15), "calls": 0}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_loop_over_elements(dtype):
    n = 1000
    found = counts(lambda x, y: np.sin(x) * y - x, np.ones(n, dtype), np.ones(n, dtype))
    assert found == {"operations": 3 * n, "bytes": 3 * n * np.dtype(dtype).itemsize, "calls": 0}


def test_numbers_move_nothing():
    found = counts(lambda x, y: np.sin(x) * y - x, 1.0, 2.0)
    assert found == {"operations": 3, "bytes": 0, "calls": 0}


def test_what_is_repeated_along_an_axis_is_read_once():
    found = counts(lambda x, y: x[:, None] * y, np.ones(30), np.ones((30, 40)))
    assert found == {"operations": 1200, "bytes": 8 * (30 + 1200 + 1200), "calls": 0}


def test_calls_are_counted_apart():
    found = counts(lambda x: np.sort(x) + 1.0, np.ones(10))
    assert found["calls"] >= 1
    assert found["operations"] == 10


def test_the_report_says_so():
    program = mmad.record(lambda x: np.sin(x) * x, np.ones(50)).compile()
    assert "work, without calls: 100 operations, 800 bytes read and written" in program.explain()


def test_of_problems():
    problem = find_problem("rosenbrock")
    small, large = (work_of(problem.at(n), "gradient") for n in (100, 1000))
    assert large[0] == pytest.approx(10 * small[0], rel=0.05)
    assert work_of(find_problem("log-barrier-dense").at(5), "gradient") is not None
    assert work_of(problem.at(100_000), "jacobian") == (None, None)  # no such product: it raises


def test_peaks():
    found = peaks()
    assert set(found) == {"operations per second", "bytes per second"}
    assert all(1e8 < value < 1e14 for value in found.values())
