"""The package as it is imported: its names, its help, its version, and a checkout that is not built in place."""

import pydoc
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from helpers import interpreter
from processes import python_in

import mmad

HOME = Path(mmad.__file__).resolve().parent


def test_dir_shows_public_names_only():
    assert [name for name in dir(mmad) if not name.startswith("__")] == mmad.__all__


def test_help_begins_with_the_public_names():
    description = pydoc.render_doc(mmad, renderer=pydoc.plaintext).split("PACKAGE CONTENTS")[0]
    assert set(mmad.__all__) <= set(re.findall(r"\w+", description))


def test_the_docstring_names_nothing_else():
    rows = re.findall(r"^    (\S.*)$", mmad.__doc__, re.MULTILINE)
    assert sorted(name for row in rows for name in row.split(", ")) == mmad.__all__


def test_version_stands_in_one_place():
    try:
        assert metadata.version("mmad") == mmad.__version__
    except metadata.PackageNotFoundError:  # built in place
        assert re.fullmatch(r"\d+\.\d+\.\d+", mmad.__version__)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the package's sources without anything compiled."""
    folder = tmp_path / "checkout"
    shutil.copytree(HOME, folder / "mmad", ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__"))
    return folder


@pytest.fixture
def installed(tmp_path):
    """A folder on the path that holds the compiled package, as site-packages does."""
    folder = tmp_path / "installed"
    shutil.copytree(HOME, folder / "mmad", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def start(checkout, arguments, *path):
    """Run Python in the checkout, which it looks into first, and in the folders of `path` after it."""
    _, environment = interpreter("")
    environment.pop("PYTHONSAFEPATH", None)
    environment["PYTHONPATH"] = ":".join(map(str, path)) if sys.platform != "win32" else ";".join(map(str, path))
    command = [sys.executable, "-S", *arguments] if not path else [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


SNIPPET = """
import numpy as np, mmad, mmad.planner, mmad._core, inspect
print(mmad.grad(lambda x: (x * x).sum())(np.ones(2)))
print(mmad.__file__)
inspect.getsource(mmad)
"""


def test_an_unbuilt_checkout_uses_the_installed_copy(checkout, installed):
    result = start(checkout, ["-c", SNIPPET], installed)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["[2. 2.]", str(installed / "mmad" / "__init__.py")]


def test_the_command_runs_in_an_unbuilt_checkout(checkout, installed):
    for module in ("mmad", "mmad.cli"):
        result = start(checkout, ["-m", module, "--version"], installed)
        assert result.stdout == f"mmad {mmad.__version__}\n", result.stderr


def test_an_unbuilt_checkout_alone_says_what_to_run(checkout):
    result = start(checkout, ["-c", "import mmad"])
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("ImportError: mmad in ")
    assert 'pip install "' in result.stderr


def test_what_else_is_missing_keeps_its_message(tmp_path):
    result = python_in(tmp_path, "import sys; sys.modules['optree'] = None; import mmad")
    assert "import of optree halted" in result.stderr


def test_a_built_checkout_is_used(installed):
    result = start(installed, ["-c", SNIPPET], np.__path__[0] + "/..")
    assert str(installed) in result.stdout, result.stderr
