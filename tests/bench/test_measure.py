"""Measuring: what is wrong is not timed, points differ from call to call, failures are told apart."""

import itertools
import time

import numpy as np
import pytest

import mmad
from mmad.bench import Contestant, Runner, all_strategies, all_tools, find_problem
from mmad.bench.measure import Timing, check, measure, relative_error, time_in_turns, time_preparations
from mmad.bench.memory import peak_memory, resident_bytes
from mmad.bench.user_function import problem_of
from mmad.python.named import object_named

SMALL = find_problem("rosenbrock").at(8)


def contestant(name, function, **options):
    return Contestant(name, name, lambda instance, product: Runner(function), **options)


def raising(error):
    def run(*_):
        raise error

    return run


def only(outcomes):
    (outcome,) = outcomes
    return outcome


def test_right_wrong_refused_and_failed_are_told_apart():
    given = [
        contestant("right", SMALL.gradient),
        contestant("half", lambda x: 0.5 * SMALL.gradient(x)),
        contestant("loose", lambda x: SMALL.gradient(x) * (1.0 + 1e-5), rtol=1e-4),
        contestant("shape", lambda x: SMALL.gradient(x)[:-1]),
        contestant("nan", lambda x: np.nan * x),
        contestant("refuses", raising(NotImplementedError("no loops"))),
        contestant("fails", raising(ZeroDivisionError("by zero"))),
    ]
    found = {o.contestant: o for o in measure(SMALL, "gradient", given, rounds=1, firsts=1)}
    assert list(found) == [c.name for c in given]
    status = {name: o.status for name, o in found.items()}
    assert status == {"right": "done", "half": "wrong", "loose": "done", "shape": "wrong", "nan": "wrong",
                      "refuses": "cannot", "fails": "failed"}  # fmt: skip
    assert found["half"].error == pytest.approx(0.5)
    assert found["refuses"].reason == "no loops"
    assert found["fails"].reason == "ZeroDivisionError: by zero"
    for name, o in found.items():
        assert (o.first is None) == (o.later is None) == (status[name] != "done")


def test_what_is_right_at_the_first_point_only_is_wrong():
    first = SMALL.gradient(SMALL.point)
    outcome = only(measure(SMALL, "gradient", [contestant("stale", lambda x: first)], rounds=1, firsts=1))
    assert outcome.status == "wrong"


def test_what_fails_at_a_later_point_has_failed():
    calls = itertools.count()

    def run(x):
        if next(calls) == 4:
            raise ValueError("another way")
        return SMALL.gradient(x)

    given = [contestant("late", run), contestant("right", SMALL.gradient)]
    late, right = measure(SMALL, "gradient", given, rounds=1, firsts=1)
    assert (late.status, late.reason) == ("failed", "ValueError: another way")
    assert right.status == "done"


def test_each_call_gets_another_point():
    seen = []

    def run(x):
        seen.append(x.tobytes())
        return SMALL.gradient(x)

    measure(SMALL, "gradient", [contestant("seen", run)], rounds=2, firsts=1)
    calls = seen[8:]  # after all have been tried
    assert all(a != b for a, b in itertools.pairwise(calls))
    assert len(set(calls)) == 8


def test_preparation_is_made_anew_and_timed_with_the_first_call():
    made = []

    def prepare(instance, product):
        made.append(product)
        time.sleep(0.01)
        return Runner(instance.gradient)

    outcome = only(measure(SMALL, "gradient", [Contestant("slow", "slow", prepare)], rounds=3, firsts=3))
    assert len(made) == 4
    assert outcome.first.median >= 0.01 > outcome.later.median
    assert outcome.later.low <= outcome.later.median <= outcome.later.high


