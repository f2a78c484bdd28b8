"""Every tool of `mmad.bench` that is installed: what it computes is right, or it says why it does not."""

import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from mmad.bench import all_tools, find_problem
from mmad.bench.tools._symbols import MOST_OPERATIONS, SymbolWords, as_tree, expressions
from mmad.bench.trees import flatten

ALL = all_tools()
PROBLEMS = (
    "rosenbrock", "arwhead", "powell-singular", "log-barrier-dense", "helmholtz", "lotka-volterra", "tanh-network",
    "gaussian-mixture", "saddle", "molecular-dynamics", "particle", "indexed-loop", "broyden", "arrowhead", "waist",
    "bundle-adjustment", "steering",
)  # fmt: skip


def small(name):
    problem = find_problem(name)
    return problem.at(problem.sizes[0] if problem.smallest is None else problem.smallest)


def outcome(tool, name, product):
    """Run a tool at two points; return "done", or why not.  A wrong number is an error."""
    instance = small(name)
    along = (instance.direction,) if product == "hvp" else ()
    try:
        runner = tool.prepare(instance, product)
        found = []
        for x in itertools.islice(instance.points(), 2):
            result = runner.to_numpy(runner.run(*map(runner.arguments, (x, *along))))
            found.append((x, flatten(result.toarray() if hasattr(result, "toarray") else result).copy()))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    for x, got in found:
        right = flatten(getattr(instance, product)(x, *along))
        np.testing.assert_allclose(got, right, rtol=0, atol=tool.rtol * np.abs(right).max(), err_msg=instance.name)
    return "done"


@pytest.mark.filterwarnings("ignore")  # the tools' own
@pytest.mark.parametrize("name", [name for name, tool in ALL.items() if not tool.is_control])
def test_a_tool_is_right_or_says_why_it_cannot(name):
    tool = ALL[name]
    if not tool.is_installed:
        pytest.skip(f"{tool.package} is not installed")
    every = {(p, product): outcome(tool, p, product) for p in PROBLEMS for product in find_problem(p).products}
    assert "done" in every.values(), every
    if name.startswith("mmad"):
        assert set(every.values()) == {"done"}, every


def test_the_control_is_the_function_alone():
    instance = small("rosenbrock")
    runner = ALL["numpy"].prepare(instance, "hvp")
    assert runner.run(instance.point, instance.direction) == instance.make(np)(instance.point)
    assert [name for name, tool in ALL.items() if tool.is_control] == ["numpy"]


def test_every_tool_says_where_its_use_is_documented():
    for name, tool in ALL.items():
        assert tool.name == name
        assert tool.title
        assert re.match(r"https://|README\.md$", tool.documentation)
    assert len({tool.title for tool in ALL.values()}) == len(ALL)


def test_tools_are_listed_without_being_imported():
    code = (
        "import sys; from mmad.bench import all_tools\n"
        "tools = all_tools(); assert len(tools) > 10; [tool.is_installed for tool in tools.values()]\n"
        "sys.exit(any(name in sys.modules for name in ('jax', 'torch', 'casadi', 'autograd', 'pytensor')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_version_is_that_of_the_package():
    assert ALL["numpy"].version == np.__version__
    assert ALL["ddx"].distribution == "ddx-ad"


def test_expressions_of_single_symbols_end_where_they_would_take_minutes():
    """The tools of scalars get NumPy's arrays of objects; here Python's own floats are the tool."""
    words = SymbolWords(math, ("exp", "log", "sin", "cos", "tanh", "sqrt"), max)
    for name in ("rosenbrock", "arwhead", "helmholtz", "log-sum-exp", "gaussian-mixture", "arrowhead", "waist"):
        instance = small(name)
        got = expressions(instance.make(words)(as_tree(flatten(instance.point).tolist(), instance)))
        np.testing.assert_allclose(got, flatten(instance.make(np)(instance.point)), rtol=1e-12, atol=1e-12)
    long = find_problem("chain").at(MOST_OPERATIONS + 2)
    with pytest.raises(NotImplementedError, match=r"more than \d+ operations on numbers"):
        long.make(words)(as_tree([1.0], long))


def test_code_by_hand_leaves_subnormal_numbers_alone():
    """GCC's -ffast-math at the link step makes the process that loads a library flush them to zero."""
    tool = all_tools()["handwritten"]
    if not tool.is_installed:
        pytest.skip("there is no C++ compiler")
    tool.prepare(find_problem("rosenbrock").at(8), "gradient")
    assert np.float64(5e-324) * np.float64(1.0) > 0.0
    assert np.log(np.full(4, 5e-324))[0] > -np.inf
