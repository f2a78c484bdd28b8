"""Every benchmark of `asv_bench/benchmarks` runs, with its first parameters that it can do."""

import importlib
import inspect
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import Timing

FOLDER = Path(__file__).parents[2] / "asv_bench"
if not FOLDER.exists():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
NAMES = sorted(path.stem for path in (FOLDER / "benchmarks").glob("[a-z]*.py"))
KINDS = ("time_", "track_", "peakmem_")
MAY_BE_NONE = ("track_colors", "track_recordings", "track_workspace", "track_peak_memory")
UNITS = {
    "bytes",
    "colours",
    "functions",
    "gradients",
    "instructions",
    "recordings",
    "seconds",
    "sweeps",
    "times the best",
}


def module_of(name):
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(f"benchmarks.{name}")
    finally:
        sys.path.remove(str(FOLDER))


def classes(name):
    module = module_of(name)
    members = inspect.getmembers(module, inspect.isclass)
    return [c for n, c in members if c.__module__ == module.__name__ and not n.startswith("_")]


def methods(benchmark):
    return {name: getattr(benchmark, name) for name in dir(benchmark) if name.startswith(KINDS)}


def ready(name, benchmark, *params):
    """A benchmark after its setup."""
    made = getattr(module_of(name), benchmark)()
    made.setup(*params)
    return made


def combinations(benchmark):
    params = getattr(benchmark, "params", ())
    nested = params and isinstance(params[0], (tuple, list))
    return list(itertools.product(*(params if nested else [params] if params else [])))


def run(benchmark, params):
    """Run all methods once; return whether the benchmark does these parameters."""
    made = benchmark()
    try:
        if hasattr(made, "setup"):
            made.setup(*params)
    except NotImplementedError as reason:
        return str(reason)
    for name in methods(made):
        value = getattr(made, name)(*params)
        assert (value is not None) == name.startswith("track_"), name
        assert value is None or value > 0 or np.isnan(value) or name in MAY_BE_NONE, (name, value)
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_benchmarks_run(name):
    found = classes(name)
    assert found
    for benchmark in found:
        tries = combinations(benchmark)[:12]
        reasons = []
        for params in tries:
            reasons.append(run(benchmark, params))
            if not reasons[-1]:
                break
        assert not reasons[-1] or "not installed" in reasons[-1], (benchmark.__name__, reasons)


@pytest.mark.parametrize("name", NAMES)
def test_benchmarks_say_what_they_are(name):
    for benchmark in classes(name):
        params = getattr(benchmark, "params", ())
        names = getattr(benchmark, "param_names", ())
        assert len(names) == (len(combinations(benchmark)[0]) if params else 0)
        assert benchmark.__doc__
        assert benchmark.version
        for method, function in methods(benchmark).items():
            assert function.__doc__, (benchmark.__name__, method)
            assert function.pretty_name.endswith(method.partition("_")[2].replace("_", " "))
            assert not method.startswith("track_") or function.unit in UNITS


@pytest.mark.parametrize("name", NAMES)
def test_no_function_is_taken_for_a_benchmark(name):
    """asv takes every function of a module whose name begins so, an imported one too."""
    assert not [member for member in vars(module_of(name)) if member.startswith(KINDS)]


def test_titles_differ():
    titles = [f.pretty_name for name in NAMES for benchmark in classes(name) for f in methods(benchmark).values()]
    assert len(titles) == len(set(titles))


def test_a_new_title_leaves_what_is_timed_as_it_is():
    """The methods of a class are functions of the same code, not calls around it, and keep what they close over."""
    arrays = module_of("arrays")
    method, inherited = arrays.Rosenbrock.time_gradient, arrays._ArrayProgram.time_gradient
    assert method.__code__ is inherited.__code__
    assert not hasattr(inherited, "pretty_name")


# ------------------------------------------------------------------------------------------------ what is counted
@pytest.mark.parametrize(
    ("benchmark", "cell", "evaluations", "sweeps"),
    [
        ("SparseJacobian", "broyden", 1, 3),  # tridiagonal: columns that are three apart share no row
        ("SparseJacobian", "banded", 1, 7),  # five below and one above the diagonal
        ("SparseJacobian", "dense row", 1, 4),  # the row by itself, and the three of the band
        ("SparseJacobian", "arrowhead", 1000, 3),  # the full row, the full column, the diagonal
    ],
)
def test_sweeps_are_those_of_the_pattern(benchmark, cell, evaluations, sweeps):
    assert ready("planner", benchmark, cell, evaluations).track_sweeps() == sweeps