@pytest.mark.parametrize(
    ("name", "n", "product"),
    [("rosenbrock", 8, "hessian"), ("rosenbrock", 1000, "hessian"), ("broyden", 300, "jacobian"),
     ("arrowhead", 400, "jacobian"), ("digits", (3, 20), "hvp"), ("lotka-volterra", 20, "gradient")],
)  # fmt: skip
def test_the_strategies_and_tools_of_mmad_are_measured(name, n, product):
    tools, strategies = all_tools(), all_strategies()
    given = [tools["numpy"], tools["mmad"], tools["mmad-eager"], strategies["auto"]]
    outcomes = measure(find_problem(name).at(n), product, given, rounds=1, firsts=1)
    assert [o.status for o in outcomes] == ["done"] * 4, outcomes
    assert all(o.error <= 1e-9 for o in outcomes)
    assert {o.problem for o in outcomes} == {name}


def test_a_wrong_element_of_a_large_matrix_is_seen():
    instance = find_problem("rosenbrock").at(1000)

    def run(x):
        matrix = mmad.hessian(instance.make(np), sparse=True)(x)
        matrix.data[1234] *= 1.0 + 1e-3
        return matrix

    outcome = only(measure(instance, "hessian", [contestant("off", run)], rounds=1, firsts=1))
    assert outcome.status == "wrong"


def test_calls_have_their_turns():
    order = []
    calls = {name: lambda name=name: (order.append(name), time.sleep(0.005)) for name in "ab"}
    found = time_in_turns(calls, 3)
    assert set(found) == {"a", "b"}
    assert "".join(order).endswith("aabb" * 3)
    assert found["a"].median > 0.004


def test_first_calls_are_timed_in_turns():
    order = []
    makers = {name: lambda name=name: lambda: order.append(name) for name in "ab"}
    time_preparations(makers, 3)
    assert "".join(order) == "ababab"


def test_timings_are_quartiles():
    assert Timing.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Timing(3.0, 2.0, 4.0)


def test_a_check_raises():
    check("same", (1.0, np.ones(2)), (1.0, np.ones(2)))
    with pytest.raises(ArithmeticError, match=r"half: relative error 5\.0e-01"):
        check("half", np.ones(2) * 0.5, np.ones(2))
    assert relative_error(np.zeros(2), np.zeros(2)) == 0.0
    assert relative_error(np.zeros(0), np.zeros(0)) == 0.0


def test_memory_is_that_of_a_process_of_its_own():
    assert 0 < resident_bytes() <= resident_bytes(peak=True)
    large, small = (peak_memory("mmad-eager", find_problem("rosenbrock").at(n), "gradient") for n in (1_000_000, 100))
    assert large > small + 8_000_000
    with pytest.raises(NotImplementedError, match="no hvp"):
        peak_memory("complex-step", find_problem("rosenbrock").at(10), "hvp")
    with pytest.raises(RuntimeError, match="KeyError"):
        peak_memory("nobody", find_problem("rosenbrock").at(10), "gradient")


def test_memory_of_a_function_given_by_name(tmp_path, monkeypatch):
    (tmp_path / "measured.py").write_text(
        "import numpy as np\ndef f(x, count=1):\n    return sum((np.sin(x) * k).sum() for k in range(count))\n"
    )
    monkeypatch.chdir(tmp_path)
    function = object_named("./measured.py:f")
    x = np.ones(200_000)
    few, many = (
        problem_of("./measured.py:f", function, x, "gradient", keywords={"count": count}, is_named=True, checked=False)
        for count in (1, 9)
    )
    few, many = (peak_memory("mmad-eager", problem.at(x.size), "gradient") for problem in (few, many))
    assert many - few > 5 * x.nbytes
    unnamed = problem_of("f", function, np.ones(3), "gradient")
    with pytest.raises(RuntimeError, match="another process cannot find"):
        peak_memory("mmad-eager", unnamed.at(3), "gradient")
    with pytest.raises(TimeoutError, match="longer than 0 s"):
        peak_memory("mmad-eager", SMALL, "gradient", timeout=0.01)
