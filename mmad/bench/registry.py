"""Find the problems: every module of `mmad.bench.problems` that does not begin with an underscore is one."""

import importlib
import pkgutil

from mmad.bench import problems

__all__ = ["all_problems", "find_problem", "problem_names"]


def problem_names():
    """Return the names of all problems, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(problems.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def find_problem(name):
    """Return the problem of a name.

    Raises
    ------
    LookupError
        Where there is none.
    """
    if name not in problem_names():
        raise LookupError(f"no problem {name!r}; there are: {', '.join(problem_names())}")
    return importlib.import_module(f"{problems.__name__}.{name.replace('-', '_')}").PROBLEM


def all_problems():
    """Return all problems, sorted by name."""
    return [find_problem(name) for name in problem_names()]