def test_so_many_products_hold_the_jacobian():
    """Every element can be read off as many products with directions as are counted."""
    made = ready("planner", "SparseJacobian", "broyden", 1)
    seeds = []
    function = made.function
    columns = made.planned(made.point).shape[1]
    groups = np.arange(columns) % made.track_sweeps()
    for k in range(made.track_sweeps()):
        seeds.append(mmad.jvp(function, (made.point,), ((groups == k).astype(float),))[1])
    rows, cols = np.nonzero(made.planned(made.point).toarray()[:50])
    compressed = np.array(seeds)[groups[cols], rows]
    np.testing.assert_allclose(compressed, made.planned(made.point).toarray()[rows, cols], rtol=1e-12)


@pytest.mark.parametrize(("evaluations", "count"), [(1, 0), (10_000, 1)])
def test_recordings_of_products(evaluations, count):
    """What is compiled is recorded once, whatever points come."""
    made = ready("planner", "Products", "grad", 10, evaluations)
    for _ in range(5):
        made.time_evaluation()
    assert made.track_recordings() == count


def test_instructions_are_the_operations_of_the_listing():
    """A group counts, and each operation in it; what takes a value from memory, or puts one there, does not."""
    made = ready("compiled", "Rosenbrock", 100, "gradient")
    (program,) = made.compiled.programs()
    lines = str(program).splitlines()
    results = [line.split(" = ")[1] for line in lines if line.startswith("    r")]
    operations = [line for line in results if not line.startswith(("%", "buffer"))]
    groups = [line for line in lines if line.startswith("group")]
    assert made.track_instructions() == len(groups) + len(operations)


def test_array_operations_of_the_stacked_lstm():
    """By hand: 22 operations a layer and step (four gates, three of them sigmoids of four operations), and a sum."""
    module_of("ratios")
    from overhead import operations_of

    for layers, batch in ((1, 1), (3, 8)):
        instance = find_problem("stacked-lstm").at((layers, batch))
        assert operations_of(instance.make(np), instance.point) == 22 * layers * 4 + 1


def test_overhead_is_what_times_were_made_of():
    module_of("ratios")
    import overhead

    operations, batches = np.repeat([100, 200, 300], 4), np.tile([1, 2, 4, 8], 3)
    fit = overhead.fitted(operations, batches, operations * (40e-9 + 3e-9 * batches))
    np.testing.assert_allclose([fit.overhead, fit.work], [40e-9, 3e-9], rtol=1e-9)
    assert fit.spread < 1e-9


def test_overhead_of_the_chain_is_the_difference_over_the_operations(monkeypatch):
    module_of("ratios")
    import overhead

    timings = {"chain": Timing(1e-3, 1e-3, 1e-3), "gradient": Timing(3e-3, 3e-3, 3e-3)}
    monkeypatch.setattr(overhead, "time_in_turns", lambda calls, rounds, clock: timings)
    np.testing.assert_allclose(overhead.chain_overhead("eager", 100, 1), 2e-5)


def test_ratios_are_quotients_of_medians(monkeypatch):
    ratios = module_of("ratios")
    seconds = {"function": 1.0, "gradient": 2.0, "hvp": 5.0}

    def told(calls, *_):
        return {name: Timing(seconds[name], 0.0, 9.0) for name in calls}

    monkeypatch.setattr(ratios.measure, "time_in_turns", told)
    made = ready("ratios", "Cost", "helmholtz", "eager")
    assert made.track_gradient_over_function() == 2.0
    assert made.track_hvp_over_gradient() == 2.5


def test_peak_memory_holds_the_result():
    """A gradient of a million elements takes 8 MB at the least, and a process of its own counts them."""
    made = ready("contestants", "Tools", "log-sum-exp", 20_000, "gradient", "mmad")
    made.instance = find_problem("log-sum-exp").at(1_000_000)
    assert 8e6 <= made.track_peak_memory() <= 200e6
