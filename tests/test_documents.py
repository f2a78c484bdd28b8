"""What the documents say is true: their examples run, their tables hold, what they name exists."""

import doctest
import functools
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from processes import python_in

import mmad
from mmad.errors import UnsupportedError

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def cells(line):
    """The cells of a table's row."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def table(name, head):
    """The rows of the tables whose head starts with these words."""
    rows, inside = [], False
    for line in text(name).splitlines():
        if line.startswith(f"| {head}"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            rows.append(cells(line))
    assert rows, f"no table in {name} starts with {head!r}"
    return rows


RUN = """
import doctest, sys
sys.modules["__main__"].__dict__.update(np=__import__("numpy"), mmad=__import__("mmad"))
failed, tried = doctest.testfile(sys.argv[1], module_relative=False, optionflags=int(sys.argv[2]), encoding="utf-8")
print(tried, "examples")
sys.exit(failed)
"""


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if ">>> " in text(name)])
def test_examples_run(name, tmp_path):
    """In a process of its own: an example may declare an operation."""
    source = text(name).replace("```", "")  # a fence is not output
    (tmp_path / "document.txt").write_text(source, encoding="utf-8")
    result = python_in(tmp_path, RUN, "document.txt", str(OPTIONS))
    assert result.returncode == 0, result.stdout + result.stderr
    assert int(result.stdout.split()[-2]) > 0


def test_the_readme_starts_with_the_two_commands():
    blocks = re.findall(r"```sh\n(.*?)```", text("README.md"), flags=re.DOTALL)
    assert blocks[:2] == ['pip install ".[demo]" && mmad\n', 'pip install ".[test]" && pytest\n']


def test_the_readme_names_everything_public():
    found = []
    for row in table("README.md", "name | what it gives"):
        found += re.findall(r"`(\w+)", row[0])
    assert sorted(found) == sorted(mmad.__all__)


def test_the_readme_gives_the_signatures():
    for row in table("README.md", "name | what it gives"):
        for name, arguments in re.findall(r"`(\w+)\(([^)]*)\)`", row[0]):
            signature = inspect.signature(getattr(mmad, name))
            for argument in filter(None, (a.strip() for a in arguments.split(","))):
                word, _, default = argument.partition("=")
                parameter = signature.parameters[word.lstrip("*")]
                if default:
                    assert repr(parameter.default) == default, f"{name}: {argument}"


def missing():
    """The functions that the README says are not there."""
    section = text("README.md").split("## What is not there")[1].split("\n## ")[0]
    return re.findall(r"`np\.([\w.]+)`", section)


@pytest.mark.parametrize("name", missing())
def test_what_is_not_there_raises_and_names_itself(name):
    f = functools.reduce(getattr, name.split("."), np)
    arguments = (np.ones(2),) if name.endswith("lstsq") else ()
    with pytest.raises(TypeError, match=name.rpartition(".")[2]):
        mmad.vjp(lambda a: f(a, *arguments), np.eye(2))


CONVENTIONS = table("docs/conventions.md", "function of x")


def value(code, **names):
    """A cell of code; lists are arrays."""
    code = re.sub(r"(?<!\w)(\[[^\]]*\])", r"np.array(\1)", code.strip("`"))
    return eval(code, {"np": np, "inf": np.inf, "nan": np.nan, **names})  # (the document is ours)


@pytest.mark.parametrize("row", CONVENTIONS, ids=lambda row: f"{row[0]} at {row[1]}")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_conventions_hold(row):
    def f(x):
        return value(row[0], x=x)

    x, expected = value(row[1]), np.asarray(value(row[2]))
    forward = [mmad.jvp(f, (x,), (v,))[1] for v in (np.eye(np.size(x)) if np.ndim(x) else [1.0])]
    for got in (mmad.grad(f)(x), np.reshape(forward, np.shape(x))):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("row", table("docs/conventions.md", "norm as a function of x"), ids=lambda row: row[0])
def test_second_derivatives_of_norms_hold(row):
    def f(x):
        return value(row[0], x=x)

    x, expected = value(row[1]), np.asarray(value(row[2]))
    for hessian in (mmad.hessian, lambda f: mmad.jacfwd(mmad.jacfwd(f)), lambda f: mmad.compile(mmad.hessian(f))):
        np.testing.assert_array_equal(np.diagonal(np.atleast_2d(hessian(f)(x))), np.atleast_1d(expected))


@pytest.mark.parametrize("row", table("docs/conventions.md", "function of w and v"), ids=lambda row: row[0])
def test_derivatives_at_repeated_eigenvalues_hold(row):
    names = {"b": np.array([[1.5, -0.5], [-0.5, 2.0]]), "d": np.array([[0.0, 1.0], [1.0, 0.0]])}

    def f(x):
        w, v = np.linalg.eigh(x)
        return eval(row[0].strip("`"), {"np": np, "w": w, "v": v, **names})  # (the document is ours)

    x, d = np.eye(2), names["d"]
    derivatives = (
        (mmad.grad(f), mmad.compile(mmad.grad(f))),
        (lambda x: mmad.jvp(f, (x,), (d,))[1], mmad.compile(lambda x: mmad.jvp(f, (x,), (d,))[1])),
        (lambda x: mmad.hvp(f)(x, d), mmad.compile(lambda x: mmad.hvp(f)(x, d))),
    )
    for cell, ways in zip(row[1:4], derivatives, strict=True):
        for way in ways:
            if cell == "error":
                with pytest.raises(UnsupportedError, match="repeated eigenvalue"):
                    way(x)
            else:
                np.testing.assert_allclose(way(x), eval(cell.strip("`"), {"np": np, **names}), atol=1e-14)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_paths_exist(name):
    prose = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), target
    for target in re.findall(r"`((?:mmad|tests|docs|examples|asv_bench)/[\w./-]*)(?:::|`)", text(name)):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tests_that_are_named_exist(name):
    for path, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text(name)):
        assert f"\ndef {test}(" in text(path), f"{path}::{test}"


def test_zygotes_names_map_onto_ours():
    for row in table("docs/zygote.md", "Zygote"):
        for name in re.findall(r"`mmad\.(\w+)", row[1]):
            assert hasattr(mmad, name), name


def test_every_trap_is_tested():
    """Row n of the list has a `test_n`, or names the file that tests it."""
    rows = table("docs/traps.md", "# | trap")
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    for number, _, case, _ in rows:
        named = re.findall(r"tests/[\w/]+\.py", case)
        tests = "".join(text(name) for name in named or ["tests/test_traps.py"])
        assert f"def test_{int(number):02}_" in tests or f"trap {number}" in tests.lower(), number
