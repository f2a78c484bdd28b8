"""Comparisons of many contestants on many problems: cases, interruption, files, and what they say together."""

import json
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

import mmad
from mmad.bench import all_strategies, all_tools, find_problem
from mmad.bench.campaign import cases_of, run
from mmad.bench.measure import Outcome, Timing
from mmad.bench.profiles import by_case, crossing, performance_profile, slope, total_seconds
from mmad.bench.provenance import differences, provenance
from mmad.bench.results import load, save, save_csv
from mmad.bench.user_function import problem_of


def outcome(contestant, later, first=1.0, n=10, control=False, problem="p"):
    times = Timing(first, first, first), Timing(later, later, later)
    return Outcome(contestant, problem, "gradient", n, int(np.prod(n)), "done", "", 0.0, *times, control)


def contestants(*names):
    known = {**all_strategies(), **all_tools()}
    return [known[name] for name in names]


def test_cases_begin_with_the_smallest_sizes():
    problems = [find_problem("rosenbrock"), find_problem("waist")]
    cases = cases_of(problems, (2, 1))
    assert next(case.n for case in cases if case.problem is problems[0]) == problems[0].sizes[0]
    assert [cases[0].problem, cases[-1].problem] == problems
    assert {case.product for case in cases_of(problems, products=["hvp"])} == {"hvp"}
    assert cases_of(problems, (4,), ["jacobian"]) == cases_of(problems[1:], (4,))


def test_an_interrupted_run_keeps_what_it_has(tmp_path):
    cases = cases_of([find_problem("rosenbrock")], (1,))
    two = contestants("reverse-eager", "compile")
    where = provenance()
    seen = []

    def interrupt(k, case, name):
        seen.append((case.product, name))
        if k == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(cases, two, rounds=2, firsts=1, progress=interrupt, save=lambda found: save(tmp_path, found, where))
    known, kept = load(tmp_path)
    assert kept == where
    assert {o.product for o in known} == {cases[0].product}
    seen.clear()
    found, left = run(
        cases, two, known=known, rounds=2, firsts=1, progress=lambda k, case, name: seen.append(case.product)
    )
    assert not left
    assert cases[0].product not in seen
    assert len(found) == len(cases) * 2
    again, left = run(cases, two, known=found, seconds=0.0)
    assert again == found
    assert not left


def test_a_case_is_measured_again_for_all_when_one_contestant_is_new():
    cases = cases_of([find_problem("rosenbrock")], (1,), ["gradient"])
    known, _ = run(cases, contestants("compile"), rounds=2, firsts=1)
    found, _ = run(cases, contestants("compile", "reverse-eager"), known=known, rounds=2, firsts=1)
    assert [o.contestant for o in found] == ["compile", "reverse-eager"]
    assert found[0] != known[0]


def test_nothing_is_begun_after_the_time():
    cases = cases_of([find_problem("rosenbrock")], (1,), ["gradient", "hvp"])
    found, left = run(cases, contestants("compile"), seconds=0.0, rounds=2, firsts=1)
    assert (found, left) == ([], cases)


def test_files_give_back_what_was_written(tmp_path):
    outcomes = [
        outcome("a", 2.0, n=(3, 4)),
        Outcome("b", "p", "hvp", 5, 5, "cannot", "no, thanks"),
        outcome("c", 1.0, control=True),
    ]
    save(tmp_path, outcomes, {"processor": "p"})
    assert load(tmp_path) == (outcomes, {"processor": "p"})
    assert load(tmp_path / "none") == ([], {})
    save_csv(tmp_path, outcomes)
    lines = (tmp_path / "results.csv").read_text().splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("b,p,hvp,5,5,cannot,")
    assert not list(tmp_path.glob("*.partial"))


def test_where_it_was_measured():
    where = provenance()
    assert where["mmad"] == mmad.__version__
    assert where["packages"]["numpy"] == np.__version__
    assert where["processors"] >= 1
    assert set(where["threads"]) >= {"OMP_NUM_THREADS"}


def test_performance_profile():
    outcomes = [outcome("a", 1.0), outcome("b", 3.0), outcome("a", 4.0, n=20), outcome("b", 2.0, n=20)]
    outcomes += [outcome("b", 5.0, n=30), outcome("plain", 0.1, control=True)]
    ratios, cases = performance_profile(outcomes)
    assert cases == 3
    np.testing.assert_allclose(ratios["a"], [1.0, 2.0])
    np.testing.assert_allclose(ratios["b"], [1.0, 1.0, 3.0])
    assert "plain" not in ratios
    assert set(by_case(outcomes)["p", "gradient", 10]) == {"a", "b"}


def test_slopes_and_crossings():
    n = np.array([10.0, 100.0, 1000.0])
    assert slope(n, 3.0 * n**1.5) == pytest.approx(1.5)
    assert np.isnan(slope([10.0], [1.0]))
    slow, fast = outcome("slow", 2.0, first=2.0), outcome("fast", 0.5, first=20.0)
    at = crossing(slow, fast)
    assert at == crossing(fast, slow) == pytest.approx(13.0)
    assert total_seconds(slow, at) == pytest.approx(total_seconds(fast, at))
    assert total_seconds(slow, at + 1) > total_seconds(fast, at + 1)
    assert crossing(outcome("a", 1.0, first=1.0), outcome("b", 2.0, first=3.0)) is None


