"""Every benchmark of `asv_bench/benchmarks` runs, with its first parameters that it can do."""

import importlib
import inspect
import itertools
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "asv_bench"
if not FOLDER.exists():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
NAMES = sorted(path.stem for path in (FOLDER / "benchmarks").glob("[a-z]*.py"))
LONG = ("Regret",)  # measured by `asv_bench/regret.py`


def classes(name):
    sys.path.insert(0, str(FOLDER))
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    finally:
        sys.path.remove(str(FOLDER))
    members = inspect.getmembers(module, inspect.isclass)
    return [c for n, c in members if c.__module__ == module.__name__ and not n.startswith("_") and n not in LONG]


def combinations(benchmark):
    params = getattr(benchmark, "params", ())
    nested = params and isinstance(params[0], (tuple, list))
    return list(itertools.product(*(params if nested else [params] if params else [])))


def run(benchmark, params):
    """Run all methods once; return whether the benchmark does these parameters."""
    made = benchmark()
    try:
        made.setup(*params)
    except NotImplementedError as reason:
        return str(reason)
    for name in dir(made):
        if name.startswith(("time_", "track_", "peakmem_")):
            getattr(made, name)(*params)
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
