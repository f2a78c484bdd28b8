"""The examples in the docstrings run as written.

The modules of the installed package are walked, so the compiled ones are tested too and the source folder in
the checkout is not.
"""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import mmad

MODULES = [
    "mmad",
    *sorted(info.name for info in pkgutil.walk_packages(mmad.__path__, "mmad.") if not info.name.endswith("__main__")),
]

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def compiled_docstrings(module):
    """Docstrings of a compiled module, which doctest's own finder passes over: name -> text."""
    texts = {}
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        texts[name] = inspect.getdoc(value)
        if inspect.isclass(value):
            texts.update({f"{name}.{key}": inspect.getdoc(member) for key, member in vars(value).items()})
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def examples(module):
    """The doctests of one module."""
    tests = doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__)
    if not getattr(module, "__file__", "").endswith(".py"):
        seen = {test.name for test in tests}
        parser = doctest.DocTestParser()
        for name, text in compiled_docstrings(module).items():
            if f"{module.__name__}.{name}" not in seen:
                tests.append(parser.get_doctest(text, vars(module).copy(), f"{module.__name__}.{name}", None, 0))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name, capsys):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for test in examples(module):
        test.globs.update(np=np, mmad=mmad)
        runner.run(test)
    report = capsys.readouterr().out
    assert runner.failures == 0, report


def test_there_are_examples():
    assert sum(len(test.examples) for name in MODULES for test in examples(importlib.import_module(name))) >= 10