def test_a_function_of_the_users_own():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = np.sin(x[i]) if x[i] > 0.5 else x[i] ** 2
        return y @ y[::-1]

    problem = problem_of("f", f, np.array([0.2, 0.7, 1.1]))
    assert problem.products == ("gradient", "hvp", "hessian")
    found, _ = run(cases_of([problem], (1,)), contestants("auto", "compile", "finite-differences"), rounds=2, firsts=1)
    assert {o.status for o in found if o.contestant == "auto"} == {"done"}
    assert [o for o in found if o.status in ("wrong", "failed")] == []
    residuals = problem_of("r", lambda x: x[1:] * x[:-1], np.ones(4))
    found, _ = run(cases_of([residuals], (1,)), contestants("auto", "columns-eager"), rounds=2, firsts=1)
    assert [(o.product, o.status) for o in found] == [("jacobian", "done")] * 2


def test_what_is_wrong_has_no_time():
    """A contestant that gives another result is named, and takes no part in profiles."""
    from mmad.bench.contestant import Contestant, Runner

    def prepare(instance, product):
        return Runner(lambda x: 1.001 * instance.gradient(x))

    cases = cases_of([find_problem("rosenbrock")], (1,), ["gradient"])
    found, _ = run(cases, [*contestants("compile"), Contestant("liar", "one", prepare)], rounds=2, firsts=1)
    assert [o.status for o in found] == ["done", "wrong"]
    assert found[1].later is None
    assert set(performance_profile(found)[0]) == {"compile"}


def sleeper(name, seconds):
    from mmad.bench.contestant import Contestant, Runner

    def prepare(instance, product):
        def run(x):
            time.sleep(seconds)
            return instance.gradient(x)

        return Runner(run)

    return Contestant(name, name, prepare)


def test_the_time_is_kept():
    """A case that is not timed in time is given up, and not the whole time is spent on one of its rounds."""
    cases = cases_of([find_problem("rosenbrock")], (1, 2), ["gradient"])
    begin = time.perf_counter()
    found, left = run(cases, [sleeper("a", 0.05), sleeper("b", 0.05)], seconds=0.3, rounds=10**6, firsts=2)
    assert time.perf_counter() - begin < 10.0
    assert (found, left) == ([], cases)
    begin = time.perf_counter()
    found, left = run(cases, [sleeper("a", 0.01), sleeper("b", 0.01)], seconds=4.0, rounds=10**6, firsts=2)
    assert time.perf_counter() - begin < 20.0
    assert [o.status for o in found] == ["done"] * 2
    assert left == cases[1:]


def test_resources(tmp_path):
    cases = cases_of([find_problem("rosenbrock")], (2,), ["gradient"])
    found, _ = run(cases, contestants("compile", "complex-step"), rounds=2, firsts=1, resources=True)
    by_name = {o.contestant: o for o in found}
    assert by_name["compile"].peak > 0
    assert by_name["compile"].operations == by_name["complex-step"].operations > 5 * cases[0].n
    assert by_name["compile"].moved > 8 * cases[0].n
    save(tmp_path, found, {})
    kept = {o.contestant: o for o in load(tmp_path)[0]}
    for name, o in by_name.items():
        assert (kept[name].peak, kept[name].operations, kept[name].moved) == (o.peak, o.operations, o.moved)


def test_results_of_an_earlier_version_are_read(tmp_path):
    save(tmp_path, [outcome("a", 1.0)], {})
    held = json.loads((tmp_path / "results.json").read_text())
    for name in ("peak", "operations", "moved"):
        del held["outcomes"][0][name]
    (tmp_path / "results.json").write_text(json.dumps(held))
    assert load(tmp_path)[0] == [outcome("a", 1.0)]


def test_speeds_of_the_machine_are_no_difference():
    where = provenance()
    assert differences({**where, "peaks": {"bytes per second": 1.0}}, where) == []
    assert differences({**where, "blas": "another"}, where) == ["blas"]


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    from mmad.bench.figures import draw

    outcomes = [outcome(c, s * n, n=n) for c, s in (("a", 1.0), ("b", 2.0)) for n in (10, 20)]
    made = draw(outcomes, tmp_path)
    assert {path.name for path in made} == {
        "profile.png",
        "first-and-later.png",
        "times-p-gradient.png",
        "amortisation-p-gradient.png",
    }
    assert all(path.exists() and path.with_suffix(".svg").exists() for path in made)
    assert draw([], tmp_path) == []
    same = [path.with_suffix(".svg").read_bytes() for path in made]
    assert [path.with_suffix(".svg").read_bytes() for path in draw(outcomes, tmp_path)] == same


def test_pictures_of_resources(tmp_path):
    pytest.importorskip("matplotlib")
    from mmad.bench.figures import draw

    outcomes = [
        replace(outcome(c, s * n, n=n, problem="./model.py:Model.loss"), peak=1000 * n, operations=5 * n, moved=40 * n)
        for c, s in (("a", 1e-6), ("b & <c>", 2e-6)) for n in (10, 20)
    ]  # fmt: skip
    made = draw(outcomes, tmp_path, {"peaks": {"operations per second": 1e10, "bytes per second": 1e10}})
    names = {path.name for path in made}
    assert {"roofline.png", "memory-model.py-Model.loss-gradient.png"} < names
    for path in made:
        assert path.stat().st_size > 5000
        text = path.with_suffix(".svg").read_text()
        ElementTree.fromstring(text)
        assert ">b &amp; &lt;c&gt;" in text  # the legend, as text
    assert ">this machine<" in (tmp_path / "roofline.svg").read_text()
    part = [replace(outcomes[0], peak=None, operations=None, moved=None)]
    assert {path.name for path in draw(part, tmp_path)} == {
        "profile.png", "first-and-later.png", "amortisation-model.py-Model.loss-gradient.png",
    }  # fmt: skip


def test_a_contestant_looks_the_same_everywhere():
    from mmad.bench.figures import MOST, _look

    looks = [tuple(_look(k).items()) for k in range(2 * MOST)]
    assert len(set(looks)) == len(looks)
