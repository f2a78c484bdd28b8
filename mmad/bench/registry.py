"""Find problems and contestants, by importing all modules of their folders whose names have no leading underscore."""

import difflib
import importlib
import pkgutil

from mmad.bench import problems, strategies, tools
from mmad.bench.strategies._registry import STRATEGIES

__all__ = ["all_problems", "all_strategies", "all_tools", "find_problem", "problem_names"]


def modules_of(package):
    """Return the names of a package's public modules, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def problem_names():
    """Return the names of all problems, sorted."""
    return [name.replace("_", "-") for name in modules_of(problems)]


def find_problem(name):
    """Return the problem of the given name.

    Raises
    ------
    LookupError
        If there is no such problem.
    """
    if name not in problem_names():
        near = difflib.get_close_matches(name, problem_names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"no problem {name!r}; there are: {', '.join(problem_names())}{hint}")
    return importlib.import_module(f"{problems.__name__}.{name.replace('-', '_')}").PROBLEM


def all_problems():
    """Return all problems, sorted by name."""
    return [find_problem(name) for name in problem_names()]


def all_strategies():
    """Return all strategies by name, including those that the user has declared."""
    for name in modules_of(strategies):
        importlib.import_module(f"{strategies.__name__}.{name}")
    return dict(STRATEGIES)


def all_tools():
    """Return all tools by name, including those that are not installed."""
    modules = (importlib.import_module(f"{tools.__name__}.{name}") for name in modules_of(tools))
    return {tool.name: tool for module in modules for tool in module.TOOLS}
